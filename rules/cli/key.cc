// key new, key show.
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "platform/complaint.h"
#include "platform/whole_file.h"
#include "rules/cli/json_line.h"
#include "rules/cli/key_ring.h"
#include "rules/cli/verbs.h"
#include "rules/trust/roles.h"

namespace schoolgate::rules {
namespace {

struct NewOptions {
  std::string out;
  std::vector<std::string> roles;
  std::string organisation;
  std::string name;
  bool no_passphrase = false;
  PassphraseOption passphrase;
};

struct ShowOptions {
  std::string path;
  bool json = false;
};

absl::StatusOr<std::string> Sealed(const NewOptions& options,
                                   const NamedKey& key) {
  if (options.no_passphrase) {
    std::fprintf(stderr,
                 "schoolgate-rules: %s: the key is not protected: whoever "
                 "copies the file can sign: for demonstrations only\n",
                 options.out.c_str());
    return SealKeyFile(key, std::nullopt);
  }
  const auto passphrase = AskPassphrase(options.passphrase, options.out, true);
  if (!passphrase.ok()) return passphrase.status();
  return SealKeyFile(key, *passphrase);
}

std::string RoleNames(const v1::PublicKeyFile& key) {
  std::string names;
  for (const int role : key.roles()) {
    absl::StrAppend(&names, names.empty() ? "" : ", ",
                    std::string(RoleName(static_cast<v1::TrustRole>(role))));
  }
  return names;
}

absl::Status MakeKey(const NewOptions& options) {
  std::vector<v1::TrustRole> roles;
  for (const std::string& name : options.roles) {
    roles.push_back(*RoleFromName(name));
  }
  const auto key =
      NewKey(options.name, *OrganisationFromName(options.organisation), roles);
  if (!key.ok()) return key.status();
  const auto text = Sealed(options, *key);
  if (!text.ok()) return text.status();
  absl::Status status = platform::CreateFile(options.out, *text, 0600);
  if (!status.ok()) return status;
  const std::string public_path = options.out + ".pub";
  status = platform::ReplaceFile(public_path, PublicKeyText(key->about), 0644);
  if (!status.ok()) return status;
  std::printf("%s  %s, %s, for %s\nhand %s to whoever makes the root\n",
              ShortId(key->key.key_id()).c_str(), options.name.c_str(),
              options.organisation.c_str(), RoleNames(key->about).c_str(),
              public_path.c_str());
  return absl::OkStatus();
}

absl::Status ShowKey(const ShowOptions& options) {
  const auto part = LoadPublicPart(options.path);
  if (!part.ok()) return part.status();
  const v1::TrustKey& key = part->key();
  const std::string id = KeyId(key.public_key());
  const std::string organisation(OrganisationName(key.organisation()));
  if (!options.json) {
    std::printf("%s  %s, %s, for %s\n", ShortId(id).c_str(), key.name().c_str(),
                organisation.c_str(), RoleNames(*part).c_str());
    return absl::OkStatus();
  }
  nlohmann::json line = {{"key_id", Hex(id)},
                         {"public_key", Hex(key.public_key())},
                         {"name", key.name()},
                         {"organisation", organisation},
                         {"roles", nlohmann::json::array()}};
  for (const int role : part->roles()) {
    line["roles"].push_back(RoleName(static_cast<v1::TrustRole>(role)));
  }
  std::printf("%s\n", JsonLine(line).c_str());
  return absl::OkStatus();
}

int Finish(const absl::Status& status) {
  return status.ok() ? platform::kExitOk
                     : platform::Complain(kRulesProgram, status);
}

void AddKeyNew(CLI::App* key, int* exit_code) {
  auto options = std::make_shared<NewOptions>();
  CLI::App* verb = key->add_subcommand("new", "Make a key to sign with");
  verb->add_option("-o,--out", options->out, "Secret key file; FILE.pub too")
      ->required();
  verb->add_option("--role", options->roles, "What the key is to sign")
      ->required()
      ->delimiter(',')
      ->check(CLI::IsMember(
          {"root", "release", "locked", "emergency", "pass", "timestamp"}));
  verb->add_option("--organisation", options->organisation, "Whose key it is")
      ->required()
      ->check(CLI::IsMember({"provider", "school", "authority"}));
  verb->add_option("--name", options->name, "The person or desk that holds it")
      ->required();
  verb->add_flag("--no-passphrase", options->no_passphrase,
                 "Leave the secret open in the file: demonstrations only");
  options->passphrase.AddTo(verb);
  verb->callback(
      [options, exit_code] { *exit_code = Finish(MakeKey(*options)); });
}

void AddKeyShow(CLI::App* key, int* exit_code) {
  auto options = std::make_shared<ShowOptions>();
  CLI::App* verb = key->add_subcommand("show", "Say whose key a file holds");
  verb->add_option("FILE", options->path, "Secret or public key file")
      ->required();
  verb->add_flag("--json", options->json, "One JSON object");
  verb->callback(
      [options, exit_code] { *exit_code = Finish(ShowKey(*options)); });
}

}  // namespace

void AddKey(CLI::App& app, int* exit_code) {
  CLI::App* key = app.add_subcommand("key", "Keys to sign with");
  key->require_subcommand(1);
  AddKeyNew(key, exit_code);
  AddKeyShow(key, exit_code);
}

}  // namespace schoolgate::rules
