#include "collector/detect/request.h"

#include "absl/strings/str_cat.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kMaxWords = 500;

std::string InWords(const v1::SelfReport& report) {
  const std::string host =
      report.host().empty() ? "a host" : std::string(report.host());
  return report.kind() == v1::SelfReport::KIND_SHOULD_OPEN
             ? absl::StrCat(host, " to be opened")
             : absl::StrCat(host, " to be blocked");
}

v1::AlertEvidence LineOf(const StoredEvent& event) {
  const v1::SelfReport& report = event.event.self_report();
  v1::AlertEvidence line;
  line.set_time_unix_us(absl::ToUnixMicros(event.happened));
  line.set_sentence(absl::StrCat("asked for ", InWords(report)));
  if (!report.words().empty()) {
    absl::StrAppend(line.mutable_sentence(), ": \"",
                    report.words().substr(0, kMaxWords), "\"");
  }
  line.set_host(report.host());
  line.set_action("asked");
  line.set_device(event.device);
  line.set_sequence(event.event.sequence());
  line.set_epoch(event.epoch);
  line.set_count(1);
  return line;
}

}  // namespace

std::optional<Finding> RequestOf(const StoredEvent& event) {
  if (!event.event.has_self_report()) return std::nullopt;
  const v1::SelfReport& report = event.event.self_report();
  if (report.kind() != v1::SelfReport::KIND_SHOULD_OPEN &&
      report.kind() != v1::SelfReport::KIND_FILTER_MISSED) {
    return std::nullopt;
  }
  const v1::Person& person = event.event.person();
  Finding finding;
  finding.school = event.school;
  finding.rule = "person_asks";
  finding.severity = v1::SEVERITY_ROUTINE;
  finding.subject_is_person = !person.pseudonym().empty();
  finding.subject =
      finding.subject_is_person ? person.pseudonym() : event.device;
  finding.group = person.group();
  finding.device = event.device;
  finding.first = finding.last = event.happened;
  finding.count = 1;
  finding.enforced = false;
  finding.detail = InWords(report);
  finding.evidence.push_back(LineOf(event));
  finding.in_favour = "Asking is what the school wants people to do.";
  finding.key = absl::StrCat(event.school, "|", finding.subject,
                             "|person_asks|", finding.detail);
  return finding;
}

}  // namespace schoolgate::collector
