// Whom a school tells outside, by role: its contact book, and which of its
// lines belong to an alert. Information: nobody is told by a program.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/cases/report.h"
#include "collector/policy/school_policies.h"
#include "collector/store/agreement_store.h"
#include "nlohmann/json.hpp"
#include "proto/alert.pb.h"

namespace schoolgate::collector {

// One line of the book that every school has.
struct ContactRole {
  std::string_view id;     // "lado"
  std::string_view title;  // "Local authority designated officer (LADO)"
  std::string_view when;   // what they are told of
};

const std::vector<ContactRole>& ContactRoles();

// What a school wrote down for a role; empty: nothing yet.
struct Contact {
  std::string role;
  std::string name, phone, email, notes;
  std::string changed_by;  // account
  absl::Time changed = absl::InfinitePast();
};

// All roles, in the order of ContactRoles.
absl::StatusOr<std::vector<Contact>> ContactsOf(AgreementStore* store,
                                                const std::string& school);

// INVALID_ARGUMENT says what is wrong with it. Without name, number and address
// it is an empty line, which is fine.
absl::Status CheckContact(const Contact& contact);

// What CheckContact lets pass. An empty line takes the old one away.
absl::Status WriteContact(AgreementStore& store, const std::string& school,
                          const Contact& contact);

// Whom this alert may have to be told to, should people decide so: by its
// severity, its group, its category and what the school's own sanctions table
// ticks. `policy` may be null.
std::vector<std::string> ContactsFor(const v1::Alert& alert,
                                     const v1::CompiledPolicy* policy);

// For the page of an alert: title, when, name, phone, email, notes, `missing`.
nlohmann::json ContactsJson(const std::vector<Contact>& book,
                            const std::vector<std::string>& roles);

// For the leaders' report: which lines are filled, and when they were checked.
ReportTable ContactTable(const std::vector<Contact>& book, absl::TimeZone zone);

}  // namespace schoolgate::collector
