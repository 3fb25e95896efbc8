// People and groups that have another group's stricter answers for a time, and
// guests whose account ends.
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "rules/policy/draft.h"
#include "rules/policy/restrictions.h"
#include "rules/policy/tables.h"

namespace schoolgate::rules {
namespace {

constexpr size_t kMaxReasonBytes = 200;
// A guest account that has ended does not begin again: 9999-12-31.
constexpr int64_t kForEver = 253'402'300'799;

int GroupNamed(MapReader& map, const char* key, const Draft& draft) {
  const std::string id = map.Text(key);
  if (id.empty()) return -1;
  const int group = draft.Group(id);
  if (group < 0) {
    map.Fail(key, absl::StrCat("\"", id, "\" is no group",
                               DidYouMean(id, Ids(draft.groups))));
  }
  return group;
}

void ReadWhose(MapReader& map, const Draft& draft, v1::Restriction* one) {
  one->set_user(absl::AsciiStrToLower(map.Text("user")));
  const bool has_group = map.Any("group") != nullptr;
  if (one->user().empty() == !has_group) {
    map.Fail("user", "say either whom (user) or which group");
    return;
  }
  if (!has_group) return;
  const int group = GroupNamed(map, "group", draft);
  if (group >= 0) one->set_group_plus_1(static_cast<uint32_t>(group) + 1);
}

void ReadTimes(MapReader& map, const Draft& draft, v1::Restriction* one) {
  int32_t day = 0;
  if (ReadDate(map, "from", &day)) one->set_from_unix_s(DayStart(draft, day));
  // The last day counts.
  if (ReadDate(map, "until", &day)) {
    one->set_expires_unix_s(DayStart(draft, day + 1));
    if (one->expires_unix_s() <= one->from_unix_s()) {
      map.Fail("until", "lies before \"from\"");
    }
  } else if (map.Text("until").empty()) {
    map.Fail("until", "is missing: a restriction ends on a day");
  }
}

void ReadWhy(MapReader& map, v1::Restriction* one) {
  one->set_reason(map.Required("reason"));
  if (one->reason().size() > kMaxReasonBytes) {
    map.Fail("reason",
             absl::StrCat("is longer than ", kMaxReasonBytes, " characters"));
  }
  one->set_asked_by(absl::AsciiStrToLower(map.Required("asked_by")));
  one->set_approver(absl::AsciiStrToLower(map.Required("approver")));
  if (!one->approver().empty() &&
      (one->approver() == one->asked_by() || one->approver() == one->user())) {
    map.Fail("approver", "must be somebody else");
  }
}

// A group that no rule names, so that nothing but help is open to it.
int EndedGroup(MapReader& map, Draft* draft) {
  const int known = draft->Group(kEndedGroup);
  if (known >= 0) return known;
  if (draft->groups.size() >= kMaxGroups) {
    map.Fail("user", "there are too many groups for guests with an end");
    return -1;
  }
  const int place = draft->policy.groups_size();
  draft->groups[kEndedGroup] = place;
  v1::PolicyGroup* group = draft->policy.add_groups();
  group->set_id(kEndedGroup);
  group->set_title("guest accounts that have ended");
  group->set_parent(-1);
  group->set_default_action(v1::ACTION_BLOCK);
  group->set_allow_list_only(true);
  group->set_default_clause(-1);
  group->set_personal_history(true);
  return place;
}

void ReadGuest(const Node& item, const PolicySource& source, Draft* draft) {
  MapReader map(item, "guest", source.mistakes);
  if (!map.ok()) return;
  v1::Restriction one;
  one.set_line(static_cast<uint32_t>(item.line));
  one.set_user(absl::AsciiStrToLower(map.Required("user")));
  int32_t day = 0;
  if (ReadDate(map, "until", &day)) {
    one.set_from_unix_s(DayStart(*draft, day + 1));
  } else if (map.Text("until").empty()) {
    map.Fail("until", "is missing: the last day of the guest account");
  }
  one.set_expires_unix_s(kForEver);
  ReadWhy(map, &one);
  map.Done();
  if (!map.ok()) return;
  const int to = EndedGroup(map, draft);
  if (to < 0) return;
  one.set_to(static_cast<uint32_t>(to));
  *draft->policy.add_restrictions() = one;
}

void ReadRestriction(const Node& item, const PolicySource& source,
                     Draft* draft) {
  MapReader map(item, "restriction", source.mistakes);
  if (!map.ok()) return;
  v1::Restriction one;
  one.set_line(static_cast<uint32_t>(item.line));
  ReadWhose(map, *draft, &one);
  map.Required("to");
  const int to = GroupNamed(map, "to", *draft);
  if (to >= 0) one.set_to(static_cast<uint32_t>(to));
  ReadTimes(map, *draft, &one);
  ReadWhy(map, &one);
  map.Done();
  if (map.ok()) *draft->policy.add_restrictions() = one;
}

}  // namespace

void ReadRestrictions(MapReader& top, const PolicySource& source,
                      Draft* draft) {
  const Node* list = top.List("restrictions");
  if (list == nullptr) return;
  if (list->items.size() > kMaxRestrictions) {
    source.mistakes->Add(
        list->line, absl::StrCat("restrictions: more than ", kMaxRestrictions));
    return;
  }
  for (const Node& item : list->items) ReadRestriction(item, source, draft);
}

void ReadGuests(MapReader& top, const PolicySource& source, Draft* draft) {
  const Node* list = top.List("guests");
  if (list == nullptr) return;
  if (draft->Group(kEndedGroup) >= 0) {
    source.mistakes->Add(list->line,
                         absl::StrCat("guests: no group may be called \"",
                                      kEndedGroup, "\" where there are some"));
    return;
  }
  if (list->items.size() + draft->policy.restrictions_size() >
      kMaxRestrictions) {
    source.mistakes->Add(
        list->line, absl::StrCat("guests: with the restrictions more than ",
                                 kMaxRestrictions));
    return;
  }
  for (const Node& item : list->items) ReadGuest(item, source, draft);
}

}  // namespace schoolgate::rules
