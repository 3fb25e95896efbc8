#include "agent/run/bundle_judge.h"

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "platform/quiet_thread.h"
#include "rules/trust/bundle_check.h"
#include "rules/vital_hosts.h"

namespace schoolgate::agent {

BundleJudge::BundleJudge(rules::Acceptance& acceptance,
                         std::shared_ptr<const rules::Ruleset> in_force,
                         std::string path, absl::Time now)
    : acceptance_(acceptance),
      in_force_(std::move(in_force)),
      path_(std::move(path)) {
  thread_ = std::thread([this, now] { Work(now); });
}

BundleJudge::~BundleJudge() {
  if (thread_.joinable()) thread_.join();
}

Judgement BundleJudge::Take() {
  thread_.join();
  return std::move(judgement_);
}

void BundleJudge::Work(absl::Time now) {
  platform::LowerThreadPriority();
  judgement_.trial = path_.ends_with(".trial");
  judgement_.trial ? OnTrial() : Enforceable(now);
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
  done_ = true;
}

// Accepted, opened, and put back when it would cut this device off from what
// repairs it.
void BundleJudge::Enforceable(absl::Time now) {
  judgement_.status = acceptance_.Consider(path_, now);
  if (!judgement_.status.ok()) return;
  const auto current = acceptance_.OpenCurrent();
  if (!current.ok()) return;
  auto opened = rules::Ruleset::Open(current->path);
  if (!opened.ok()) {
    judgement_.status = opened.status();
    return;
  }
  if (in_force_ != nullptr) {
    const std::string broken =
        rules::BrokenVitalHosts(*in_force_, **opened, now);
    if (!broken.empty()) {
      const std::string why = absl::StrCat(
          "rules ", current->version,
          ": put back, the rules before go on: ", broken,
          ": name the host in the policy if that is meant, or release "
          "the old content as a new version");
      const absl::Status put_back = acceptance_.PutBack(current->manifest_hash);
      judgement_.status = put_back.ok()
                              ? absl::Status(absl::FailedPreconditionError(why))
                              : put_back;
      return;
    }
  }
  judgement_.rules = *std::move(opened);
  judgement_.manifest_hash = current->manifest_hash;
}

// Signed as a bundle has to be, but compared with nothing: it enforces
// nothing.
void BundleJudge::OnTrial() {
  if (acceptance_.root() == nullptr) {
    judgement_.status = absl::FailedPreconditionError(
        "rules on trial: this device has no trust root yet");
    return;
  }
  const std::string kept = acceptance_.folder() + "/trial.bundle";
  std::error_code error;
  std::filesystem::rename(path_, kept, error);
  if (error) {
    judgement_.status = absl::UnavailableError(
        absl::StrCat(kept, ": cannot be kept: ", error.message()));
    return;
  }
  const auto checked = rules::CheckSigned(kept, *acceptance_.root());
  judgement_.status = checked.status();
  if (checked.ok()) judgement_.status = rules::CheckContent(*checked->file);
  if (!judgement_.status.ok()) {
    std::filesystem::remove(kept, error);
    return;
  }
  auto opened = rules::Ruleset::Open(kept);
  if (opened.ok()) judgement_.rules = *std::move(opened);
  judgement_.status = opened.status();
  // Mapped by now: nothing is left behind after the trial.
  std::filesystem::remove(kept, error);
}

}  // namespace schoolgate::agent
