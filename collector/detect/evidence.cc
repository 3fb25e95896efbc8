#include "collector/detect/evidence.h"

#include "absl/strings/str_cat.h"

namespace schoolgate::collector {
namespace {

std::string Counted(int64_t number, const char* unit) {
  return absl::StrCat(number, " ", unit, number == 1 ? "" : "s");
}

std::string ActionWords(v1::Action action) {
  switch (action) {
    case v1::ACTION_BLOCK:
      return "blocked";
    case v1::ACTION_WARN:
      return "warned";
    case v1::ACTION_RECORD:
      return "recorded";
    default:
      return "allowed";
  }
}

std::string Deed(const Act& act, const std::string& host) {
  bool blocked = act.action == v1::ACTION_BLOCK;
  if (act.label) {
    return absl::StrCat("Traffic of ", host, " was seen",
                        blocked ? "; it was blocked" : "");
  }
  switch (act.grade) {
    case v1::GRADE_OPENED:
      return absl::StrCat("Contacted host ", host, " for ",
                          InWords(act.end - act.start));
    case v1::GRADE_LANDED:
      return absl::StrCat("Contacted host ", host, " and left after ",
                          InWords(act.end - act.start));
    case v1::GRADE_ATTEMPT:
      return absl::StrCat("Tried to reach ", host, "; it was blocked");
    default:
      return blocked ? absl::StrCat("Tried to reach ", host, "; it was blocked")
                     : absl::StrCat("Contacted host ", host);
  }
}

}  // namespace

std::string InWords(absl::Duration duration) {
  int64_t seconds = absl::ToInt64Seconds(duration);
  if (seconds < 1) return "less than a second";
  if (seconds < 120) return Counted(seconds, "second");
  int64_t minutes = seconds / 60;
  if (minutes < 60) return Counted(minutes, "minute");
  std::string words = Counted(minutes / 60, "hour");
  if (minutes % 60 == 0) return words;
  return absl::StrCat(words, " ", Counted(minutes % 60, "minute"));
}

v1::AlertEvidence EvidenceOf(const Act& act) {
  v1::AlertEvidence line;
  line.set_time_unix_us(absl::ToUnixMicros(act.start));
  line.set_host(act.host);
  line.set_action(ActionWords(act.action));
  line.set_device(act.device);
  line.set_sequence(act.sequence);
  line.set_epoch(act.epoch);
  line.set_count(1);
  std::string host = act.host.empty() ? "a host on the restricted list (sealed)"
                                      : act.host.str();
  std::string sentence = Deed(act, host);
  if (!act.why.empty()) absl::StrAppend(&sentence, " (", act.why.str(), ")");
  if (act.reported) absl::StrAppend(&sentence, ". Reported by the person");
  line.set_sentence(absl::StrCat(sentence, "."));
  return line;
}

}  // namespace schoolgate::collector
