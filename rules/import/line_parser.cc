#include "rules/import/line_parser.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "rules/bundle/host_name.h"
#include "rules/bundle/punycode.h"

namespace schoolgate::rules {
namespace {

std::string_view Trim(std::string_view text) {
  const absl::string_view bare =
      absl::StripAsciiWhitespace(absl::string_view(text.data(), text.size()));
  return {bare.data(), bare.size()};
}

std::vector<std::string> Words(std::string_view line) {
  return absl::StrSplit(absl::string_view(line.data(), line.size()),
                        absl::ByAnyChar(" \t"), absl::SkipEmpty());
}

bool IsOneOf(std::string_view word, std::span<const std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// What every hosts file says about the machine itself.
constexpr std::string_view kOwnNames[] = {
    "localhost",     "localhost.localdomain", "local",        "broadcasthost",
    "ip6-localhost", "ip6-loopback",          "ip6-localnet", "ip6-mcastprefix",
    "ip6-allnodes",  "ip6-allrouters",        "ip6-allhosts", "0.0.0.0"};

// How a CSV file may call the column with the hosts.
constexpr std::string_view kHostColumns[] = {
    "host", "hostname", "domain", "domain_name", "fqdn", "site", "url", "name"};

// Options that leave an adblock rule a rule about the whole host.
constexpr std::string_view kWholeHostOptions[] = {"all", "doc", "document",
                                                  "important"};

// Whether no host can be called so: "10.0.0.300", "0x7f.1" are addresses gone
// wrong.
bool EndsInNumber(std::string_view host) {
  const std::string_view last = host.substr(host.rfind('.') + 1);
  const bool hex = last.starts_with("0x");
  return !last.empty() &&
         std::all_of(last.begin() + (hex ? 2 : 0), last.end(), [&](char c) {
           const auto byte = static_cast<unsigned char>(c);
           return hex ? absl::ascii_isxdigit(byte) : absl::ascii_isdigit(byte);
         });
}

// What stands most often between the fields of a CSV file's first line.
char CsvSeparatorOf(std::string_view line) {
  char most = ',';
  for (const char c : {';', '\t'}) {
    if (std::count(line.begin(), line.end(), c) >
        std::count(line.begin(), line.end(), most)) {
      most = c;
    }
  }
  return most;
}

// Fields of a CSV line; "" inside quotes is one quote.
std::vector<std::string> CsvFields(std::string_view line, char separator) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '"') {
      if (quoted && i + 1 < line.size() && line[i + 1] == '"') {
        fields.back() += line[i++];
      } else {
        quoted = !quoted;
      }
    } else if (!quoted && c == separator) {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  for (std::string& field : fields) field = std::string(Trim(field));
  return fields;
}

}  // namespace

std::optional<ListFormat> ListFormatOf(std::string_view name) {
  if (name == "plain") return ListFormat::kPlain;
  if (name == "hosts") return ListFormat::kHosts;
  if (name == "adblock") return ListFormat::kAdblock;
  if (name == "rpz") return ListFormat::kRpz;
  if (name == "csv") return ListFormat::kCsv;
  return std::nullopt;
}

std::string_view WithoutByteOrderMark(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  return text;
}

LineParser::LineParser(ListFormat format, std::string wanted)
    : format_(format), wanted_(std::move(wanted)) {}

LineKind LineParser::Parse(std::string_view line,
                           std::vector<std::string>* hosts,
                           uint64_t* wildcards) {
  hosts_ = hosts;
  wildcards_ = wildcards;
  line = WithoutByteOrderMark(line);
  switch (format_) {
    case ListFormat::kPlain:
      return ParsePlain(line);
    case ListFormat::kHosts:
      return ParseHosts(line);
    case ListFormat::kAdblock:
      return ParseAdblock(line);
    case ListFormat::kRpz:
      return ParseRpz(line);
    case ListFormat::kCsv:
      return ParseCsv(line);
  }
  return LineKind::kBroken;
}

LineKind LineParser::Add(std::string_view name) {
  bool wildcard = false;
  if (name.starts_with("*.")) {
    name.remove_prefix(2);
    wildcard = true;
  } else if (name.starts_with('.')) {
    name.remove_prefix(1);
    wildcard = true;
  }
  const auto host = HostName::Parse(name);
  if (!host.has_value() || !HasSoundPunycode(host->text()) ||
      (!host->is_address() && EndsInNumber(host->text()))) {
    return LineKind::kBroken;
  }
  if (wildcard) ++*wildcards_;
  hosts_->emplace_back(host->text());
  return LineKind::kHosts;
}

LineKind LineParser::ParsePlain(std::string_view line) {
  line = Trim(line.substr(0, line.find('#')));
  return line.empty() ? LineKind::kEmpty : AddPlace(line);
}

// A host, or an address in the web that says nothing but the host.
LineKind LineParser::AddPlace(std::string_view place) {
  const size_t scheme = place.find("://");
  if (scheme != std::string_view::npos) place.remove_prefix(scheme + 3);
  const size_t slash = place.find('/');
  if (slash != std::string_view::npos) {
    // A page of a host does not speak for the whole host.
    if (slash + 1 < place.size()) return LineKind::kOther;
    place = place.substr(0, slash);
  }
  return Add(place);
}

LineKind LineParser::ParseHosts(std::string_view line) {
  const std::vector<std::string> words = Words(line.substr(0, line.find('#')));
  if (words.empty()) return LineKind::kEmpty;
  const auto address = HostName::Parse(words[0]);
  const bool is_address =
      words[0] == "0" || (address.has_value() && address->is_address());
  if (!is_address || words.size() == 1) return LineKind::kBroken;
  LineKind kind = LineKind::kEmpty;
  for (size_t i = 1; i < words.size(); ++i) {
    if (IsOneOf(absl::AsciiStrToLower(words[i]), kOwnNames)) continue;
    if (Add(words[i]) == LineKind::kBroken) return LineKind::kBroken;
    kind = LineKind::kHosts;
  }
  return kind;
}

LineKind LineParser::ParseAdblock(std::string_view line) {
  line = Trim(line);
  if (line.empty() || line[0] == '!' || line[0] == '[' || line[0] == '#') {
    const bool cosmetic = line.starts_with("##") || line.starts_with("#@#");
    return cosmetic ? LineKind::kOther : LineKind::kEmpty;
  }
  if (!line.starts_with("@@")) return ParseAdblockRule(line);
  const LineKind kind = ParseAdblockRule(line.substr(2));
  return kind == LineKind::kHosts ? LineKind::kExcept : kind;
}

// "||HOST^" and options; nothing else speaks of a whole host.
LineKind LineParser::ParseAdblockRule(std::string_view line) {
  if (!line.starts_with("||")) return LineKind::kOther;
  line.remove_prefix(2);
  const size_t end = line.find('^');
  if (end == std::string_view::npos) return LineKind::kOther;
  std::string_view after = line.substr(end + 1);
  if (after == "|") after = "";
  if (!after.empty()) {
    if (after[0] != '$') return LineKind::kOther;
    const absl::string_view options(after.data() + 1, after.size() - 1);
    for (const absl::string_view option : absl::StrSplit(options, ',')) {
      if (!IsOneOf({option.data(), option.size()}, kWholeHostOptions)) {
        return LineKind::kOther;
      }
    }
  }
  const std::string_view name = line.substr(0, end);
  if (name.find('/') != std::string_view::npos ||
      name.find('*', 1) != std::string_view::npos) {
    return LineKind::kOther;
  }
  return Add(name);
}

LineKind LineParser::ParseRpz(std::string_view line) {
  line = line.substr(0, line.find(';'));
  const bool continues = !line.empty() && (line[0] == ' ' || line[0] == '\t');
  const bool was_open = open_parentheses_ > 0;
  open_parentheses_ +=
      static_cast<int>(std::count(line.begin(), line.end(), '(') -
                       std::count(line.begin(), line.end(), ')'));
  open_parentheses_ = std::max(open_parentheses_, 0);
  std::vector<std::string> words = Words(line);
  if (words.empty()) return LineKind::kEmpty;
  if (words[0] == "$ORIGIN" && words.size() == 2) {
    origin_ = absl::AsciiStrToLower(words[1]);
    return LineKind::kEmpty;
  }
  if (was_open || continues || words[0][0] == '$' || words[0] == "@") {
    return LineKind::kEmpty;
  }
  size_t type = 1;
  const auto is_word = [&](absl::string_view word) {
    return absl::EqualsIgnoreCase(words[type], word);
  };
  while (type < words.size() &&
         (absl::ascii_isdigit(static_cast<unsigned char>(words[type][0])) ||
          is_word("IN"))) {
    ++type;
  }
  if (type + 1 >= words.size()) return LineKind::kBroken;
  if (is_word("SOA") && origin_.empty() && words[0].ends_with('.')) {
    origin_ = absl::AsciiStrToLower(words[0]);
  }
  if (is_word("SOA") || is_word("NS")) return LineKind::kEmpty;
  const bool lists =
      (is_word("CNAME") &&
       !absl::StartsWithIgnoreCase(words[type + 1], "rpz-passthru")) ||
      is_word("A") || is_word("AAAA");
  if (!lists) return LineKind::kOther;
  std::string owner = absl::AsciiStrToLower(words[0]);
  if (!owner.empty() && owner.back() == '.' && origin_.size() > 1 &&
      absl::EndsWith(owner, "." + origin_)) {
    owner.resize(owner.size() - origin_.size() - 1);
  }
  for (const absl::string_view trigger :
       {".rpz-ip", ".rpz-nsdname", ".rpz-nsip", ".rpz-client-ip"}) {
    if (absl::EndsWith(owner, trigger)) return LineKind::kOther;
  }
  return Add(owner);
}

void LineParser::ReadCsvHeader(const std::vector<std::string>& fields) {
  std::optional<size_t> host;
  for (size_t i = 0; i < fields.size(); ++i) {
    const std::string name = absl::AsciiStrToLower(fields[i]);
    if (!host.has_value() && IsOneOf(name, kHostColumns)) host = i;
    if (name == "category" || name == "categories") csv_category_ = i;
  }
  csv_host_ = host.value_or(csv_category_ == size_t{0} ? 1 : 0);
}

LineKind LineParser::ParseCsv(std::string_view line) {
  line = Trim(line);
  if (line.empty() || line[0] == '#') return LineKind::kEmpty;
  if (std::count(line.begin(), line.end(), '"') % 2 != 0) {
    return LineKind::kBroken;
  }
  if (!csv_started_) csv_separator_ = CsvSeparatorOf(line);
  const std::vector<std::string> fields = CsvFields(line, csv_separator_);
  if (!csv_started_) {
    csv_started_ = true;
    // A name without a dot cannot be the first host of a list.
    if (fields[0].find_first_of(".:") == std::string::npos) {
      ReadCsvHeader(fields);
      return LineKind::kEmpty;
    }
    if (fields.size() > 1) csv_category_ = 1;
  }
  if (csv_host_ >= fields.size()) return LineKind::kBroken;
  if (csv_category_.has_value()) {
    if (*csv_category_ >= fields.size()) return LineKind::kBroken;
    const std::vector<std::string> categories =
        absl::StrSplit(fields[*csv_category_], absl::ByAnyChar("| /;,"));
    if (std::none_of(categories.begin(), categories.end(),
                     [&](const std::string& one) {
                       return absl::EqualsIgnoreCase(one, wanted_);
                     })) {
      return LineKind::kOther;
    }
  }
  return AddPlace(fields[csv_host_]);
}

}  // namespace schoolgate::rules
