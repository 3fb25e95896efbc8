// A class at work: what it was refused in the last minutes, and what people in
// it reported. Of the class, never of anybody in it: hosts and counts.
#include <algorithm>
#include <map>
#include <set>

#include "collector/cases/alert_json.h"
#include "collector/detect/tier.h"
#include "collector/web/api.h"

namespace schoolgate::collector {
namespace {

using nlohmann::json;

constexpr absl::Duration kNow = absl::Minutes(15);
constexpr size_t kMostEvents = 5000;
constexpr size_t kMostHosts = 50;
constexpr size_t kMostReports = 50;
constexpr size_t kGroupLimit = 64;

struct Refused {
  std::string host, category;
  uint64_t times = 0;
  std::set<std::string> devices;
  absl::Time last;
};

const char* ReportWord(v1::SelfReport::Kind kind) {
  switch (kind) {
    case v1::SelfReport::KIND_ACCIDENT:
      return "accident";
    case v1::SelfReport::KIND_SHOULD_OPEN:
      return "should_open";
    case v1::SelfReport::KIND_FILTER_MISSED:
      return "filter_missed";
    default:
      return "other";
  }
}

// What may stand on a screen in front of a class: nothing of the locked lists,
// and nothing that would show who needs help.
bool MayStandHere(const v1::Contact& contact) {
  if (contact.locked()) return false;
  for (const std::string& category : contact.categories()) {
    if (IsWelfare(category)) return false;
  }
  return true;
}

// Those of most devices first.
json InOrder(const std::map<std::string, Refused>& hosts) {
  std::vector<const Refused*> sorted;
  for (const auto& [host, one] : hosts) sorted.push_back(&one);
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Refused* a, const Refused* b) {
                     return a->devices.size() > b->devices.size();
                   });
  if (sorted.size() > kMostHosts) sorted.resize(kMostHosts);
  json refused = json::array();
  for (const Refused* one : sorted) {
    refused.push_back({{"host", one->host},
                       {"category", one->category},
                       {"times", one->times},
                       {"devices", one->devices.size()},
                       {"last", TimeWord(absl::ToUnixMicros(one->last))}});
  }
  return refused;
}

}  // namespace

Response Api::ShowClass(const Request& request, const Caller& caller) {
  const std::string group = request.Query("group").substr(0, kGroupLimit);
  if (group.empty()) return Refusal(400, "incomplete", "Choose a group.");
  if (stores_.events == nullptr) {
    return Refusal(503, "no_events", "This cannot be read at the moment.");
  }
  // A page that stays open asks again and again; its opening is on record.
  if (request.Header("x-background") != "1") {
    if (auto failed = Record(caller.account.name, "view_class", "", group)) {
      return *failed;
    }
  }
  EventQuery query;
  query.school = caller.account.school;
  query.from = clock_.Now() - kNow;
  query.limit = kMostEvents;
  const auto found = stores_.events->Find(query);
  if (!found.ok()) {
    return Refusal(503, "no_events", "This cannot be read at the moment.");
  }
  std::map<std::string, Refused> hosts;
  std::set<std::string> devices;
  json reports = json::array();
  uint64_t elsewhere = 0;
  for (const StoredEvent& stored : *found) {
    const v1::Event& event = stored.event;
    if (event.person().group() != group) continue;
    devices.insert(stored.device);
    if (event.has_self_report() && reports.size() < kMostReports) {
      reports.push_back(
          {{"time", TimeWord(absl::ToUnixMicros(stored.happened))},
           {"what", ReportWord(event.self_report().kind())},
           {"host", event.self_report().host()}});
    }
    if (!event.has_contact() || event.contact().action() != v1::ACTION_BLOCK) {
      continue;
    }
    if (!MayStandHere(event.contact())) {
      ++elsewhere;
      continue;
    }
    const v1::Contact& contact = event.contact();
    Refused& one = hosts[contact.host()];
    one.host = contact.host();
    if (contact.categories_size() > 0) one.category = contact.categories(0);
    one.times += std::max<uint64_t>(1, contact.count());
    one.devices.insert(stored.device);
    one.last = std::max(one.last, stored.happened);
  }
  return JsonAnswer({{"group", group},
                     {"minutes", absl::ToInt64Minutes(kNow)},
                     {"devices", devices.size()},
                     {"refused", InOrder(hosts)},
                     {"reports", std::move(reports)},
                     {"elsewhere", elsewhere},
                     {"more", found->size() >= kMostEvents}});
}

}  // namespace schoolgate::collector
