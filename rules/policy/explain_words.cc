#include "rules/policy/explain_words.h"

#include <algorithm>
#include <map>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/civil_time.h"

namespace schoolgate::rules {
namespace {

std::string Known(const std::map<std::string, std::string>& words,
                  const std::string& id) {
  const auto found = words.find(id);
  return found == words.end() ? id : found->second;
}

std::string Clock(uint32_t minute) {
  return absl::StrFormat("%02d:%02d", minute / 60, minute % 60);
}

std::string Days(uint32_t days) {
  constexpr const char* kNames[] = {"Monday",   "Tuesday", "Wednesday",
                                    "Thursday", "Friday",  "Saturday",
                                    "Sunday"};
  if (days == 0x7f) return "every day";
  if (days == 0x1f) return "Monday to Friday";
  if (days == 0x60) return "Saturday and Sunday";
  std::vector<std::string> names;
  for (int day = 0; day < 7; ++day) {
    if ((days >> day & 1) != 0) names.push_back(kNames[day]);
  }
  return absl::StrJoin(names, ", ");
}

std::string Windows(
    const google::protobuf::RepeatedPtrField<v1::PolicyWindow>& windows) {
  std::vector<std::string> parts;
  uint32_t days = 0;
  for (const v1::PolicyWindow& window : windows) {
    std::string part = window.days() == days ? "" : Days(window.days()) + " ";
    days = window.days();
    absl::StrAppend(
        &part, Clock(window.from_minute()), "-", Clock(window.to_minute()),
        window.to_minute() <= window.from_minute() ? " next day" : "");
    parts.push_back(part);
  }
  return absl::StrJoin(parts, ", ");
}

}  // namespace

std::string PlainText(std::string text) {
  std::replace(text.begin(), text.end(), '|', '/');
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

std::string ActionWords(v1::Action action) {
  constexpr const char* kWords[] = {
      "blocked", "allowed", "allowed and recorded",
      "allowed after a warning, and recorded", "blocked"};
  return kWords[action];
}

std::string TierWords(int tier) {
  constexpr const char* kWords[] = {"",
                                    "illegal material",
                                    "safeguarding matters",
                                    "serious matters",
                                    "everyday matters",
                                    "matters that are never recorded",
                                    "harmless matters"};
  return kWords[tier];
}

std::string TierWords(const std::string& id) {
  const std::map<std::string, int> tiers = {
      {"illegal", v1::TIER_ILLEGAL},
      {"safeguarding", v1::TIER_SAFEGUARDING},
      {"serious", v1::TIER_SERIOUS},
      {"routine", v1::TIER_ROUTINE},
      {"never-log", v1::TIER_NEVER_LOG},
      {"harmless", v1::TIER_HARMLESS}};
  const auto found = tiers.find(id);
  return found == tiers.end() ? "" : TierWords(found->second);
}

std::string ReferralWords(const std::string& id) {
  return Known({{"class_teacher", "class teacher"},
                {"line_manager", "line manager"},
                {"head", "headteacher"},
                {"technical", "technical support"},
                {"local_authority", "local authority / HR"},
                {"parents", "parents / carers"},
                {"remove_access", "removal of access"},
                {"further_sanction", "further sanction"},
                {"disciplinary", "disciplinary action"},
                {"dsl", "safeguarding lead"},
                {"second_senior", "second senior member of staff"}},
               id);
}

std::string RetentionWords(const std::string& id) {
  return Known({{"hit", "A contact that met a rule"},
                {"exposure", "A contact that nobody seems to have meant"},
                {"incident", "An incident"},
                {"change_log", "The log of changes to the rules"},
                {"health", "What devices say about their own health"},
                {"audit", "The log of who looked at what"},
                {"hold", "Evidence under a legal hold"}},
               id);
}

std::string MinutesWords(uint32_t minutes) {
  const auto say = [](uint32_t count, const char* unit) {
    return absl::StrCat(count, " ", unit, count == 1 ? "" : "s");
  };
  if (minutes < 120 || minutes % 60 != 0) return say(minutes, "minute");
  return say(minutes / 60, "hour");
}

std::string DayWords(int32_t day) {
  return absl::FormatCivilTime(absl::CivilDay(1970, 1, 1) + day);
}

std::string DescribeSchedule(const v1::PolicySchedule& schedule) {
  std::string text = Windows(schedule.windows());
  if (schedule.day_kind() == v1::DAY_KIND_TERM) text += " on school days";
  if (schedule.day_kind() == v1::DAY_KIND_HOLIDAY) text += " in holidays";
  if (schedule.but_not_size() > 0) {
    absl::StrAppend(&text, ", but not ", Windows(schedule.but_not()));
  }
  return text;
}

}  // namespace schoolgate::rules
