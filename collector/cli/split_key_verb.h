// The verb that ends a whole key to names.
#pragma once

#include <CLI/CLI.hpp>

namespace schoolgate::collector {

// As in collector/cli/verbs.h.
void AddSplitKey(CLI::App& app, int* exit_code);

}  // namespace schoolgate::collector
