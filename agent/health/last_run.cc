#include "agent/health/last_run.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"

namespace schoolgate::agent {
namespace {

// An update restarts the agent faster.
constexpr absl::Duration kRestart = absl::Seconds(10);

}  // namespace

std::string ToText(const RunNote& note) {
  return nlohmann::json({{"boot_id", note.boot_id},
                         {"boot_s", absl::ToInt64Seconds(note.since_boot)},
                         {"ended", note.ended}})
             .dump() +
         "\n";
}

std::optional<RunNote> ParseRunNote(const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  const auto boot_id = json.find("boot_id"), boot_s = json.find("boot_s"),
             ended = json.find("ended");
  if (boot_id == json.end() || !boot_id->is_string() || boot_s == json.end() ||
      !boot_s->is_number_integer() || ended == json.end() ||
      !ended->is_boolean()) {
    return std::nullopt;
  }
  return RunNote{boot_id->get<std::string>(),
                 absl::Seconds(boot_s->get<int64_t>()), ended->get<bool>()};
}

std::optional<Touched> JudgeLastRun(const std::optional<RunNote>& last,
                                    const std::string& boot_id,
                                    absl::Duration since_boot,
                                    const std::string& last_end) {
  const Touched killed = {"agent_killed", "it ended without being asked to"};
  if (last_end == "killed") return killed;
  if (!last_end.empty()) return std::nullopt;
  if (!last || last->boot_id != boot_id) return std::nullopt;
  const absl::Duration away = since_boot - last->since_boot;
  if (!last->ended) return killed;
  if (away < kRestart) return std::nullopt;
  return Touched{"service_stopped",
                 absl::StrCat("for ", absl::FormatDuration(absl::Trunc(
                                          away, absl::Seconds(1))))};
}

}  // namespace schoolgate::agent
