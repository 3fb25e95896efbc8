#include "collector/detect/account_watch.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "collector/detect/use.h"

namespace schoolgate::collector {
namespace {

constexpr absl::Duration kOneSitting = absl::Hours(1);
constexpr size_t kMostLines = 50;
constexpr auto kPupils =
    std::to_array<std::string_view>({"pupils", "ks1", "ks2"});
constexpr auto kStaffs = std::to_array<std::string_view>(
    {"staff", "governor", "volunteer", "contractor"});

}  // namespace

void AccountWatch::Add(const StoredEvent& event) {
  const v1::Person& person = event.event.person();
  if (person.confidence() != v1::CONFIDENCE_CERTAIN ||
      person.pseudonym().empty()) {
    return;
  }
  const bool seen = event.event.has_person_seen();
  if (!seen && !IsUse(event.event)) return;
  const AccountId account(event.school, person.pseudonym());
  std::map<AccountId, std::set<Use>>& accounts = seen ? seen_ : accounts_;
  if (accounts.size() >= kMostAccounts && !accounts.contains(account)) {
    ++refused_;
    return;
  }
  std::set<Use>& uses = accounts[account];
  if (!uses.insert({event.happened, event.device, event.epoch,
                    event.event.sequence(), person.group()})
           .second) {
    return;
  }
  if (uses.size() > kMostUses) uses.erase(uses.begin());
  if (!seen) touched_.insert(account);
  unplaced_.insert(account);
}

bool AccountWatch::IsLike(const std::string& school, const std::string& group,
                          std::span<const std::string_view> kinds) const {
  const Policy policy = PolicyOf(policies_, school);
  const std::vector<std::string> groups = policy == nullptr
                                              ? std::vector<std::string>{group}
                                              : GroupAndParents(*policy, group);
  return std::any_of(groups.begin(), groups.end(), [&](const auto& one) {
    return std::find(kinds.begin(), kinds.end(), one) != kinds.end();
  });
}

bool AccountWatch::IsPupils(const std::string& school,
                            const std::string& group) const {
  return IsLike(school, group, kPupils);
}

bool AccountWatch::IsStaffs(const std::string& school,
                            const std::string& group) const {
  return IsLike(school, group, kStaffs);
}

// The last run of turns that is long enough; empty: there is none.
AccountWatch::Uses AccountWatch::Shared(const std::set<Use>& all) {
  Uses best, run;
  int turns = 0;
  const auto close = [&] {
    if (turns >= kTurns && run.back()->time - run.front()->time >= kSharedFor) {
      best = run;
    }
    run.clear();
    turns = 0;
  };
  for (const Use& use : all) {
    if (!run.empty() && use.time - run.back()->time > kTurn) close();
    if (!run.empty() && use.device != run.back()->device) ++turns;
    run.push_back(&use);
  }
  if (!run.empty()) close();
  return best;
}

// The last sitting at the device that lasted so long.
AccountWatch::Uses AccountWatch::Long(const std::set<Use>& all,
                                      const std::string& device,
                                      absl::Duration at_least) {
  Uses best, sitting;
  const auto close = [&] {
    if (!sitting.empty() &&
        sitting.back()->time - sitting.front()->time >= at_least) {
      best = sitting;
    }
    sitting.clear();
  };
  for (const Use& use : all) {
    if (use.device != device) continue;
    if (!sitting.empty() && use.time - sitting.back()->time > kOneSitting) {
      close();
    }
    sitting.push_back(&use);
  }
  close();
  return best;
}

Finding AccountWatch::About(const AccountId& account, const char* rule,
                            const Uses& uses) const {
  Finding finding;
  finding.school = account.first;
  finding.rule = rule;
  finding.severity = v1::SEVERITY_ROUTINE;
  finding.subject = account.second;
  finding.subject_is_person = true;
  finding.group = uses.back()->group;
  finding.device = uses.back()->device;
  finding.first = uses.front()->time;
  finding.last = uses.back()->time;
  finding.count = static_cast<uint32_t>(uses.size());
  finding.enforced = false;
  std::set<std::string> devices;
  for (const Use* use : uses) devices.insert(use->device);
  finding.devices = static_cast<uint32_t>(devices.size());
  const size_t first = uses.size() > kMostLines ? uses.size() - kMostLines : 0;
  for (size_t i = first; i < uses.size(); ++i) {
    v1::AlertEvidence& line = finding.evidence.emplace_back();
    line.set_time_unix_us(absl::ToUnixMicros(uses[i]->time));
    line.set_sentence(absl::StrCat("Account ", account.second, " was used."));
    line.set_device(uses[i]->device);
    line.set_epoch(uses[i]->epoch);
    line.set_sequence(uses[i]->sequence);
    line.set_count(1);
  }
  finding.key =
      absl::StrCat(account.first, "|", account.second, "|", finding.rule);
  return finding;
}

void AccountWatch::TellIfNew(const AccountId& account, Finding finding,
                             std::vector<Finding>& out) {
  const std::string words =
      absl::StrCat(absl::ToUnixMicros(finding.first), "/", finding.count);
  if (std::exchange(told_[account][finding.key], words) != words) {
    out.push_back(std::move(finding));
  }
}

std::vector<Finding> AccountWatch::Settle() {
  std::vector<Finding> out;
  for (const AccountId& account : touched_) {
    const std::set<Use>& all = accounts_[account];
    // Staff have a laptop of their own and a computer in the classroom.
    if (all.empty() || !IsPupils(account.first, all.rbegin()->group)) continue;
    const Uses uses = Shared(all);
    if (!uses.empty())
      TellIfNew(account, About(account, "shared_account", uses), out);
  }
  touched_.clear();
  return out;
}

void AccountWatch::OnTick(std::span<const Device> devices,
                          std::vector<Finding>& out) {
  if (unplaced_.empty()) return;
  DevicesById by_id;
  for (const Device& device : devices) by_id.emplace(device.id, &device);
  for (const AccountId& account : unplaced_) {
    OnPlaces(account, by_id, out);
    OnOthers(account, by_id, out);
  }
  unplaced_.clear();
}

// Devices that are not for the account's group.
void AccountWatch::OnPlaces(const AccountId& account,
                            const DevicesById& devices,
                            std::vector<Finding>& out) {
  const auto all = accounts_.find(account);
  if (all == accounts_.end()) return;
  std::map<std::string, std::string> used;  // device: group of the person
  for (const Use& use : all->second) used[use.device] = use.group;
  for (const auto& [id, group] : used) {
    const auto device = devices.find(id);
    if (device == devices.end()) continue;
    const std::string& place = device->second->group;
    const bool pupil = IsPupils(account.first, group);
    const bool pupil_there = pupil && IsStaffs(account.first, place);
    const bool staff_there = !pupil && IsStaffs(account.first, group) &&
                             IsPupils(account.first, place);
    if (!pupil_there && !staff_there) continue;
    const Uses uses =
        Long(all->second, id, pupil_there ? kPupilOnStaffs : kStaffOnPupils);
    if (uses.empty()) continue;
    Finding finding =
        About(account, pupil_there ? "other_account" : "staff_account", uses);
    absl::StrAppend(&finding.key, "|", id);
    if (pupil_there) {
      finding.severity = v1::SEVERITY_RULE_BREAK;
    } else {
      // Who it was is the question: the account's owner may be the victim.
      finding.detail = account.second;
      finding.subject = id;
      finding.subject_is_person = false;
      finding.group = place;
    }
    TellIfNew(account, std::move(finding), out);
  }
}

// Devices that the school gave to somebody else. One log-in is enough: whose
// laptop it is asks only whether that was meant to be.
void AccountWatch::OnOthers(const AccountId& account,
                            const DevicesById& devices,
                            std::vector<Finding>& out) {
  if (owners_ == nullptr) return;
  const auto owners = owners_->Of(account.first);
  std::set<std::string> used;
  for (const auto* accounts : {&accounts_, &seen_}) {
    const auto all = accounts->find(account);
    if (all == accounts->end()) continue;
    for (const Use& use : all->second) used.insert(use.device);
  }
  for (const std::string& id : used) {
    const auto device = devices.find(id);
    if (device == devices.end() ||
        owners->Fits(*device->second, account.second)) {
      continue;
    }
    // Told more seriously, and of the pupil.
    const std::string key = absl::StrCat(account.first, "|", account.second);
    if (told_[account].contains(absl::StrCat(key, "|other_account|", id))) {
      continue;
    }
    Finding finding =
        About(account, "not_assigned", LastSitting(UsesOn(account, id)));
    absl::StrAppend(&finding.key, "|", id);
    finding.detail = account.second;
    finding.subject = id;
    finding.subject_is_person = false;
    finding.group = device->second->group;
    TellIfNew(account, std::move(finding), out);
  }
}

AccountWatch::Uses AccountWatch::UsesOn(const AccountId& account,
                                        const std::string& device) const {
  Uses uses;
  for (const auto* accounts : {&accounts_, &seen_}) {
    const auto all = accounts->find(account);
    if (all == accounts->end()) continue;
    for (const Use& use : all->second) {
      if (use.device == device) uses.push_back(&use);
    }
  }
  std::sort(uses.begin(), uses.end(),
            [](const Use* a, const Use* b) { return *a < *b; });
  return uses;
}

AccountWatch::Uses AccountWatch::LastSitting(const Uses& all) {
  size_t first = all.size() - 1;
  while (first > 0 && all[first]->time - all[first - 1]->time <= kOneSitting) {
    --first;
  }
  return Uses(all.begin() + static_cast<int64_t>(first), all.end());
}

void AccountWatch::Forget(absl::Time before) {
  const auto forget_in = [before](std::map<AccountId, std::set<Use>>& all) {
    for (auto& [account, uses] : all) {
      while (!uses.empty() && uses.begin()->time < before) {
        uses.erase(uses.begin());
      }
    }
  };
  forget_in(accounts_);
  forget_in(seen_);
  const auto is_empty = [](const auto& entry) { return entry.second.empty(); };
  std::erase_if(accounts_, is_empty);
  std::erase_if(seen_, is_empty);
  const auto is_gone = [this](const AccountId& account) {
    return !accounts_.contains(account) && !seen_.contains(account);
  };
  std::erase_if(told_, [&](const auto& entry) { return is_gone(entry.first); });
  std::erase_if(touched_, is_gone);
  std::erase_if(unplaced_, is_gone);
}

}  // namespace schoolgate::collector
