#include "collector/cases/alert_documents.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "collector/cases/csv.h"

namespace schoolgate::collector {
namespace {

std::string Xml(const std::string& text) {
  std::string clean;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t') {
      clean.push_back(c);
    }
  }
  return absl::StrReplaceAll(
      clean, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}});
}

std::string TextOf(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) return "";
  return found->is_string() ? found->get<std::string>() : found->dump();
}

constexpr const char* kColumns[] = {
    "id",    "school",   "severity", "state", "category",
    "title", "sentence", "subject",  "group", "device_name",
    "first", "last",     "raised",   "count", "outcome"};
constexpr const char* kIncidentColumns[] = {"where",        "description",
                                            "action_taken", "parents_informed",
                                            "recorded_by",  "recorded"};

}  // namespace

std::string AtomOf(std::span<const SeenAlert> alerts,
                   const std::string& address, absl::Time now) {
  int64_t newest = absl::ToUnixMicros(now);
  if (!alerts.empty()) {
    newest = 0;
    for (const SeenAlert& one : alerts) {
      newest = std::max(newest, one.alert.last_unix_us());
      newest = std::max(newest, one.alert.raised_unix_us());
    }
  }
  std::string text = absl::StrCat(
      "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
      "<feed xmlns=\"http://www.w3.org/2005/Atom\">\n"
      "<title>Schoolgate alerts</title>\n<id>",
      Xml(address), "/feed/alerts.atom</id>\n<link rel=\"self\" href=\"",
      Xml(address), "/feed/alerts.atom\"/>\n<updated>", TimeWord(newest),
      "</updated>\n<author><name>Schoolgate</name></author>\n");
  const DisplayName same = [](const std::string& name) { return name; };
  for (const SeenAlert& one : alerts) {
    const nlohmann::json value = AlertJson(one.alert, one.sight, false, same);
    absl::StrAppend(
        &text, "<entry>\n<id>urn:schoolgate:", Xml(one.alert.school()),
        ":alert:", one.alert.id(), "</id>\n<title>",
        Xml(TextOf(value, "title")), "</title>\n<updated>",
        TimeWord(
            std::max(one.alert.last_unix_us(), one.alert.raised_unix_us())),
        "</updated>\n<published>", TimeWord(one.alert.raised_unix_us()),
        "</published>\n<category term=\"", Xml(TextOf(value, "severity")),
        "\"/>\n<category term=\"", Xml(TextOf(value, "state")),
        "\"/>\n<link href=\"", Xml(address), "/alerts/", one.alert.id(),
        "\"/>\n<summary>", Xml(TextOf(value, "sentence")),
        "</summary>\n</entry>\n");
  }
  return text + "</feed>\n";
}

std::string CsvOf(std::span<const SeenAlert> alerts,
                  const DisplayName& display_name) {
  std::string text;
  std::vector<std::string> names(std::begin(kColumns), std::end(kColumns));
  names.insert(names.end(), std::begin(kIncidentColumns),
               std::end(kIncidentColumns));
  AppendCsvLine(names, &text);
  for (const SeenAlert& one : alerts) {
    nlohmann::json value = AlertJson(one.alert, one.sight, true, display_name);
    value["school"] = one.alert.school();
    std::vector<std::string> cells;
    for (const char* name : kColumns) cells.push_back(TextOf(value, name));
    const nlohmann::json incident =
        value.value("incident", nlohmann::json::object());
    for (const char* name : kIncidentColumns) {
      cells.push_back(TextOf(incident, name));
    }
    AppendCsvLine(cells, &text);
  }
  return text;
}

}  // namespace schoolgate::collector
