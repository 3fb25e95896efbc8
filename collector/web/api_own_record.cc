// What is kept about the reader themselves, as `schoolgate record` shows it on
// the device: contacts and reports, never an alert. Whether there is one is not
// to be found out here.
#include "collector/policy/retention.h"
#include "collector/web/api.h"
#include "collector/web/record_lines.h"

namespace schoolgate::collector {

int64_t Api::KeepContactDays(const std::string& school) {
  const Policy policy = PolicyOf(stores_.policies, school);
  const absl::Duration day = absl::Hours(24);
  const Retention keep = RetentionBy(
      policy.get(), {day * facts_.keep_event_days, day * facts_.keep_event_days,
                     day * facts_.keep_case_days});
  return absl::ToInt64Hours(keep.contacts) / 24;
}

Response Api::ShowOwnRecord(const Caller& caller) {
  const std::string& own = caller.account.own_pseudonym;
  if (auto failed = Record(caller.account.name, "view_own_record", "", "")) {
    return *failed;
  }
  nlohmann::json lines = nlohmann::json::array();
  if (!own.empty() && stores_.events != nullptr) {
    const auto found =
        EventsAbout(caller.account.school, own, kRecordPageLines);
    if (!found.ok()) {
      return Refusal(503, "no_record", "This cannot be read at the moment.");
    }
    lines = RecordLines(*found);
  }
  // Not their alias: whoever knows it finds themselves in what others see.
  return JsonAnswer({{"lines", std::move(lines)},
                     {"names_opened", OwnOpenedNames(caller)},
                     {"keep_days", KeepContactDays(caller.account.school)}});
}

}  // namespace schoolgate::collector
