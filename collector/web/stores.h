// What the dashboard reads and writes. Borrowed: must outlive the server.
#pragma once

#include "collector/fleet/bundle_shelf.h"
#include "collector/fleet/paper_shelf.h"
#include "collector/store/account_store.h"
#include "collector/store/alert_store.h"
#include "collector/store/audit_log.h"
#include "collector/store/device_store.h"
#include "collector/store/event_store.h"

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
};

// What the page "What is recorded" says beside its fixed text. Empty or zero:
// the page leaves the sentence out.
struct NoticeFacts {
  std::string school_name;
  std::string contact;  // whom to ask: "office@school.test"
  int keep_event_days = 0;
  int keep_case_days = 0;
};

}  // namespace schoolgate::collector
