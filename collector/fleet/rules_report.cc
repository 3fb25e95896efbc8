#include "collector/fleet/rules_report.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/str_cat.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kMostTroubled = 50;
constexpr size_t kMostTrialLines = 100;

const char* ActionWord(v1::Action action) {
  switch (action) {
    case v1::ACTION_ALLOW:
      return "allow";
    case v1::ACTION_RECORD:
      return "record";
    case v1::ACTION_WARN:
      return "warn";
    case v1::ACTION_BLOCK:
      return "block";
    default:
      return "unknown";
  }
}

void AddTrials(std::span<const Device> devices, RulesReport* report) {
  std::map<std::tuple<std::string, std::string, int, int>, uint64_t> rows;
  for (const Device& device : devices) {
    const v1::Trial& trial = device.heartbeat.trial();
    if (device.state != DeviceState::kActive || !report->rollout ||
        trial.bundle_version() != report->rollout->bundle.version) {
      continue;
    }
    report->trial_judged += trial.judged();
    for (const v1::TrialChange& change : trial.changes()) {
      rows[{change.category(), change.group(), change.before(),
            change.after()}] += change.count();
    }
  }
  for (const auto& [row, count] : rows) {
    report->trial.push_back(
        {std::get<0>(row), std::get<1>(row),
         ActionWord(static_cast<v1::Action>(std::get<2>(row))),
         ActionWord(static_cast<v1::Action>(std::get<3>(row))), count});
  }
  std::stable_sort(
      report->trial.begin(), report->trial.end(),
      [](const TrialLine& a, const TrialLine& b) { return a.count > b.count; });
  if (report->trial.size() > kMostTrialLines) {
    report->trial.resize(kMostTrialLines);
  }
}

nlohmann::json RolloutJson(const Rollout& rollout, const RingReport& ring) {
  return {{"version", rollout.bundle.version},
          {"ring", RingName(rollout.ring)},
          {"since", absl::ToUnixSeconds(rollout.since)},
          {"canary", rollout.canary},
          {"paused", rollout.paused},
          {"why", rollout.why},
          {"fallback", rollout.fallback.version},
          {"devices", ring.devices},
          {"have_it", ring.have_it},
          {"in_trouble", ring.in_trouble}};
}

}  // namespace

RulesReport ReportRules(const std::string& school, const BundleShelf& shelf,
                        const PaperShelf& papers,
                        std::span<const Device> devices, absl::Time now) {
  RulesReport report;
  report.school = school;
  if (const auto current = shelf.Current(school)) {
    report.current = current->version;
  }
  report.rollout = shelf.RolloutOf(school);
  if (report.rollout) report.ring = ReportOn(*report.rollout, devices);
  for (const Device& device : devices) {
    if (device.state != DeviceState::kActive) continue;
    const v1::Heartbeat& beat = device.heartbeat;
    ++report.versions[beat.bundle_version()];
    if (!beat.rules_freshness().empty() && beat.rules_freshness() != "fresh") {
      ++report.freshness[beat.rules_freshness()];
    }
    if (!beat.rules_trouble().empty() &&
        report.in_trouble.size() < kMostTroubled) {
      report.in_trouble.push_back(
          absl::StrCat(device.hostname.empty() ? device.id : device.hostname,
                       ": ", beat.rules_trouble()));
    }
  }
  AddTrials(devices, &report);
  std::vector<std::string> whose = {""};
  if (!school.empty()) whose.push_back(school);
  for (const std::string& one : whose) {
    for (const auto& paper : papers.Load(one)) {
      if (paper->facts.ends > now) report.papers.push_back(paper);
    }
  }
  return report;
}

nlohmann::json RulesJson(const RulesReport& report) {
  nlohmann::json json = {{"school", report.school},
                         {"current", report.current},
                         {"rollout", nullptr},
                         {"versions", nlohmann::json::array()},
                         {"freshness", nlohmann::json::object()},
                         {"in_trouble", report.in_trouble},
                         {"trial", {{"judged", report.trial_judged}}},
                         {"orders", nlohmann::json::array()}};
  if (report.rollout)
    json["rollout"] = RolloutJson(*report.rollout, report.ring);
  for (const auto& [version, count] : report.versions) {
    json["versions"].push_back({{"version", version}, {"devices", count}});
  }
  for (const auto& [word, count] : report.freshness) {
    json["freshness"][word] = count;
  }
  json["trial"]["changes"] = nlohmann::json::array();
  for (const TrialLine& line : report.trial) {
    json["trial"]["changes"].push_back({{"category", line.category},
                                        {"group", line.group},
                                        {"before", line.before},
                                        {"after", line.after},
                                        {"count", line.count}});
  }
  for (const auto& paper : report.papers) {
    nlohmann::json line = {{"name", paper->facts.name}, {"ends", nullptr}};
    if (paper->facts.ends != absl::InfiniteFuture()) {
      line["ends"] = absl::ToUnixSeconds(paper->facts.ends);
    }
    json["orders"].push_back(std::move(line));
  }
  return json;
}

}  // namespace schoolgate::collector
