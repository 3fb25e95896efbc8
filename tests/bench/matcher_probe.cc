// What tests/bench/matcher measures inside one process: our index beside
// absl::flat_hash_map<string, u16> with the same names, in turns.
//
// Prints one JSON object; without arguments, its usage.
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "platform/clock.h"
#include "platform/complaint.h"
#include "rules/bundle/bundle_index.h"
#include "rules/bundle/delta.h"

namespace schoolgate::rules {
namespace {

// Short, so that few batches meet a change of process on a busy machine.
constexpr size_t kBatch = 100;
constexpr size_t kColdLookups = 1000;

using Map = absl::flat_hash_map<std::string, uint16_t>;

// Of /proc/self/status, in bytes.
uint64_t Status(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field + ":")) {
      return std::strtoull(line.c_str() + field.size() + 1, nullptr, 10) * 1024;
    }
  }
  return 0;
}

double Faults() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_minflt + usage.ru_majflt);
}

double Quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  const auto at = static_cast<std::ptrdiff_t>(
      share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<size_t>(at)];
}

// Nanoseconds a look-up, batch by batch.
class Timer {
 public:
  template <typename Work>
  void Batch(size_t lookups, Work work) {
    const absl::Duration begin = clock_.SinceBoot();
    work();
    batches_.push_back(absl::ToDoubleNanoseconds(clock_.SinceBoot() - begin) /
                       static_cast<double>(lookups));
  }
  nlohmann::json Report() const {
    return {{"median_ns", Quantile(batches_, 0.5)},
            {"p10_ns", Quantile(batches_, 0.1)},
            {"p90_ns", Quantile(batches_, 0.9)}};
  }
  double median() const { return Quantile(batches_, 0.5); }

 private:
  const platform::Clock& clock_ = platform::SystemClock();
  std::vector<double> batches_;
};

std::vector<HostName> ReadHosts(const char* path) {
  std::vector<HostName> hosts;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (const auto host = HostName::Parse(line)) hosts.push_back(*host);
  }
  return hosts;
}

bool InMap(const Map& map, const HostName& host) {
  bool found = false;
  for (std::string_view name = host.text(); !name.empty();
       name = host.is_address() ? std::string_view() : ParentOf(name)) {
    found |= map.contains(absl::string_view(name.data(), name.size()));
  }
  return found;
}

uint64_t Touch(const HostName& host) {
  uint64_t sum = 0;
  for (const char c : host.text()) sum += static_cast<uint8_t>(c);
  return sum;
}

struct Names {
  Map map;
  std::map<CategorySet, uint16_t> sets;
};

absl::Status Fill(const CategoryIndex& index, Names* names) {
  return index.ForEachEntry([&](const IndexEntry& entry) {
    const auto set = names->sets.emplace(
        entry.set, static_cast<uint16_t>(names->sets.size()));
    names->map.emplace(std::string(entry.name), set.first->second);
  });
}

// In turns: ours, the map, nothing but touching the names; ours over the hosts
// that are listed and those that are not.
nlohmann::json Race(const CategoryIndex& index, const Map& map,
                    const std::vector<HostName>& hosts, int rounds) {
  std::vector<HostName> listed, unlisted;
  for (const HostName& host : hosts) {
    (index.Categories(host).empty() ? unlisted : listed).push_back(host);
  }
  Timer ours, theirs, touch, hit, miss;
  uint64_t found = 0, in_map = 0, sum = 0;
  for (int round = 0; round < rounds; ++round) {
    for (size_t at = 0; at + kBatch <= hosts.size(); at += kBatch) {
      const auto each = [&](const std::vector<HostName>& from, auto work) {
        const size_t begin = at % (from.size() - kBatch + 1);
        for (size_t i = begin; i < begin + kBatch; ++i) work(from[i]);
      };
      ours.Batch(kBatch, [&] {
        each(hosts, [&](const HostName& host) {
          found += !index.Categories(host).empty();
        });
      });
      theirs.Batch(kBatch, [&] {
        each(hosts, [&](const HostName& host) { in_map += InMap(map, host); });
      });
      touch.Batch(kBatch, [&] {
        each(hosts, [&](const HostName& host) { sum += Touch(host); });
      });
      if (listed.size() > kBatch && unlisted.size() > kBatch) {
        hit.Batch(kBatch, [&] {
          each(listed, [&](const HostName& host) {
            sum += !index.Categories(host).empty();
          });
        });
        miss.Batch(kBatch, [&] {
          each(unlisted, [&](const HostName& host) {
            sum += !index.Categories(host).empty();
          });
        });
      }
    }
  }
  return {{"ours", ours.Report()},
          {"flat_hash_map", theirs.Report()},
          {"touching_the_name", touch.Report()},
          {"ours_listed", hit.Report()},
          {"ours_unlisted", miss.Report()},
          {"ratio", ours.median() / std::max(theirs.median(), 1.0)},
          {"listed_share", static_cast<double>(listed.size()) /
                               static_cast<double>(hosts.size())},
          {"answers_agree", found == in_map},
          {"checksum", sum}};
}

// A bundle as a device opens it.
struct Opened {
  std::unique_ptr<const BundleFile> file;
  std::unique_ptr<CategoryIndex> index;
  double open_ms = 0;
};

absl::StatusOr<Opened> Open(const char* path) {
  const platform::Clock& clock = platform::SystemClock();
  const absl::Duration begin = clock.SinceBoot();
  Opened opened;
  auto file = BundleFile::Open(path);
  if (!file.ok()) return file.status();
  opened.file = *std::move(file);
  for (const std::string_view name : kIndexHeadSections) {
    auto status = opened.file->VerifySection(name);
    if (!status.ok()) return status;
  }
  const auto sections = IndexSectionsOf(*opened.file);
  if (!sections.ok()) return sections.status();
  auto index = CategoryIndex::Open(*sections);
  if (!index.ok()) return index.status();
  opened.index = *std::move(index);
  opened.open_ms = absl::ToDoubleMilliseconds(clock.SinceBoot() - begin);
  return opened;
}

// Asks for every host of a file, which is not kept. Returns the hosts listed.
uint64_t AskAll(const CategoryIndex& index, const char* queries) {
  uint64_t found = 0;
  std::ifstream file(queries);
  for (std::string line; std::getline(file, line);) {
    const auto host = HostName::Parse(line);
    if (host.has_value()) found += !index.Categories(*host).empty();
  }
  return found;
}

absl::StatusOr<nlohmann::json> Compare(const char* bundle, const char* queries,
                                       int rounds, const char* names_path) {
  const auto hosts = ReadHosts(queries);
  if (hosts.size() < 2 * kBatch) {
    return absl::InvalidArgumentError(std::string(queries) +
                                      ": has too few hosts: at least 200");
  }
  const auto opened = Open(bundle);
  if (!opened.ok()) return opened.status();
  const CategoryIndex& index = *opened->index;
  const platform::Clock& clock = platform::SystemClock();
  const uint64_t before = Status("RssAnon");
  const absl::Duration begin = clock.SinceBoot();
  Names names;
  if (auto status = Fill(index, &names); !status.ok()) return status;
  const absl::Duration filled = clock.SinceBoot() - begin;
  const uint64_t map_bytes = Status("RssAnon") - before;
  uint64_t bytes = 0;
  for (const std::string_view name : kIndexSections) {
    bytes += opened->file->Section(name)->size();
  }
  if (names_path != nullptr) {
    std::ofstream out(names_path);
    for (const auto& [name, set] : names.map) {
      if (!IsAddress(name)) out << name << '\n';
    }
  }
  const auto entries = static_cast<double>(index.entries());
  return nlohmann::json(
      {{"hosts", index.entries()},
       {"bytes_a_host", static_cast<double>(bytes) / entries},
       {"map_bytes_a_host", static_cast<double>(map_bytes) / entries},
       {"open_ms", opened->open_ms},
       {"map_fill_s", absl::ToDoubleSeconds(filled)},
       {"queries", hosts.size()},
       {"lookup", Race(index, names.map, hosts, rounds)},
       {"damaged_pages", index.damaged_pages()}});
}

// The file has been put out of memory by the caller.
absl::StatusOr<nlohmann::json> Cold(const char* bundle, const char* queries) {
  const auto hosts = ReadHosts(queries);
  const size_t count = std::min(kColdLookups, hosts.size() / 2);
  const auto opened = Open(bundle);
  if (!opened.ok()) return opened.status();
  uint64_t found = 0;
  std::set<std::string_view> seen;
  std::vector<const HostName*> fresh;  // no name twice, none of the first
  for (const HostName& host : hosts) {
    const bool is_new = seen.insert(host.text()).second;
    if (is_new && seen.size() > count) fresh.push_back(&host);
    if (fresh.size() == count) break;
  }
  const double begin = Faults();
  for (size_t i = 0; i < count; ++i) {
    found += !opened->index->Categories(hosts[i]).empty();
  }
  const double middle = Faults();
  for (const HostName* host : fresh) {
    found += !opened->index->Categories(*host).empty();
  }
  const double end = Faults();
  return nlohmann::json(
      {{"lookups", count},
       {"faults_a_lookup", (middle - begin) / static_cast<double>(count)},
       {"distinct_faults_a_lookup",
        (end - middle) /
            static_cast<double>(std::max<size_t>(fresh.size(), 1))},
       {"open_ms", opened->open_ms},
       {"listed", found}});
}

// What a device needs while it makes its next rules from a delta: it goes on
// answering from the old ones.
absl::StatusOr<nlohmann::json> Update(const char* bundle, const char* queries,
                                      const char* delta, const char* output) {
  const auto opened = Open(bundle);
  if (!opened.ok()) return opened.status();
  uint64_t found = AskAll(*opened->index, queries);
  const uint64_t steady = Status("VmRSS");
  const uint64_t steady_private = Status("RssAnon");
  const auto applied = ApplyDelta(bundle, delta, output);
  if (!applied.ok()) return applied.status();
  const uint64_t peak = Status("VmHWM");
  found += AskAll(*opened->index, queries);
  return nlohmann::json(
      {{"steady", steady},
       {"steady_private", steady_private},
       {"peak", peak},
       {"ratio", static_cast<double>(peak) / static_cast<double>(steady)},
       {"listed", found}});
}

int Run(int argc, char** argv) {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  absl::StatusOr<nlohmann::json> report;
  if (mode == "--cold" && argc == 4) {
    report = Cold(argv[2], argv[3]);
  } else if (mode == "--update" && argc == 6) {
    report = Update(argv[2], argv[3], argv[4], argv[5]);
  } else if (!mode.starts_with("-") && argc >= 3 && argc <= 5) {
    report = Compare(argv[1], argv[2], argc > 3 ? std::atoi(argv[3]) : 3,
                     argc > 4 ? argv[4] : nullptr);
  } else {
    std::fprintf(stderr,
                 "usage: matcher_probe BUNDLE QUERIES [ROUNDS [NAMES-OUT]]\n"
                 "       matcher_probe --cold BUNDLE QUERIES\n"
                 "       matcher_probe --update BUNDLE QUERIES DELTA OUT\n");
    return platform::kExitUsage;
  }
  if (!report.ok()) return platform::Complain("matcher_probe", report.status());
  std::printf("%s\n", report->dump().c_str());
  return platform::kExitOk;
}

}  // namespace
}  // namespace schoolgate::rules

int main(int argc, char** argv) { return schoolgate::rules::Run(argc, argv); }
