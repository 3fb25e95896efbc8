// Rules on their way to devices, for the IT provider: how far a release is,
// and pausing it, going on, going back.
#include "absl/strings/str_cat.h"
#include "collector/fleet/rings.h"
#include "collector/fleet/rules_report.h"
#include "collector/web/api.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kWhyLimit = 300;

Response CannotRead() {
  return Refusal(503, "no_rules", "The rules cannot be read at the moment.");
}

}  // namespace

Response Api::ListRules(const Caller& caller) {
  if (stores_.bundles == nullptr || stores_.papers == nullptr) {
    return JsonAnswer({{"rules", nlohmann::json::array()}});
  }
  if (auto failed = Record(caller.account.name, "view_rules", "", "")) {
    return *failed;
  }
  Rings rings(*stores_.bundles, stores_.devices, stores_.audit);
  nlohmann::json list = nlohmann::json::array();
  for (const std::string& school : stores_.bundles->Schools()) {
    // What is for all concerns everybody; another school's does not.
    if (!caller.account.school.empty() && !school.empty() &&
        school != caller.account.school) {
      continue;
    }
    const auto devices = rings.DevicesOf(school);
    if (!devices.ok()) return CannotRead();
    list.push_back(RulesJson(ReportRules(
        school, *stores_.bundles, *stores_.papers, *devices, clock_.Now())));
  }
  return JsonAnswer({{"rules", std::move(list)}});
}

Response Api::ChangeRules(const Request& request, const Caller& caller) {
  if (stores_.bundles == nullptr) {
    return Refusal(409, "not_now", "No rules are published here yet.");
  }
  const nlohmann::json body = BodyObject(request);
  const std::string school = Text(body, "school", 64);
  const std::string action = Text(body, "action", 20);
  std::string why = Text(body, "why", kWhyLimit);
  if (why.empty()) why = "by hand";
  if (!caller.account.school.empty() && school != caller.account.school) {
    return Refusal(403, "not_yours",
                   "These rules are for more schools than yours. Ask whoever "
                   "looks after all of them.");
  }
  Rings rings(*stores_.bundles, stores_.devices, stores_.audit);
  const std::string& who = caller.account.name;
  const absl::Time now = clock_.Now();
  absl::Status status;
  if (action == "pause") {
    status = rings.Pause(school, who, why, now);
  } else if (action == "go_on") {
    status = rings.GoOn(school, who, now);
  } else if (action == "roll_back") {
    status = rings.RollBack(school, who, why, now);
  } else {
    return Refusal(400, "bad_action", "Pause, go on or roll back.");
  }
  if (!status.ok()) {
    return Refusal(409, "not_now", std::string(status.message()));
  }
  return ListRules(caller);
}

}  // namespace schoolgate::collector
