// Sanctions tables, roles, routes, and what is kept for how long.
#include "absl/strings/str_cat.h"
#include "rules/policy/calendar.h"
#include "rules/policy/draft.h"

namespace schoolgate::rules {
namespace {

const std::vector<std::string>& Kinds() {
  static const auto* kinds =
      new std::vector<std::string>{"deliberate",       "accidental_unreported",
                                   "unauthorised_use", "bypass",
                                   "account",          "shared_account",
                                   "staff_account",    "continued",
                                   "copyright",        "record_only"};
  return *kinds;
}

const std::vector<std::string>& TierNames() {
  static const auto* tiers = new std::vector<std::string>{
      "any",     "illegal",   "safeguarding", "serious",
      "routine", "never-log", "harmless"};
  return *tiers;
}

void CheckWords(MapReader& map, std::string_view key,
                const std::vector<std::string>& words,
                const std::vector<std::string>& known) {
  for (const std::string& word : words) {
    bool found = false;
    for (const std::string& one : known) found = found || one == word;
    if (!found) {
      map.Fail(key, absl::StrCat("\"", word, "\" is not known here",
                                 DidYouMean(word, known)));
    }
  }
}

void ReadSanctionRow(const Node& item, bool staff, const PolicySource& source,
                     Draft* draft) {
  MapReader map(item, "sanctions row", source.mistakes);
  if (!map.ok()) return;
  v1::SanctionRow row;
  row.set_id(map.Required("id"));
  row.set_staff(staff);
  row.set_incident(map.Required("incident"));
  row.set_seen(map.Text("seen", "no"));
  row.set_in_lessons(map.Flag("in_lessons", false));
  row.set_line(static_cast<uint32_t>(item.line));
  row.set_kind(Kinds()[map.Choice("kind", Kinds(),
                                  static_cast<int>(Kinds().size()) - 1)]);
  const auto referrals = map.Words("referrals");
  const auto added = map.Words("added");
  const auto human = map.Words("human_reason");
  CheckWords(map, "referrals", referrals, Referrals());
  CheckWords(map, "added", added, Referrals());
  CheckWords(map, "human_reason", human, Referrals());
  row.mutable_referrals()->Assign(referrals.begin(), referrals.end());
  row.mutable_added()->Assign(added.begin(), added.end());
  row.mutable_human_reason()->Assign(human.begin(), human.end());
  for (const int category : ReadCategoriesOf(map, source, *draft)) {
    row.add_categories(static_cast<uint32_t>(category));
  }
  map.Any("note");
  map.Done();
  for (const v1::SanctionRow& other : draft->policy.sanctions()) {
    if (other.id() == row.id()) map.Fail("id", "is used twice");
  }
  if (map.ok()) *draft->policy.add_sanctions() = row;
}

void ReadRole(const Node::Entry& entry, const PolicySource& source,
              Draft* draft) {
  MapReader map(entry.value, "role " + entry.key, source.mistakes);
  if (!map.ok()) return;
  v1::PolicyRole* role = draft->policy.add_roles();
  role->set_id(entry.key);
  role->set_title(map.Text("title", entry.key));
  for (const std::string& holder : map.Words("held_by")) {
    role->add_holders(holder);
  }
  for (const std::string& log_in : map.Words("log_ins")) {
    role->add_log_ins(log_in);
  }
  role->set_stands_in(map.Text("stands_in"));
  role->set_vacant(role->holders_size() == 0);
  role->set_line(static_cast<uint32_t>(entry.line));
  map.Done();
}

void ReadRoute(const Node& item, const PolicySource& source, Draft* draft) {
  MapReader map(item, "route", source.mistakes);
  if (!map.ok()) return;
  v1::PolicyRoute route;
  route.set_subject(map.Required("about"));
  route.set_tier(map.Choice("tier", TierNames(), 0));
  route.set_within_minutes(static_cast<uint32_t>(
      map.Number("within_minutes", 24 * 60, 60 * 24 * 60)));
  route.set_clause(ReadClauseOf(map, source, *draft));
  route.set_line(static_cast<uint32_t>(item.line));
  std::vector<std::string> roles;
  for (const v1::PolicyRole& role : draft->policy.roles()) {
    roles.push_back(role.id());
  }
  const auto to = map.Words("to");
  if (map.ok() && to.empty()) map.Fail("to", "is missing: name roles");
  CheckWords(map, "to", to, roles);
  route.mutable_to()->Assign(to.begin(), to.end());
  const std::string& about = route.subject();
  std::vector<std::string> subjects = Ids(draft->groups);
  subjects.push_back("any");
  for (const std::string& role : roles) subjects.push_back("role:" + role);
  CheckWords(map, "about", {about}, subjects);
  map.Done();
  if (map.ok()) *draft->policy.add_routes() = route;
}

void ReadThresholds(MapReader& top, const PolicySource& source, Draft* draft) {
  const Node* list = top.Map("thresholds");
  if (list == nullptr) return;
  for (const Node::Entry& entry : list->entries) {
    MapReader map(entry.value, "threshold " + entry.key, source.mistakes);
    if (!map.ok()) continue;
    v1::Threshold* threshold = nullptr;
    for (v1::Threshold& old : *draft->policy.mutable_thresholds()) {
      if (old.id() == entry.key) threshold = &old;
    }
    if (threshold == nullptr) threshold = draft->policy.add_thresholds();
    threshold->Clear();
    threshold->set_id(entry.key);
    threshold->set_scope(map.Text("about", "any"));
    std::vector<std::string> scopes = Ids(draft->categories);
    scopes.insert(scopes.end(), TierNames().begin(), TierNames().end());
    scopes.push_back(kOutOfHours);
    CheckWords(map, "about", {threshold->scope()}, scopes);
    threshold->set_count(
        static_cast<uint32_t>(map.Number("count", 0, 1'000'000)));
    threshold->set_window_minutes(
        static_cast<uint32_t>(map.Number("within_minutes", 0, 60 * 24 * 366)));
    threshold->set_bytes(
        static_cast<uint64_t>(map.Number("megabytes", 0, 1'000'000'000)) *
        1'000'000);
    threshold->set_schedule(map.Text("when"));
    if (!threshold->schedule().empty() &&
        draft->schedules.count(threshold->schedule()) == 0) {
      map.Fail("when",
               absl::StrCat(
                   "\"", threshold->schedule(), "\" is no schedule",
                   DidYouMean(threshold->schedule(), Ids(draft->schedules))));
    }
    threshold->set_clause(ReadClauseOf(map, source, *draft));
    if (map.ok() && threshold->count() == 0 && threshold->bytes() == 0) {
      map.Fail("count", "is missing: say count or megabytes");
    }
    const bool out_of_hours = threshold->scope() == kOutOfHours;
    if (map.ok() && out_of_hours &&
        (threshold->count() == 0 || threshold->schedule().empty())) {
      map.Fail("when",
               "is missing: out-of-hours needs count, and in `when` the time "
               "at which the school is open");
    }
    map.Done();
  }
}

void ReadRetention(MapReader& top, const PolicySource& source, Draft* draft) {
  const Node* list = top.Map("retention");
  if (list == nullptr) return;
  const std::vector<std::string> known = {
      "hit", "exposure", "incident", "change_log", "health", "audit", "hold"};
  for (const Node::Entry& entry : list->entries) {
    MapReader map(entry.value, "retention " + entry.key, source.mistakes);
    if (!map.ok()) continue;
    CheckWords(map, "days", {entry.key}, known);
    v1::RetentionRule* rule = nullptr;
    for (v1::RetentionRule& old : *draft->policy.mutable_retention()) {
      if (old.what() == entry.key) rule = &old;
    }
    if (rule == nullptr) rule = draft->policy.add_retention();
    rule->set_what(entry.key);
    const bool until_released = map.Text("days") == "until released";
    rule->set_days(until_released
                       ? 0
                       : static_cast<uint32_t>(map.Number("days", 0, 36'600)));
    if (map.ok() && rule->days() == 0 && !until_released) {
      map.Fail("days", "is missing: a number, or \"until released\"");
    }
    rule->set_clause(ReadClauseOf(map, source, *draft));
    map.Done();
  }
}

}  // namespace

const std::vector<std::string>& Referrals() {
  static const auto* referrals = new std::vector<std::string>{
      "class_teacher", "line_manager",     "head",       "technical",
      "police",        "local_authority",  "parents",    "remove_access",
      "warning",       "further_sanction", "suspension", "disciplinary",
      "dsl",           "second_senior"};
  return *referrals;
}

void ReadSanctions(MapReader& top, const PolicySource& source, Draft* draft) {
  const Node* tables = top.Map("sanctions");
  if (tables == nullptr) return;
  MapReader map(*tables, "sanctions", source.mistakes);
  for (const bool staff : {false, true}) {
    const Node* list = map.List(staff ? "staff" : "pupils");
    for (size_t i = 0; list != nullptr && i < list->items.size(); ++i) {
      ReadSanctionRow(list->items[i], staff, source, draft);
    }
  }
  map.Done();
}

void ReadPeople(MapReader& top, const PolicySource& source, Draft* draft) {
  if (const Node* roles = top.Map("roles"); roles != nullptr) {
    for (const Node::Entry& entry : roles->entries) {
      ReadRole(entry, source, draft);
    }
  }
  if (const Node* routes = top.List("routes"); routes != nullptr) {
    for (const Node& item : routes->items) ReadRoute(item, source, draft);
  }
}

void ReadHousekeeping(MapReader& top, const PolicySource& source,
                      Draft* draft) {
  v1::CompiledPolicy& policy = draft->policy;
  ReadRetention(top, source, draft);
  ReadThresholds(top, source, draft);
  if (const Node* notice = top.Map("notice"); notice != nullptr) {
    MapReader map(*notice, "notice", source.mistakes);
    policy.set_notice_version(map.Required("version"));
    policy.set_notice(map.Required("text"));
    map.Done();
  }
  policy.set_messages_help(top.Text("help", policy.messages_help()));
  const Node* choices = top.Map("choices");
  for (size_t i = 0; choices != nullptr && i < choices->entries.size(); ++i) {
    const Node::Entry& entry = choices->entries[i];
    MapReader map(entry.value, "choice " + entry.key, source.mistakes);
    if (!map.ok()) continue;
    int32_t day = 0;
    v1::PolicyChoice* choice = policy.add_choices();
    choice->set_trap(entry.key);
    choice->set_choice(map.Required("choice"));
    choice->set_chosen_by(map.Required("by"));
    ReadDate(map, "date", &day);
    choice->set_date(map.Text("date"));
    choice->set_line(static_cast<uint32_t>(entry.line));
    map.Done();
  }
  const Node* notes = top.Map("not_by_host");
  for (size_t i = 0; notes != nullptr && i < notes->entries.size(); ++i) {
    const Node::Entry& entry = notes->entries[i];
    MapReader map(entry.value, "note " + entry.key, source.mistakes);
    if (!map.ok()) continue;
    v1::PaperNote* note = policy.add_notes();
    note->set_id(entry.key);
    note->set_handled_by(map.Required("handled_by"));
    note->set_note(map.Required("note"));
    map.Done();
  }
}

}  // namespace schoolgate::rules
