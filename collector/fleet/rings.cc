#include "collector/fleet/rings.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "collector/fleet/journal.h"

namespace schoolgate::collector {
namespace {

constexpr char kSystem[] = "system";

absl::Status NothingOnItsWay(const std::string& school) {
  return absl::NotFoundError(absl::StrCat(
      school.empty() ? "all schools" : school,
      ": no release is on its way in rings: publish one with --rings"));
}

}  // namespace

absl::StatusOr<std::vector<Device>> Rings::DevicesOf(
    const std::string& school) {
  absl::StatusOr<std::vector<Device>> devices = devices_.All(school);
  if (!devices.ok() || !school.empty()) return devices;
  // A release for all leaves out schools that have their own rules.
  const std::vector<std::string> own = shelf_.Schools();
  std::erase_if(*devices, [&](const Device& device) {
    return std::find(own.begin(), own.end(), device.school) != own.end();
  });
  return devices;
}

absl::Status Rings::Note(const std::string& who, const std::string& action,
                         const std::string& school, const std::string& detail,
                         absl::Time now) {
  Log(Level::kNotice, action,
      {{"school", school.empty() ? "all" : school}, {"what", detail}});
  return audit_.Append({.time = now,
                        .who = who,
                        .action = action,
                        .about = school.empty() ? "all" : school,
                        .detail = detail,
                        .hash = ""});
}

void Rings::Turn(absl::Time now) {
  for (const std::string& school : shelf_.Schools()) {
    const std::optional<Rollout> rollout = shelf_.RolloutOf(school);
    if (!rollout || rollout->paused || rollout->ring == Ring::kAll) continue;
    const auto devices = DevicesOf(school);
    if (!devices.ok()) continue;
    std::string why;
    absl::Status status;
    switch (NextStep(*rollout, ReportOn(*rollout, *devices), now, &why)) {
      case Step::kWait:
        break;
      case Step::kGoOn:
        status = Advance(*rollout, school, kSystem, now);
        break;
      case Step::kHalt:
        status = RollBack(school, kSystem, why, now);
        if (absl::IsFailedPrecondition(status)) status = absl::OkStatus();
        break;
    }
    if (!status.ok()) {
      Log(Level::kError, "rings_failed",
          {{"school", school}, {"why", std::string(status.message())}});
    }
  }
}

absl::Status Rings::Advance(Rollout rollout, const std::string& school,
                            const std::string& who, absl::Time now) {
  rollout.ring = static_cast<Ring>(static_cast<int>(rollout.ring) + 1);
  rollout.since = now;
  rollout.paused = false;
  rollout.why.clear();
  absl::Status status = shelf_.SaveRollout(rollout, school);
  if (status.ok() && rollout.ring == Ring::kAll) {
    status = shelf_.MakeCurrent(rollout.bundle, school);
  }
  if (!status.ok()) return status;
  return Note(who, "rules_ring", school,
              absl::StrCat("version ", rollout.bundle.version, " goes to ",
                           RingName(rollout.ring)),
              now);
}

absl::Status Rings::Pause(const std::string& school, const std::string& who,
                          const std::string& why, absl::Time now) {
  std::optional<Rollout> rollout = shelf_.RolloutOf(school);
  if (!rollout || rollout->ring == Ring::kAll) return NothingOnItsWay(school);
  rollout->paused = true;
  rollout->why = why;
  const absl::Status status = shelf_.SaveRollout(*rollout, school);
  if (!status.ok()) return status;
  return Note(who, "rules_pause", school,
              absl::StrCat("version ", rollout->bundle.version, ": ", why),
              now);
}

absl::Status Rings::GoOn(const std::string& school, const std::string& who,
                         absl::Time now) {
  std::optional<Rollout> rollout = shelf_.RolloutOf(school);
  if (!rollout || rollout->ring == Ring::kAll) return NothingOnItsWay(school);
  if (!rollout->paused) return Advance(*rollout, school, who, now);
  rollout->paused = false;
  rollout->why.clear();
  rollout->since = now;
  const absl::Status status = shelf_.SaveRollout(*rollout, school);
  if (!status.ok()) return status;
  return Note(who, "rules_go_on", school,
              absl::StrCat("version ", rollout->bundle.version, " in ring ",
                           RingName(rollout->ring)),
              now);
}

absl::Status Rings::RollBack(const std::string& school, const std::string& who,
                             const std::string& why, absl::Time now) {
  const std::optional<Rollout> rollout = shelf_.RolloutOf(school);
  if (!rollout) return NothingOnItsWay(school);
  if (rollout->fallback.version == 0) {
    absl::Status status = absl::OkStatus();
    if (rollout->ring != Ring::kAll) status = Pause(school, who, why, now);
    if (!status.ok()) return status;
    return absl::FailedPreconditionError(absl::StrCat(
        "version ", rollout->bundle.version,
        ": halted; devices only go forward, and no fallback was published "
        "with it: build the old content as version ",
        rollout->bundle.version + 1, ", sign and publish it"));
  }
  Rollout over = *rollout;
  over.paused = true;
  over.why = absl::StrCat("rolled back: ", why);
  absl::Status status = shelf_.SaveRollout(over, school);
  if (status.ok()) status = shelf_.MakeCurrent(over.fallback, school);
  if (!status.ok()) return status;
  return Note(who, "rules_roll_back", school,
              absl::StrCat("version ", over.bundle.version, " -> ",
                           over.fallback.version, ": ", why),
              now);
}

}  // namespace schoolgate::collector
