#include "platform/complaint.h"

#include <cstdio>

namespace schoolgate::platform {

int Complain(std::string_view program, const absl::Status& status,
             std::FILE* to) {
  std::fprintf(to, "%.*s: %.*s\n", static_cast<int>(program.size()),
               program.data(), static_cast<int>(status.message().size()),
               status.message().data());
  return kExitFailed;
}

}  // namespace schoolgate::platform
