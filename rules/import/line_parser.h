// One line of a public list: which hosts does it name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace schoolgate::rules {

enum class ListFormat { kPlain, kHosts, kAdblock, kRpz, kCsv };

// "plain", "hosts", "adblock", "rpz", "csv".
std::optional<ListFormat> ListFormatOf(std::string_view name);

// Some editors write one in front of a file's first line.
std::string_view WithoutByteOrderMark(std::string_view text);

enum class LineKind {
  kEmpty,   // blank, comment, header
  kHosts,   // names hosts
  kExcept,  // names a host that the same list has, to be left out
  kOther,   // sound, but says something else than "this host is listed"
  kBroken,  // cannot be understood
};

// Reads the lines of one file in their order; keeps what a format carries
// from line to line (RPZ's origin, CSV's header). Not thread-safe.
class LineParser {
 public:
  // `wanted` is the list's own name of the category to take, in any case; only
  // CSV asks.
  LineParser(ListFormat format, std::string wanted);

  // Appends HostName texts. *wildcards counts the hosts that were written as
  // "*.x": they are taken as x with everything below.
  LineKind Parse(std::string_view line, std::vector<std::string>* hosts,
                 uint64_t* wildcards);

 private:
  LineKind ParsePlain(std::string_view line);
  LineKind ParseHosts(std::string_view line);
  LineKind ParseAdblock(std::string_view line);
  LineKind ParseRpz(std::string_view line);
  LineKind ParseCsv(std::string_view line);
  LineKind ParseAdblockRule(std::string_view rule);
  LineKind Add(std::string_view name);
  LineKind AddPlace(std::string_view place);
  void ReadCsvHeader(const std::vector<std::string>& fields);

  const ListFormat format_;
  const std::string wanted_;
  std::vector<std::string>* hosts_ = nullptr;
  uint64_t* wildcards_ = nullptr;
  std::string origin_;        // RPZ
  int open_parentheses_ = 0;  // RPZ
  bool csv_started_ = false;
  char csv_separator_ = ',';
  size_t csv_host_ = 0;
  std::optional<size_t> csv_category_;
};

}  // namespace schoolgate::rules
