#include "agent/decide/attribution.h"

#include <utility>

namespace schoolgate::agent {
namespace {

// Group membership may change under a running session; a minute is soon
// enough, and the name service may be a remote directory.
constexpr int64_t kRememberUs = 60'000'000;
constexpr size_t kMaxRemembered = 1024;

platform::SocketAddress ToSocketAddress(const Endpoint& end) {
  return {.address = end.address, .port = end.port};
}

}  // namespace

Attribution::Attribution(AttributionRules rules, platform::Accounts* accounts,
                         platform::SocketOwners* owners,
                         platform::Processes* processes)
    : rules_(std::move(rules)),
      accounts_(accounts),
      owners_(owners),
      processes_(processes) {}

void Attribution::SetDeviceGroup(std::string group) {
  rules_.device_group = std::move(group);
  remembered_.clear();
}

const Who& Attribution::WhoAsked(const Observation& observation) {
  uint32_t uid = observation.uid;
  if (uid == platform::kNoUid) {
    if (const auto owner = OwnerOf(observation)) uid = owner->uid;
  }
  if (remembered_.size() > kMaxRemembered) remembered_.clear();
  auto [entry, fresh] = remembered_.try_emplace(uid);
  if (fresh || observation.time_us - entry->second.time_us > kRememberUs) {
    entry->second = {.who = Resolve(uid), .time_us = observation.time_us};
  }
  return entry->second.who;
}

v1::ProcessKind Attribution::KindOfProgram(const Observation& observation) {
  if (processes_ == nullptr) return v1::PROCESS_KIND_UNSPECIFIED;
  const auto owner = OwnerOf(observation);
  if (!owner) return v1::PROCESS_KIND_UNSPECIFIED;
  const auto program = processes_->HolderOf(owner->inode, owner->uid);
  if (!program) return v1::PROCESS_KIND_UNSPECIFIED;
  if (WhoAsked(observation).resolver) return v1::PROCESS_KIND_RESOLVER;
  return rules_.browsers.contains(*program) ? v1::PROCESS_KIND_BROWSER
                                            : v1::PROCESS_KIND_OTHER;
}

std::optional<platform::SocketOwner> Attribution::OwnerOf(
    const Observation& observation) {
  if (owners_ == nullptr) return std::nullopt;
  return owners_->Find(observation.transport == Transport::kTcp,
                       ToSocketAddress(observation.src),
                       ToSocketAddress(observation.dst));
}

Who Attribution::Resolve(uint32_t uid) const {
  Who who;
  who.uid = uid;
  who.group = "unknown";
  if (uid == platform::kNoUid) return who;
  if (const auto known = rules_.people.find(uid);
      known != rules_.people.end()) {
    who.login = known->second.login;
    who.group = known->second.group;
  } else if (accounts_ != nullptr) {
    const auto account = accounts_->Find(uid);
    if (!account) return who;
    who.resolver = rules_.resolver_logins.contains(account->login);
    if (uid < kFirstPersonUid || who.resolver) {
      who.group = rules_.device_group;
      return who;
    }
    who.login = account->login;
    who.group = SchoolGroup(account->groups);
  }
  if (who.login.empty()) return who;
  if (rules_.shared_logins.contains(who.login)) {
    who.confidence = v1::CONFIDENCE_SHARED;
    who.login.clear();
  } else {
    who.confidence = v1::CONFIDENCE_CERTAIN;
  }
  return who;
}

std::string Attribution::SchoolGroup(
    const std::vector<std::string>& unix_groups) const {
  for (const std::string& name : unix_groups) {
    if (const auto group = rules_.unix_groups.find(name);
        group != rules_.unix_groups.end()) {
      return group->second;
    }
  }
  return rules_.unix_groups.empty() ? rules_.device_group : "unknown";
}

}  // namespace schoolgate::agent
