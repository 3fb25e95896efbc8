#include "agent/decide/attribution.h"

#include <algorithm>
#include <array>
#include <utility>

#include "agent/decide/recent_map.h"

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

std::set<std::string> NamelessGroups(const v1::CompiledPolicy& policy) {
  std::set<std::string> groups;
  for (const v1::PolicyGroup& group : policy.groups()) {
    if (group.shared_accounts() || !group.personal_history()) {
      groups.insert(group.id());
    }
  }
  return groups;
}

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

void Attribution::SetOwesNotice(std::function<bool(uint32_t uid)> owes) {
  owes_notice_ = std::move(owes);
  remembered_.clear();
}

void Attribution::SetNamelessGroups(std::set<std::string> groups) {
  if (groups == rules_.nameless_groups) return;
  rules_.nameless_groups = std::move(groups);
  remembered_.clear();
}

const Who& Attribution::WhoAsked(const Observation& observation) {
  uint32_t uid = observation.uid;
  if (uid == platform::kNoUid) {
    if (const auto owner = OwnerOf(observation)) uid = owner->uid;
  }
  if (remembered_.size() > kMaxRemembered) remembered_.clear();
  auto [entry, fresh] = remembered_.try_emplace(uid);
  if (fresh ||
      IsOlder(entry->second.time_us, observation.time_us, kRememberUs)) {
    entry->second = {.who = Resolve(uid), .time_us = observation.time_us};
  }
  return entry->second.who;
}

Asker Attribution::ProgramThatAsked(const Observation& observation) {
  Asker asker;
  if (processes_ == nullptr) return asker;
  const auto owner = OwnerOf(observation);
  if (!owner) return asker;
  const auto holder = processes_->HolderOf(owner->inode, owner->uid);
  if (!holder) return asker;
  asker.contained = holder->contained;
  if (WhoAsked(observation).resolver) {
    asker.kind = v1::PROCESS_KIND_RESOLVER;
  } else if (rules_.browsers.contains(holder->program)) {
    asker.kind = v1::PROCESS_KIND_BROWSER;
  } else {
    asker.kind = v1::PROCESS_KIND_OTHER;
  }
  return asker;
}

std::optional<platform::Presence> Attribution::PresenceOf(uint32_t uid) {
  if (sessions_ == nullptr || uid == platform::kNoUid) return std::nullopt;
  return sessions_->Of(uid);
}

bool Attribution::IsNeighbours(const Observation& observation) {
  if (owners_ == nullptr || observation.uid != platform::kNoUid) return false;
  if (IsHere(observation.src)) return false;
  // What passes through from elsewhere to elsewhere is of our containers.
  return observation.source == NameSource::kMdns ||
         observation.source == NameSource::kLlmnr || IsHere(observation.dst);
}

bool Attribution::IsHere(const Endpoint& end) {
  static constexpr std::array<uint8_t, 13> kV4 = {0, 0, 0, 0,    0,    0,  0,
                                                  0, 0, 0, 0xff, 0xff, 127};
  static constexpr std::array<uint8_t, 16> kV6 = {0, 0, 0, 0, 0, 0, 0, 0,
                                                  0, 0, 0, 0, 0, 0, 0, 1};
  if (end.address == kV6) return true;
  if (std::equal(kV4.begin(), kV4.end(), end.address.begin())) return true;
  return owners_ != nullptr && owners_->IsLocal(end.address);
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
      who.system = true;
      who.group = rules_.device_group;
      return who;
    }
    who.login = account->login;
    who.group = SchoolGroup(account->groups);
  }
  if (rules_.judged_as_device.contains(who.group)) {
    who.judged_as = rules_.device_group;
  }
  if (who.login.empty()) return who;
  if (!rules_.until_notice_accepted.empty() && owes_notice_ &&
      owes_notice_(uid)) {
    who.judged_as = rules_.until_notice_accepted;
    who.login.clear();
    return who;
  }
  if (rules_.shared_logins.contains(who.login)) {
    who.confidence = v1::CONFIDENCE_SHARED;
    who.login.clear();
  } else if (rules_.nameless_groups.contains(who.group)) {
    who.confidence = v1::CONFIDENCE_SHARED;
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
