#include "collector/cli/setup.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "collector/cli/open_stores.h"
#include "collector/cli/publish_paper.h"
#include "collector/fleet/name_shares.h"
#include "collector/fleet/secret_file.h"
#include "collector/postgres/postgres.h"
#include "collector/store/account_store.h"
#include "collector/store/audit_log.h"
#include "collector/web/password.h"
#include "proto/seal/enrolment.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kMaxSchoolIdBytes = 48;

std::string ThisHost() {
  char name[256] = {};
  gethostname(name, sizeof name - 1);
  return name[0] != '\0' ? name : "localhost";
}

class Setup {
 public:
  Setup(const SetupRequest& request, absl::Time now)
      : request_(request), directory_(request.directory), now_(now) {}

  absl::StatusOr<SetupResult> Run() {
    for (absl::Status (Setup::*step)() :
         {&Setup::Config, &Setup::Check, &Setup::Directories,
          &Setup::MakeAuthority, &Setup::ServerCertificates,
          &Setup::CollectorKeys, &Setup::SchoolKeyFiles, &Setup::RulesRoot,
          &Setup::Accounts}) {
      const absl::Status status = (this->*step)();
      if (!status.ok()) return status;
    }
    return result_;
  }

 private:
  absl::Status Directories() {
    for (const std::string& path :
         {directory_.path, directory_.Authority(), directory_.path + "/tls",
          directory_.path + "/keys", directory_.path + "/schools",
          directory_.SchoolFile(result_.school_id, ""), directory_.Events(),
          directory_.Bundles()}) {
      absl::Status status = MakePrivateDirectory(path);
      if (!status.ok()) return status;
    }
    return SaveConfig(directory_, result_.config);
  }

  absl::Status Config() {
    result_.school_id = SchoolIdOf(request_.school);
    CollectorConfig& config = result_.config;
    absl::StatusOr<CollectorConfig> known = LoadConfig(directory_);
    if (known.ok()) {
      config = *std::move(known);
      result_.existing.push_back("configuration");
    } else if (!absl::IsNotFound(known.status())) {
      return known.status();
    }
    if (!request_.trust.empty()) config.trust = request_.trust;
    if (!request_.listen.empty()) config.listen = request_.listen;
    if (!request_.web.empty()) config.web = request_.web;
    if (!request_.metrics.empty()) config.metrics = request_.metrics;
    if (!request_.database.empty()) config.database = request_.database;
    for (const std::string& name : request_.names) AddName(name);
    if (config.names.empty()) {
      for (const std::string& name :
           {ThisHost(), std::string("localhost"), std::string("127.0.0.1"),
            std::string("::1")}) {
        AddName(name);
      }
    }
    if (!CheckSchool(config, result_.school_id).ok()) {
      config.schools.push_back({result_.school_id, request_.school});
    }
    return absl::OkStatus();
  }

  // The last step that makes nothing in the directory.
  absl::Status Check() {
    const CollectorConfig& config = result_.config;
    if (result_.school_id.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "school \"", request_.school, "\": needs letters or digits"));
    }
    for (const std::string* address :
         {&config.listen, &config.web, &config.metrics}) {
      if (address == &config.metrics && address->empty()) continue;
      absl::Status status = ParseHostPort(*address).status();
      if (!status.ok()) return status;
    }
    if (!request_.share_holders.empty()) {
      absl::Status status = CheckShareHolders(request_.share_holders);
      if (!status.ok()) return status;
    }
    absl::Status root = ReadRoot();
    if (!root.ok()) return root;
    return config.database.empty() ? absl::OkStatus()
                                   : Postgres::Open(config.database).status();
  }

  // Devices believe nothing but this file: what is no whole root, or an older
  // one than ours, is not for them.
  absl::Status ReadRoot() {
    const std::string& file = request_.rules_root;
    if (file.empty()) return absl::OkStatus();
    absl::StatusOr<std::string> text = ReadSmallFile(file);
    if (!text.ok()) return text.status();
    const auto root = NewestRoot(file);
    if (!root.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(file, ": ", root.status().message(),
                       ": give the root file that `schoolgate-rules root show` "
                       "calls complete"));
    }
    const auto known = NewestRoot(directory_.RulesRoot());
    if (known.ok() && known->id() == root->id() &&
        known->version() > root->version()) {
      return absl::FailedPreconditionError(absl::StrCat(
          file, ": version ", root->version(), " is older than the one here, ",
          known->version(), ": leave --root out, or give the newest"));
    }
    rules_root_ = *std::move(text);
    return absl::OkStatus();
  }

  void AddName(const std::string& name) {
    std::vector<std::string>& names = result_.config.names;
    if (std::find(names.begin(), names.end(), name) != names.end()) return;
    names.push_back(name);
    names_changed_ = true;
  }

  absl::Status MakeAuthority() {
    absl::StatusOr<std::unique_ptr<Authority>> authority =
        Authority::Load(directory_.Authority());
    if (absl::IsNotFound(authority.status())) {
      authority = Authority::Create(
          directory_.Authority(),
          absl::StrCat(result_.config.trust, " Schoolgate authority"), now_);
    } else if (authority.ok()) {
      result_.existing.push_back("authority");
    }
    if (!authority.ok()) return authority.status();
    authority_ = *std::move(authority);
    result_.fingerprint = authority_->fingerprint();
    return absl::OkStatus();
  }

  absl::Status ServerCertificates() {
    std::vector<std::string> names = {std::string(seal::kCollectorServerName)};
    names.insert(names.end(), result_.config.names.begin(),
                 result_.config.names.end());
    for (const char* which : {"uplink", "web"}) {
      const std::string file = directory_.Tls(absl::StrCat(which, ".crt"));
      if (!names_changed_ && ReadSmallFile(file).ok()) continue;
      const absl::StatusOr<Certificate> made =
          authority_->MakeServer(names, now_, Authority::kServerLifetime);
      if (!made.ok()) return made.status();
      absl::Status status = WriteSecretFile(
          directory_.Tls(absl::StrCat(which, ".key")), made->key_pem);
      if (status.ok()) status = WriteSecretFile(file, made->certificate_pem);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  // What is known of a school is made after the keys that devices get: one of
  // those that is missing then was lost, and another would make all that came
  // before unreadable.
  bool IsKnown(const std::string& school) const {
    std::error_code hidden;
    return std::filesystem::exists(
        directory_.SchoolFile(school, "safeguarding.pub"), hidden);
  }

  static absl::Status CheckNotLost(const std::string& file, bool known,
                                   const char* why) {
    std::error_code hidden;
    if (!known || std::filesystem::exists(file, hidden) || hidden) {
      return absl::OkStatus();
    }
    return absl::FailedPreconditionError(absl::StrCat(
        file, ": missing, and ", why, ": put it back from a backup"));
  }

  absl::Status CollectorKeys() {
    const std::vector<School>& schools = result_.config.schools;
    const bool known = std::any_of(
        schools.begin(), schools.end(),
        [this](const School& school) { return IsKnown(school.id); });
    absl::Status status =
        CheckNotLost(directory_.SealingKey(), known, "devices seal to it");
    if (!status.ok()) return status;
    status = seal::LoadOrCreateBoxKey(directory_.SealingKey()).status();
    if (!status.ok()) return status;
    return SecretOnce(directory_.ContactKey());
  }

  absl::Status SecretOnce(const std::string& file) {
    if (std::filesystem::exists(file)) return absl::OkStatus();
    return WriteSecretFile(
        file, seal::ToHex(seal::RandomBytes(seal::kPublicKeyBytes)) + "\n");
  }

  absl::Status SchoolKeyFiles() {
    const std::string& school = result_.school_id;
    const std::string aliases = directory_.SchoolFile(school, "pseudonym.key");
    absl::Status status =
        CheckNotLost(aliases, IsKnown(school), "all aliases come from it");
    if (status.ok()) status = SecretOnce(aliases);
    if (status.ok()) status = NameKey(school);
    if (status.ok()) status = KeyToTakeAway(school, "police");
    if (!status.ok() || result_.take_away.empty()) return status;
    return WriteSecretFile(
        directory_.TakeAway() + "/READ-ME.txt",
        "Take the secret files in this folder away today, each on its own USB "
        "stick or on paper,\nthen delete them here (`shred -u FILE`).\n\n"
        "SCHOOL-name-share-WHO.json  a share of the key that opens names. Two "
        "people with a share each\n                            open a name in "
        "the dashboard. The IT provider gets none.\n"
        "SCHOOL-police.key           opens hosts of illegal material. It is "
        "for the police route only:\n                            keep it "
        "sealed in the school's safe.\n"
        "SCHOOL-name-key.recovery    only if asked for: the whole key to "
        "names, which needs no second\n                            person. On "
        "paper, sealed, in the safe, and nowhere else.\n\n"
        "The collector keeps the public halves only. When fewer than two "
        "shares are left, what\nwas sealed stays sealed.\n");
  }

  // The key that opens names is only ever written as shares.
  absl::Status NameKey(const std::string& school) {
    const std::string pub = directory_.SchoolFile(school, "safeguarding.pub");
    if (std::filesystem::exists(pub)) {
      result_.existing.push_back(absl::StrCat("safeguarding key of ", school));
      return absl::OkStatus();
    }
    const seal::BoxKey key = seal::BoxKey::Generate();
    auto shares =
        WriteShares(directory_, school, key,
                    request_.share_holders.empty() ? DefaultShareHolders()
                                                   : request_.share_holders);
    if (!shares.ok()) return shares.status();
    result_.shares = *std::move(shares);
    for (const NewShare& share : result_.shares) {
      result_.take_away.push_back(share.file);
    }
    absl::Status status = absl::OkStatus();
    if (request_.recovery_sheet) {
      const std::string sheet = absl::StrCat(directory_.TakeAway(), "/", school,
                                             "-name-key.recovery");
      status = WriteSecretFile(sheet, seal::ToHex(key.secret()) + "\n");
      result_.take_away.push_back(sheet);
    }
    if (!status.ok()) return status;
    return WriteSecretFile(pub, seal::ToHex(key.public_key()) + "\n");
  }

  absl::Status KeyToTakeAway(const std::string& school, const char* name) {
    const std::string pub =
        directory_.SchoolFile(school, absl::StrCat(name, ".pub"));
    if (std::filesystem::exists(pub)) {
      result_.existing.push_back(absl::StrCat(name, " key of ", school));
      return absl::OkStatus();
    }
    absl::Status status = MakePrivateDirectory(directory_.TakeAway());
    const seal::BoxKey key = seal::BoxKey::Generate();
    const std::string secret =
        absl::StrCat(directory_.TakeAway(), "/", school, "-", name, ".key");
    if (status.ok()) {
      status = WriteSecretFile(secret, seal::ToHex(key.secret()) + "\n");
    }
    if (status.ok()) {
      status = WriteSecretFile(pub, seal::ToHex(key.public_key()) + "\n");
    }
    result_.take_away.push_back(secret);
    return status;
  }

  absl::Status RulesRoot() {
    if (request_.rules_root.empty()) return absl::OkStatus();
    return WriteSecretFile(directory_.RulesRoot(), rules_root_);
  }

  absl::Status Accounts() {
    absl::StatusOr<std::unique_ptr<AccountStore>> store =
        OpenAccounts(directory_);
    if (!store.ok()) return store.status();
    absl::StatusOr<std::unique_ptr<AuditLog>> audit =
        OpenAuditToBegin(directory_, now_);
    if (!audit.ok()) return audit.status();
    const bool first = result_.config.schools.front().id == result_.school_id;
    const std::string suffix =
        first ? "" : absl::StrCat(".", result_.school_id);
    const struct {
      const char* name;
      const char* display;
      Role role;
    } people[] = {{"lead", "Safety lead", Role::kSafetyLead},
                  {"deputy", "Deputy safety lead", Role::kDeputy},
                  {"head", "Head teacher", Role::kHead},
                  {"senior", "Second senior leader", Role::kSecondSenior},
                  {"governor", "Safeguarding governor", Role::kGovernor},
                  {"it", "IT provider", Role::kItProvider}};
    for (const auto& [name, display, role] : people) {
      const bool everywhere = role == Role::kItProvider;
      Account account;
      account.name = everywhere ? name : absl::StrCat(name, suffix);
      account.display_name = display;
      account.role = role;
      account.school = everywhere ? "" : result_.school_id;
      absl::Status status = AddAccount(**store, **audit, account);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status AddAccount(AccountStore& store, AuditLog& audit,
                          Account account) {
    absl::Status known = store.Get(account.name).status();
    if (known.ok()) {
      result_.existing.push_back(absl::StrCat("account ", account.name));
      return known;
    }
    if (!absl::IsNotFound(known)) return known;
    const std::string password = MakeOneTimePassword();
    absl::StatusOr<std::string> hash = HashPassword(password);
    if (!hash.ok()) return hash.status();
    account.password_hash = *std::move(hash);
    account.must_change_password = true;
    absl::Status status = store.Put(account);
    if (!status.ok()) return status;
    result_.accounts.push_back({account.name, account.display_name, password});
    return audit.Append({.time = now_,
                         .who = "system",
                         .action = "add_account",
                         .about = account.name,
                         .detail = "setup",
                         .hash = ""});
  }

  const SetupRequest& request_;
  const DataDirectory& directory_;
  const absl::Time now_;
  std::unique_ptr<Authority> authority_;
  bool names_changed_ = false;
  std::string rules_root_;  // what the file holds
  SetupResult result_;
};

}  // namespace

std::string SchoolIdOf(const std::string& name) {
  std::string id;
  for (const char c : name) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c))) {
      id += absl::ascii_tolower(static_cast<unsigned char>(c));
    } else if (!id.empty() && id.back() != '-') {
      id += '-';
    }
  }
  while (!id.empty() && id.back() == '-') id.pop_back();
  return id.substr(0, kMaxSchoolIdBytes);
}

absl::StatusOr<SetupResult> SetUp(const SetupRequest& request, absl::Time now) {
  umask(0077);
  return Setup(request, now).Run();
}

}  // namespace schoolgate::collector
