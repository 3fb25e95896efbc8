// verify: what a device would say of a bundle.
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "platform/complaint.h"
#include "rules/cli/json_line.h"
#include "rules/cli/key_ring.h"
#include "rules/cli/verbs.h"
#include "rules/trust/bundle_check.h"
#include "rules/trust/refusal.h"
#include "rules/trust/succession.h"

namespace schoolgate::rules {
namespace {

struct VerifyOptions {
  std::string bundle;
  std::string root;
  std::string against;
  bool json = false;
};

absl::StatusOr<CheckedBundle> Verify(const VerifyOptions& options) {
  const auto root = LoadRoot(options.root);
  if (!root.ok()) return root.status();
  auto checked = CheckSigned(options.bundle, *root);
  if (!checked.ok()) return checked.status();
  if (absl::Status status = CheckContent(*checked->file); !status.ok()) {
    return status;
  }
  if (options.against.empty()) return checked;
  auto current = CheckSigned(options.against, *root);
  if (!current.ok()) return current.status();
  const VersionFloor floor = {current->file->manifest().version(),
                              ManifestHash(*current->file)};
  absl::Status status =
      CheckVersion(floor, *checked->file, root->content().version_jump());
  if (!status.ok()) return status;
  status = CheckContent(*current->file);
  if (!status.ok()) return status;
  status = CheckConsent(*current->file, *checked);
  if (!status.ok()) return status;
  return checked;
}

std::string Line(const nlohmann::json& line) { return JsonLine(line); }

int Report(const VerifyOptions& options) {
  const auto checked = Verify(options);
  if (!checked.ok()) {
    const auto cause = RefusalOf(checked.status());
    if (options.json) {
      std::printf("%s\n",
                  Line({{"bundle", options.bundle},
                        {"accepted", false},
                        {"cause", cause ? RefusalName(*cause) : "failed"},
                        {"reason", std::string(checked.status().message())}})
                      .c_str());
    }
    return platform::Complain(kRulesProgram, checked.status());
  }
  const v1::BundleManifest& manifest = checked->file->manifest();
  if (options.json) {
    std::printf("%s\n", Line({{"bundle", options.bundle},
                              {"accepted", true},
                              {"id", manifest.id()},
                              {"version", manifest.version()},
                              {"manifest", Hex(ManifestHash(*checked->file))},
                              {"signed_by", checked->release.Names()}})
                            .c_str());
  } else {
    std::printf("%s: good: %s version %llu, signed by %s\n",
                options.bundle.c_str(), manifest.id().c_str(),
                static_cast<unsigned long long>(manifest.version()),
                checked->release.Names().c_str());
  }
  return platform::kExitOk;
}

}  // namespace

void AddVerify(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<VerifyOptions>();
  CLI::App* verb =
      app.add_subcommand("verify", "Say whether a device would take a bundle");
  verb->add_option("BUNDLE", options->bundle, "Bundle to judge")->required();
  verb->add_option("--root", options->root, "Root file")->required();
  verb->add_option("--against", options->against,
                   "Bundle that the device has now");
  verb->add_flag("--json", options->json, "One JSON object");
  verb->callback([options, exit_code] { *exit_code = Report(*options); });
}

}  // namespace schoolgate::rules
