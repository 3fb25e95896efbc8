#include "collector/fleet/rollout.h"

#include <map>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "proto/seal/hash.h"
#include "proto/seal/keys.h"

namespace schoolgate::collector {
namespace {

constexpr int kOneIn = 20;
// Fewer answers say nothing about how much is refused.
constexpr uint64_t kEnoughJudged = 200;
constexpr double kJumpFactor = 2;
constexpr double kJumpShare = 0.05;

using Words = std::map<std::string, std::string>;

std::string BundleWords(const ShelvedBundle& bundle) {
  return absl::StrCat(bundle.version, " ", seal::ToHex(bundle.hash), " ",
                      bundle.size_bytes);
}

bool ReadBundle(const std::string& text, ShelvedBundle* bundle) {
  const std::vector<std::string> words =
      absl::StrSplit(text, ' ', absl::SkipEmpty());
  if (words.size() != 3 || !absl::SimpleAtoi(words[0], &bundle->version) ||
      !absl::SimpleAtoi(words[2], &bundle->size_bytes)) {
    return false;
  }
  const auto hash = seal::FromHex(words[1]);
  if (hash.ok()) bundle->hash = *hash;
  return hash.ok() && hash->size() == seal::kHashBytes;
}

int64_t Number(const Words& words, const std::string& key) {
  int64_t number = 0;
  const auto found = words.find(key);
  if (found != words.end()) (void)absl::SimpleAtoi(found->second, &number);
  return number;
}

double Share(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0
                    : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

const char* RingName(Ring ring) {
  switch (ring) {
    case Ring::kTrial:
      return "trial";
    case Ring::kOne:
      return "one device";
    case Ring::kFew:
      return "1 in 20";
    case Ring::kAll:
      return "all";
  }
  return "all";
}

std::string RolloutText(const Rollout& rollout) {
  return absl::StrCat(
      "bundle=", BundleWords(rollout.bundle),
      "\nring=", static_cast<int>(rollout.ring),
      "\nsince=", absl::ToUnixSeconds(rollout.since),
      "\nsoak=", absl::ToInt64Seconds(rollout.soak),
      "\ntrial=", absl::ToInt64Seconds(rollout.trial),
      "\ncanary=", rollout.canary, "\npaused=", rollout.paused ? 1 : 0,
      "\nwhy=", absl::StrReplaceAll(rollout.why, {{"\n", " "}}), "\n",
      rollout.fallback.version == 0
          ? ""
          : absl::StrCat("fallback=", BundleWords(rollout.fallback), "\n"));
}

std::optional<Rollout> ReadRollout(const std::string& text) {
  Words words;
  for (const auto line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const std::pair<std::string, std::string> pair =
        absl::StrSplit(line, absl::MaxSplits('=', 1));
    words[pair.first] = pair.second;
  }
  Rollout rollout;
  const int64_t ring = Number(words, "ring");
  if (!ReadBundle(words["bundle"], &rollout.bundle) || ring < 0 || ring > 3) {
    return std::nullopt;
  }
  rollout.ring = static_cast<Ring>(ring);
  rollout.since = absl::FromUnixSeconds(Number(words, "since"));
  rollout.soak = absl::Seconds(Number(words, "soak"));
  rollout.trial = absl::Seconds(Number(words, "trial"));
  rollout.canary = words["canary"];
  rollout.paused = Number(words, "paused") != 0;
  rollout.why = words["why"];
  if (!ReadBundle(words["fallback"], &rollout.fallback)) rollout.fallback = {};
  return rollout;
}

bool InRing(const Rollout& rollout, const std::string& device) {
  if (rollout.ring == Ring::kAll || device == rollout.canary) return true;
  if (rollout.ring == Ring::kOne) return false;
  seal::Hasher hasher;
  hasher.Add(rollout.bundle.hash);
  hasher.Add(device);
  return static_cast<uint8_t>(hasher.Finish()[0]) < 256 / kOneIn;
}

RingReport ReportOn(const Rollout& rollout, std::span<const Device> devices) {
  RingReport report;
  for (const Device& device : devices) {
    if (device.state != DeviceState::kActive) continue;
    const v1::Heartbeat& beat = device.heartbeat;
    const bool trial = rollout.ring == Ring::kTrial;
    const bool has_it =
        (trial ? beat.trial().bundle_version() : beat.bundle_version()) ==
        rollout.bundle.version;
    if (!InRing(rollout, device.id)) {
      report.others_judged += beat.rules_judged();
      report.others_blocked += beat.rules_blocked();
      continue;
    }
    ++report.devices;
    if (has_it) {
      ++report.have_it;
      report.judged += beat.rules_judged();
      report.blocked += beat.rules_blocked();
    }
    if (device.heartbeat_time <= rollout.since) continue;
    const bool failed =
        has_it && std::string_view(beat.selftest()).starts_with("fail");
    if (beat.rules_trouble().empty() && !failed) continue;
    ++report.in_trouble;
    if (report.trouble.empty()) {
      report.trouble = absl::StrCat(
          device.hostname.empty() ? device.id : device.hostname, ": ",
          failed ? absl::StrCat("its self-test says ", beat.selftest())
                 : beat.rules_trouble());
    }
  }
  return report;
}

Step NextStep(const Rollout& rollout, const RingReport& report, absl::Time now,
              std::string* why) {
  if (rollout.paused || rollout.ring == Ring::kAll) return Step::kWait;
  if (report.in_trouble > 0) {
    *why = report.trouble;
    return Step::kHalt;
  }
  const double share = Share(report.blocked, report.judged);
  const double others = Share(report.others_blocked, report.others_judged);
  if (rollout.ring != Ring::kTrial && report.judged >= kEnoughJudged &&
      report.others_judged >= kEnoughJudged &&
      share > kJumpFactor * others + kJumpShare) {
    *why = absl::StrCat("refuses ", static_cast<int>(100 * share + 0.5),
                        " of 100 names; other devices ",
                        static_cast<int>(100 * others + 0.5));
    return Step::kHalt;
  }
  const absl::Duration wait =
      rollout.ring == Ring::kTrial ? rollout.trial : rollout.soak;
  if (report.have_it == 0 || now - rollout.since < wait) return Step::kWait;
  return Step::kGoOn;
}

}  // namespace schoolgate::collector
