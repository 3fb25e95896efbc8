#include "agent/run/state_folders.h"

#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace schoolgate::agent {

absl::Status MakeStateFolders(const std::string& state_directory) {
  std::error_code error;
  std::filesystem::create_directories(state_directory + "/identity", error);
  std::filesystem::create_directories(state_directory + "/incoming", error);
  if (error) {
    return absl::PermissionDeniedError(
        absl::StrCat(state_directory, ": cannot be made: ", error.message(),
                     ": run as root, or choose another state_directory"));
  }
  // Everybody may reach the agent's socket; what lies beside it has modes of
  // its own.
  std::filesystem::permissions(
      state_directory,
      std::filesystem::perms::group_exec | std::filesystem::perms::others_exec,
      std::filesystem::perm_options::add, error);
  return absl::OkStatus();
}

std::string InRuntimeFolder(const std::string& name) {
  const char* folder = std::getenv("RUNTIME_DIRECTORY");
  return folder == nullptr ? "" : absl::StrCat(folder, "/", name);
}

}  // namespace schoolgate::agent
