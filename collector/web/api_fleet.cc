// Devices, who looked at what, and the notice.
#include <algorithm>
#include <charconv>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "collector/cases/alert_json.h"
#include "collector/web/api.h"
#include "collector/web/device_json.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kDevicePage = 100;
constexpr size_t kAuditPage = 200;
constexpr size_t kAuditScanned = 2000;  // entries looked at for one page

bool IsNumber(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c >= '0' && c <= '9';
  });
}

// What is kept about a person: asked for, agreed to, read, saved, ended.
bool IsOfARecord(const std::string& action) {
  return absl::EndsWith(action, "_record") || action == "agree_record_refused";
}

// What one reader may see of the audit log. Lines about an alert that is
// hidden from the reader are hidden with it, and lines about an alert that
// does not exist as well: their absence must not tell the two apart.
class AuditSight {
 public:
  AuditSight(const Account& reader, Readers everybody, Stores& stores)
      : reader_(reader), everybody_(std::move(everybody)), stores_(stores) {}

  bool Shows(const AuditEntry& entry) {
    if (!reader_.own_pseudonym.empty() &&
        (absl::StrContains(entry.about, reader_.own_pseudonym) ||
         absl::StrContains(entry.detail, reader_.own_pseudonym))) {
      return false;
    }
    if (IsNumber(entry.about)) return ShowsAlert(entry.about);
    if (absl::StartsWith(entry.about, "D-")) {
      return SchoolOfDevice(entry.about) == reader_.school;
    }
    const std::string school = SchoolOfAccount(entry.who);
    return school.empty() || school == reader_.school;
  }

 private:
  bool ShowsAlert(const std::string& about) {
    auto known = alerts_.find(about);
    if (known != alerts_.end()) return known->second;
    uint64_t id = 0;
    std::from_chars(about.data(), about.data() + about.size(), id);
    absl::StatusOr<v1::Alert> alert = stores_.alerts.Get(id);
    const bool shows = alert.ok() && MayOversee(reader_, *alert, everybody_);
    return alerts_[about] = shows;
  }

  std::string SchoolOfDevice(const std::string& id) {
    auto known = devices_.find(id);
    if (known != devices_.end()) return known->second;
    absl::StatusOr<Device> device = stores_.devices.Get(id);
    return devices_[id] = device.ok() ? device->school : "";
  }

  std::string SchoolOfAccount(const std::string& name) {
    auto known = accounts_.find(name);
    if (known != accounts_.end()) return known->second;
    absl::StatusOr<Account> account = stores_.accounts.Get(name);
    return accounts_[name] = account.ok() ? account->school : "";
  }

  const Account& reader_;
  const Readers everybody_;
  Stores& stores_;
  std::map<std::string, bool> alerts_;
  std::map<std::string, std::string> devices_, accounts_;
};

}  // namespace

// That it is somebody's own, and never whose: who knows whose laptop it is
// would learn who stands behind an alias.
const Owned* Api::OwnerOf(const Device& device,
                          std::map<std::string, SchoolOwners>* known) {
  if (stores_.agreements == nullptr) return nullptr;
  auto [school, fresh] = known->try_emplace(device.school);
  if (fresh) {
    auto read = OwnersOf(*stores_.agreements, device.school);
    if (read.ok()) school->second = *std::move(read);
  }
  return school->second.Of(device);
}

// A page of them, those in trouble first; `find` is a part of a name.
Response Api::ListDevices(const Request& request, const Caller& caller) {
  absl::StatusOr<std::vector<Device>> devices =
      stores_.devices.All(caller.account.school);
  if (!devices.ok()) {
    return Refusal(503, "no_devices",
                   "The devices cannot be read at the moment.");
  }
  if (auto failed = Record(caller.account.name, "view_devices", "", "")) {
    return *failed;
  }
  const DeviceList list = ListOf(*devices, request.Query("find"), clock_.Now());
  size_t first = 0;
  const std::string from = request.Query("from");
  std::from_chars(from.data(), from.data() + from.size(), first);
  first = std::min(first, list.found.size());
  const size_t end = std::min(first + kDevicePage, list.found.size());
  std::map<std::string, SchoolOwners> owners;
  nlohmann::json page = nlohmann::json::array();
  for (size_t i = first; i < end; ++i) {
    const JudgedDevice& one = list.found[i];
    page.push_back(DeviceJson(one));
    const Policy policy = PolicyOf(stores_.policies, one.device->school);
    const std::string title = GroupTitle(policy.get(), one.device->group);
    if (title != one.device->group) page.back()["group_title"] = title;
    if (const Owned* owned = OwnerOf(*one.device, &owners)) {
      page.back()["given"] = {
          {"people", owned->aliases.size()},
          {"since", TimeWord(absl::ToUnixMicros(owned->since))}};
    }
  }
  return JsonAnswer({{"devices", std::move(page)},
                     {"from", first},
                     {"found", list.found.size()},
                     {"page", kDevicePage},
                     {"counts", list.counts}});
}

uint64_t Api::LastAuditNumber() {
  const absl::StatusOr<AuditHead> head = stores_.audit.Head();
  return head.ok() ? head->number : 0;
}

Response Api::ShowAudit(const Request& request, const Caller& caller) {
  {
    const std::lock_guard lock(names_mutex_);
    if (auto failed = RecordExpiredNames()) return *failed;
  }
  if (auto failed = Record(caller.account.name, "view_audit", "", "")) {
    return *failed;
  }
  uint64_t before = 0;
  const std::string word = request.Query("before");
  std::from_chars(word.data(), word.data() + word.size(), before);
  const uint64_t last = LastAuditNumber();
  if (before == 0 || before > last + 1) before = last + 1;
  const uint64_t first = before > kAuditScanned ? before - kAuditScanned : 1;
  auto entries = stores_.audit.Read(first - 1, before - first);
  if (!entries.ok()) {
    return Refusal(503, "no_audit", "The record cannot be read at the moment.");
  }
  const bool governor = caller.account.role == Role::kGovernor;
  AuditSight sight(caller.account, Everybody(), stores_);
  std::map<std::string, std::string> names;
  nlohmann::json list = nlohmann::json::array();
  uint64_t next = first;
  for (auto i = entries->rbegin(); i != entries->rend(); ++i) {
    if (list.size() == kAuditPage) {
      next = i->number + 1;
      break;
    }
    if (!sight.Shows(*i)) continue;
    auto [name, unknown] = names.try_emplace(i->who);
    if (unknown) name->second = NameOf(i->who);
    nlohmann::json one = {{"time", TimeWord(absl::ToUnixMicros(i->time))},
                          {"who", name->second},
                          {"action", i->action},
                          {"about_alert", IsNumber(i->about) ? i->about : ""}};
    // Governors read without anything that could point at a person.
    // Nor does anybody read whose record was asked for: who typed the log-in
    // name would learn its alias alone, and find it again in alerts.
    if (!governor && !IsNumber(i->about) && !IsOfARecord(i->action)) {
      one["about"] = i->about;
    }
    // Why a name was to be opened or a case kept is part of the record.
    if (!governor && (i->action == "ask_name" || i->action == "hold" ||
                      i->action == "lift_hold" || i->action == "ask_record" ||
                      i->action == "remove_attachment")) {
      one["detail"] = i->detail;
    }
    list.push_back(std::move(one));
  }
  nlohmann::json answer = {{"entries", std::move(list)},
                           {"before", next > 1 ? next : 0}};
  if (word.empty()) {
    const AuditCheck::Verdict verdict = audit_check_.Look(last, clock_.Now());
    answer["whole"] = nullptr;
    if (verdict.whole) {
      answer["whole"] = *verdict.whole;
      answer["checked"] = TimeWord(absl::ToUnixMicros(verdict.checked));
    }
  }
  return JsonAnswer(answer);
}

Response Api::ShowNotice() {
  return JsonAnswer({{"school_name", facts_.school_name},
                     {"contact", facts_.contact},
                     {"keep_event_days", facts_.keep_event_days},
                     {"keep_case_days", facts_.keep_case_days}});
}

}  // namespace schoolgate::collector
