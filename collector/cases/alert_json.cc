#include "collector/cases/alert_json.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"
#include "collector/cases/reasons.h"
#include "collector/store/trace_id.h"
#include "platform/check.h"

namespace schoolgate::collector {
namespace {

using nlohmann::json;

// Of a locked one no sentence that was stored is shown.
std::string SealedSentence(const v1::AlertEvidence& line) {
  return line.action() == "blocked"
             ? "Tried to reach a host on the restricted list; it was blocked."
             : "Contacted a host on the restricted list.";
}

// Texts of one alert; of a locked one, without the hosts it must not show.
class Words {
 public:
  explicit Words(const v1::Alert& alert) {
    if (!IsLocked(alert)) return;
    for (const v1::AlertEvidence& line : alert.evidence()) {
      if (!line.host().empty()) hosts_.push_back(line.host());
    }
    // The longest first: a host may end with another.
    std::sort(hosts_.begin(), hosts_.end(),
              [](const auto& a, const auto& b) { return a.size() > b.size(); });
  }

  std::string Clean(std::string text) const {
    for (const std::string& host : hosts_) {
      absl::StrReplaceAll({{host, "(host sealed)"}}, &text);
    }
    return text;
  }

 private:
  std::vector<std::string> hosts_;
};

json EvidenceJson(const v1::Alert& alert, const Words& words) {
  json lines = json::array();
  const std::vector<std::string> shared = SharedReasons(alert);
  for (const v1::AlertEvidence& line : alert.evidence()) {
    json one = {
        {"time", TimeWord(line.time_unix_us())},
        {"sentence", IsLocked(alert)
                         ? SealedSentence(line)
                         : words.Clean(SentenceWithout(line, shared))},
        {"action", line.action()},
        {"device", line.device()},
        {"count", line.count()},
        {"trace", TraceIdOf(line.device(), line.epoch(), line.sequence())}};
    if (!IsLocked(alert)) one["host"] = line.host();
    lines.push_back(std::move(one));
  }
  return lines;
}

json NotesJson(const v1::Alert& alert, const Words& words,
               const DisplayName& display_name) {
  json notes = json::array();
  for (const v1::AlertNote& note : alert.notes()) {
    notes.push_back({{"time", TimeWord(note.time_unix_us())},
                     {"author", display_name(note.author())},
                     {"words", words.Clean(note.words())}});
  }
  return notes;
}

json IncidentJson(const v1::Alert& alert, const Words& words,
                  const DisplayName& display_name) {
  const v1::IncidentEntry& entry = alert.incident();
  return {{"where", words.Clean(entry.where())},
          {"description", words.Clean(entry.description())},
          {"action_taken", words.Clean(entry.action_taken())},
          {"outcome", entry.outcome()},
          {"parents_informed", words.Clean(entry.parents_informed())},
          {"recorded_by", entry.recorded_by().empty()
                              ? std::string()
                              : display_name(entry.recorded_by())},
          {"recorded", TimeWord(entry.recorded_unix_us())}};
}

json AnonymousJson(const v1::Alert& alert) {
  return {{"severity", SeverityWord(alert.severity())},
          {"state", StateWord(alert.state())},
          {"title", Words(alert).Clean(alert.title())},
          {"category", alert.category()},
          {"clause", alert.clause()},
          {"outcome", alert.incident().outcome()},
          {"month", absl::FormatTime(
                        "%Y-%m", absl::FromUnixMicros(alert.raised_unix_us()),
                        absl::UTCTimeZone())}};
}

}  // namespace

const char* SeverityWord(v1::Severity severity) {
  switch (severity) {
    case v1::SEVERITY_ILLEGAL:
      return "illegal";
    case v1::SEVERITY_SERIOUS:
      return "serious";
    case v1::SEVERITY_RULE_BREAK:
      return "rule_break";
    case v1::SEVERITY_ROUTINE:
      return "routine";
    default:
      return "information";
  }
}

const char* StateWord(v1::AlertState state) {
  switch (state) {
    case v1::ALERT_STATE_SEEN:
      return "seen";
    case v1::ALERT_STATE_LOOKING:
      return "looking";
    case v1::ALERT_STATE_WAITING:
      return "waiting";
    case v1::ALERT_STATE_CLOSED:
      return "closed";
    default:
      return "new";
  }
}

v1::AlertState StateOf(const std::string& word) {
  for (v1::AlertState state :
       {v1::ALERT_STATE_NEW, v1::ALERT_STATE_SEEN, v1::ALERT_STATE_LOOKING,
        v1::ALERT_STATE_WAITING, v1::ALERT_STATE_CLOSED}) {
    if (word == StateWord(state)) return state;
  }
  return v1::ALERT_STATE_UNSPECIFIED;
}

std::string TimeWord(int64_t unix_us) {
  if (unix_us == 0) return "";
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::FromUnixMicros(unix_us),
                          absl::UTCTimeZone());
}

json AlertJson(const v1::Alert& alert, Sight sight, bool whole,
               const DisplayName& display_name) {
  SG_CHECK(sight != Sight::kNothing);
  if (sight == Sight::kAnonymous) return AnonymousJson(alert);
  const Words words(alert);
  json value = {{"id", alert.id()},
                {"revision", alert.revision()},
                {"severity", SeverityWord(alert.severity())},
                {"state", StateWord(alert.state())},
                {"locked", IsLocked(alert)},
                {"rule", alert.rule()},
                {"category", alert.category()},
                {"title", words.Clean(alert.title())},
                {"sentence", words.Clean(alert.sentence())},
                {"why", words.Clean(alert.why())},
                {"in_favour", words.Clean(alert.in_favour())},
                {"next_step", words.Clean(alert.next_step())},
                {"clause", alert.clause()},
                {"subject", alert.subject()},
                {"group", alert.group()},
                {"device", alert.device()},
                {"device_name", alert.device_name()},
                {"first", TimeWord(alert.first_unix_us())},
                {"last", TimeWord(alert.last_unix_us())},
                {"raised", TimeWord(alert.raised_unix_us())},
                {"count", alert.count()},
                {"late", alert.late()},
                {"trace", alert.trace_id()},
                {"note_count", alert.notes_size()},
                {"outcome", alert.incident().outcome()},
                {"held", alert.has_hold()}};
  if (!alert.close_proposed_by().empty()) {
    value["close_proposed_by"] = display_name(alert.close_proposed_by());
    value["close_proposed_account"] = alert.close_proposed_by();
  }
  if (!whole) return value;
  value["evidence"] = EvidenceJson(alert, words);
  if (const auto shared = SharedReasons(alert);
      !shared.empty() && !IsLocked(alert)) {
    value["shared_reasons"] = absl::StrJoin(shared, "; ");
  }
  if (sight == Sight::kFull) {
    value["notes"] = NotesJson(alert, words, display_name);
    value["incident"] = IncidentJson(alert, words, display_name);
    if (alert.has_hold()) {
      value["hold"] = {{"reason", words.Clean(alert.hold().reason())},
                       {"by", display_name(alert.hold().by())},
                       {"account", alert.hold().by()},
                       {"since", TimeWord(alert.hold().since_unix_us())}};
    }
  }
  return value;
}

}  // namespace schoolgate::collector
