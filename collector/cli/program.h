// What the verbs share: their program's name and the --data option.
#pragma once

#include <CLI/CLI.hpp>

#include "absl/status/status.h"
#include "collector/cli/data_directory.h"
#include "platform/complaint.h"

namespace schoolgate::collector {

inline constexpr char kProgram[] = "schoolgate-collector";

inline int Complain(const absl::Status& status) {
  return platform::Complain(kProgram, status);
}

inline void AddDataOption(CLI::App& verb, DataDirectory* directory) {
  directory->path = kDefaultDataDirectory;
  verb.add_option("--data", directory->path, "The collector's directory")
      ->envname("SCHOOLGATE_COLLECTOR_DATA")
      ->capture_default_str();
}

}  // namespace schoolgate::collector
