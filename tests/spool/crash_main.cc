// crash --runs N: N lives and deaths of a spool, half of them by SIGKILL at a
// named point, half by power loss on a failing disk.
#include <stdlib.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cstdio>
#include <filesystem>

#include "tests/spool/crashing_directory.h"
#include "tests/spool/oracle.h"

namespace schoolgate::tests {
namespace {

// Enough runs that every point must have been met.
constexpr int kRunsThatMeetAll = 240;

std::string MakeFolder() {
  std::string name = std::filesystem::exists("/dev/shm")
                         ? "/dev/shm/spool-crash-XXXXXX"
                         : "/tmp/spool-crash-XXXXXX";
  return mkdtemp(name.data());
}

int Main(int argc, char** argv) {
  CLI::App app("Crashes the spool and checks that nothing promised is lost.");
  int runs = 300;
  uint64_t seed = 1;
  app.add_option("--runs", runs, "How many")->check(CLI::PositiveNumber);
  app.add_option("--seed", seed, "Where to start; printed on failure");
  CLI11_PARSE(app, argc, argv);
  const std::string folder = MakeFolder();
  std::array<int, kCrashPoints.size()> fired{};
  int kills = 0;
  int cuts = 0;
  int broken = 0;
  int by_count = 0;
  for (int i = 0; i < runs; ++i) {
    const uint64_t one = seed + static_cast<uint64_t>(i);
    std::string wrong;
    if (i % 2 == 0) {
      const size_t point = static_cast<size_t>(i / 2) % kCrashPoints.size();
      wrong =
          KillRun(folder + "/spool", kCrashPoints[point], one, &fired[point]);
      if (!wrong.empty())
        wrong = std::string(kCrashPoints[point]) + ": " + wrong;
      ++kills;
    } else {
      bool counted = false;
      wrong = PowerRun(one, &counted);
      by_count += counted;
      if (!wrong.empty()) wrong = "power: " + wrong;
      ++cuts;
    }
    if (wrong.empty()) continue;
    std::fprintf(stderr, "run %d (seed %llu): %s\n", i,
                 static_cast<unsigned long long>(one), wrong.c_str());
    if (++broken >= 10) break;
  }
  std::filesystem::remove_all(folder);
  int deaths = 0;
  for (size_t i = 0; i < fired.size(); ++i) {
    std::printf("%-20s %6d deaths\n", std::string(kCrashPoints[i]).c_str(),
                fired[i]);
    deaths += fired[i];
    if (fired[i] == 0 && runs >= kRunsThatMeetAll) {
      std::fprintf(stderr, "%s: never met\n",
                   std::string(kCrashPoints[i]).c_str());
      ++broken;
    }
  }
  std::printf(
      "%d runs with SIGKILL (%d deaths), %d with power loss (in %d some losses "
      "were told by their number only): %d broken\n",
      kills, deaths, cuts, by_count, broken);
  return broken == 0 ? 0 : 1;
}

}  // namespace
}  // namespace schoolgate::tests

int main(int argc, char** argv) { return schoolgate::tests::Main(argc, argv); }
