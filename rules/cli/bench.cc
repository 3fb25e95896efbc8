// bench: how fast a bundle answers, on this machine, for these hosts.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "platform/clock.h"
#include "platform/complaint.h"
#include "rules/bundle/bundle_index.h"
#include "rules/cli/json_line.h"
#include "rules/cli/verbs.h"
#include "rules/import/line_source.h"
#include "rules/ruleset.h"

namespace schoolgate::rules {
namespace {

// Short, so that few batches meet a change of process on a busy machine.
constexpr size_t kBatch = 100;
constexpr size_t kQueryLimit = 10'000'000;

struct BenchOptions {
  std::string bundle;
  std::string queries;
  bool json = false;
};

struct BenchResult {
  double open_ms = 0;
  double median_ns = 0;  // of batches of look-ups, all suffixes of a host
  size_t queries = 0;
  size_t hits = 0;
  size_t skipped = 0;
  uint64_t entries = 0;
  double bytes_per_entry = 0;
};

absl::StatusOr<BenchResult> Run(const BenchOptions& options) {
  const platform::Clock& clock = platform::SystemClock();
  BenchResult result;
  absl::Duration begin = clock.SinceBoot();
  const auto rules = Ruleset::Open(options.bundle);
  if (!rules.ok()) return rules.status();
  result.open_ms = absl::ToDoubleMilliseconds(clock.SinceBoot() - begin);
  std::vector<HostName> hosts;
  auto status = ReadLines(options.queries, [&](std::string_view line, bool) {
    const auto host = HostName::Parse(line);
    if (host.has_value() && hosts.size() < kQueryLimit) {
      hosts.push_back(*host);
    } else {
      ++result.skipped;
    }
  });
  if (!status.ok()) return status;
  if (hosts.empty()) {
    return absl::InvalidArgumentError(options.queries +
                                      ": has no hosts: write one a line");
  }
  const CategoryIndex& index = (*rules)->index();
  for (const HostName& host : hosts) {  // warms up
    result.hits += !index.Categories(host).empty();
  }
  std::vector<double> batches;
  size_t found = 0;
  for (size_t at = 0; at < hosts.size(); at += kBatch) {
    const size_t end = std::min(at + kBatch, hosts.size());
    begin = clock.SinceBoot();
    for (size_t i = at; i < end; ++i) {
      found += !index.Categories(hosts[i]).empty();
    }
    batches.push_back(absl::ToDoubleNanoseconds(clock.SinceBoot() - begin) /
                      static_cast<double>(end - at));
  }
  if (found != result.hits) {
    return absl::DataLossError(options.bundle +
                               ": answered differently the second time: its "
                               "pages are damaged: fetch it again");
  }
  std::nth_element(batches.begin(), batches.begin() + batches.size() / 2,
                   batches.end());
  result.median_ns = batches[batches.size() / 2];
  result.queries = hosts.size();
  result.entries = index.entries();
  uint64_t bytes = 0;
  for (const std::string_view name : kIndexSections) {
    bytes += (*rules)->file().Section(name)->size();
  }
  result.bytes_per_entry =
      static_cast<double>(bytes) /
      static_cast<double>(std::max<uint64_t>(result.entries, 1));
  return result;
}

void Print(const BenchOptions& options, const BenchResult& result) {
  if (options.json) {
    const nlohmann::json line = {{"bundle", options.bundle},
                                 {"entries", result.entries},
                                 {"bytes_per_entry", result.bytes_per_entry},
                                 {"open_ms", result.open_ms},
                                 {"lookup_median_ns", result.median_ns},
                                 {"queries", result.queries},
                                 {"hits", result.hits},
                                 {"skipped", result.skipped}};
    std::printf("%s\n", JsonLine(line).c_str());
    return;
  }
  std::printf(
      "%llu hosts, %.2f bytes each; opened in %.2f ms; %.0f ns a look-up "
      "(median), %zu of %zu listed, %zu lines skipped\n",
      static_cast<unsigned long long>(result.entries), result.bytes_per_entry,
      result.open_ms, result.median_ns, result.hits, result.queries,
      result.skipped);
}

}  // namespace

void AddBench(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<BenchOptions>();
  CLI::App* verb =
      app.add_subcommand("bench", "Measure how fast a bundle answers.");
  verb->add_option("bundle", options->bundle, "BUNDLE")->required();
  verb->add_option("queries", options->queries, "A file with a host a line")
      ->required();
  verb->add_flag("--json", options->json, "One JSON object");
  verb->callback([options, exit_code] {
    const auto result = Run(*options);
    if (!result.ok()) {
      *exit_code = platform::Complain("schoolgate-rules", result.status());
    } else {
      Print(*options, *result);
    }
  });
}

}  // namespace schoolgate::rules
