// The directory that holds all a collector is: configuration, keys, stores.
// docs/collector.md lists its files.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "collector/clickhouse/clickhouse_config.h"
#include "collector/fleet/enrolment.h"
#include "collector/oidc/provider.h"
#include "collector/store/account_store.h"
#include "proto/seal/keys.h"

namespace schoolgate::collector {

inline constexpr char kDefaultDataDirectory[] = "/var/lib/schoolgate-collector";

struct School {
  std::string id;    // "oak-primary"
  std::string name;  // "Oak Primary"
};

// collector.yaml.
struct CollectorConfig {
  std::string trust = "Schoolgate";
  std::string listen = "0.0.0.0:4780";  // devices and feed readers
  std::string web = "0.0.0.0:4443";     // the dashboard
  std::vector<std::string> names;       // DNS names and addresses of this host
  std::string time_zone = "Europe/London";
  int keep_event_days = 90;
  int keep_case_days = 365 * 3;
  std::string contact;          // whom people ask
  std::string web_certificate;  // the school's own, instead of ours
  std::string web_key;
  // PostgreSQL, as libpq takes it; empty: all is in the data directory.
  std::string database;
  ClickHouseConfig clickhouse;  // for the events; needs `database`
  OidcConfig oidc;              // where people log in; no issuer: here alone
  std::string metrics;          // where figures and health are; empty: nowhere
  std::string log_level = "info";
  std::string log_format = "auto";
  std::vector<School> schools;
  // Roles that must log in with a code as well.
  std::vector<Role> need_code;
  bool compare_schools = false;  // in the trends, by their published figures
};

// The keys of `b` that differ from `a` and are read at start only.
std::vector<std::string> KeysThatNeedARestart(const CollectorConfig& a,
                                              const CollectorConfig& b);

// Where things lie. A value.
struct DataDirectory {
  std::string path;

  std::string Config() const { return path + "/collector.yaml"; }
  std::string Authority() const { return path + "/authority"; }
  std::string Tls(const std::string& name) const {
    return path + "/tls/" + name;
  }
  std::string SealingKey() const { return path + "/keys/sealing.key"; }
  std::string RemovalKey() const { return path + "/keys/removal.key"; }
  std::string ContactKey() const { return path + "/keys/contact.key"; }
  std::string Feeds() const { return path + "/feeds.yaml"; }
  std::string CustodyKey() const { return path + "/keys/custody.key"; }
  std::string AuditPublicKey() const { return path + "/keys/audit.pub"; }
  std::string SchoolFile(const std::string& school,
                         const std::string& name) const {
    return path + "/schools/" + school + "/" + name;
  }
  std::string TakeAway() const { return path + "/take-away"; }
  std::string RulesRoot() const { return path + "/rules-root"; }
  std::string Main() const { return path + "/main.sqlite"; }
  std::string Refused() const { return path + "/refused.sqlite"; }
  std::string Events() const { return path + "/events"; }
  std::string Bundles() const { return path + "/bundles"; }
  std::string Papers() const { return path + "/papers"; }
  std::string Lock() const { return path + "/lock"; }
  // When the last backup was made: seconds since 1970.
  std::string LastBackup() const { return path + "/last-backup"; }
};

// INVALID_ARGUMENT names file, line or key, and what is expected; NOT_FOUND
// says to run setup.
absl::StatusOr<CollectorConfig> LoadConfig(const DataDirectory& directory);
absl::Status SaveConfig(const DataDirectory& directory,
                        const CollectorConfig& config);

// What `oidc` names; empty when it names none.
absl::StatusOr<std::string> LoadOidcSecret(const CollectorConfig& config);

// NOT_FOUND names the schools there are.
absl::Status CheckSchool(const CollectorConfig& config, const std::string& id);

// LoadConfig for a verb that is about this school, or about all where `school`
// is empty.
absl::StatusOr<CollectorConfig> LoadConfigOf(const DataDirectory& directory,
                                             const std::string& school);

// Keys that every device of these schools is handed.
absl::StatusOr<EnrolmentGift> LoadGift(const DataDirectory& directory,
                                       const CollectorConfig& config);

// 32 bytes in hexadecimal. DATA_LOSS: something else.
absl::StatusOr<std::string> ReadHexKey(const std::string& file);

struct HostPort {
  std::string host;
  uint16_t port = 0;
};
// "127.0.0.1:443", "[::1]:443".
absl::StatusOr<HostPort> ParseHostPort(const std::string& text);

}  // namespace schoolgate::collector
