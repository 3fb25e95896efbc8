// sign: adds signatures to a bundle, on this machine or by way of another.
#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "platform/complaint.h"
#include "platform/whole_file.h"
#include "rules/bundle/bundle_file.h"
#include "rules/bundle/little_endian.h"
#include "rules/cli/key_ring.h"
#include "rules/cli/verbs.h"
#include "rules/trust/armour.h"
#include "rules/trust/bundle_check.h"
#include "rules/trust/roles.h"

namespace schoolgate::rules {
namespace {

struct SignOptions {
  std::string path;
  std::vector<std::string> keys;
  std::string role;
  std::string manifest_out;      // take the manifest to another machine
  std::string signatures_out;    // there: sign the manifest alone
  std::vector<std::string> add;  // here: add what came back
  PassphraseOption passphrase;
};

void Announce(const v1::BundleManifest& manifest, std::string_view bytes) {
  std::printf("bundle %s version %llu, %s: manifest %s\n",
              manifest.id().c_str(),
              static_cast<unsigned long long>(manifest.version()),
              manifest.title().c_str(), Hex(Hash256(bytes)).c_str());
}

absl::Status SignWith(const SignOptions& options, std::string_view manifest,
                      v1::BundleSignatures* signatures) {
  const auto keys = LoadKeys(options.keys, options.passphrase);
  if (!keys.ok()) return keys.status();
  for (const NamedKey& key : *keys) {
    const auto role = RoleFor(
        key, {v1::TRUST_ROLE_RELEASE, v1::TRUST_ROLE_LOCKED}, options.role);
    if (!role.ok()) return role.status();
    AddSignature(key.key, *role, manifest, signatures);
    std::printf(
        "signed by %s (%s) as %s\n", key.about.key().name().c_str(),
        std::string(OrganisationName(key.about.key().organisation())).c_str(),
        std::string(RoleName(*role)).c_str());
  }
  return absl::OkStatus();
}

absl::Status AddDetached(const std::string& path, std::string_view manifest,
                         v1::BundleSignatures* signatures) {
  const auto text = platform::ReadWholeFile(path, kMaxArmourBytes);
  if (!text.ok()) return text.status();
  const auto bytes = Unarmour(kSignaturesLabel, *text);
  if (!bytes.ok()) return InFile(path, bytes.status());
  v1::DetachedSignatures detached;
  v1::BundleSignatures block;
  if (!detached.ParseFromString(*bytes) ||
      !block.ParseFromString(detached.signatures())) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": damaged signatures: make them again"));
  }
  if (detached.manifest_hash() != Hash256(manifest)) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": signs another bundle: export this one's manifest again"));
  }
  for (const v1::BundleSignature& one : block.signatures()) {
    PutSignature(one, signatures);
  }
  return absl::OkStatus();
}

// On the signing machine: the manifest alone, without the bundle.
absl::Status SignManifest(const SignOptions& options, const std::string& text) {
  const auto manifest = Unarmour(kManifestLabel, text);
  if (!manifest.ok()) return InFile(options.path, manifest.status());
  v1::BundleManifest content;
  if (!content.ParseFromString(*manifest)) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.path, ": damaged manifest: export it again"));
  }
  if (options.signatures_out.empty() || options.keys.empty()) {
    WrongUsage(options.path + ": is a manifest: give --key, --signatures-out");
  }
  Announce(content, *manifest);
  v1::BundleSignatures block;
  absl::Status status = SignWith(options, *manifest, &block);
  if (!status.ok()) return status;
  v1::DetachedSignatures detached;
  detached.set_manifest_hash(Hash256(*manifest));
  detached.set_signatures(block.SerializeAsString());
  return platform::ReplaceFile(
      options.signatures_out,
      Armour(kSignaturesLabel, detached.SerializeAsString()), 0644);
}

absl::Status SignBundle(const SignOptions& options) {
  const auto bundle = BundleFile::Open(options.path);
  if (!bundle.ok()) return bundle.status();
  if (absl::Status status = CheckContent(**bundle); !status.ok()) {
    return status;
  }
  const std::string manifest(AsText((*bundle)->manifest_bytes()));
  Announce((*bundle)->manifest(), manifest);
  if (!options.manifest_out.empty()) {
    return platform::ReplaceFile(options.manifest_out,
                                 Armour(kManifestLabel, manifest), 0644);
  }
  v1::BundleSignatures signatures = (*bundle)->signatures();
  for (const std::string& path : options.add) {
    absl::Status status = AddDetached(path, manifest, &signatures);
    if (!status.ok()) return status;
  }
  absl::Status status = SignWith(options, manifest, &signatures);
  if (!status.ok()) return status;
  return ReplaceSignatures(options.path, signatures);
}

absl::Status Sign(const SignOptions& options) {
  if (options.keys.empty() && options.add.empty() &&
      options.manifest_out.empty()) {
    WrongUsage("sign: nothing to sign with: give --key or --add");
  }
  const auto text = platform::ReadWholeFile(options.path, kMaxArmourBytes);
  if (text.ok() && ArmourLabel(*text) == kManifestLabel) {
    return SignManifest(options, *text);
  }
  return SignBundle(options);
}

}  // namespace

void AddSign(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<SignOptions>();
  CLI::App* verb = app.add_subcommand("sign", "Sign a rule bundle");
  verb->add_option("BUNDLE", options->path,
                   "Bundle, or a manifest exported with --manifest-only")
      ->required();
  verb->add_option("--key", options->keys, "Secret key file; may be repeated");
  verb->add_option("--role", options->role, "For keys with both")
      ->check(CLI::IsMember({"release", "locked"}));
  verb->add_option("--manifest-only", options->manifest_out,
                   "Write what is to be signed to FILE, for another machine");
  verb->add_option("--signatures-out", options->signatures_out,
                   "With a manifest: write the signatures to FILE");
  verb->add_option("--add", options->add, "Add signatures made elsewhere");
  options->passphrase.AddTo(verb);
  verb->callback([options, exit_code] {
    const absl::Status status = Sign(*options);
    *exit_code = status.ok() ? platform::kExitOk
                             : platform::Complain(kRulesProgram, status);
  });
}

}  // namespace schoolgate::rules
