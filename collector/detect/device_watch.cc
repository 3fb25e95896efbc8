#include "collector/detect/device_watch.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "collector/detect/evidence.h"

namespace schoolgate::collector {
namespace {

constexpr absl::Duration kRemember = absl::Minutes(30);
constexpr absl::Duration kStopped = absl::Minutes(5);
constexpr absl::Duration kTunnel = absl::Minutes(10);
constexpr uint64_t kBlindFlows = 50;
constexpr auto kTunnelCauses =
    std::to_array<std::string_view>({"vpn", "tor", "doh", "proxy"});

struct StaleStep {
  std::string_view word, words;
  v1::Severity severity;
};
constexpr auto kStaleSteps = std::to_array<StaleStep>(
    {{"late", "a day", v1::SEVERITY_INFORMATION},
     {"stale", "three days", v1::SEVERITY_ROUTINE},
     {"overdue", "two weeks", v1::SEVERITY_RULE_BREAK}});

Finding AboutDevice(const StoredEvent& event, std::string rule) {
  Finding finding;
  finding.school = event.school;
  finding.rule = std::move(rule);
  finding.severity = v1::SEVERITY_RULE_BREAK;
  finding.subject = event.device;
  finding.device = event.device;
  finding.group = event.event.person().group();
  finding.first = finding.last = event.happened;
  finding.count = 1;
  finding.enforced = false;
  finding.late = event.received - event.happened > absl::Minutes(10);
  finding.key =
      absl::StrCat(event.school, "|", event.device, "|", finding.rule);
  return finding;
}

v1::AlertEvidence Line(const StoredEvent& event, std::string sentence) {
  v1::AlertEvidence line;
  line.set_time_unix_us(absl::ToUnixMicros(event.happened));
  line.set_sentence(std::move(sentence));
  line.set_device(event.device);
  line.set_sequence(event.event.sequence());
  line.set_epoch(event.epoch);
  line.set_count(1);
  return line;
}

// Flows hidden by a tunnel of some kind, since the agent's start.
uint64_t Tunnelled(const v1::Heartbeat& beat, std::string_view* cause) {
  uint64_t flows = 0, most = 0;
  for (const v1::Blindness& blind : beat.blindness()) {
    if (std::find(kTunnelCauses.begin(), kTunnelCauses.end(), blind.cause()) ==
        kTunnelCauses.end()) {
      continue;
    }
    flows += blind.flows();
    if (blind.flows() > most) {
      most = blind.flows();
      *cause = blind.cause();
    }
  }
  return flows;
}

// What the last word of a device that fell silent lets one think.
std::string CauseOfSilence(const Device& device, absl::Time now) {
  if (device.certificate_expires != absl::InfinitePast() &&
      device.certificate_expires < now) {
    return "Its identity has ended since, so it can only renew it first.";
  }
  if (device.heartbeat_time == absl::InfinitePast()) {
    return "It never reported how it does: most likely it was never started.";
  }
  if (!device.heartbeat.capturing()) {
    return "It could not see the network when it was last heard from.";
  }
  if (device.heartbeat.spool_events_waiting() > 0) {
    return "It had records waiting: most likely it was switched off, or has no "
           "network.";
  }
  return "All was well with it: most likely it is switched off, or has no "
         "network.";
}

// A matter for technicians: no protection was touched.
bool IsOddNames(std::string_view tamper) {
  return tamper == "random_names" || tamper == "name_tunnel";
}

// What may have an innocent cause every day is told as a note only.
v1::Severity SeverityOf(std::string_view tamper) {
  if (tamper == "resolver_changed" || tamper == "agent_killed" ||
      tamper == "rolled_back") {
    return v1::SEVERITY_INFORMATION;
  }
  if (tamper == "clock_step" || tamper == "root_cert" ||
      tamper == "browser_policy" || tamper == "network_opened") {
    return v1::SEVERITY_ROUTINE;
  }
  return v1::SEVERITY_RULE_BREAK;
}

}  // namespace

// Whether the agent that sent the heartbeat started after this event.
bool DeviceWatch::StartedAfter(const Beat& beat, const StoredEvent& event) {
  return beat.boot_id != event.event.boot_id() ||
         beat.boot_us - beat.counters.uptime_us() > event.event.boot_us();
}

void DeviceWatch::TellStop(const StoredEvent& stop,
                           std::vector<Finding>& out) const {
  Finding finding = AboutDevice(stop, "agent_stopped");
  finding.detail = "until now";
  finding.evidence.push_back(
      Line(stop,
           "Monitoring was stopped while the computer stayed on, and "
           "has not come back."));
  out.push_back(std::move(finding));
}

// The device's own check of its filter is kept whole; what failed is a cause
// to look at it today.
void DeviceWatch::LookForFailedTest(const StoredEvent& event,
                                    std::vector<Finding>& out) {
  const v1::SelfTest& test = event.event.self_test();
  if (test.passed()) return;
  Finding finding = AboutDevice(event, "check_failed");
  finding.severity = v1::SEVERITY_ROUTINE;
  finding.detail = test.what();
  finding.key = absl::StrCat(finding.key, "|", finding.detail);
  finding.evidence.push_back(Line(
      event,
      absl::StrCat("The device tested its own filter and failed: ", test.what(),
                   test.detail().empty() ? "" : ", ", test.detail(), ".")));
  out.push_back(std::move(finding));
}

void DeviceWatch::Add(const StoredEvent& event, std::vector<Finding>& out) {
  auto kind = event.event.kind_case();
  if (kind != v1::Event::kHeartbeat && kind != v1::Event::kTamper &&
      kind != v1::Event::kGap && kind != v1::Event::kSelfTest) {
    return;
  }
  if (kind == v1::Event::kSelfTest) return LookForFailedTest(event, out);
  if (devices_.size() >= kMostDevices && !devices_.contains(event.device)) {
    ++refused_;
    return;
  }
  Watched& watched = devices_[event.device];
  if (kind == v1::Event::kHeartbeat) return AddHeartbeat(event, watched, out);
  AddTamper(event, watched, out);
}

void DeviceWatch::AddHeartbeat(const StoredEvent& event, Watched& watched,
                               std::vector<Finding>& out) {
  Beat beat{event.happened,        event.event.boot_id(),
            event.event.boot_us(), event.event.heartbeat(),
            event.epoch,           event.event.sequence()};
  if (watched.stopping && StartedAfter(beat, *watched.stopping)) {
    watched.stopping.reset();
  }
  auto& beats = watched.beats;
  // Epochs have no order among each other: a new one starts afresh.
  if (!beats.empty() && beats.back().epoch != beat.epoch) beats.clear();
  auto later = [](const Beat& a, const Beat& b) {
    return a.sequence < b.sequence;
  };
  auto at = std::lower_bound(beats.begin(), beats.end(), beat, later);
  if (at != beats.end() && at->sequence == beat.sequence) return;
  // Older than all that is remembered: its neighbours are gone.
  if (at == beats.begin() && !beats.empty()) return;
  at = beats.insert(at, std::move(beat));
  LookForStop(event, at == beats.begin() ? *at : *std::prev(at), *at,
              watched.announced, out);
  while (beats.back().happened - beats.front().happened > kRemember &&
         beats.size() > 2) {
    beats.pop_front();
  }
  LookForBlindness(event, watched, out);
  LookForTunnel(event, watched, out);
  LookForStaleRules(event, watched, out);
}

// The computer stayed on (same boot), yet the agent began anew minutes later:
// somebody stopped it. An update restarts it within seconds; sleep does not
// restart it at all.
void DeviceWatch::LookForStop(const StoredEvent& event, const Beat& before,
                              const Beat& after,
                              const std::optional<StoredEvent>& announced,
                              std::vector<Finding>& out) {
  if (before.boot_id.empty() || before.boot_id != after.boot_id) return;
  absl::Duration gap = absl::Microseconds(after.boot_us - before.boot_us);
  absl::Duration up = absl::Microseconds(after.counters.uptime_us());
  absl::Duration down = gap - up;
  if (down < kStopped || up >= gap) return;
  Finding finding = AboutDevice(event, "agent_stopped");
  finding.first = finding.last = event.happened - gap;
  finding.detail = InWords(down);
  // In the place of what was said of this stop while it went on.
  const bool same = announced && StartedAfter(after, *announced) &&
                    !StartedAfter(before, *announced);
  finding.evidence.push_back(
      Line(same ? *announced : event,
           absl::StrCat("Monitoring was stopped for ", InWords(down),
                        " while the computer stayed on.")));
  out.push_back(std::move(finding));
}

void DeviceWatch::LookForBlindness(const StoredEvent& event, Watched& watched,
                                   std::vector<Finding>& out) {
  const v1::Heartbeat& now = event.event.heartbeat();
  const v1::Heartbeat& then = watched.beats.front().counters;
  bool many = now.flows() >= then.flows() + kBlindFlows &&
              now.names() == then.names() && watched.beats.size() > 1;
  if (now.capturing() && !many) {
    watched.told_blind = absl::InfinitePast();
    return;
  }
  if (watched.told_blind != absl::InfinitePast()) return;
  watched.told_blind = event.happened;
  Finding finding = AboutDevice(event, "blind_device");
  finding.detail = now.capturing()
                       ? "connections were made but no host name was seen"
                       : "the agent runs but cannot see the network";
  finding.evidence.push_back(Line(
      event, absl::StrCat("The device reported that ", finding.detail, ".")));
  out.push_back(std::move(finding));
}

// Told once for each step: late after a day without a signed word from the
// publisher, stale after three, overdue after two weeks.
void DeviceWatch::LookForStaleRules(const StoredEvent& event, Watched& watched,
                                    std::vector<Finding>& out) {
  const v1::Heartbeat& beat = event.event.heartbeat();
  const std::string& freshness = beat.rules_freshness();
  if (freshness != watched.told_stale) {
    watched.told_stale = freshness;
    const auto step = std::find_if(
        kStaleSteps.begin(), kStaleSteps.end(),
        [&](const StaleStep& one) { return one.word == freshness; });
    if (step != kStaleSteps.end()) {
      Finding finding = AboutDevice(event, "stale_rules");
      finding.severity = step->severity;
      finding.detail = std::string(step->words);
      finding.key = absl::StrCat(finding.key, "|", freshness);
      finding.evidence.push_back(
          Line(event, absl::StrCat("The device has had no signed word from "
                                   "the rules' publisher for ",
                                   finding.detail, ".")));
      out.push_back(std::move(finding));
    }
  }
  if (beat.rules_trouble() == watched.told_trouble) return;
  watched.told_trouble = beat.rules_trouble();
  if (watched.told_trouble.empty()) return;
  Finding finding = AboutDevice(event, "rules_refused");
  finding.severity = v1::SEVERITY_ROUTINE;
  finding.detail = watched.told_trouble;
  finding.key = absl::StrCat(finding.key, "|", finding.detail);
  finding.evidence.push_back(
      Line(event, absl::StrCat("The device reported: ", finding.detail, ".")));
  out.push_back(std::move(finding));
}

void DeviceWatch::LookForTunnel(const StoredEvent& event, Watched& watched,
                                std::vector<Finding>& out) {
  std::string_view cause = "vpn", unused;
  const Beat* since = nullptr;  // first beat of the unbroken growth
  for (size_t i = 1; i < watched.beats.size(); ++i) {
    const Beat& before = watched.beats[i - 1];
    const Beat& beat = watched.beats[i];
    bool grew = Tunnelled(beat.counters, &cause) >
                    Tunnelled(before.counters, &unused) &&
                beat.boot_id == before.boot_id;
    if (!grew)
      since = nullptr;
    else if (since == nullptr)
      since = &before;
  }
  if (since == nullptr) {
    watched.told_tunnel = absl::InfinitePast();
    return;
  }
  const Beat& last = watched.beats.back();
  if (last.happened - since->happened < kTunnel) return;
  if (watched.told_tunnel != absl::InfinitePast()) return;
  watched.told_tunnel = event.happened;
  Finding finding = AboutDevice(event, "tunnel");
  finding.category = "bypass";
  finding.first = since->happened;
  finding.detail = std::string(cause);
  finding.evidence.push_back(
      Line(event, absl::StrCat("Connections that hide host names went on for ",
                               InWords(last.happened - since->happened), ".")));
  out.push_back(std::move(finding));
}

void DeviceWatch::AddTamper(const StoredEvent& event, Watched& watched,
                            std::vector<Finding>& out) {
  auto identity = std::make_tuple(event.epoch, event.event.sequence());
  if (!watched.tampers.insert(identity).second) return;
  if (watched.tampers.size() > kMostTampers) {
    watched.tampers.erase(watched.tampers.begin());
  }
  bool gap = event.event.has_gap();
  if (!gap && event.event.tamper().kind() == "service_stopping") {
    watched.announced = event;
    const bool back =
        !watched.beats.empty() && StartedAfter(watched.beats.back(), event);
    if (!back) watched.stopping = event;
    return;
  }
  Finding finding = AboutDevice(event, gap ? "events_lost" : "tamper");
  if (gap) {
    const v1::Gap& lost = event.event.gap();
    // Losing routine counters on a full disk is for the provider's own list.
    finding.severity = lost.lane() == v1::LANE_ROUTINE
                           ? v1::SEVERITY_INFORMATION
                           : v1::SEVERITY_ROUTINE;
    finding.detail = lost.reason();
    finding.count =
        static_cast<uint32_t>(std::min<uint64_t>(lost.events(), 1'000'000'000));
    finding.evidence.push_back(
        Line(event, absl::StrCat("The device lost ", finding.count,
                                 " records (", lost.reason(), ").")));
    finding.evidence.back().set_count(finding.count);
  } else {
    finding.detail = event.event.tamper().kind();
    finding.severity = SeverityOf(finding.detail);
    if (IsOddNames(finding.detail)) {
      finding.rule = "odd_names";
      finding.severity = v1::SEVERITY_ROUTINE;
    }
    finding.key = absl::StrCat(finding.key, "|", finding.detail);
    std::string more = event.event.tamper().detail();
    // What it is, the alert says in words.
    finding.evidence.push_back(
        Line(event, absl::StrCat("The device reported it",
                                 more.empty() ? "" : ": ", more, ".")));
  }
  out.push_back(std::move(finding));
}

void DeviceWatch::OnTick(absl::Time now, std::span<const Device> devices,
                         std::vector<Finding>& out) {
  for (const Device& device : devices) {
    if (device.state != DeviceState::kActive) continue;
    absl::Time seen = std::max(device.last_contact, device.heartbeat_time);
    if (seen == absl::InfinitePast()) seen = device.enrolled;
    if (seen == absl::InfinitePast()) continue;
    if (devices_.size() >= kMostDevices && !devices_.contains(device.id)) {
      ++refused_;
      continue;
    }
    Watched& watched = devices_[device.id];
    if (watched.stopping && now - watched.stopping->received >= kRestart) {
      TellStop(*watched.stopping, out);
      watched.stopping.reset();
    }
    if (watched.told_silent == seen) continue;
    absl::Duration silent = SchoolTimeBetween(seen, now, options_.zone);
    if (silent < options_.silent_after) continue;
    watched.told_silent = seen;
    Finding finding;
    finding.school = device.school;
    finding.rule = "silent_device";
    finding.severity = v1::SEVERITY_ROUTINE;
    finding.subject = finding.device = device.id;
    finding.group = device.group;
    finding.first = finding.last = seen;
    finding.count = 1;
    finding.enforced = false;
    finding.detail = InWords(silent);
    finding.key = absl::StrCat(device.school, "|", device.id, "|silent_device");
    v1::AlertEvidence line;
    line.set_time_unix_us(absl::ToUnixMicros(seen));
    line.set_sentence("The last word from it. " + CauseOfSilence(device, now));
    line.set_device(device.id);
    line.set_count(1);
    finding.evidence.push_back(std::move(line));
    out.push_back(std::move(finding));
  }
}

absl::Duration SchoolTimeBetween(absl::Time from, absl::Time to,
                                 absl::TimeZone zone) {
  constexpr int kMostDays = 366;
  absl::Duration sum;
  absl::CivilDay day = absl::ToCivilDay(from, zone);
  absl::CivilDay last = absl::ToCivilDay(to, zone);
  for (int n = 0; day <= last && n < kMostDays; ++day, ++n) {
    absl::Weekday weekday = absl::GetWeekday(day);
    if (weekday == absl::Weekday::saturday ||
        weekday == absl::Weekday::sunday) {
      continue;
    }
    absl::CivilHour midnight(day);
    absl::Time begin = std::max(from, absl::FromCivil(midnight + 8, zone));
    absl::Time end = std::min(to, absl::FromCivil(midnight + 18, zone));
    if (end > begin) sum += end - begin;
  }
  return sum;
}

}  // namespace schoolgate::collector
