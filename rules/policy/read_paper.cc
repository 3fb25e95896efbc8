// What the paper itself says: the words beside each clause, and the transcript
// under `paper`. Only `check` uses them, but a word that nobody knows would
// hide a contradiction from it, so they are looked at here.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "rules/policy/draft.h"

namespace schoolgate::rules {
namespace {

const std::vector<std::string>& Stances() {
  static const auto* stances = new std::vector<std::string>{
      "allowed",     "certain-times", "nominated",  "permission",
      "not-allowed", "illegal",       "staff-only", "record"};
  return *stances;
}

// Matters that are no category and no referral.
const std::vector<std::string>& Matters() {
  static const auto* matters = new std::vector<std::string>{
      "accounts",         "evidence", "law",   "monitoring",
      "personal-devices", "power",    "roles", "private-use"};
  return *matters;
}

void CheckKnown(MapReader& map, std::string_view key,
                const std::vector<std::string>& known) {
  for (const std::string& word : map.Words(key)) {
    if (std::find(known.begin(), known.end(), word) != known.end()) continue;
    map.Fail(key, absl::StrCat("\"", word, "\" is not known here",
                               DidYouMean(word, known)));
  }
}

// `stance`, `about` and `groups` of a clause or a statement.
void ReadStance(MapReader& map, const PolicySource& source,
                const Draft& draft) {
  map.Choice("stance", Stances(), 0);
  std::vector<std::string> matters = Ids(draft.categories);
  matters.insert(matters.end(), Matters().begin(), Matters().end());
  matters.insert(matters.end(), Referrals().begin(), Referrals().end());
  CheckKnown(map, "about", matters);
  ReadGroupsOf(map, source, draft);
}

void ReadTicks(const Node& ticks, const std::vector<std::string>& columns,
               const PolicySource& source, const Draft& draft) {
  for (const Node::Entry& tick : ticks.entries) {
    const auto fail = [&](const std::string& why) {
      source.mistakes->Add(tick.line,
                           absl::StrCat("tick ", tick.key, ": ", why));
    };
    if (draft.clauses.count(tick.key) == 0) {
      fail("is not among the clauses" +
           DidYouMean(tick.key, Ids(draft.clauses)));
    }
    if (std::find(columns.begin(), columns.end(), tick.value.text) ==
        columns.end()) {
      fail(absl::StrCat("\"", tick.value.text, "\" is none of the columns",
                        DidYouMean(tick.value.text, columns)));
    }
  }
}

void ReadTable(const Node& item, const PolicySource& source,
               const Draft& draft) {
  MapReader map(item, "table", source.mistakes);
  if (!map.ok()) return;
  map.Required("id");
  map.Choice("sanctions", {"", "pupils", "staff"}, 0);
  const std::vector<std::string> columns = map.Words("columns");
  if (map.ok() && columns.empty()) {
    map.Fail("columns", "is missing: name the table's columns");
  }
  if (const Node* ticks = map.Map("ticks"); ticks != nullptr) {
    ReadTicks(*ticks, columns, source, draft);
  }
  map.Done();
}

void ReadStatement(const Node& item, const PolicySource& source,
                   const Draft& draft) {
  MapReader map(item, "statement", source.mistakes);
  if (!map.ok()) return;
  map.Required("id");
  map.Required("quote");
  ReadStance(map, source, draft);
  map.Done();
}

void ReadAttachment(const Node& item, const PolicySource& source) {
  MapReader map(item, "attachment", source.mistakes);
  if (!map.ok()) return;
  map.Required("name");
  if (map.Required("present").empty()) return;
  map.Flag("present", false);
  map.Done();
}

void ReadSwitchOff(MapReader& map) {
  const std::string at = map.Text("switch_off");
  uint32_t minute = 0;
  if (!at.empty() && !ParseMinute(at, &minute)) {
    map.Fail("switch_off",
             absl::StrCat("\"", at, "\" is no time: write it as \"18:00\""));
  }
}

}  // namespace

void ReadPaper(MapReader& top, const PolicySource& source, Draft* draft) {
  const Node* clauses = source.root->Find("clauses");
  for (size_t i = 0; clauses != nullptr && i < clauses->entries.size(); ++i) {
    const Node::Entry& entry = clauses->entries[i];
    if (entry.value.kind != Node::Kind::kMap) continue;  // said before
    MapReader map(entry.value, "clause " + entry.key, source.mistakes);
    ReadStance(map, source, *draft);
  }
  const Node* paper = top.Map("paper");
  if (paper == nullptr) return;
  MapReader map(*paper, "paper", source.mistakes);
  CheckKnown(map, "risks", {"content", "contact", "conduct", "commerce"});
  ReadSwitchOff(map);
  const auto each = [&map](std::string_view key, const auto& read) {
    const Node* list = map.List(key);
    if (list == nullptr) return;
    for (const Node& item : list->items) read(item);
  };
  each("tables", [&](const Node& item) { ReadTable(item, source, *draft); });
  each("statements",
       [&](const Node& item) { ReadStatement(item, source, *draft); });
  each("attachments", [&](const Node& item) { ReadAttachment(item, source); });
  map.Done();
}

}  // namespace schoolgate::rules
