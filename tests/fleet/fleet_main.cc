// fleet --seeds N: N small worlds of devices and a collector in which
// everything fails that can, each from a seed. What was acknowledged must be
// in the store, once; what was kept must arrive or be told as lost.
#include <stdlib.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/fleet/collector_end.h"
#include "tests/fleet/device_end.h"

namespace schoolgate::tests {
namespace {

constexpr absl::Duration kChaos = absl::Minutes(6);
constexpr absl::Duration kPatience = absl::Minutes(30);
constexpr absl::Duration kLook = absl::Seconds(5);

struct Sum {
  uint64_t events = 0, promised = 0, crashes = 0, power_cuts = 0, commits = 0;
};

class World {
 public:
  World(uint64_t seed, const std::string& folder, int devices)
      : random_(seed), collector_(folder, base_, timeline_, random_) {
    for (int i = 0; i < devices; ++i) {
      devices_.push_back(std::make_unique<DeviceEnd>(
          absl::StrCat("D-", 1000 + i), base_, timeline_, collector_, random_));
    }
  }

  // "" or what was broken.
  std::string Run(Sum* sum) {
    collector_.SetFaults({.crash = 120, .failed_commit = 60});
    for (const auto& device : devices_) device->Begin();
    timeline_.RunUntil(kChaos);
    collector_.SetFaults({});
    for (const auto& device : devices_) device->Heal();
    const absl::Duration until = timeline_.now() + kPatience;
    while (timeline_.now() < until && !Quiet() && collector_.wrong().empty()) {
      timeline_.RunUntil(timeline_.now() + kLook);
    }
    if (!collector_.wrong().empty()) return collector_.wrong();
    if (!Quiet()) return "not drained, with everything healed";
    return Judge(sum);
  }

 private:
  bool Quiet() {
    return std::all_of(devices_.begin(), devices_.end(),
                       [](const auto& device) { return device->drained(); });
  }

  std::string Judge(Sum* sum) {
    std::vector<collector::StoredEvent> all;
    if (std::string wrong = collector_.ReadAll(&all); !wrong.empty()) {
      return wrong;
    }
    sum->events += all.size();
    sum->crashes += collector_.crashes();
    sum->commits += collector_.commits();
    std::map<std::string, std::vector<collector::StoredEvent>> by_device;
    for (collector::StoredEvent& event : all) {
      by_device[event.device].push_back(std::move(event));
    }
    for (const auto& device : devices_) {
      sum->promised += device->promised();
      sum->power_cuts += device->power_cuts();
      const std::string wrong = device->Judge(by_device[device->name()]);
      if (!wrong.empty()) return absl::StrCat(device->name(), ": ", wrong);
    }
    return "";
  }

  const absl::Time base_ = absl::FromUnixSeconds(1'790'000'000);
  std::mt19937_64 random_;
  Timeline timeline_;
  CollectorEnd collector_;
  std::vector<std::unique_ptr<DeviceEnd>> devices_;
};

std::string MakeFolder() {
  std::string name = std::filesystem::exists("/dev/shm")
                         ? "/dev/shm/fleet-XXXXXX"
                         : "/tmp/fleet-XXXXXX";
  return mkdtemp(name.data());
}

int Main(int argc, char** argv) {
  CLI::App app("Worlds of devices and a collector in which everything fails.");
  uint64_t seeds = 50, seed = 1;
  int devices = 4;
  app.add_option("--seeds", seeds, "How many")->check(CLI::PositiveNumber);
  app.add_option("--seed", seed, "Where to start; printed on failure");
  app.add_option("--devices", devices, "In each")->check(CLI::Range(1, 100));
  CLI11_PARSE(app, argc, argv);
  int broken = 0;
  Sum sum;
  for (uint64_t one = seed; one < seed + seeds && broken < 10; ++one) {
    const std::string folder = MakeFolder();
    const std::string wrong = World(one, folder, devices).Run(&sum);
    std::filesystem::remove_all(folder);
    if (wrong.empty()) continue;
    ++broken;
    std::fprintf(stderr, "seed %llu: %s\n",
                 static_cast<unsigned long long>(one), wrong.c_str());
  }
  std::printf(
      "%llu seeds: %llu events stored, %llu kept by devices and judged, %llu "
      "commits, %llu deaths of the collector, %llu power cuts: %d broken\n",
      static_cast<unsigned long long>(seeds),
      static_cast<unsigned long long>(sum.events),
      static_cast<unsigned long long>(sum.promised),
      static_cast<unsigned long long>(sum.commits),
      static_cast<unsigned long long>(sum.crashes),
      static_cast<unsigned long long>(sum.power_cuts), broken);
  return broken == 0 ? 0 : 1;
}

}  // namespace
}  // namespace schoolgate::tests

int main(int argc, char** argv) { return schoolgate::tests::Main(argc, argv); }
