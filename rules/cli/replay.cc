// schoolgate-rules replay: what recorded events would have met under a bundle.
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "platform/complaint.h"
#include "platform/written_time.h"
#include "rules/cli/json_line.h"
#include "rules/cli/verbs.h"
#include "rules/decide.h"
#include "rules/ruleset.h"

namespace schoolgate::rules {
namespace {

constexpr char kProgram[] = "schoolgate-rules replay";
constexpr size_t kLongestLine = 64 << 10;

struct Options {
  std::string bundle;
  std::string events;
  bool json = false;
};

// One line of EVENTS. `met` is what happened then, empty when not recorded.
struct RecordedEvent {
  std::string host;
  std::string time;
  std::string group;
  std::string user;
  std::string device;
  std::string place = "onsite";
  std::string met;
  absl::Time at;
};

bool TextAt(const nlohmann::json& line, const char* key, std::string* out) {
  const auto found = line.find(key);
  if (found == line.end() || found->is_null()) return true;
  if (!found->is_string()) return false;
  *out = found->get<std::string>();
  return true;
}

// Empty, or what is wrong with the line.
std::string ReadEvent(const std::string& text, RecordedEvent* event) {
  if (text.size() > kLongestLine) return "is longer than 64 kB";
  const auto line = nlohmann::json::parse(text, nullptr, false);
  if (!line.is_object()) return "is no JSON object";
  if (!TextAt(line, "host", &event->host) ||
      !TextAt(line, "time", &event->time) ||
      !TextAt(line, "group", &event->group) ||
      !TextAt(line, "user", &event->user) ||
      !TextAt(line, "device", &event->device) ||
      !TextAt(line, "place", &event->place) ||
      !TextAt(line, "action", &event->met)) {
    return "has a field that is no text";
  }
  // What `schoolgate-agent replay` prints calls the host a name.
  if (event->host.empty() && !TextAt(line, "name", &event->host)) {
    return "has a field that is no text";
  }
  if (event->host.empty()) return "has no host";
  const auto at = platform::ReadInstant(event->time);
  if (!at) return "has no time such as 2026-11-23T10:00:00Z";
  event->at = *at;
  if (event->place != "onsite" && event->place != "offsite") {
    return "has a place that is neither onsite nor offsite";
  }
  return "";
}

class Replay {
 public:
  Replay(const Ruleset& rules, const Options& options)
      : rules_(rules), options_(options) {}

  void Take(const std::string& text, int number) {
    RecordedEvent event;
    const std::string wrong = ReadEvent(text, &event);
    if (!wrong.empty()) {
      if (bad_++ == 0) {
        first_bad_ = absl::StrCat("line ", number, " ", wrong);
      }
      return;
    }
    ++events_;
    Question question;
    question.host = event.host;
    question.group = event.group;
    question.user = event.user;
    question.device = event.device;
    question.place =
        event.place == "offsite" ? Place::kOffsite : Place::kOnsite;
    question.at = event.at;
    const Decision decision = Decide(rules_, question);
    const std::string now(ActionName(decision.action));
    const std::string met = event.met.empty() ? "unknown" : event.met;
    if (options_.json) {
      PrintJson(event, decision);
    } else {
      ++counts_[{met, now, absl::StrJoin(decision.categories, " "),
                 event.group}];
    }
    changed_ += met != "unknown" && met != now ? 1 : 0;
  }

  int Finish() const {
    for (const auto& [key, count] : counts_) {
      const auto& [met, now, categories, group] = key;
      std::cout << count << (count == 1 ? " contact" : " contacts") << " of "
                << (group.empty() ? "unknown users" : group) << " with "
                << (categories.empty() ? "unlisted hosts" : categories)
                << ": met " << met << ", would meet " << now
                << (met == now || met == "unknown" ? "" : " (changes)") << '\n';
    }
    std::cerr << options_.events << ": " << events_ << " events, " << changed_
              << " would meet something else, " << bad_ << " lines not read";
    if (bad_ > 0) std::cerr << " (" << first_bad_ << ")";
    std::cerr << '\n';
    return events_ == 0 && bad_ > 0 ? platform::kExitFailed : platform::kExitOk;
  }

 private:
  void PrintJson(const RecordedEvent& event, const Decision& decision) const {
    nlohmann::ordered_json line;
    line["time"] = event.time;
    line["host"] = decision.locked ? "" : event.host;
    line["group"] = event.group;
    line["categories"] = decision.categories;
    line["met"] = event.met.empty() ? nlohmann::ordered_json(nullptr)
                                    : nlohmann::ordered_json(event.met);
    line["action"] = std::string(ActionName(decision.action));
    line["rule"] = decision.rule;
    line["clause"] = decision.clause;
    std::cout << JsonLine(line) << '\n';
  }

  const Ruleset& rules_;
  const Options& options_;
  std::map<std::tuple<std::string, std::string, std::string, std::string>,
           uint64_t>
      counts_;
  uint64_t events_ = 0;
  uint64_t changed_ = 0;
  uint64_t bad_ = 0;
  std::string first_bad_;
};

int Run(const Options& options) {
  const auto rules = Ruleset::Open(options.bundle);
  if (!rules.ok()) return platform::Complain(kProgram, rules.status());
  std::ifstream file(options.events);
  if (!file) {
    return platform::Complain(
        kProgram,
        absl::NotFoundError(absl::StrCat(
            options.events, ": cannot be read: give a file of JSON lines")));
  }
  Replay replay(**rules, options);
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    if (!line.empty()) replay.Take(line, number);
  }
  return replay.Finish();
}

}  // namespace

void AddReplay(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand(
      "replay", "What recorded events would have met under a bundle");
  verb->add_option("bundle", options->bundle, "Rule bundle")->required();
  verb->add_option("events", options->events,
                   "JSON lines with host, time, group, user, device, place, "
                   "action")
      ->required();
  verb->add_flag("--json", options->json, "One JSON object an event");
  verb->callback([options, exit_code] { *exit_code = Run(*options); });
}

}  // namespace schoolgate::rules
