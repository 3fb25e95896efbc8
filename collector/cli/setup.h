// Makes a collector: authority, keys, first accounts.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "collector/cli/data_directory.h"
#include "collector/cli/name_key.h"

namespace schoolgate::collector {

struct SetupRequest {
  DataDirectory directory;
  std::string school;              // its name, or its id
  std::string trust, listen, web;  // empty: as it is, or the default
  std::string metrics;             // empty: as it is, or nowhere
  std::string database;            // empty: as it is, or none
  std::vector<std::string> names;
  std::string rules_root;                  // a file; empty: none
  std::vector<std::string> share_holders;  // empty: the senior roles
  // Also writes the whole key to names, for the school's safe.
  bool recovery_sheet = false;
};

struct NewAccount {
  std::string name;
  std::string display_name;
  std::string password;  // to be shown once
};

struct SetupResult {
  CollectorConfig config;
  std::string school_id;
  std::string fingerprint;
  std::vector<NewAccount> accounts;    // made now
  std::vector<std::string> existing;   // what was there already
  std::vector<std::string> take_away;  // secret files to be taken away
  std::vector<NewShare> shares;        // among those files
};

// "Oak Primary" -> "oak-primary". Empty: the name has neither letters nor
// digits.
std::string SchoolIdOf(const std::string& name);

// May be repeated: what exists is kept. A further school is added. All that was
// asked for is looked at before anything is made: a mistake leaves nothing
// behind.
absl::StatusOr<SetupResult> SetUp(const SetupRequest& request, absl::Time now);

}  // namespace schoolgate::collector
