// The collector as a program that has been built beside the tests.
#pragma once

#include <cstdio>
#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"

namespace schoolgate::collector {

struct Done {
  int code = 0;
  std::string text;  // what it said, errors too
};

// One verb over a data directory; `words` as a shell takes them.
inline Done RunVerb(const std::string& verb, const std::string& data,
                    const std::string& words) {
  const std::string program =
      std::filesystem::read_symlink("/proc/self/exe").parent_path() /
      "schoolgate-collector";
  const std::string command =
      absl::StrCat(program, " ", verb, " --data ", data, " ", words, " 2>&1");
  Done done;
  FILE* pipe = popen(command.c_str(), "r");
  char block[512];
  while (fgets(block, sizeof block, pipe) != nullptr) done.text += block;
  done.code = WEXITSTATUS(pclose(pipe));
  return done;
}

}  // namespace schoolgate::collector
