// A public list turned into one of ours.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "rules/import/line_parser.h"

namespace schoolgate::rules {

struct ImportReport {
  uint64_t lines = 0;  // that were not blank or comments
  uint64_t hosts = 0;  // written
  uint64_t duplicates = 0;
  uint64_t wildcards = 0;  // among the hosts: "*.x" taken as x
  uint64_t addresses = 0;  // among the hosts
  uint64_t other = 0;      // say something else than "this host is listed"
  uint64_t excepted = 0;   // hosts that the list itself takes out (adblock @@)
  uint64_t broken = 0;
  std::vector<std::string> other_examples;  // "line 7: text"
  std::vector<std::string> broken_examples;
};

// What a person may call a format, in any case: "ut1" (a tree of folders),
// "plain" ("domains", "plain-domains"), "hosts", "adblock" ("adblock-style"),
// "rpz", "csv". The first name of each; empty for other words.
std::string ListFormatName(std::string_view word);

struct ImportOrder {
  std::string format;  // of ListFormatName
  std::string path;
  std::string category;  // our id
  std::string wanted;    // the list's own name for it; empty: the same
  std::string source;    // for the header; empty: the path
  std::string licence;
  std::string output;
};

// Writes ORDER.output: a header, then the hosts sorted, each once. A file that
// is there already is replaced only by a whole one. INVALID_ARGUMENT,
// NOT_FOUND, ... say what and why; an import that finds no host at all is
// INVALID_ARGUMENT too.
absl::StatusOr<ImportReport> ImportList(const ImportOrder& order);

}  // namespace schoolgate::rules
