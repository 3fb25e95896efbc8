#include "collector/web/device_json.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "collector/cases/alert_json.h"

namespace schoolgate::collector {
namespace {

using nlohmann::json;

constexpr absl::Duration kQuiet = absl::Minutes(15);
constexpr absl::Duration kSilent = absl::Hours(72);
constexpr absl::Duration kCertificateSoon = absl::Hours(24 * 14);
constexpr absl::Duration kClockOff = absl::Minutes(5);
constexpr int kBlindPercent = 10;
constexpr uint64_t kBlindFlows = 200;  // fewer say nothing

enum Level { kGood, kCheck, kProblem };

struct Health {
  Level level = kGood;
  std::vector<std::string> problems, checks;

  void Problem(std::string words) {
    level = kProblem;
    problems.push_back(std::move(words));
  }
  void Check(std::string words) {
    level = std::max(level, kCheck);
    checks.push_back(std::move(words));
  }
  std::string Words() const {
    if (level == kGood) return "Working as it should.";
    std::vector<std::string> all = problems;
    all.insert(all.end(), checks.begin(), checks.end());
    return absl::StrJoin(all, " ");
  }
};

// How many of 100 connections gave no name.
int BlindPercent(const v1::Heartbeat& beat) {
  uint64_t blind = 0;
  for (const v1::Blindness& cause : beat.blindness()) blind += cause.flows();
  const uint64_t flows = std::max(beat.flows(), blind);
  return flows == 0 ? 0 : static_cast<int>(100.0 * blind / flows + 0.5);
}

std::string Age(absl::Duration age) {
  const int64_t hours = absl::ToInt64Hours(age);
  if (hours >= 48) return absl::StrCat(hours / 24, " days");
  if (hours >= 2) return absl::StrCat(hours, " hours");
  return absl::StrCat(std::max<int64_t>(absl::ToInt64Minutes(age), 1),
                      " minutes");
}

void JudgeContact(const Device& device, absl::Time now, Health* health) {
  switch (device.state) {
    case DeviceState::kQuarantined:
      health->Problem("Held back: another machine used its identity.");
      break;
    case DeviceState::kBanned:
      health->Problem("Shut out by your IT provider.");
      break;
    case DeviceState::kActive:
    case DeviceState::kDecommissioned:
      break;
  }
  if (device.last_contact == absl::InfinitePast()) {
    health->Check("Has not been in contact yet.");
    return;
  }
  const absl::Duration age = now - device.last_contact;
  if (age >= kSilent) {
    health->Problem(absl::StrCat("Not heard from for ", Age(age), "."));
  } else if (age >= kQuiet) {
    health->Check(absl::StrCat("Not heard from for ", Age(age),
                               ". It may be switched off."));
  }
  if (absl::AbsDuration(device.clock_offset) >= kClockOff) {
    health->Check("Its clock is wrong.");
  }
  if (device.certificate_expires != absl::InfinitePast() &&
      device.certificate_expires - now < kCertificateSoon) {
    health->Check("Its identity needs renewing soon.");
  }
}

void JudgeHeartbeat(const Device& device, uint64_t newest_rules,
                    Health* health) {
  if (device.heartbeat_time == absl::InfinitePast()) {
    if (device.last_contact != absl::InfinitePast()) {
      health->Check("Has not told yet whether it filters.");
    }
    return;
  }
  const v1::Heartbeat& beat = device.heartbeat;
  if (!beat.capturing()) {
    health->Problem("Cannot see network contacts at the moment.");
  }
  if (std::string_view(beat.selftest()).starts_with("fail")) {
    health->Problem("Its own check of the filter failed.");
  }
  if (beat.bundle_version() == 0) {
    health->Problem("Has no rules yet.");
  } else if (beat.bundle_version() < newest_rules) {
    health->Check(absl::StrCat("Uses rules version ", beat.bundle_version(),
                               "; the newest is ", newest_rules, "."));
  }
  if (!beat.rules_trouble().empty()) {
    health->Problem(absl::StrCat(
        "Goes on with its older rules: ", beat.rules_trouble(), "."));
  }
  const std::string& freshness = beat.rules_freshness();
  if (freshness == "stale" || freshness == "overdue") {
    health->Problem(
        absl::StrCat("No signed word from the rules' publisher for ",
                     freshness == "stale" ? "three days." : "two weeks."));
  } else if (freshness == "late") {
    health->Check("No signed word from the rules' publisher for a day.");
  }
  const int blind = BlindPercent(beat);
  if (blind >= kBlindPercent && beat.flows() >= kBlindFlows) {
    health->Check(
        absl::StrCat("Could not name ", blind, " of every 100 connections."));
  }
  if (beat.packets_dropped() > beat.packets() / 50) {
    health->Check("Too busy to look at everything.");
  }
}

// What it costs is that VPNs and the like go unlabelled meanwhile.
void JudgeLabelWorker(const v1::LabelWorker& worker, Health* health) {
  if (!worker.wanted()) return;
  if (!worker.trouble().empty()) {
    health->Check(absl::StrCat("Connections without a name are not labelled: ",
                               worker.trouble(), "."));
  }
  if (worker.starts() > 1) {
    health->Check(absl::StrCat(
        "What labels connections without a name was started anew ",
        worker.starts() - 1, worker.starts() == 2 ? " time" : " times",
        " since the agent started."));
  }
}

const char* LevelWord(DeviceLevel level) {
  switch (level) {
    case DeviceLevel::kProblem:
      return "problem";
    case DeviceLevel::kCheck:
      return "check";
    case DeviceLevel::kGood:
      return "good";
    case DeviceLevel::kRetired:
      return "retired";
  }
  return "problem";
}

// "laptop-9" before "laptop-10".
bool NameBefore(std::string_view a, std::string_view b) {
  const auto number = [](std::string_view text, size_t at) {
    size_t end = at;
    while (end < text.size() && absl::ascii_isdigit(text[end])) ++end;
    return text.substr(at, end - at);
  };
  size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    const std::string_view left = number(a, i), right = number(b, j);
    if (left.empty() || right.empty()) {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i, ++j;
      continue;
    }
    if (left.size() != right.size()) return left.size() < right.size();
    if (left != right) return left < right;
    i += left.size();
    j += right.size();
  }
  return a.size() - i < b.size() - j;
}

bool Has(const std::string& text, const std::string& part) {
  return absl::StrContains(absl::AsciiStrToLower(text), part);
}

}  // namespace

JudgedDevice JudgeDevice(const Device& device, uint64_t newest_rules,
                         absl::Time now) {
  if (device.state == DeviceState::kDecommissioned) {
    return {&device, DeviceLevel::kRetired, "Retired."};
  }
  Health health;
  JudgeContact(device, now, &health);
  JudgeHeartbeat(device, newest_rules, &health);
  JudgeLabelWorker(device.heartbeat.label_worker(), &health);
  const DeviceLevel levels[] = {DeviceLevel::kGood, DeviceLevel::kCheck,
                                DeviceLevel::kProblem};
  return {&device, levels[health.level], health.Words()};
}

DeviceList ListOf(std::span<const Device> devices, const std::string& find,
                  absl::Time now) {
  std::map<std::string, uint64_t> newest;  // rules, by school
  for (const Device& device : devices) {
    uint64_t& version = newest[device.school];
    version = std::max(version, device.heartbeat.bundle_version());
  }
  const std::string part = absl::AsciiStrToLower(find);
  DeviceList list;
  for (const DeviceLevel level : {DeviceLevel::kProblem, DeviceLevel::kCheck,
                                  DeviceLevel::kGood, DeviceLevel::kRetired}) {
    list.counts[LevelWord(level)] = 0;
  }
  for (const Device& device : devices) {
    JudgedDevice one = JudgeDevice(device, newest[device.school], now);
    ++list.counts[LevelWord(one.level)];
    if (part.empty() || Has(device.hostname, part) ||
        Has(device.inventory_number, part) || Has(device.id, part)) {
      list.found.push_back(std::move(one));
    }
  }
  std::stable_sort(list.found.begin(), list.found.end(),
                   [](const JudgedDevice& a, const JudgedDevice& b) {
                     if (a.level != b.level) return a.level < b.level;
                     return NameBefore(a.device->hostname, b.device->hostname);
                   });
  return list;
}

json DeviceJson(const JudgedDevice& judged) {
  const Device& device = *judged.device;
  const v1::Heartbeat& beat = device.heartbeat;
  const auto time_word = [](absl::Time time) {
    return time == absl::InfinitePast() ? std::string()
                                        : TimeWord(absl::ToUnixMicros(time));
  };
  return {{"id", device.id},
          {"school", device.school},
          {"name", device.hostname},
          {"inventory_number", device.inventory_number},
          {"group", device.group},
          {"state", LevelWord(judged.level)},
          {"words", judged.words},
          {"last_contact", time_word(device.last_contact)},
          {"enrolled", time_word(device.enrolled)},
          {"rules_version", beat.bundle_version()},
          {"program_version", beat.agent_version()},
          {"capturing", beat.capturing()},
          {"enforcing", beat.enforcing()},
          {"mode", beat.mode()},
          {"blind_percent", BlindPercent(beat)},
          {"waiting", beat.spool_events_waiting()}};
}

}  // namespace schoolgate::collector
