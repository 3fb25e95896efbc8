#include "platform/written_time.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"

namespace schoolgate::platform {
namespace {

constexpr size_t kDayBytes = sizeof "2026-11-20" - 1;

// What Abseil reads beside what is written here: blanks, "infinite-future".
bool BeginsWithDigit(const std::string& text) {
  return !text.empty() &&
         absl::ascii_isdigit(static_cast<unsigned char>(text.front()));
}

}  // namespace

std::optional<absl::Time> ReadInstant(const std::string& text) {
  absl::Time time;
  if (!BeginsWithDigit(text) ||
      !absl::ParseTime(absl::RFC3339_full, text, &time, nullptr)) {
    return std::nullopt;
  }
  return time;
}

std::optional<absl::CivilDay> ReadDay(const std::string& text) {
  absl::CivilDay day;
  if (text.size() != kDayBytes || !BeginsWithDigit(text) ||
      !absl::ParseCivilTime(text, &day)) {
    return std::nullopt;
  }
  return day;
}

std::optional<absl::Duration> ReadSpan(const std::string& text) {
  if (!BeginsWithDigit(text)) return std::nullopt;
  if (absl::EndsWith(text, "d")) {
    int days = 0;
    if (!absl::SimpleAtoi(text.substr(0, text.size() - 1), &days)) {
      return std::nullopt;
    }
    return absl::Hours(24) * days;
  }
  absl::Duration span;
  if (!absl::ParseDuration(text, &span) || span == absl::InfiniteDuration()) {
    return std::nullopt;
  }
  return span;
}

}  // namespace schoolgate::platform
