// What the dashboard reads and writes. Borrowed: must outlive the server.
#pragma once

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "collector/fleet/bundle_shelf.h"
#include "collector/fleet/paper_shelf.h"
#include "collector/policy/school_policies.h"
#include "collector/store/account_store.h"
#include "collector/store/agreement_store.h"
#include "collector/store/alert_store.h"
#include "collector/store/attachment_store.h"
#include "collector/store/audit_log.h"
#include "collector/store/device_store.h"
#include "collector/store/event_store.h"
#include "collector/store/feed_store.h"
#include "collector/store/held_events.h"
#include "collector/store/identity_store.h"
#include "collector/store/passing_store.h"
#include "collector/store/second_factor_store.h"
#include "proto/seal/keys.h"

namespace schoolgate::collector {

struct Stores {
  AlertStore& alerts;
  AuditLog& audit;
  DeviceStore& devices;
  AccountStore& accounts;
  // Null where nothing is published: then the page of rules is empty.
  const BundleShelf* bundles = nullptr;
  const PaperShelf* papers = nullptr;
  // Where the sealed log-ins are; null: no name can be opened.
  EventStore* events = nullptr;
  // Copies of what is behind held alerts; null: no alert can be held.
  HeldEvents* held = nullptr;
  // Signs custody packs; null: none can be made.
  const seal::SigningKey* custody = nullptr;
  // Tokens of those who fetch; null: nobody may.
  FeedStore* feeds = nullptr;
  // Null: nobody has one.
  SecondFactorStore* second_factors = nullptr;
  // What was agreed on by two, and what was published; null: nothing.
  AgreementStore* agreements = nullptr;
  // Who of the school's directory an account belongs to; null: nobody.
  IdentityStore* identities = nullptr;
  // Files of cases, and whose box they are sealed in; null: none can be kept.
  AttachmentStore* attachments = nullptr;
  const seal::BoxKey* attachment_key = nullptr;
  // What the schools published; null: the collector's own rules hold.
  const SchoolPolicies* policies = nullptr;
  // The alias of a log-in name at a school. Null: nobody can be looked up.
  std::function<absl::StatusOr<std::string>(const std::string& school,
                                            const std::string& login)>
      pseudonym_of;
  // Verifies a signed order and offers it to the school's devices; an error
  // says what is wrong with it. Null: nothing can be published here.
  std::function<absl::Status(const std::string& order,
                             const std::string& school)>
      publish_order;
  // Who is logged in, and what waits for a second person; null: the dashboard
  // keeps it in its own memory.
  PassingStore* passing = nullptr;
};

// What the page "What is recorded" says beside its fixed text. Empty or zero:
// the page leaves the sentence out.
struct NoticeFacts {
  std::string school_name;
  std::string contact;  // whom to ask: "office@school.test"
  int keep_event_days = 0;
  int keep_case_days = 0;
  absl::TimeZone zone = absl::UTCTimeZone();  // the schools'
  // Schools (id and name) whose published figures stand side by side in the
  // trends; empty: each school sees its own.
  std::vector<std::pair<std::string, std::string>> compared = {};
};

}  // namespace schoolgate::collector
