// What a policy answers in each of the situations it tells apart, so that two
// policies can be compared situation by situation instead of line by line.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "proto/policy.pb.h"
#include "rules/policy/tables.h"

namespace schoolgate::rules {

// Something that is true or false at a time: "the schedule holds", "the
// nomination of this length runs". Equal ones of two policies are one.
struct Condition {
  std::string schedule;  // canonical content; empty: a nomination
  int64_t from_unix_s = 0;
  int64_t until_unix_s = 0;

  auto operator<=>(const Condition&) const = default;
};

struct Situation {
  v1::Place place = v1::PLACE_ONSITE;
  std::string user;  // a nominated log-in, or empty for everybody else
  std::map<Condition, bool> holds;
};

// Where the answer for a host name comes from, before its categories.
struct HostAnswer {
  enum class Kind {
    kNone,     // no rule about the name: the matrix decides
    kFloored,  // `action`, but not below the trust's rows
    kPlain,    // `action`, whatever the categories
  };
  Kind kind = Kind::kNone;
  v1::Action action = v1::ACTION_ALLOW;
};

// Borrows the tables.
class PolicyCells {
 public:
  // `calendar_mark` tells two calendars apart that give the same windows
  // different times; equal marks mean equal calendars.
  PolicyCells(const PolicyTables& tables, std::string calendar_mark)
      : tables_(tables), calendar_mark_(std::move(calendar_mark)) {}

  const PolicyTables& tables() const { return tables_; }

  // The answer for a host of this one category, as Decide gives it. A host of
  // several gets the strictest of its cells.
  v1::Action Cell(int group, int category, const Situation& at) const;
  // The trust's rows alone; ACTION_ALLOW when there is none.
  v1::Action Floor(int group, int category, const Situation& at) const;
  HostAnswer Host(int group, std::string_view host, const Situation& at) const;

  // The same text: the same answers.
  std::string CellText(int group, int category) const;
  std::string HostText(int group, std::string_view host) const;

  // What the answers may depend on.
  void CellConditions(int group, int category, std::set<Condition>* conditions,
                      std::set<std::string>* users) const;
  void HostConditions(int group, std::string_view host,
                      std::set<Condition>* conditions,
                      std::set<std::string>* users) const;

 private:
  std::vector<const v1::PolicyRule*> Rows(int group, int category) const;
  std::vector<const v1::PolicyRule*> HostRows(int group,
                                              std::string_view host) const;
  std::string RuleText(const v1::PolicyRule& rule, int group) const;
  void RuleConditions(const v1::PolicyRule& rule, int group,
                      std::set<Condition>* conditions,
                      std::set<std::string>* users) const;
  Condition ScheduleCondition(const v1::PolicyException& exception) const;
  bool ForGroup(const google::protobuf::RepeatedField<uint32_t>& groups,
                int group) const;
  bool Fits(const v1::PolicyException& exception, int group,
            const Situation& at) const;
  v1::Action ActionOf(const v1::PolicyRule& rule, int group,
                      const Situation& at) const;
  bool Opens(const v1::PolicyRule& rule, int group) const;
  bool FromHosts(int group, std::string_view host, v1::RuleOrigin origin,
                 const Situation& at, v1::Action* action) const;

  const PolicyTables& tables_;
  const std::string calendar_mark_;
};

// Unspecified counts as block, as it does in decisions.
v1::Action Effective(v1::Action action);

// "allow", "record", "warn", "block".
const char* ActionWord(v1::Action action);

}  // namespace schoolgate::rules
