// A policy on its way from YAML to CompiledPolicy: what is known by name so
// far. The steps below run in the order in which they stand here.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "proto/policy.pb.h"
#include "rules/policy/document.h"

namespace schoolgate::rules {

// Named people who may what others may not.
struct Nomination {
  std::vector<v1::Nominee> users;
  int line = 0;
  bool used = false;
};

// Not thread-safe. One for a policy and its baseline together.
struct Draft {
  v1::CompiledPolicy policy;
  std::map<std::string, int> categories;
  std::map<std::string, int> groups;
  std::map<std::string, int> schedules;
  std::map<std::string, Nomination> nominations;
  // Clauses of the file being read; the baseline's have their own names.
  std::map<std::string, int> clauses;
  std::map<std::string, int> rule_lines;  // "file:id" -> line

  int Category(const std::string& id) const;
  int Group(const std::string& id) const;
};

// One file: which it is and how to speak about it.
struct PolicySource {
  const Node* root = nullptr;
  Mistakes* mistakes = nullptr;
  bool is_baseline = false;
};

void ReadClauses(MapReader& top, const PolicySource& source, Draft* draft);
void ReadCategories(MapReader& top, const PolicySource& source, Draft* draft);
void ReadGroups(MapReader& top, const PolicySource& source, Draft* draft);
void ReadCalendar(MapReader& top, const PolicySource& source, Draft* draft);
void ReadNominations(MapReader& top, const PolicySource& source, Draft* draft);
void ReadRestrictions(MapReader& top, const PolicySource& source, Draft* draft);
// After ReadRules: "everyone" is not those whose account has ended.
void ReadGuests(MapReader& top, const PolicySource& source, Draft* draft);
void ReadRules(MapReader& top, const PolicySource& source, Draft* draft);
void ReadNames(MapReader& top, const PolicySource& source, Draft* draft);
void ReadSanctions(MapReader& top, const PolicySource& source, Draft* draft);
void ReadPeople(MapReader& top, const PolicySource& source, Draft* draft);
void ReadHousekeeping(MapReader& top, const PolicySource& source, Draft* draft);
void ReadPaper(MapReader& top, const PolicySource& source, Draft* draft);

// Complains where a school's rule lies below the baseline's floor.
void FindLoosening(const std::string& school_file,
                   const std::string& baseline_file, const Draft& draft,
                   std::vector<PolicyMistake>* mistakes);

// Shared readings. Each complains on `source` and gives something harmless.
int ReadClauseOf(MapReader& map, const PolicySource& source,
                 const Draft& draft);
std::vector<int> ReadGroupsOf(MapReader& map, const PolicySource& source,
                              const Draft& draft);
std::vector<int> ReadCategoriesOf(MapReader& map, const PolicySource& source,
                                  const Draft& draft);
v1::Action ReadAction(MapReader& map, std::string_view key);
// A date as "2026-09-01"; false after a complaint, or when it is not there.
bool ReadDate(MapReader& map, std::string_view key, int32_t* day);
// Local midnight at the start of a day, in the policy's time zone.
int64_t DayStart(const Draft& draft, int32_t day);
std::vector<std::string> Ids(const std::map<std::string, int>& named);

// "18:00" to minutes since midnight, "24:00" included; false when it is none.
bool ParseMinute(const std::string& text, uint32_t* minute);

// What a sanctions table may tick: "head", "police", ...
const std::vector<std::string>& Referrals();

}  // namespace schoolgate::rules
