#include "collector/detect/transfer.h"

#include "absl/strings/str_cat.h"
#include "collector/policy/thresholds.h"

namespace schoolgate::collector {

std::optional<Finding> TransferOf(const StoredEvent& event,
                                  const SchoolPolicies* policies) {
  if (!event.event.has_episode() ||
      event.event.episode().category() != kBulkTransfer) {
    return std::nullopt;
  }
  const v1::Episode& episode = event.event.episode();
  const v1::Person& person = event.event.person();
  Finding finding;
  finding.school = event.school;
  finding.rule = "bulk_transfer";
  finding.category = kBulkTransfer;
  finding.severity = v1::SEVERITY_ROUTINE;
  finding.subject_is_person = !person.pseudonym().empty();
  finding.subject =
      finding.subject_is_person ? person.pseudonym() : event.device;
  finding.group = person.group();
  finding.device = event.device;
  finding.first = finding.last = event.happened;
  finding.count = 1;
  finding.enforced = false;
  finding.bytes = episode.sent_bytes() + episode.received_bytes();
  finding.threshold = "large transfers";
  if (const Policy policy = PolicyOf(policies, event.school)) {
    if (const auto limit = TransferFor(*policy, kBulkTransfer)) {
      finding.threshold = InWords(*limit);
    }
  }
  v1::AlertEvidence& line = finding.evidence.emplace_back();
  line.set_time_unix_us(absl::ToUnixMicros(event.happened));
  line.set_sentence(absl::StrCat("Sent ", episode.sent_bytes() / 1'000'000,
                                 " MB and received ",
                                 episode.received_bytes() / 1'000'000,
                                 " MB; where to and from was not recorded."));
  line.set_device(event.device);
  line.set_sequence(event.event.sequence());
  line.set_epoch(event.epoch);
  line.set_count(1);
  finding.key = absl::StrCat(event.school, "|", finding.subject, "|",
                             kBulkTransfer, "|bulk");
  return finding;
}

}  // namespace schoolgate::collector
