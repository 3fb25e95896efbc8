#include "rules/policy/restrictions.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace schoolgate::rules {
namespace {

// The local time of a moment, as UTC: by the policy's own table of offsets,
// since a device has no time zone database.
absl::Time Local(const v1::CompiledPolicy& policy, int64_t unix_s) {
  int64_t offset = 0;
  for (const v1::ZoneChange& change : policy.calendar().offsets()) {
    if (change.from_unix_s() > unix_s) break;
    offset = change.offset_s();
  }
  return absl::FromUnixSeconds(unix_s + offset);
}

std::string Day(const v1::CompiledPolicy& policy, int64_t unix_s,
                const char* format) {
  return absl::FormatTime(format, Local(policy, unix_s), absl::UTCTimeZone());
}

std::string WhoseWords(const v1::CompiledPolicy& policy,
                       const v1::Restriction& restriction) {
  if (!restriction.user().empty()) return restriction.user();
  return policy.groups(static_cast<int>(restriction.group_plus_1()) - 1)
      .title();
}

std::string GroupId(const v1::CompiledPolicy& policy, uint32_t group_plus_1) {
  return group_plus_1 == 0
             ? ""
             : policy.groups(static_cast<int>(group_plus_1) - 1).id();
}

}  // namespace

bool IsGuestsEnd(const v1::CompiledPolicy& policy,
                 const v1::Restriction& restriction) {
  return restriction.to() < static_cast<uint32_t>(policy.groups_size()) &&
         policy.groups(static_cast<int>(restriction.to())).id() == kEndedGroup;
}

std::optional<int64_t> GuestEnd(const v1::CompiledPolicy& policy,
                                std::string_view user) {
  if (user.empty()) return std::nullopt;
  for (const v1::Restriction& one : policy.restrictions()) {
    if (IsGuestsEnd(policy, one) &&
        absl::EqualsIgnoreCase(one.user(),
                               absl::string_view(user.data(), user.size()))) {
      return one.from_unix_s();
    }
  }
  return std::nullopt;
}

std::string DayBefore(const v1::CompiledPolicy& policy, int64_t unix_s) {
  return Day(policy, unix_s - 1, "%-d %B %Y");
}

std::string LastDayOf(const v1::CompiledPolicy& policy,
                      const v1::Restriction& restriction) {
  return DayBefore(policy, restriction.expires_unix_s());
}

std::string RestrictionWords(const v1::CompiledPolicy& policy,
                             const v1::Restriction& restriction) {
  if (IsGuestsEnd(policy, restriction)) {
    return absl::StrCat(restriction.user(), ": a guest account that ends with ",
                        DayBefore(policy, restriction.from_unix_s()),
                        " (asked by ", restriction.asked_by(), ", approved by ",
                        restriction.approver(), ": ", restriction.reason(),
                        ")");
  }
  return absl::StrCat(
      WhoseWords(policy, restriction), ": no more than ",
      policy.groups(static_cast<int>(restriction.to())).title(),
      restriction.from_unix_s() == 0
          ? ""
          : " from " + Day(policy, restriction.from_unix_s(), "%Y-%m-%d"),
      " until ", Day(policy, restriction.expires_unix_s() - 1, "%Y-%m-%d"),
      " (asked by ", restriction.asked_by(), ", approved by ",
      restriction.approver(), ": ", restriction.reason(), ")");
}

bool Covers(const v1::CompiledPolicy& after, const v1::Restriction& is,
            const v1::CompiledPolicy& before, const v1::Restriction& was) {
  return is.user() == was.user() &&
         GroupId(after, is.group_plus_1()) ==
             GroupId(before, was.group_plus_1()) &&
         GroupId(after, is.to() + 1) == GroupId(before, was.to() + 1) &&
         is.from_unix_s() <= was.from_unix_s() &&
         is.expires_unix_s() >= was.expires_unix_s();
}

}  // namespace schoolgate::rules
