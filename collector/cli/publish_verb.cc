#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "collector/cli/program.h"
#include "collector/cli/verbs.h"
#include "collector/fleet/bundle_shelf.h"
#include "collector/fleet/secret_file.h"
#include "collector/store/audit_log.h"
#include "platform/clock.h"
#include "rules/trust/bundle_check.h"
#include "rules/trust/trust_root.h"

namespace schoolgate::collector {
namespace {

struct Options {
  DataDirectory directory;
  std::string bundle, school, root;
  bool json = false;
};

absl::StatusOr<uint64_t> VerifiedVersion(const Options& options) {
  const std::string root_file =
      options.root.empty() ? options.directory.RulesRoot() : options.root;
  const absl::StatusOr<std::string> text = ReadSmallFile(root_file);
  if (absl::IsNotFound(text.status())) {
    return absl::NotFoundError(absl::StrCat(
        root_file,
        ": no rules root: store it with `schoolgate-collector setup "
        "--root FILE`, or name one with --root"));
  }
  if (!text.ok()) return text.status();
  const auto chain = rules::ParseRootFile(*text);
  if (!chain.ok()) return chain.status();
  const auto root = rules::StartFromRootFile(*chain);
  if (!root.ok()) return root.status();
  const auto checked = rules::CheckSigned(options.bundle, *root);
  if (!checked.ok()) return checked.status();
  const absl::Status content = rules::CheckContent(*checked->file);
  if (!content.ok()) return content;
  return checked->file->manifest().version();
}

absl::Status Publish(const Options& options) {
  const absl::StatusOr<CollectorConfig> config = LoadConfig(options.directory);
  if (!config.ok()) return config.status();
  absl::Status status;
  if (!options.school.empty()) status = CheckSchool(*config, options.school);
  if (!status.ok()) return status;
  const absl::StatusOr<uint64_t> version = VerifiedVersion(options);
  if (!version.ok()) return version.status();
  BundleShelf shelf(options.directory.Bundles());
  const absl::StatusOr<ShelvedBundle> placed =
      shelf.Place(options.bundle, *version, options.school);
  if (!placed.ok()) return placed.status();
  auto audit = OpenSqliteAuditLog(options.directory.Main());
  if (!audit.ok()) return audit.status();
  const std::string hash = seal::ToHex(placed->hash);
  status = (*audit)->Append(
      {.time = platform::SystemClock().Now(),
       .who = "system",
       .action = "publish",
       .about = options.school.empty() ? "all" : options.school,
       .detail = absl::StrCat("version ", placed->version, " ", hash),
       .hash = ""});
  if (!status.ok()) return status;
  if (options.json) {
    const nlohmann::json line = {{"version", placed->version},
                                 {"hash", hash},
                                 {"size", placed->size_bytes},
                                 {"school", options.school}};
    std::printf("%s\n", line.dump().c_str());
  } else {
    std::printf(
        "published: version %llu, offered to %s within seconds; see "
        "`schoolgate-collector devices` for who runs it\n",
        static_cast<unsigned long long>(placed->version),
        options.school.empty() ? "all devices" : options.school.c_str());
  }
  return absl::OkStatus();
}

}  // namespace

void AddPublish(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand(
      "publish", "Verify a signed rule bundle and offer it to devices");
  AddDataOption(*verb, &options->directory);
  verb->add_option("bundle", options->bundle, "The bundle's file")->required();
  verb->add_option("--school", options->school, "For this school only");
  verb->add_option("--root", options->root,
                   "The root file to verify by (default: the one stored by "
                   "setup --root)");
  verb->add_flag("--json", options->json, "Print one JSON object");
  verb->callback([options, exit_code] {
    const absl::Status status = Publish(*options);
    if (!status.ok()) *exit_code = Complain(status);
  });
}

}  // namespace schoolgate::collector
