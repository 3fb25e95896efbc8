// Clauses, categories and groups: the words that rules are made of.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "rules/policy/calendar.h"
#include "rules/policy/draft.h"
#include "rules/policy/tables.h"

namespace schoolgate::rules {
namespace {

const std::vector<std::string>& Risks() {
  static const auto* risks = new std::vector<std::string>{
      "", "content", "contact", "conduct", "commerce", "none"};
  return *risks;
}

const std::vector<std::string>& Tiers() {
  static const auto* tiers = new std::vector<std::string>{
      "",        "illegal",   "safeguarding", "serious",
      "routine", "never-log", "harmless"};
  return *tiers;
}

bool IsId(const std::string& text) {
  return !text.empty() && text.size() <= 40 &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

int FindClause(const Draft& draft, const std::string& id) {
  const auto found = draft.clauses.find(id);
  return found == draft.clauses.end() ? -1 : found->second;
}

// Flags that a school may set one way only.
void Tighten(MapReader& map, const char* key, bool may_set, bool before,
             bool is_new, bool* flag) {
  *flag = map.Flag(key, before);
  if (!is_new && *flag != before && *flag != may_set) {
    map.Fail(key,
             "the baseline says otherwise, and a school may tighten it "
             "but never loosen it");
    *flag = before;
  }
}

void ReadCategory(const Node::Entry& entry, const PolicySource& source,
                  Draft* draft, std::vector<std::string>* displaces) {
  const bool is_new = draft->categories.count(entry.key) == 0;
  if (is_new &&
      (!IsId(entry.key) || draft->categories.size() >= kMaxCategories)) {
    source.mistakes->Add(entry.line,
                         absl::StrCat("category \"", entry.key,
                                      "\": names are small letters, digits and "
                                      "dashes; at most ",
                                      kMaxCategories, " categories"));
    return;
  }
  if (is_new) {
    draft->categories[entry.key] = draft->policy.categories_size();
    draft->policy.add_categories()->set_id(entry.key);
  }
  v1::PolicyCategory* category =
      draft->policy.mutable_categories(draft->categories[entry.key]);
  MapReader map(entry.value, "category " + entry.key, source.mistakes);
  if (!map.ok()) return;
  category->set_title(map.Text(
      "title", category->title().empty() ? entry.key : category->title()));
  category->set_risk(
      static_cast<v1::Risk>(map.Choice("risk", Risks(), category->risk())));
  category->set_tier(
      static_cast<v1::Tier>(map.Choice("tier", Tiers(), category->tier())));
  if (category->risk() == v1::RISK_UNSPECIFIED) {
    map.Fail("risk",
             "is missing: say content, contact, conduct, commerce or "
             "none");
  }
  bool flag = false;
  Tighten(map, "locked", true, category->locked() || IsAlwaysLocked(entry.key),
          is_new && !IsAlwaysLocked(entry.key), &flag);
  category->set_locked(flag);
  Tighten(map, "passable", false, category->passable(), is_new, &flag);
  if (flag && category->locked()) {
    map.Fail("passable", "a locked category is never passable");
  }
  category->set_passable(flag && !category->locked());
  Tighten(map, "never_log", false, category->never_log(), is_new, &flag);
  category->set_never_log(flag);
  category->set_nameless(map.Flag("nameless", category->nameless()));
  category->set_log_offsite(map.Flag("log_offsite", category->log_offsite()));
  category->set_help(map.Text("help", category->help()));
  for (const std::string& tag : map.Words("tags")) category->add_tags(tag);
  *displaces = map.Words("displaces");
  map.Done();
}

// A new group's place in the list, -1 after a complaint.
int PlaceOfGroup(const Node::Entry& entry, const PolicySource& source,
                 Draft* draft) {
  if (const int known = draft->Group(entry.key); known >= 0) return known;
  if (!IsId(entry.key) || draft->groups.size() >= kMaxGroups ||
      entry.key == "everyone") {
    source.mistakes->Add(entry.line,
                         "group \"" + entry.key + "\": is no usable name");
    return -1;
  }
  const int place = draft->policy.groups_size();
  draft->groups[entry.key] = place;
  v1::PolicyGroup* fresh = draft->policy.add_groups();
  fresh->set_id(entry.key);
  fresh->set_parent(-1);
  fresh->set_default_action(v1::ACTION_ALLOW);
  fresh->set_default_clause(-1);
  fresh->set_personal_history(true);
  return place;
}

void ReadParent(MapReader& map, int self, Draft* draft) {
  const std::string like = map.Text("like");
  if (like.empty()) return;
  const int parent = draft->Group(like);
  if (parent >= 0 && parent < self) {
    draft->policy.mutable_groups(self)->set_parent(parent);
    return;
  }
  map.Fail("like",
           absl::StrCat("\"", like, "\" is no group that stands above this one",
                        DidYouMean(like, Ids(draft->groups))));
}

void ReadGroup(const Node::Entry& entry, const PolicySource& source,
               Draft* draft) {
  const int self = PlaceOfGroup(entry, source, draft);
  if (self < 0) return;
  v1::PolicyGroup* group = draft->policy.mutable_groups(self);
  MapReader map(entry.value, "group " + entry.key, source.mistakes);
  if (!map.ok()) return;
  group->set_title(
      map.Text("title", group->title().empty() ? entry.key : group->title()));
  ReadParent(map, self, draft);
  const std::vector<std::string> defaults = {"", "allow", "record", "warn",
                                             "block"};
  group->set_default_action(static_cast<v1::Action>(
      map.Choice("default", defaults, group->default_action())));
  group->set_allow_list_only(
      map.Flag("allow_list_only", group->allow_list_only()));
  if (group->allow_list_only()) group->set_default_action(v1::ACTION_BLOCK);
  if (const int clause = ReadClauseOf(map, source, *draft); clause >= 0) {
    group->set_default_clause(clause);
  }
  group->set_shared_accounts(
      map.Flag("shared_accounts", group->shared_accounts()));
  group->set_personal_history(
      map.Flag("personal_history", group->personal_history()));
  group->set_session_minutes(static_cast<uint32_t>(
      map.Number("session_minutes", group->session_minutes(), 24 * 60)));
  const bool strictest = map.Flag("strictest", group->strictest());
  if (group->strictest() && !strictest) {
    map.Fail("strictest", "an unknown user stays in the strictest group");
  }
  group->set_strictest(strictest || entry.key == "unknown");
  map.Done();
}

}  // namespace

std::vector<std::string> Ids(const std::map<std::string, int>& named) {
  std::vector<std::string> ids;
  for (const auto& [id, index] : named) ids.push_back(id);
  return ids;
}

int Draft::Category(const std::string& id) const {
  const auto found = categories.find(id);
  return found == categories.end() ? -1 : found->second;
}

int Draft::Group(const std::string& id) const {
  const auto found = groups.find(id);
  return found == groups.end() ? -1 : found->second;
}

void ReadClauses(MapReader& top, const PolicySource& source, Draft* draft) {
  const Node* clauses = top.Map("clauses");
  if (clauses == nullptr) return;
  for (const Node::Entry& entry : clauses->entries) {
    MapReader map(entry.value, "clause " + entry.key, source.mistakes);
    if (!map.ok()) continue;
    v1::PolicyClause* clause = draft->policy.add_clauses();
    clause->set_id(entry.key);
    clause->set_quote(map.Required("quote"));
    clause->set_says(map.Text("says"));
    clause->set_line(static_cast<uint32_t>(entry.line));
    // ReadPaper looks at these, `check` uses them.
    map.Any("stance");
    map.Any("about");
    map.Any("groups");
    map.Any("note");
    map.Done();
    std::string text = source.is_baseline
                           ? absl::StrCat(draft->policy.mark(),
                                          " is silent; baseline ", entry.key)
                           : absl::StrCat(draft->policy.mark(), " ", entry.key);
    absl::StrAppend(&text, " \"", clause->quote(), "\"");
    if (!clause->says().empty()) {
      absl::StrAppend(&text, " (", clause->says(), ")");
    }
    clause->set_text(text);
    draft->clauses[entry.key] = draft->policy.clauses_size() - 1;
  }
}

void ReadCategories(MapReader& top, const PolicySource& source, Draft* draft) {
  const Node* categories = top.Map("categories");
  if (categories == nullptr) return;
  std::vector<std::vector<std::string>> displaces(categories->entries.size());
  for (size_t i = 0; i < categories->entries.size(); ++i) {
    ReadCategory(categories->entries[i], source, draft, &displaces[i]);
  }
  for (size_t i = 0; i < displaces.size(); ++i) {
    const Node::Entry& entry = categories->entries[i];
    for (const std::string& id : displaces[i]) {
      const int other = draft->Category(id);
      if (other < 0 || draft->policy.categories(other).locked()) {
        source.mistakes->Add(
            entry.value.LineOf("displaces"),
            absl::StrCat(
                "category ", entry.key, ": displaces: \"", id,
                other < 0 ? "\" is no category" : "\" is locked",
                other < 0 ? DidYouMean(id, Ids(draft->categories)) : ""));
        continue;
      }
      draft->policy.mutable_categories(draft->Category(entry.key))
          ->add_displaces(static_cast<uint32_t>(other));
    }
  }
}

void ReadGroups(MapReader& top, const PolicySource& source, Draft* draft) {
  const Node* groups = top.Map("groups");
  if (groups == nullptr) {
    if (draft->groups.empty()) top.Fail("groups", "is missing");
    return;
  }
  for (const Node::Entry& entry : groups->entries) {
    ReadGroup(entry, source, draft);
  }
}

int ReadClauseOf(MapReader& map, const PolicySource& source,
                 const Draft& draft) {
  const std::string id = map.Text("clause");
  if (id.empty()) return -1;
  const int clause = FindClause(draft, id);
  if (clause < 0) {
    map.Fail("clause", absl::StrCat("\"", id, "\" is not among the clauses",
                                    DidYouMean(id, Ids(draft.clauses))));
  }
  return clause;
}

std::vector<int> ReadGroupsOf(MapReader& map, const PolicySource& source,
                              const Draft& draft) {
  std::vector<int> groups;
  for (const std::string& id : map.Words("groups")) {
    const int group = draft.Group(id);
    if (id == "everyone") {
      for (int i = 0; i < draft.policy.groups_size(); ++i) groups.push_back(i);
    } else if (group < 0) {
      map.Fail("groups", absl::StrCat("\"", id, "\" is no group",
                                      DidYouMean(id, Ids(draft.groups))));
    } else {
      groups.push_back(group);
    }
  }
  std::sort(groups.begin(), groups.end());
  groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
  return groups;
}

std::vector<int> ReadCategoriesOf(MapReader& map, const PolicySource& source,
                                  const Draft& draft) {
  std::vector<int> categories;
  for (const std::string& id : map.Words("categories")) {
    const int category = draft.Category(id);
    if (category < 0) {
      map.Fail("categories",
               absl::StrCat("\"", id, "\" is no category",
                            DidYouMean(id, Ids(draft.categories))));
    } else {
      categories.push_back(category);
    }
  }
  return categories;
}

v1::Action ReadAction(MapReader& map, std::string_view key) {
  const std::vector<std::string> actions = {"", "allow", "record", "warn",
                                            "block"};
  const int action = map.Choice(key, actions, 0);
  if (action == 0 && map.Text(key).empty()) {
    map.Fail(key, "is missing: say allow, record, warn or block");
  }
  return action == 0 ? v1::ACTION_BLOCK : static_cast<v1::Action>(action);
}

bool ReadDate(MapReader& map, std::string_view key, int32_t* day) {
  const std::string text = map.Text(key);
  if (text.empty()) return false;
  if (ParseDay(text, day)) return true;
  map.Fail(key, "\"" + text + "\" is no date: write it as 2026-09-01");
  return false;
}

}  // namespace schoolgate::rules
