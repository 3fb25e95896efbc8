// What is kept about the reader themselves, as `schoolgate record` shows it on
// the device: contacts and reports, never an alert. Whether there is one is not
// to be found out here.
#include "collector/cases/alert_json.h"
#include "collector/policy/retention.h"
#include "collector/web/api.h"
#include "rules/decide.h"

namespace schoolgate::collector {
namespace {

using nlohmann::json;

constexpr size_t kMostLines = 500;

// Null for what is not about what a person did or said.
json LineOf(const StoredEvent& stored) {
  const v1::Event& event = stored.event;
  json line = {{"time", TimeWord(absl::ToUnixMicros(stored.happened))},
               {"device", stored.device}};
  if (event.has_contact()) {
    const v1::Contact& contact = event.contact();
    line["what"] = "contact";
    line["host"] = contact.locked() ? "(sealed)" : contact.host();
    line["categories"] = std::vector<std::string>(contact.categories().begin(),
                                                  contact.categories().end());
    line["action"] = std::string(
        rules::ActionName(static_cast<rules::Action>(contact.action())));
    line["clause"] = contact.clause();
  } else if (event.has_self_report()) {
    line["what"] = "report";
    line["host"] = event.self_report().host();
    line["words"] = event.self_report().words();
  } else if (event.has_notice_accepted()) {
    line["what"] = "notice";
    line["words"] = event.notice_accepted().notice_version();
  } else {
    return nullptr;
  }
  return line;
}

}  // namespace

Response Api::ShowOwnRecord(const Caller& caller) {
  const std::string& own = caller.account.own_pseudonym;
  if (auto failed = Record(caller.account.name, "view_own_record", "", "")) {
    return *failed;
  }
  json lines = json::array();
  if (!own.empty() && stores_.events != nullptr) {
    EventQuery query;
    query.school = caller.account.school;
    query.subject = own;
    query.limit = kMostLines;
    const auto found = stores_.events->Find(query);
    if (!found.ok()) {
      return Refusal(503, "no_record", "This cannot be read at the moment.");
    }
    for (const StoredEvent& stored : *found) {
      if (json line = LineOf(stored); !line.is_null()) {
        lines.push_back(std::move(line));
      }
    }
  }
  const Policy policy = PolicyOf(stores_.policies, caller.account.school);
  const absl::Duration day = absl::Hours(24);
  const Retention keep = RetentionBy(
      policy.get(), {day * facts_.keep_event_days, day * facts_.keep_event_days,
                     day * facts_.keep_case_days});
  // Not their alias: whoever knows it finds themselves in what others see.
  return JsonAnswer({{"lines", std::move(lines)},
                     {"keep_days", absl::ToInt64Hours(keep.contacts) / 24}});
}

}  // namespace schoolgate::collector
