#include "collector/cli/option_words.h"

#include <arpa/inet.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "collector/cli/data_directory.h"
#include "collector/fleet/name_shares.h"
#include "platform/clock.h"
#include "platform/written_time.h"

namespace schoolgate::collector {
namespace {

constexpr absl::Duration kLongest = absl::Hours(24 * 366);
constexpr absl::Duration kLongestRing = absl::Hours(24 * 14);

std::string Words(const absl::Status& status) {
  return std::string(status.message());
}

}  // namespace

absl::StatusOr<absl::Time> ReadEnd(const std::string& text, absl::Time now,
                                   absl::TimeZone zone) {
  absl::Time end;
  if (const auto span = platform::ReadSpan(text)) {
    end = now + *span;
  } else if (const auto instant = platform::ReadInstant(text)) {
    end = *instant;
  } else if (const auto day = platform::ReadDay(text)) {
    end = absl::FromCivil(*day + 1, zone);
  } else {
    return absl::InvalidArgumentError(
        absl::StrCat(text,
                     ": is no time: write it like 14d, 36h, 2026-12-31 or "
                     "2026-12-31T16:00:00Z"));
  }
  if (end <= now) {
    return absl::InvalidArgumentError(
        absl::StrCat(text, ": is over already: give a time to come"));
  }
  if (end > now + kLongest) {
    return absl::InvalidArgumentError(
        absl::StrCat(text, ": is too far away: give at most a year"));
  }
  return end;
}

std::string CheckEnd(const std::string& text) {
  return Words(
      ReadEnd(text, platform::SystemClock().Now(), absl::LocalTimeZone())
          .status());
}

std::string CheckRingTime(const std::string& text) {
  const auto span = platform::ReadSpan(text);
  if (span && *span <= kLongestRing) return "";
  return absl::StrCat(text, ": is no time like 30m or 2h, at most 14 days");
}

std::string CheckDay(const std::string& text) {
  if (platform::ReadDay(text)) return "";
  return absl::StrCat(text, ": is no day: write it like 2026-09-01");
}

std::string CheckAddress(const std::string& text) {
  return text.empty() ? "" : Words(ParseHostPort(text).status());
}

std::string CheckCollectorAddress(const std::string& text) {
  const auto address = ParseHostPort(text);
  if (address.ok() && address->port != 0 &&
      text.find_first_of("/@ ") == std::string::npos) {
    return "";
  }
  return absl::StrCat(text,
                      ": is no address for devices: write it like "
                      "collector.oak.example:4780, without https://");
}

std::string CheckOwnName(const std::string& text) {
  in6_addr address;
  const bool good = inet_pton(AF_INET6, text.c_str(), &address) == 1 ||
                    (!text.empty() &&
                     std::all_of(text.begin(), text.end(), [](unsigned char c) {
                       return absl::ascii_isalnum(c) || c == '.' || c == '-' ||
                              c == '_' || c == '*';
                     }));
  if (good) return "";
  return absl::StrCat(text,
                      ": is no name or address: write it like "
                      "collector.oak.example, without https:// and port");
}

std::string CheckHolders(const std::vector<std::string>& names) {
  if (names.empty()) return "";
  const absl::Status good = CheckShareHolders(names);
  return good.ok() ? "" : absl::StrCat("--share-holder: ", good.message());
}

std::string CheckReportFile(const std::string& text) {
  if (text == kStandardOutput || IsCsv(text) ||
      absl::EndsWithIgnoreCase(text, ".html") ||
      absl::EndsWithIgnoreCase(text, ".htm")) {
    return "";
  }
  return absl::StrCat(
      text,
      ": a report is CSV or HTML: let the name end in .csv or .html; for PDF "
      "print the HTML from a browser");
}

bool IsCsv(const std::string& file) {
  return absl::EndsWithIgnoreCase(file, ".csv");
}

}  // namespace schoolgate::collector
