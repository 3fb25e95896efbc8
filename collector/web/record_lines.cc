#include "collector/web/record_lines.h"

#include "absl/strings/str_join.h"
#include "collector/cases/alert_json.h"
#include "collector/cases/csv.h"
#include "collector/detect/facts.h"
#include "rules/decide.h"

namespace schoolgate::collector {
namespace {

using nlohmann::json;

const char* GradeWord(v1::Grade grade) {
  switch (grade) {
    case v1::GRADE_OPENED:
      return "opened";
    case v1::GRADE_LANDED:
      return "landed";
    case v1::GRADE_ATTEMPT:
      return "attempt";
    case v1::GRADE_AUTOMATIC:
      return "automatic";
    default:
      return "unclear";
  }
}

// How the device took a visit is about the person as much as the visit is.
void PutJudgement(const v1::Episode& episode, json* line) {
  const v1::Grade grade = episode.grade();
  const bool meant = grade == v1::GRADE_OPENED || grade == v1::GRADE_ATTEMPT ||
                     grade == v1::GRADE_LANDED;
  (*line)["what"] = "judged";
  (*line)["host"] = episode.locked()               ? "(sealed)"
                    : episode.front_host().empty() ? episode.service()
                                                   : episode.front_host();
  (*line)["categories"] = std::vector<std::string>{episode.category()};
  (*line)["action"] = std::string(
      rules::ActionName(static_cast<rules::Action>(episode.action())));
  (*line)["clause"] = episode.clause();
  (*line)["grade"] = GradeWord(grade);
  (*line)["words"] = meant ? FactsFor(episode) : FactsAgainst(episode);
}

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
  } else if (event.has_episode()) {
    PutJudgement(event.episode(), &line);
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

json RecordLines(const std::vector<StoredEvent>& events) {
  json lines = json::array();
  for (const StoredEvent& stored : events) {
    if (json line = LineOf(stored); !line.is_null()) {
      lines.push_back(std::move(line));
    }
  }
  return lines;
}

std::string RecordCsv(const json& lines) {
  std::string text;
  AppendCsvLine({"time", "device", "what", "host", "kinds", "action", "clause",
                 "grade", "words"},
                &text);
  for (const json& line : lines) {
    const auto word = [&](const char* key) {
      return line.value(key, std::string());
    };
    AppendCsvLine(
        {word("time"), word("device"), word("what"), word("host"),
         absl::StrJoin(line.value("categories", std::vector<std::string>()),
                       " "),
         word("action"), word("clause"), word("grade"), word("words")},
        &text);
  }
  return text;
}

}  // namespace schoolgate::collector
