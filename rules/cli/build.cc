// build: from a policy and a folder of lists to one bundle.
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "platform/complaint.h"
#include "rules/bundle/bundle_file.h"
#include "rules/bundle/bundle_index.h"
#include "rules/bundle/index_writer.h"
#include "rules/bundle/little_endian.h"
#include "rules/cli/json_line.h"
#include "rules/cli/key_ring.h"
#include "rules/cli/verbs.h"
#include "rules/import/list_folder.h"
#include "rules/import/page_lists.h"
#include "rules/policy/compile.h"
#include "rules/ruleset.h"

namespace schoolgate::rules {
namespace {

constexpr int64_t kSecondsPerDay = 86400;

struct BuildOptions {
  std::string policy;
  std::string lists;
  std::string output;
  std::string base;
  uint64_t version = 1;
  int64_t days = 30;
  bool json = false;
  bool quiet = false;
};

struct BuildResult {
  CompiledLists lists;
  v1::BundleManifest manifest;
  uint64_t entries = 0;
  uint64_t index_bytes = 0;
};

void Say(const BuildOptions& options, const std::string& what) {
  if (!options.quiet) std::fprintf(stderr, "%s\n", what.c_str());
}

// When the bundle was made: SOURCE_DATE_EPOCH, else the newest input's time.
// Never the clock, so that the same input gives the same bytes.
absl::StatusOr<int64_t> IssueTime(const BuildOptions& options) {
  if (const char* epoch = std::getenv("SOURCE_DATE_EPOCH")) {
    int64_t seconds = 0;
    if (absl::SimpleAtoi(epoch, &seconds) && seconds >= 0) return seconds;
    return absl::InvalidArgumentError(
        "SOURCE_DATE_EPOCH: is not a number of seconds: correct or unset it");
  }
  int64_t newest = 0;
  const auto look = [&](const std::string& path) {
    struct stat facts = {};
    if (stat(path.c_str(), &facts) == 0) {
      newest = std::max<int64_t>(newest, facts.st_mtime);
    }
  };
  look(options.policy);
  std::error_code error;
  for (const auto& entry :
       std::filesystem::directory_iterator(options.lists, error)) {
    if (entry.is_regular_file()) look(entry.path().string());
  }
  return newest;
}

absl::StatusOr<BuildResult> Build(const BuildOptions& options) {
  auto policy = CompilePolicyFile(options.policy);
  if (!policy.ok()) return policy.status();
  auto pages = ReadPageLists(options.lists);
  if (!pages.ok()) return pages.status();
  *policy->mutable_page_knowledge() = *std::move(pages);
  const auto issued = IssueTime(options);
  if (!issued.ok()) return issued.status();
  std::vector<std::string> ids;
  for (const auto& category : policy->categories()) {
    ids.push_back(category.id());
  }
  auto lists = CompileLists(options.lists, ids, [&](std::string_view file) {
    Say(options, absl::StrCat("reading ", std::string(file)));
  });
  if (!lists.ok()) return lists.status();
  BuildResult result;
  result.lists = *std::move(lists);
  const auto entries = result.lists.entries.Entries();
  result.entries = entries.size();
  Say(options, absl::StrCat("indexing ", entries.size(), " hosts"));
  std::shared_ptr<const Ruleset> base;
  if (!options.base.empty()) {
    auto opened = Ruleset::Open(options.base);
    if (!opened.ok()) return opened.status();
    base = *std::move(opened);
  }
  const auto index = BuildIndex(result.lists.categories, entries,
                                base == nullptr ? nullptr : &base->index());
  if (!index.ok()) return index.status();
  const std::string policy_bytes = SerialiseExactly(*policy);
  const std::string lists_bytes = SerialiseExactly(ProvenanceOf(result.lists));
  v1::BundleManifest& manifest = result.manifest;
  manifest.set_id(policy->id());
  manifest.set_title(policy->title());
  manifest.set_version(options.version);
  manifest.set_issued_unix_s(*issued);
  manifest.set_expires_unix_s(*issued + options.days * kSecondsPerDay);
  for (const auto& group : policy->groups()) manifest.add_groups(group.id());
  std::vector<SectionBytes> sections = {{"policy", AsBytes(policy_bytes)},
                                        {"lists", AsBytes(lists_bytes)}};
  AppendIndexSections(*index, &sections);
  for (size_t i = 2; i < sections.size(); ++i) {
    result.index_bytes += sections[i].bytes.size();
  }
  auto status =
      WriteBundle(options.output, manifest, v1::BundleSignatures(), sections);
  if (!status.ok()) return status;
  return result;
}

void PrintJson(const BuildOptions& options, const BuildResult& result) {
  for (const ListReport& report : result.lists.reports) {
    const auto& list = report.provenance;
    const nlohmann::json line = {
        {"list", list.name()},
        {"category", list.category()},
        {"source", list.source()},
        {"licence", list.licence()},
        {"lines", list.lines()},
        {"entries", list.entries()},
        {"duplicates", list.duplicates()},
        {"covered", list.covered()},
        {"malformed", list.malformed()},
        {"malformed_examples", report.malformed_examples},
        {"refused", list.refused()},
        {"refused_examples", report.refused_examples}};
    std::printf("%s\n", JsonLine(line).c_str());
  }
  const nlohmann::json line = {{"bundle", options.output},
                               {"id", result.manifest.id()},
                               {"version", result.manifest.version()},
                               {"entries", result.entries},
                               {"categories", result.lists.categories.size()},
                               {"index_bytes", result.index_bytes}};
  std::printf("%s\n", JsonLine(line).c_str());
}

void PrintExamples(const char* what, uint64_t count,
                   const std::vector<std::string>& examples) {
  if (count == 0) return;
  std::printf("  %llu %s:", static_cast<unsigned long long>(count), what);
  for (const std::string& example : examples) {
    std::printf(" [%s]", example.c_str());
  }
  std::printf("\n");
}

void PrintText(const BuildOptions& options, const BuildResult& result) {
  for (const ListReport& report : result.lists.reports) {
    const auto& list = report.provenance;
    std::printf("%-24s %9llu hosts, %llu duplicates, %llu covered\n",
                list.name().c_str(),
                static_cast<unsigned long long>(list.entries()),
                static_cast<unsigned long long>(list.duplicates()),
                static_cast<unsigned long long>(list.covered()));
    PrintExamples("broken lines", list.malformed(), report.malformed_examples);
    PrintExamples("refused by the gate", list.refused(),
                  report.refused_examples);
  }
  std::printf("%s: %s version %llu, %llu hosts in %zu categories\n",
              options.output.c_str(), result.manifest.id().c_str(),
              static_cast<unsigned long long>(result.manifest.version()),
              static_cast<unsigned long long>(result.entries),
              result.lists.categories.size());
}

void Warn(const BuildOptions& options, const std::string& file,
          const std::string& what) {
  std::fprintf(stderr, "%s: %s/%s: warning: %s\n", kRulesProgram,
               options.lists.c_str(), file.c_str(), what.c_str());
}

// What somebody meant to be enforced and is not.
void WarnOfLists(const BuildOptions& options, const CompiledLists& lists) {
  for (const std::string& file : lists.unread) {
    Warn(options, file,
         "is not read: a list is called CATEGORY.txt or CATEGORY.NAME.txt, "
         "with a-z, 0-9, - and _, also .gz or .zst: rename it, or move it out "
         "of the folder");
  }
  for (const ListReport& report : lists.reports) {
    const std::string& category = report.provenance.category();
    if (!report.alone.empty()) {
      Warn(options, report.provenance.name(),
           absl::StrCat("listed without everybody's sites below: ",
                        absl::StrJoin(report.alone, ", "),
                        ": if those are meant too, put a line \"", category,
                        " ", report.alone.front(),
                        " # REASON\" into gate-exceptions.txt"));
    }
    if (report.refused_suffixes.empty()) continue;
    Warn(options, report.provenance.name(),
         absl::StrCat("not listed, as everybody's sites below would be ",
                      category, ": ",
                      absl::StrJoin(report.refused_suffixes, ", "),
                      ": take it out, or put a line \"", category, " ",
                      report.refused_suffixes.front(),
                      " # REASON\" into gate-exceptions.txt"));
  }
}

}  // namespace

void AddBuild(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<BuildOptions>();
  CLI::App* verb = app.add_subcommand(
      "build", "Build a bundle from a policy and a folder of lists.");
  verb->add_option("policy", options->policy, "POLICY.yaml")->required();
  verb->add_option("--lists", options->lists, "Folder of CATEGORY.txt files")
      ->required();
  verb->add_option("-o,--output", options->output, "The bundle to write")
      ->required();
  verb->add_option("--base", options->base,
                   "The bundle that devices have: makes deltas small");
  verb->add_option("--version", options->version,
                   "Number of this release; grows with each")
      ->check([](const std::string& text) {
        uint64_t number = 0;
        return absl::SimpleAtoi(text, &number) && number > 0
                   ? ""
                   : text + " is no release number: use 1, 2, 3, ...";
      });
  verb->add_option("--days", options->days,
                   "Days until devices call the rules stale")
      ->check(CLI::Range(1, 3650));
  verb->add_flag("--json", options->json, "One JSON object a list");
  verb->add_flag("-q,--quiet", options->quiet, "No progress");
  verb->callback([options, exit_code] {
    const auto result = Build(*options);
    if (!result.ok()) {
      *exit_code = platform::Complain("schoolgate-rules", result.status());
      return;
    }
    WarnOfLists(*options, result->lists);
    if (options->json) {
      PrintJson(*options, *result);
    } else {
      PrintText(*options, *result);
    }
  });
}

}  // namespace schoolgate::rules
