// Nominated users, the matrix and the rules about hosts.
#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "rules/bundle/host_name.h"
#include "rules/policy/calendar.h"
#include "rules/policy/draft.h"

namespace schoolgate::rules {

int64_t DayStart(const Draft& draft, int32_t day) {
  absl::TimeZone zone = absl::UTCTimeZone();
  absl::LoadTimeZone(draft.policy.calendar().time_zone(), &zone);
  return absl::ToUnixSeconds(
      absl::FromCivil(absl::CivilDay(1970, 1, 1) + day, zone));
}

namespace {

void ReadNominee(const Node& item, const PolicySource& source,
                 const Draft& draft, Nomination* nomination) {
  MapReader map(item, "nominated user", source.mistakes);
  if (!map.ok()) return;
  v1::Nominee nominee;
  nominee.set_user(absl::AsciiStrToLower(map.Required("user")));
  nominee.set_approver(absl::AsciiStrToLower(map.Required("approver")));
  nominee.set_reason(map.Required("reason"));
  nominee.set_line(static_cast<uint32_t>(item.line));
  int32_t from = 0;
  int32_t until = 0;
  if (ReadDate(map, "from", &from)) {
    nominee.set_from_unix_s(DayStart(draft, from));
  }
  // The last day counts.
  if (ReadDate(map, "until", &until)) {
    nominee.set_expires_unix_s(DayStart(draft, until + 1));
  } else if (map.Text("until").empty()) {
    map.Fail("until", "is missing: a nomination ends on a day");
  }
  map.Done();
  if (!map.ok()) return;
  if (nominee.user() == nominee.approver()) {
    map.Fail("approver", "nobody approves themselves");
    return;
  }
  if (nominee.expires_unix_s() <= nominee.from_unix_s()) {
    map.Fail("until", "lies before \"from\"");
    return;
  }
  nomination->users.push_back(nominee);
}

std::vector<std::string> ReadHosts(MapReader& map, std::string_view key) {
  std::vector<std::string> hosts;
  for (std::string text : map.Words(key)) {
    // "*.example.org" and "example.org" say the same here.
    if (text.substr(0, 2) == "*.") text = text.substr(2);
    const auto host = HostName::Parse(text);
    if (!host.has_value()) {
      map.Fail(key, absl::StrCat("\"", text,
                                 "\" is no host name: no path, port or "
                                 "wildcard inside"));
      continue;
    }
    if (host->is_single_label() && !host->is_address()) {
      map.Fail(key, absl::StrCat("\"", text,
                                 "\" would cover a whole top-level domain"));
      continue;
    }
    hosts.emplace_back(host->text());
  }
  return hosts;
}

bool Within(const std::vector<int>& inner, const v1::PolicyRule& rule,
            const Draft& draft) {
  for (int group : inner) {
    bool found = false;
    for (; group >= 0 && !found; group = draft.policy.groups(group).parent()) {
      found = std::find(rule.groups().begin(), rule.groups().end(),
                        static_cast<uint32_t>(group)) != rule.groups().end();
    }
    if (!found) return false;
  }
  return true;
}

void ReadWhen(MapReader& map, const Draft& draft,
              v1::PolicyException* exception) {
  const std::string when = map.Text("when");
  const std::string outside = map.Text("outside");
  if (!when.empty() && !outside.empty()) {
    map.Fail("outside", "\"when\" and \"outside\" exclude each other");
    return;
  }
  const std::string& id = when.empty() ? outside : when;
  if (id.empty()) return;
  const auto found = draft.schedules.find(id);
  if (found == draft.schedules.end()) {
    map.Fail(when.empty() ? "outside" : "when",
             absl::StrCat("\"", id, "\" is no schedule",
                          DidYouMean(id, Ids(draft.schedules))));
    return;
  }
  exception->set_schedule_plus_1(static_cast<uint32_t>(found->second) + 1);
  exception->set_outside_schedule(when.empty());
}

void ReadException(const Node& item, const PolicySource& source, Draft* draft,
                   v1::PolicyRule* rule) {
  MapReader map(item, "exception of " + rule->id(), source.mistakes);
  if (!map.ok()) return;
  v1::PolicyException* exception = rule->add_exceptions();
  exception->set_line(static_cast<uint32_t>(item.line));
  const std::vector<int> groups = ReadGroupsOf(map, source, *draft);
  if (!Within(groups, *rule, *draft)) {
    map.Fail("groups", "names a group that the rule itself does not speak of");
  }
  for (const int group : groups) {
    exception->add_groups(static_cast<uint32_t>(group));
  }
  ReadWhen(map, *draft, exception);
  exception->set_place(static_cast<v1::Place>(
      map.Choice("place", {"", "onsite", "offsite"}, 0)));
  const std::string nominated = map.Text("nominated");
  if (!nominated.empty()) {
    const auto found = draft->nominations.find(nominated);
    if (found == draft->nominations.end()) {
      map.Fail("nominated", "\"" + nominated +
                                "\" is no list under \"nominated\" at the top");
    } else {
      found->second.used = true;
      for (const v1::Nominee& nominee : found->second.users) {
        *exception->add_nominees() = nominee;
      }
      // An empty list is for nobody, not for everybody.
      if (found->second.users.empty()) exception->add_nominees();
    }
  }
  exception->set_action(ReadAction(map, "action"));
  exception->set_clause(ReadClauseOf(map, source, *draft));
  exception->set_reason(map.Text("reason"));
  map.Done();
  if (map.ok() && exception->groups_size() == 0 &&
      exception->schedule_plus_1() == 0 &&
      exception->place() == v1::PLACE_UNSPECIFIED && nominated.empty()) {
    source.mistakes->Add(item.line,
                         absl::StrCat("exception of ", rule->id(),
                                      ": says neither when, outside, place, "
                                      "groups nor nominated: it would always "
                                      "hold"));
  }
}

void CheckLocked(const v1::PolicyRule& rule, MapReader& map,
                 const Draft& draft) {
  for (const uint32_t category : rule.categories()) {
    const v1::PolicyCategory& one =
        draft.policy.categories(static_cast<int>(category));
    if (one.locked() &&
        (rule.action() != v1::ACTION_BLOCK || rule.exceptions_size() > 0)) {
      map.Fail("action", absl::StrCat(one.id(),
                                      " is locked: nothing but block, and no "
                                      "exceptions"));
    }
    if (one.never_log() && rule.action() != v1::ACTION_ALLOW) {
      map.Fail("action", absl::StrCat(one.id(),
                                      " is never logged: it is always "
                                      "allowed"));
    }
  }
}

void ReadRule(const Node& item, const PolicySource& source,
              v1::RuleOrigin origin, bool by_host, Draft* draft) {
  MapReader map(item, "rule", source.mistakes);
  if (!map.ok()) return;
  v1::PolicyRule rule;
  rule.set_id(map.Required("id"));
  rule.set_origin(origin);
  rule.set_file(source.mistakes->base_name());
  rule.set_line(static_cast<uint32_t>(item.line));
  const std::string key = rule.file() + ":" + rule.id();
  if (const auto [at, fresh] = draft->rule_lines.emplace(key, item.line);
      !fresh) {
    map.Fail("id", absl::StrCat("\"", rule.id(),
                                "\" is the name of another "
                                "rule on line ",
                                at->second));
  }
  for (const int group : ReadGroupsOf(map, source, *draft)) {
    rule.add_groups(static_cast<uint32_t>(group));
  }
  if (by_host) {
    for (const std::string& host : ReadHosts(map, "hosts")) {
      rule.add_hosts(host);
    }
    if (map.ok() && rule.hosts_size() == 0) map.Fail("hosts", "is missing");
  } else {
    for (const int category : ReadCategoriesOf(map, source, *draft)) {
      rule.add_categories(static_cast<uint32_t>(category));
    }
    if (map.ok() && rule.categories_size() == 0) {
      map.Fail("categories", "is missing");
    }
  }
  if (map.ok() && rule.groups_size() == 0) {
    map.Fail("groups", "is missing: name groups, or everyone");
  }
  rule.set_action(ReadAction(map, "action"));
  rule.set_clause(ReadClauseOf(map, source, *draft));
  if (rule.clause() < 0 && map.Text("clause").empty()) {
    map.Fail("clause", "is missing: every rule cites the paper policy");
  }
  rule.set_reason(map.Required("reason"));
  rule.set_silent(map.Flag("silent", false));
  if (const Node* list = map.List("unless"); list != nullptr) {
    for (const Node& exception : list->items) {
      ReadException(exception, source, draft, &rule);
    }
  }
  CheckLocked(rule, map, *draft);
  map.Done();
  if (!map.ok()) return;
  *(by_host ? draft->policy.add_host_rules() : draft->policy.add_matrix()) =
      rule;
}

void ReadRuleList(MapReader& top, const char* key, const PolicySource& source,
                  v1::RuleOrigin origin, bool by_host, Draft* draft) {
  const Node* list = top.List(key);
  if (list == nullptr) return;
  for (const Node& item : list->items) {
    ReadRule(item, source, origin, by_host, draft);
  }
}

void ReadApprovedAi(const Node& item, const PolicySource& source,
                    Draft* draft) {
  MapReader map(item, "approved AI service", source.mistakes);
  if (!map.ok()) return;
  const std::vector<std::string> host = ReadHosts(map, "host");
  if (map.ok() && host.size() != 1) map.Fail("host", "must be one host");
  int32_t day = 0;
  if (!ReadDate(map, "assessed", &day) && map.ok()) {
    map.Fail("assessed", "is missing: the day of the risk assessment");
  }
  map.Done();
  if (!map.ok()) return;
  draft->policy.add_approved_ai(
      absl::StrCat(host[0], " assessed ", map.Text("assessed")));
}

void ReadRestrictedAnswer(const Node& item, const PolicySource& source,
                          Draft* draft) {
  MapReader map(item, "restricted answer", source.mistakes);
  if (!map.ok()) return;
  const std::string title = map.Text("title");
  const std::vector<std::string> answer = ReadHosts(map, "answer");
  const std::vector<std::string> hosts = ReadHosts(map, "hosts");
  const std::vector<int> groups = ReadGroupsOf(map, source, *draft);
  if (map.ok() && answer.size() != 1) map.Fail("answer", "must be one host");
  if (map.ok() && hosts.empty()) map.Fail("hosts", "is missing");
  if (map.ok() && groups.empty()) {
    map.Fail("groups", "is missing: name groups, or everyone");
  }
  map.Done();
  if (!map.ok()) return;
  for (const std::string& host : hosts) {
    v1::RestrictedAnswer* restricted = draft->policy.add_restricted_answers();
    restricted->set_host(host);
    restricted->set_answer(answer[0]);
    restricted->set_title(title);
    for (const int group : groups) {
      restricted->add_groups(static_cast<uint32_t>(group));
    }
  }
}

}  // namespace

void ReadNominations(MapReader& top, const PolicySource& source, Draft* draft) {
  const Node* lists = top.Map("nominated");
  if (lists == nullptr) return;
  for (const Node::Entry& entry : lists->entries) {
    Nomination& nomination = draft->nominations[entry.key];
    nomination.line = entry.line;
    if (entry.value.kind == Node::Kind::kNone) continue;
    if (entry.value.kind != Node::Kind::kList) {
      source.mistakes->Add(entry.line,
                           "nominated " + entry.key + ": must be a list");
      continue;
    }
    for (const Node& item : entry.value.items) {
      ReadNominee(item, source, *draft, &nomination);
    }
  }
}

void ReadRules(MapReader& top, const PolicySource& source, Draft* draft) {
  if (!source.is_baseline) {
    ReadRuleList(top, "hosts", source, v1::RULE_ORIGIN_SCHOOL, true, draft);
    ReadRuleList(top, "matrix", source, v1::RULE_ORIGIN_SCHOOL, false, draft);
    return;
  }
  ReadRuleList(top, "floor_hosts", source, v1::RULE_ORIGIN_TRUST, true, draft);
  ReadRuleList(top, "floor", source, v1::RULE_ORIGIN_TRUST, false, draft);
  ReadRuleList(top, "default_hosts", source, v1::RULE_ORIGIN_DEFAULT, true,
               draft);
  ReadRuleList(top, "defaults", source, v1::RULE_ORIGIN_DEFAULT, false, draft);
}

void ReadNames(MapReader& top, const PolicySource& source, Draft* draft) {
  v1::CompiledPolicy& policy = draft->policy;
  for (const std::string& host : ReadHosts(top, "never_log")) {
    policy.add_never_log_hosts(host);
  }
  for (const std::string& host : ReadHosts(top, "approved_remote_access")) {
    policy.add_approved_remote_access(host);
  }
  const auto each = [&](std::string_view key, const auto& read) {
    const Node* list = top.List(key);
    if (list == nullptr) return;
    for (const Node& item : list->items) read(item, source, draft);
  };
  each("approved_ai", ReadApprovedAi);
  each("restricted_answers", ReadRestrictedAnswer);
}

}  // namespace schoolgate::rules
