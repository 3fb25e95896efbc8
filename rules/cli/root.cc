// root new, sign, rotate, show.
#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "platform/clock.h"
#include "platform/complaint.h"
#include "platform/whole_file.h"
#include "rules/bundle/bundle_file.h"
#include "rules/cli/json_line.h"
#include "rules/cli/key_ring.h"
#include "rules/cli/verbs.h"
#include "rules/trust/refusal.h"
#include "rules/trust/roles.h"

namespace schoolgate::rules {
namespace {

struct RootOptions {
  std::string path;  // the root to rotate, sign or show
  std::string id;
  std::string bundle;  // take the id from here
  std::string out;
  std::vector<std::string> keys;
  std::vector<std::string> thresholds;  // "release=2"
  std::vector<std::string> sign;
  uint64_t version_jump = 1000;
  bool forgive_versions = false;
  bool json = false;
  PassphraseOption passphrase;
};

uint32_t UsualThreshold(v1::TrustRole role, int holders) {
  if (role == v1::TRUST_ROLE_ROOT) return std::clamp(holders / 2 + 1, 2, 3);
  return role == v1::TRUST_ROLE_RELEASE ? 2 : 1;
}

absl::StatusOr<std::map<v1::TrustRole, uint32_t>> ReadThresholds(
    const std::vector<std::string>& words) {
  std::map<v1::TrustRole, uint32_t> thresholds;
  for (const std::string& word : words) {
    const size_t equals = word.find('=');
    uint32_t count = 0;
    const auto role = RoleFromName(std::string_view(word).substr(0, equals));
    if (equals == std::string::npos || !role ||
        !absl::SimpleAtoi(word.substr(equals + 1), &count)) {
      WrongUsage(absl::StrCat("--threshold ", word,
                              ": not understood: write e.g. release=2"));
    }
    thresholds[*role] = count;
  }
  return thresholds;
}

absl::Status FillKeys(const RootOptions& options, v1::TrustRoot* root) {
  const auto thresholds = ReadThresholds(options.thresholds);
  if (!thresholds.ok()) return thresholds.status();
  std::map<v1::TrustRole, v1::RoleGrant> grants;
  for (const std::string& path : options.keys) {
    const auto part = LoadPublicPart(path);
    if (!part.ok()) return part.status();
    *root->add_keys() = part->key();
    for (const int held : part->roles()) {
      const auto role = static_cast<v1::TrustRole>(held);
      grants[role].set_role(role);
      grants[role].add_key_ids(KeyId(part->key().public_key()));
    }
  }
  for (auto& [role, grant] : grants) {
    const auto given = thresholds->find(role);
    grant.set_threshold(given != thresholds->end()
                            ? given->second
                            : UsualThreshold(role, grant.key_ids_size()));
    *root->add_roles() = grant;
  }
  return absl::OkStatus();
}

// Adds the signatures and says how far the file has come.
absl::Status SignAndWrite(const RootOptions& options, v1::RootChain chain) {
  v1::SignedRoot& newest = *chain.mutable_roots(chain.roots_size() - 1);
  const auto content = TrustRoot::FromBytes(newest.root());
  if (!content.ok()) return content.status();
  const auto keys = LoadKeys(options.sign, options.passphrase);
  if (!keys.ok()) return keys.status();
  for (const NamedKey& key : *keys) {
    const v1::TrustSignature made = key.key.Sign(kRootContext, newest.root());
    const bool there = std::any_of(
        newest.signatures().begin(), newest.signatures().end(),
        [&](const auto& one) { return one.key_id() == made.key_id(); });
    if (!there) *newest.add_signatures() = made;
  }
  absl::Status status =
      platform::ReplaceFile(options.out, RootFileText(chain), 0644);
  if (!status.ok()) return status;
  const auto complete = StartFromRootFile(chain);
  std::printf("root of %s version %llu: %s\n", content->id().c_str(),
              static_cast<unsigned long long>(content->version()),
              complete.ok() ? "complete"
                            : std::string(complete.status().message()).c_str());
  return absl::OkStatus();
}

absl::Status MakeRoot(RootOptions options) {
  if (!options.bundle.empty()) {
    const auto bundle = BundleFile::Open(options.bundle);
    if (!bundle.ok()) return bundle.status();
    options.id = (*bundle)->manifest().id();
  }
  if (options.id.empty()) {
    WrongUsage("root new: for whom: give --id or --for BUNDLE");
  }
  v1::TrustRoot root;
  root.set_id(options.id);
  root.set_version(1);
  root.set_issued_unix_s(absl::ToUnixSeconds(platform::SystemClock().Now()));
  root.set_version_jump(options.version_jump);
  if (absl::Status status = FillKeys(options, &root); !status.ok()) {
    return status;
  }
  v1::RootChain chain;
  chain.add_roots()->set_root(root.SerializeAsString());
  return SignAndWrite(options, std::move(chain));
}

absl::Status RotateRoot(const RootOptions& options) {
  auto chain = LoadRootFile(options.path);
  if (!chain.ok()) return chain.status();
  const auto old = StartFromRootFile(*chain);
  if (!old.ok()) return InFile(options.path, old.status());
  v1::TrustRoot root;
  root.set_id(old->id());
  root.set_version(old->version() + 1);
  root.set_issued_unix_s(absl::ToUnixSeconds(platform::SystemClock().Now()));
  root.set_version_jump(options.version_jump);
  root.set_version_epoch(old->content().version_epoch() +
                         (options.forgive_versions ? 1 : 0));
  if (absl::Status status = FillKeys(options, &root); !status.ok()) {
    return status;
  }
  chain->add_roots()->set_root(root.SerializeAsString());
  return SignAndWrite(options, *std::move(chain));
}

absl::Status SignRoot(RootOptions options) {
  auto chain = LoadRootFile(options.path);
  if (!chain.ok()) return chain.status();
  if (options.out.empty()) options.out = options.path;
  return SignAndWrite(options, *std::move(chain));
}

nlohmann::json Described(const TrustRoot& root) {
  nlohmann::json line = {{"id", root.id()},
                         {"version", root.version()},
                         {"version_jump", root.content().version_jump()},
                         {"version_epoch", root.content().version_epoch()},
                         {"roles", nlohmann::json::object()}};
  for (const v1::RoleGrant& grant : root.content().roles()) {
    auto& role = line["roles"][std::string(RoleName(grant.role()))];
    role["threshold"] = grant.threshold();
    for (const std::string& id : grant.key_ids()) {
      const v1::TrustKey* key = root.FindKey(id);
      role["keys"].push_back(
          {{"key_id", Hex(id)},
           {"name", key->name()},
           {"organisation", OrganisationName(key->organisation())}});
    }
  }
  return line;
}

absl::Status ShowRoot(const RootOptions& options) {
  const auto root = LoadRoot(options.path);
  if (!root.ok()) return root.status();
  const nlohmann::json line = Described(*root);
  if (options.json) {
    std::printf("%s\n", JsonLine(line).c_str());
    return absl::OkStatus();
  }
  std::printf("root of %s version %llu\n", root->id().c_str(),
              static_cast<unsigned long long>(root->version()));
  for (const v1::RoleGrant& grant : root->content().roles()) {
    Signers holders;
    for (const std::string& id : grant.key_ids()) {
      holders.keys.push_back(*root->FindKey(id));
    }
    std::printf("%-10s %u of: %s\n",
                std::string(RoleName(grant.role())).c_str(), grant.threshold(),
                holders.Names().c_str());
  }
  return absl::OkStatus();
}

void AddKeyOptions(CLI::App* verb, RootOptions* options) {
  verb->add_option("--key", options->keys,
                   "Public (or secret) key file, with the roles it was made "
                   "for; may be repeated")
      ->required();
  verb->add_option("--threshold", options->thresholds,
                   "ROLE=N: distinct keys needed (root: 3, release: 2, "
                   "others: 1)");
  verb->add_option("--version-jump", options->version_jump,
                   "How far a bundle's version may leap at once")
      ->capture_default_str();
}

void AddSigning(CLI::App* verb, RootOptions* options) {
  verb->add_option("--sign", options->sign,
                   "Secret key of the role root to sign with; may be repeated");
  options->passphrase.AddTo(verb);
}

template <typename Work>
void OnChosen(CLI::App* verb, std::shared_ptr<RootOptions> options,
              int* exit_code, Work work) {
  verb->callback([options, exit_code, work] {
    const absl::Status status = work(*options);
    *exit_code = status.ok() ? platform::kExitOk
                             : platform::Complain(kRulesProgram, status);
  });
}

void AddRootNew(CLI::App* root, int* exit_code) {
  auto options = std::make_shared<RootOptions>();
  CLI::App* verb = root->add_subcommand("new", "Make the first root");
  auto* id = verb->add_option("--id", options->id, "School or trust");
  verb->add_option("--for", options->bundle, "Take the id of this bundle")
      ->excludes(id);
  verb->add_option("-o,--out", options->out, "Root file")->required();
  AddKeyOptions(verb, options.get());
  AddSigning(verb, options.get());
  OnChosen(verb, options, exit_code, MakeRoot);
}

void AddRootRotate(CLI::App* root, int* exit_code) {
  auto options = std::make_shared<RootOptions>();
  CLI::App* verb =
      root->add_subcommand("rotate", "Append a root with other keys");
  verb->add_option("ROOT", options->path, "Root file")->required();
  verb->add_option("-o,--out", options->out, "New root file")->required();
  verb->add_flag("--forgive-versions", options->forgive_versions,
                 "Devices forget bundle versions seen so far: after a stolen "
                 "key jumped ahead");
  AddKeyOptions(verb, options.get());
  AddSigning(verb, options.get());
  OnChosen(verb, options, exit_code, RotateRoot);
}

void AddRootSign(CLI::App* root, int* exit_code) {
  auto options = std::make_shared<RootOptions>();
  CLI::App* verb =
      root->add_subcommand("sign", "Add a signature to the newest root");
  verb->add_option("ROOT", options->path, "Root file")->required();
  verb->add_option("-o,--out", options->out, "Default: ROOT itself");
  verb->add_option("--key,--sign", options->sign, "Secret key of the role root")
      ->required();
  options->passphrase.AddTo(verb);
  OnChosen(verb, options, exit_code, SignRoot);
}

void AddRootShow(CLI::App* root, int* exit_code) {
  auto options = std::make_shared<RootOptions>();
  CLI::App* verb = root->add_subcommand("show", "Say who may sign what");
  verb->add_option("ROOT", options->path, "Root file")->required();
  verb->add_flag("--json", options->json, "One JSON object");
  OnChosen(verb, options, exit_code, ShowRoot);
}

}  // namespace

void AddRoot(CLI::App& app, int* exit_code) {
  CLI::App* root = app.add_subcommand("root", "Who may sign what");
  root->require_subcommand(1);
  AddRootNew(root, exit_code);
  AddRootRotate(root, exit_code);
  AddRootSign(root, exit_code);
  AddRootShow(root, exit_code);
}

}  // namespace schoolgate::rules
