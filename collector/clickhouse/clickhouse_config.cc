#include "collector/clickhouse/clickhouse_config.h"

#include <algorithm>
#include <cctype>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "collector/outbound/url.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kMostServers = 1024;
constexpr size_t kLongestName = 64;

// Names go into statements as they are.
bool IsName(const std::string& name) {
  return !name.empty() && name.size() <= kLongestName &&
         std::isdigit(static_cast<unsigned char>(name[0])) == 0 &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return c == '_' || std::isalnum(static_cast<unsigned char>(c)) != 0;
         });
}

absl::Status CheckServer(const std::string& url) {
  const bool safe = absl::StartsWith(url, "https://");
  const size_t start = safe ? 8 : 7;
  if (!safe && !absl::StartsWith(url, "http://")) {
    return absl::InvalidArgumentError(
        absl::StrCat(url, ": write it like https://ch1.example:8443"));
  }
  const std::string place = url.substr(start);
  const size_t colon = place.rfind(':');
  const std::string host = place.substr(0, colon);
  if (colon == std::string::npos || host.empty() ||
      place.find_first_of("/?#@ '\"\\") != std::string::npos ||
      place.find_first_not_of("0123456789", colon + 1) != std::string::npos) {
    return absl::InvalidArgumentError(absl::StrCat(
        url, ": only a host and a port: https://ch1.example:8443"));
  }
  if (safe || IsThisMachine(host)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      url, ": would send events in the clear: it starts with https://"));
}

}  // namespace

absl::Status CheckClickHouseConfig(const ClickHouseConfig& config) {
  size_t servers = 0;
  for (const std::vector<std::string>& shard : config.shards) {
    if (shard.empty()) {
      return absl::InvalidArgumentError("a shard without a server");
    }
    for (const std::string& url : shard) {
      const absl::Status status = CheckServer(url);
      if (!status.ok()) return status;
      ++servers;
    }
    if (config.quorum < 1 || config.quorum > static_cast<int>(shard.size())) {
      return absl::InvalidArgumentError(
          absl::StrCat("quorum ", config.quorum,
                       ": from 1 to the servers of a shard, ", shard.size()));
    }
  }
  if (servers == 0) return absl::InvalidArgumentError("no server is named");
  if (servers > kMostServers) {
    return absl::InvalidArgumentError(
        absl::StrCat("more than ", kMostServers, " servers"));
  }
  if (!IsName(config.database)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "database ", config.database, ": letters, digits and _ only"));
  }
  if (!config.cluster.empty() && !IsName(config.cluster)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "cluster ", config.cluster, ": letters, digits and _ only"));
  }
  if (config.cluster.empty() && servers > 1) {
    return absl::InvalidArgumentError(
        "more than one server needs cluster: as remote_servers names it");
  }
  return absl::OkStatus();
}

}  // namespace schoolgate::collector
