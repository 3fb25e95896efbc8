// The traps that paper policies set, found in the clauses and in the
// transcript under `paper`.
#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "rules/policy/check_parts.h"

namespace schoolgate::rules {
namespace {

// A sentence of the paper, from `clauses` or from `paper: statements`.
struct Sentence {
  std::string id;
  int line = 0;
  std::string quote;
  std::string stance;
  std::vector<std::string> about;
  std::set<std::string> groups;  // empty: everybody
};

std::string TextOf(const Node& map, std::string_view key) {
  const Node* node = map.Find(key);
  return node == nullptr ? "" : node->text;
}

std::vector<std::string> WordsOf(const Node& map, std::string_view key) {
  const Node* node = map.Find(key);
  std::vector<std::string> words;
  if (node == nullptr) return words;
  if (node->kind == Node::Kind::kScalar) words.push_back(node->text);
  for (const Node& item : node->items) words.push_back(item.text);
  return words;
}

std::string Lower(std::string_view text) {
  return absl::AsciiStrToLower(absl::string_view(text.data(), text.size()));
}

bool Meet(const Sentence& a, const Sentence& b) {
  if (a.groups.empty() || b.groups.empty()) return true;
  return std::any_of(a.groups.begin(), a.groups.end(),
                     [&](const std::string& g) { return b.groups.count(g); });
}

class TrapCheck {
 public:
  TrapCheck(const v1::CompiledPolicy& policy, const Node& root,
            Findings* findings)
      : policy_(policy),
        root_(root),
        paper_(root.Find("paper")),
        findings_(findings) {}

  void Run() {
    ReadSentences();
    Tables();
    EducationalGames();
    Stances();
    Times();
    Sanctions();
    Quotes();
    Attachments();
    Risks();
    Roles();
    PowerOff();
  }

 private:
  void ReadSentence(const Node& node, const std::string& id, int line) {
    Sentence sentence;
    sentence.id = id;
    sentence.line = line;
    sentence.quote = TextOf(node, "quote");
    sentence.stance = TextOf(node, "stance");
    sentence.about = WordsOf(node, "about");
    for (const std::string& group : WordsOf(node, "groups")) {
      sentence.groups.insert(group);
    }
    sentences_.push_back(std::move(sentence));
  }

  void ReadSentences() {
    if (const Node* clauses = root_.Find("clauses"); clauses != nullptr) {
      for (const Node::Entry& entry : clauses->entries) {
        ReadSentence(entry.value, entry.key, entry.line);
      }
    }
    const Node* said = paper_ == nullptr ? nullptr : paper_->Find("statements");
    if (said == nullptr) return;
    for (const Node& item : said->items) {
      ReadSentence(item, TextOf(item, "id"), item.line);
    }
  }

  const Sentence* Find(const std::string& id) const {
    for (const Sentence& sentence : sentences_) {
      if (sentence.id == id) return &sentence;
    }
    return nullptr;
  }

  void Tables() {
    const Node* tables = paper_ == nullptr ? nullptr : paper_->Find("tables");
    if (tables == nullptr) return;
    for (const Node& table : tables->items) {
      IllegalColumn(table);
      TwinColumns(table);
      EmptySanctionColumns(table);
    }
  }

  // Z1
  void IllegalColumn(const Node& table) {
    const Node* ticks = table.Find("ticks");
    if (ticks == nullptr) return;
    for (const std::string& column : WordsOf(table, "columns")) {
      if (!absl::StrContains(column, "illegal")) continue;
      std::vector<std::string> illegal;
      for (const Node::Entry& tick : ticks->entries) {
        if (tick.value.text == column) return;
        const Sentence* row = Find(tick.key);
        if (row != nullptr && row->stance == "illegal") {
          illegal.push_back(tick.key);
        }
      }
      if (illegal.empty()) continue;
      findings_->Trap(ticks->line, "Z1",
                      absl::StrCat("table ", TextOf(table, "id"), ": column \"",
                                   column, "\" has no tick, but rows ",
                                   absl::StrJoin(illegal, ", "),
                                   " are illegal by their own words"));
    }
  }

  // Z2
  void TwinColumns(const Node& table) {
    std::set<std::string> seen;
    for (const std::string& column : WordsOf(table, "columns")) {
      if (seen.insert(column).second) continue;
      findings_->Trap(table.LineOf("columns"), "Z2",
                      absl::StrCat("table ", TextOf(table, "id"),
                                   ": two columns are called \"", column,
                                   "\": read by position a tick could turn "
                                   "into its opposite"));
    }
  }

  // Z7
  void EmptySanctionColumns(const Node& table) {
    const std::string which = TextOf(table, "sanctions");
    if (which.empty()) return;
    for (const std::string& column : WordsOf(table, "columns")) {
      bool ticked = false;
      for (const v1::SanctionRow& row : policy_.sanctions()) {
        ticked =
            ticked || (row.staff() == (which == "staff") &&
                       std::find(row.referrals().begin(), row.referrals().end(),
                                 column) != row.referrals().end());
      }
      if (ticked) continue;
      std::string named;
      for (const Sentence& sentence : sentences_) {
        if (std::find(sentence.about.begin(), sentence.about.end(), column) !=
            sentence.about.end()) {
          named = absl::StrCat(", but the text names it (line ", sentence.line,
                               "): \"", sentence.quote, "\"");
        }
      }
      findings_->Trap(table.LineOf("columns"), "Z7",
                      absl::StrCat("table ", TextOf(table, "id"), ": \"",
                                   column, "\" is ticked in no row", named));
    }
  }

  // Z3
  void EducationalGames() {
    for (const Sentence& sentence : sentences_) {
      if (sentence.stance != "not-allowed") continue;
      for (const std::string& about : sentence.about) {
        if (about != "games-educational") continue;
        findings_->Trap(sentence.line, "Z3",
                        absl::StrCat("clause ", sentence.id,
                                     " forbids educational games: this will "
                                     "break maths-game and similar sites in "
                                     "lessons"));
      }
    }
  }

  // Z4, Z5 and every other matter of which the paper says two things.
  void Stances() {
    std::map<std::string, std::vector<const Sentence*>> by_matter;
    for (const Sentence& sentence : sentences_) {
      if (sentence.stance.empty()) continue;
      for (const std::string& about : sentence.about) {
        by_matter[about].push_back(&sentence);
      }
    }
    bool everybody = false;
    for (const auto& [matter, said] : by_matter) {
      if (matter == "private-use") {
        PrivateUse(said);
        continue;
      }
      const Sentence* first = said.front();
      std::vector<std::string> others;
      int line = 0;
      for (const Sentence* one : said) {
        if (one->stance != first->stance && Meet(*one, *first)) {
          others.push_back(absl::StrCat("\"", one->quote, "\" (", one->id,
                                        ", line ", one->line, ")"));
          line = line == 0 ? one->line : line;
        }
      }
      if (!others.empty()) {
        const std::string what =
            absl::StrCat(matter, ": the paper says \"", first->quote, "\" (",
                         first->id, ", line ", first->line, ": ", first->stance,
                         "), and ", absl::StrJoin(others, ", "));
        matter == "social" ? findings_->Trap(line, "Z4", what)
                           : findings_->Contradiction(line, matter, what);
      } else if (!everybody) {
        everybody = PupilsOrEverybody(matter, said);
      }
    }
  }

  bool PupilsOrEverybody(const std::string& matter,
                         const std::vector<const Sentence*>& said) {
    for (const Sentence* a : said) {
      for (const Sentence* b : said) {
        if (a->stance != "not-allowed" || !a->groups.empty() ||
            b->groups.empty() || a->stance != b->stance) {
          continue;
        }
        findings_->Contradiction(
            b->line, "pupils-or-everybody",
            absl::StrCat(matter, ": \"", a->quote, "\" (line ", a->line,
                         ") is for everybody, \"", b->quote, "\" only for ",
                         absl::StrJoin(b->groups, ", ")));
        return true;
      }
    }
    return false;
  }

  // Z5: every policy that speaks of private use must say what it means.
  void PrivateUse(const std::vector<const Sentence*>& said) {
    std::vector<std::string> quotes;
    for (const Sentence* one : said) {
      quotes.push_back(
          absl::StrCat("\"", one->quote, "\" (line ", one->line, ")"));
    }
    findings_->Trap(
        said.front()->line, "Z5",
        absl::StrCat("private use: ", absl::StrJoin(quotes, " and "),
                     ": say what is permitted and that it is not "
                     "stored by name"));
  }

  // Z6
  void Times() {
    for (const Sentence& sentence : sentences_) {
      if (sentence.stance != "certain-times" &&
          sentence.stance != "staff-only") {
        continue;
      }
      for (const std::string& about : sentence.about) {
        if (about != "video") continue;
        findings_->Trap(
            sentence.line, "Z6",
            absl::StrCat("video: the paper says \"", sentence.quote, "\" (",
                         sentence.stance,
                         ") and not when or for whom exactly; schools of one "
                         "provider differ in this"));
      }
    }
  }

  // Z8, Z9
  void Sanctions() {
    for (const v1::SanctionRow& row : policy_.sanctions()) {
      const auto has = [&row](const char* referral) {
        return std::find(row.referrals().begin(), row.referrals().end(),
                         referral) != row.referrals().end();
      };
      const int line = static_cast<int>(row.line());
      if ((has("police") || has("disciplinary") || has("suspension")) &&
          !has("head") && !has("line_manager") && !has("local_authority")) {
        findings_->Trap(line, "Z8",
                        absl::StrCat(row.id(), " sends to ",
                                     absl::StrJoin(row.referrals(), ", "),
                                     " but to no head, line manager or local "
                                     "authority: never route by the table "
                                     "alone"));
      }
      if (row.kind() == "accidental_unreported" && has("police")) {
        const bool guarded =
            std::find(row.human_reason().begin(), row.human_reason().end(),
                      "police") != row.human_reason().end();
        findings_->Trap(
            line, "Z9",
            absl::StrCat(row.id(),
                         " ticks the police for an accident that was not "
                         "reported",
                         guarded ? "" : ", and no human reason is asked for"));
      }
    }
  }

  void QuoteTrap(const Sentence& sentence, const char* id,
                 std::initializer_list<const char*> words, const char* what) {
    for (const char* word : words) {
      if (!absl::StrContains(Lower(sentence.quote), Lower(word))) continue;
      findings_->Trap(sentence.line, id,
                      absl::StrCat("\"", sentence.quote, "\": ", what));
      return;
    }
  }

  // Z10 to Z13, Z18
  void Quotes() {
    std::set<std::string> told;
    for (const Sentence& sentence : sentences_) {
      if (!told.insert(sentence.quote).second) continue;
      QuoteTrap(sentence, "Z10",
                {"Data Protection Act 1998", "DPA 1998",
                 "EU data protection directive"},
                "this law is superseded by UK GDPR and the Data Protection "
                "Act 2018");
      QuoteTrap(sentence, "Z11",
                {"no expectation of privacy", "without prior notification",
                 "without notice"},
                "covert monitoring is not offered; this conflicts with the "
                "regulator's guidance");
      QuoteTrap(sentence, "Z12", {"do not use passwords"},
                "without log-ins nobody can be named: alerts are about a "
                "device and class");
      QuoteTrap(sentence, "Z13", {" URL", "specific pages"},
                "only the host is visible, never the address of a page");
      if (absl::StrContains(Lower(sentence.quote), "mobile")) {
        QuoteTrap(sentence, "Z18", {"searched"},
                  "personal devices are outside this software");
      }
    }
  }

  // Z14
  void Attachments() {
    const Node* list =
        paper_ == nullptr ? nullptr : paper_->Find("attachments");
    if (list == nullptr) return;
    for (const Node& item : list->items) {
      const std::string present = TextOf(item, "present");
      if (present != "no" && present != "false") continue;
      findings_->Trap(item.line, "Z14",
                      absl::StrCat("\"", TextOf(item, "name"),
                                   "\" is named in the paper but was not "
                                   "handed over: ask the school"));
    }
  }

  // Z15
  void Risks() {
    if (paper_ == nullptr || paper_->Find("risks") == nullptr) return;
    const std::vector<std::string> named = WordsOf(*paper_, "risks");
    std::vector<std::string> missing;
    for (const char* risk : {"content", "contact", "conduct", "commerce"}) {
      if (std::find(named.begin(), named.end(), risk) == named.end()) {
        missing.push_back(risk);
      }
    }
    if (missing.empty()) return;
    findings_->Trap(
        paper_->LineOf("risks"), "Z15",
        absl::StrCat("the paper knows ", named.size(), " of the four risks; ",
                     absl::StrJoin(missing, ", "), " is missing"));
  }

  // Z16, Z17
  void Roles() {
    for (const v1::PolicyRole& role : policy_.roles()) {
      const bool doubtful = absl::StrContains(role.title(), "??");
      if (!role.vacant() && !doubtful) continue;
      findings_->Trap(
          static_cast<int>(role.line()), "Z16",
          absl::StrCat(
              "role ", role.id(), " (\"", role.title(), "\") ",
              role.vacant() ? "is held by nobody" : "is in doubt",
              role.stands_in().empty()
                  ? " and nobody stands in"
                  : absl::StrCat("; ", role.stands_in(), " stands in")));
    }
    std::vector<std::string> unrouted;
    for (const char* id : {"head", "dsl", "it_admin"}) {
      const bool routed =
          std::any_of(policy_.routes().begin(), policy_.routes().end(),
                      [&](const v1::PolicyRoute& route) {
                        return route.subject() == absl::StrCat("role:", id);
                      });
      if (!routed) unrouted.push_back(id);
    }
    findings_->Trap(
        root_.LineOf("routes"), "Z17",
        unrouted.empty()
            ? "the paper does not say who handles an allegation about the "
              "head, the safeguarding lead or the IT provider: the routes here "
              "are the school's own"
            : absl::StrCat("nobody is named for an allegation about ",
                           absl::StrJoin(unrouted, ", "),
                           ": add routes about role:", unrouted[0]));
    if (unrouted.empty()) return;
    findings_->Contradiction(
        root_.LineOf("routes"), "conflict-of-interest",
        absl::StrCat("alerts about ", absl::StrJoin(unrouted, ", "),
                     " would reach themselves"));
  }

  // Z19
  void PowerOff() {
    if (paper_ == nullptr || paper_->Find("switch_off") == nullptr) return;
    findings_->Trap(paper_->LineOf("switch_off"), "Z19",
                    absl::StrCat("all computers are switched off at ",
                                 TextOf(*paper_, "switch_off"),
                                 ": what waits on a device must survive that"));
  }

  const v1::CompiledPolicy& policy_;
  const Node& root_;
  const Node* paper_;
  Findings* findings_;
  std::vector<Sentence> sentences_;
};

}  // namespace

void CheckTraps(const v1::CompiledPolicy& policy, const Node& root,
                Findings* findings) {
  TrapCheck(policy, root, findings).Run();
}

}  // namespace schoolgate::rules
