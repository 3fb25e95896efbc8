// Standard input, output and error, as every program's main takes and leaves
// them.
#pragma once

namespace schoolgate::platform {

// To be called first in every main. Where one of the descriptors 0, 1 and 2 is
// closed it is taken, so that no file, socket or memory opened later gets that
// number and what is printed into it. What is printed then fails, as it should.
void HoldStandardStreams();

// To be called last: sends off what was printed. Returns `exit_code`, or
// kExitFailed after a complaint when standard output could not be written to
// the end. Whoever stopped reading (`| head -1`) did so on purpose.
int SendOffOutput(const char* program, int exit_code);

}  // namespace schoolgate::platform
