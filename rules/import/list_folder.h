// The folder of lists that a bundle is built from: one file a category.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/bundle.pb.h"
#include "rules/bundle/entry_table.h"
#include "rules/import/compile_gate.h"

namespace schoolgate::rules {

inline constexpr size_t kExamplesLimit = 5;

// What became of one list.
struct ListReport {
  v1::ListProvenance provenance;
  std::vector<std::string> malformed_examples;  // "line 7: text"
  std::vector<std::string> refused_examples;    // "google.com: widely used"
  std::vector<std::string> refused_suffixes;    // "co.uk"
  std::vector<std::string> alone;               // "github.io"
};

struct CompiledLists {
  std::vector<std::string> categories;  // sorted: the known, and the listed
  EntryTable entries;                   // with the canaries
  std::vector<ListReport> reports;      // by file name
  std::vector<std::string> unread;      // file names that mean nothing here
  std::vector<v1::GateException> exceptions;  // names listed alone first
};

// Reads CATEGORY.txt, CATEGORY.NAME.txt (both also .gz or .zst) of `folder`:
// one host a line with everything below it meant, read as `import plain` does,
// "#" comments, "# source:", "# licence:" and "# date:" lines kept.
// "stop-list.txt" adds to the gate and "gate-exceptions.txt" to its exceptions.
// `progress` is told of each list before it is read; `also` are further
// categories to have. NOT_FOUND or INVALID_ARGUMENT name the file.
absl::StatusOr<CompiledLists> CompileLists(
    const std::string& folder, const std::vector<std::string>& also,
    const std::function<void(std::string_view)>& progress);

// Section "lists".
v1::BundleLists ProvenanceOf(const CompiledLists& lists);

}  // namespace schoolgate::rules
