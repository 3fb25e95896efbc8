// Other devices at the hosts of an alert and at its time: how many, and the
// alerts about them that the reader may see.
#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "collector/cases/alert_json.h"
#include "collector/cases/related.h"
#include "collector/detect/tier.h"
#include "collector/web/api.h"

namespace schoolgate::collector {
namespace {

using nlohmann::json;

constexpr size_t kMostEvents = 5000;  // a time
constexpr size_t kMostAlerts = 300;
constexpr size_t kMostShown = 20;
// An alert may be raised this long after what it is about: offline devices.
constexpr absl::Duration kRaisedAfter = absl::Hours(24 * 7);

// What an alert about this event would be: whoever may not see that is not
// told of the event either, not even in a count.
v1::Alert AsAlert(const StoredEvent& event, const v1::Alert& like) {
  v1::Alert alert;
  alert.set_school(event.school);
  alert.set_rule("repeated_contacts");
  alert.set_severity(SeverityOf(TierOf(like.category())));
  alert.set_category(like.category());
  const v1::Person& person = event.event.person();
  alert.set_subject(person.pseudonym().empty() ? event.device
                                               : person.pseudonym());
  alert.set_group(person.group());
  return alert;
}

json HostsJson(const std::map<std::string, SameHost>& hosts) {
  json all = json::array();
  for (const auto& [host, one] : hosts) {
    if (all.size() == kMostShown) break;
    all.push_back({{"host", host},
                   {"devices", one.devices.size()},
                   {"first", TimeWord(absl::ToUnixMicros(one.first))},
                   {"last", TimeWord(absl::ToUnixMicros(one.last))}});
  }
  return all;
}

}  // namespace

json Api::RelatedAlerts(const v1::Alert& alert, const Caller& caller) {
  AlertQuery query;
  query.school = alert.school();
  query.raised_from = absl::FromUnixMicros(alert.first_unix_us()) - kSameTime;
  query.raised_to = absl::FromUnixMicros(alert.last_unix_us()) + kRaisedAfter;
  query.limit = kMostAlerts;
  json all = json::array();
  const auto found = stores_.alerts.Find(query);
  if (!found.ok()) return all;
  const Readers everybody = Everybody();
  for (const v1::Alert& other : *found) {
    const std::vector<std::string> hosts = SharedHosts(alert, other);
    if (hosts.empty() || all.size() == kMostShown ||
        SightOf(caller.account, other, everybody) != Sight::kFull) {
      continue;
    }
    json one = AlertJson(other, Sight::kFull, false,
                         [this](const auto& n) { return NameOf(n); });
    one["hosts"] = hosts;
    all.push_back(std::move(one));
  }
  return all;
}

Response Api::ShowRelated(uint64_t id, const Caller& caller) {
  Response refusal;
  const std::optional<v1::Alert> alert = SeenBy(id, caller, &refusal);
  if (!alert) return refusal;
  const Readers everybody = Everybody();
  if (SightOf(caller.account, *alert, everybody) != Sight::kFull) {
    return Refusal(403, "not_allowed", "This is not for your role.");
  }
  if (auto failed =
          Record(caller.account.name, "view_related", absl::StrCat(id), "")) {
    return *failed;
  }
  SightOfMany sight(caller.account, everybody);
  std::vector<StoredEvent> events;
  bool more = false;
  for (const TimeSpan& time : TimesOf(*alert)) {
    if (stores_.events == nullptr) break;
    EventQuery query;
    query.school = alert->school();
    query.from = time.from;
    query.to = time.to;
    query.limit = kMostEvents;
    auto found = stores_.events->Find(query);
    if (!found.ok()) {
      return Refusal(503, "no_events", "This cannot be read at the moment.");
    }
    more |= found->size() >= kMostEvents;
    std::move(found->begin(), found->end(), std::back_inserter(events));
  }
  std::erase_if(events, [&](const StoredEvent& event) {
    return sight(AsAlert(event, *alert)) != Sight::kFull;
  });
  return JsonAnswer({{"minutes", absl::ToInt64Minutes(kSameTime)},
                     {"hosts", HostsJson(OthersAt(*alert, events))},
                     {"alerts", RelatedAlerts(*alert, caller)},
                     {"more", more}});
}

}  // namespace schoolgate::collector
