// The dashboard's server over real stores with a small invented school in
// them, for the browser tests and the screenshots.
//
// Prints one JSON line with the port once it is up, with the shares of the
// school's key to names and with what must be found nowhere: that key. Then
// reads commands from standard input, a line each, and answers each with a
// line:
//   alert      puts a new alert ("ok ID REVISION")
//   count      "ok N": alerts stored
//   refused    a pupil of Key Stage 2 is refused a host now ("ok")
//   identity ACCOUNT EMAIL   that address of the directory is theirs
//   restart    stops the server and starts it again on the same port
// Ends at the end of input.
#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "collector/fleet/authority.h"
#include "collector/fleet/name_shares.h"
#include "collector/fleet/policies_in_force.h"
#include "collector/store/begun_log_test.h"
#include "collector/web/password.h"
#include "collector/web/server.h"
#include "platform/complaint.h"
#include "platform/whole_file.h"
#include "tests/browser/sample_alerts.h"
#include "tests/browser/sample_school.h"

namespace schoolgate::collector {
namespace {

struct Who {
  const char* name;
  const char* display_name;
  Role role;
  const char* own_pseudonym;
};

constexpr Who kPeople[] = {
    {"lead", "A. Patel", Role::kSafetyLead, "P-LEAD00"},
    {"deputy", "M. Jones", Role::kDeputy, ""},
    {"head", "R. Okafor", Role::kHead, "P-HEAD00"},
    {"second", "S. Murray", Role::kSecondSenior, ""},
    {"governor", "D. Lewis", Role::kGovernor, ""},
    {"dpo", "J. Novak", Role::kDataProtectionOfficer, ""},
    {"it", "Helpdesk", Role::kItProvider, ""},
    {"fresh", "New Deputy", Role::kDeputy, ""},
    {"victim", "L. Ockout", Role::kDeputy, ""},
};

// The school's directory, when people log in there too.
struct Provider {
  uint16_t port = 0;  // of the dashboard: the provider must know it
  std::string issuer, secret;
};

class Fixture {
 public:
  Fixture(std::string directory, std::string dashboard, absl::Duration idle,
          const Provider& provider)
      : directory_(std::move(directory)) {
    options_.static_directory = std::move(dashboard);
    options_.idle_limit = idle;
    options_.port = provider.port;
    if (!provider.issuer.empty()) {
      options_.oidc.issuer = provider.issuer;
      options_.oidc.client_id = "schoolgate";
      options_.oidc.dashboard =
          absl::StrCat("https://127.0.0.1:", provider.port);
      options_.oidc_secret = provider.secret;
    }
    options_.notice = {.school_name = "Oakfield Primary School",
                       .contact = "the school office",
                       .keep_event_days = 30,
                       .keep_case_days = 365};
  }

  absl::Status Open() {
    std::filesystem::create_directories(directory_ + "/authority");
    const std::string file = directory_ + "/cases.sqlite";
    auto alerts = OpenSqliteAlertStore(file);
    auto audit = OpenSqliteAuditLog(file, TestAuditKeys());
    auto devices = OpenSqliteDeviceStore(file);
    auto accounts = OpenSqliteAccountStore(file);
    auto events = OpenSqliteEventStore(directory_ + "/events");
    auto held = OpenSqliteHeldEvents(file);
    auto feeds = OpenSqliteFeedStore(file);
    auto factors = OpenSqliteSecondFactorStore(file);
    auto agreements = OpenSqliteAgreementStore(file);
    auto identities = OpenSqliteIdentityStore(file);
    auto attachments = OpenSqliteAttachmentStore(file);
    for (const absl::Status& status :
         {alerts.status(), audit.status(), devices.status(), accounts.status(),
          events.status(), held.status(), feeds.status(), factors.status(),
          agreements.status(), identities.status(), attachments.status()}) {
      if (!status.ok()) return status;
    }
    alerts_ = *std::move(alerts);
    audit_ = Begun(*std::move(audit));
    devices_ = *std::move(devices);
    accounts_ = *std::move(accounts);
    events_ = *std::move(events);
    held_ = *std::move(held);
    feeds_ = *std::move(feeds);
    factors_ = *std::move(factors);
    agreements_ = *std::move(agreements);
    identities_ = *std::move(identities);
    attachments_ = *std::move(attachments);
    return MakeCertificate();
  }

  void NeedCode(Role role) { options_.notice.need_code = {role}; }
  absl::Status Fill(bool quiet);
  // The alerts, as the policy that is published by then says.
  absl::Status Raise(bool quiet);
  // Publishes the policy of this YAML file for the school.
  absl::Status Publish(const std::string& policy);
  // Shares of the school's key to names, and of another school's.
  absl::StatusOr<nlohmann::json> MakeShares();
  absl::Status Start();
  void Stop() { server_.reset(); }
  uint16_t port() const { return options_.port; }
  absl::StatusOr<std::string> Do(const std::string& command);

 private:
  absl::Status MakeCertificate();
  absl::Status FillAccounts();
  SampleBook Book() { return {*alerts_, &policies_}; }

  const std::string directory_;
  const absl::Time now_ = platform::SystemClock().Now();
  const absl::Time school_time_ = SchoolTime(now_);
  const seal::BoxKey name_key_ = seal::BoxKey::Generate();
  WebOptions options_;
  const BundleShelf bundles_{directory_ + "/bundles"};
  const PaperShelf papers_{directory_ + "/papers"};
  SchoolPolicies policies_;
  std::unique_ptr<AlertStore> alerts_;
  std::unique_ptr<AuditLog> audit_;
  std::unique_ptr<DeviceStore> devices_;
  std::unique_ptr<AccountStore> accounts_;
  std::unique_ptr<EventStore> events_;
  std::unique_ptr<HeldEvents> held_;
  std::unique_ptr<FeedStore> feeds_;
  std::unique_ptr<SecondFactorStore> factors_;
  std::unique_ptr<AgreementStore> agreements_;
  std::unique_ptr<IdentityStore> identities_;
  std::unique_ptr<AttachmentStore> attachments_;
  const seal::BoxKey attachment_key_ = seal::BoxKey::Generate();
  const seal::SigningKey custody_ = seal::SigningKey::Generate();
  std::unique_ptr<WebServer> server_;
  uint64_t refused_ = 0;
  int live_ = 0;
};

absl::Status Fixture::MakeCertificate() {
  auto authority =
      Authority::Create(directory_ + "/authority", "Oakfield test", now_);
  if (!authority.ok()) return authority.status();
  auto made = (*authority)
                  ->MakeServer({"localhost", "127.0.0.1"}, now_,
                               Authority::kServerLifetime);
  if (!made.ok()) return made.status();
  options_.certificate_file = directory_ + "/web.crt";
  options_.key_file = directory_ + "/web.key";
  absl::Status status = platform::ReplaceFile(options_.certificate_file,
                                              made->certificate_pem, 0644);
  if (!status.ok()) return status;
  return platform::ReplaceFile(options_.key_file, made->key_pem, 0600);
}

absl::Status Fixture::Start() {
  auto server = StartWebServer(
      options_,
      {*alerts_, *audit_, *devices_, *accounts_, &bundles_, &papers_,
       events_.get(), held_.get(), &custody_, feeds_.get(), factors_.get(),
       agreements_.get(), identities_.get(), attachments_.get(),
       &attachment_key_, &policies_,
       [](const std::string& school, const std::string& login) {
         (void)school;
         return absl::StatusOr<std::string>(SampleAlias(login));
       }},
      platform::SystemClock());
  if (!server.ok()) return server.status();
  server_ = *std::move(server);
  options_.port = server_->port();
  return absl::OkStatus();
}

absl::Status Fixture::FillAccounts() {
  // One hash for all but the one-time password: hashing is slow on purpose.
  auto hash = HashPassword("correct horse battery");
  auto once = HashPassword("one-time-words-here");
  if (!hash.ok()) return hash.status();
  if (!once.ok()) return once.status();
  for (const Who& who : kPeople) {
    Account account;
    account.name = who.name;
    account.display_name = who.display_name;
    account.role = who.role;
    account.school = who.role == Role::kItProvider ? "" : kSampleSchool;
    account.own_pseudonym = who.own_pseudonym;
    account.must_change_password = account.name == "fresh";
    account.password_hash = account.must_change_password ? *once : *hash;
    if (absl::Status put = accounts_->Put(account); !put.ok()) return put;
  }
  return absl::OkStatus();
}

absl::Status Fixture::Fill(bool quiet) {
  if (absl::Status filled = FillAccounts(); !filled.ok()) return filled;
  for (const Device& device : SampleDevices(now_)) {
    if (absl::Status put = devices_->Put(device); !put.ok()) return put;
  }
  if (quiet) return absl::OkStatus();
  if (auto seen = events_->Append(SamplePeople(school_time_, name_key_));
      !seen.ok()) {
    return seen.status();
  }
  if (auto put = events_->Append(SampleOthers(school_time_)); !put.ok()) {
    return put.status();
  }
  return absl::OkStatus();
}

absl::Status Fixture::Publish(const std::string& policy) {
  const std::filesystem::path yaml(policy);
  const std::string program =
      std::filesystem::read_symlink("/proc/self/exe").parent_path() /
      "schoolgate-rules";
  const std::string file = directory_ + "/new.bundle";
  const std::string command =
      absl::StrCat(program, " build ", policy, " --lists ",
                   (yaml.parent_path().parent_path() / "lists").string(),
                   " --quiet -o ", file, " >/dev/null");
  if (std::system(command.c_str()) != 0) {
    return absl::InternalError(command + ": failed");
  }
  if (auto placed = bundles_.Place(file, 17, kSampleSchool); !placed.ok()) {
    return placed.status();
  }
  // What is not signed is taken here as no root is stored.
  PoliciesInForce(
      bundles_, [] { return absl::NotFoundError("no root"); }, *audit_,
      policies_)
      .Refresh(now_);
  if (policies_.Of(kSampleSchool) == nullptr) {
    return absl::InternalError(policy + ": not taken");
  }
  return absl::OkStatus();
}

absl::Status Fixture::Raise(bool quiet) {
  if (!quiet) {
    absl::Status raised = RaiseSampleAlerts(school_time_, Book());
    if (!raised.ok()) return raised;
  }
  // What only shows with a policy: a teacher's request, the lead's own record.
  if (policies_.Of(kSampleSchool) == nullptr) return absl::OkStatus();
  if (absl::Status asked = RaiseSampleRequest(school_time_, Book());
      !asked.ok()) {
    return asked;
  }
  return events_->Append(SampleOwnContacts(school_time_)).status();
}

absl::StatusOr<nlohmann::json> Fixture::MakeShares() {
  const std::vector<ShareHolder> holders = {{"head", "head passphrase 1234"},
                                            {"lead", "lead passphrase 1234"},
                                            {"senior", "senior passphrase 12"}};
  nlohmann::json list = nlohmann::json::array();
  for (const seal::BoxKey& key : {name_key_, seal::BoxKey::Generate()}) {
    const auto files = SplitNameKey(key, kSampleSchool, holders);
    if (!files.ok()) return files.status();
    for (size_t i = 0; i < files->size(); ++i) {
      const auto share = OpenShareFile((*files)[i].text, holders[i].passphrase);
      if (!share.ok()) return share.status();
      list.push_back({{"holder", holders[i].name},
                      {"passphrase", holders[i].passphrase},
                      {"text", (*files)[i].text},
                      {"bytes", seal::ToHex(share->bytes)}});
    }
  }
  return nlohmann::json{{"port", port()},
                        {"shares", list},
                        {"key", seal::ToHex(name_key_.secret())}};
}

absl::StatusOr<std::string> Fixture::Do(const std::string& command) {
  if (command == "alert") {
    auto stored =
        RaiseLiveAlert(platform::SystemClock().Now(), ++live_, Book());
    if (!stored.ok()) return stored.status();
    return absl::StrCat("ok ", stored->id(), " ", stored->revision());
  }
  if (command == "refused") {
    const auto put = events_->Append(
        {RefusedNow(platform::SystemClock().Now(), ++refused_)});
    return put.ok() ? absl::StatusOr<std::string>("ok") : put.status();
  }
  if (command == "count") {
    AlertQuery query;
    query.limit = 1000;
    auto found = alerts_->Find(query);
    if (!found.ok()) return found.status();
    return absl::StrCat("ok ", found->size());
  }
  if (const std::vector<std::string> words = absl::StrSplit(command, ' ');
      words.size() == 3 && words[0] == "identity") {
    const absl::Status put = identities_->Put({words[1], words[2], "", ""});
    return put.ok() ? absl::StatusOr<std::string>("ok") : put;
  }
  if (command == "restart") {
    Stop();
    if (absl::Status started = Start(); !started.ok()) return started;
    return "ok";
  }
  return absl::InvalidArgumentError(
      absl::StrCat(command, ": unknown command: use alert, count or restart"));
}

absl::Status Serve(const std::string& directory, const std::string& dashboard,
                   int idle_seconds, bool quiet, bool need_code,
                   const std::string& policy, const Provider& provider) {
  Fixture fixture(directory, dashboard, absl::Seconds(idle_seconds), provider);
  if (need_code) fixture.NeedCode(Role::kDeputy);
  if (absl::Status opened = fixture.Open(); !opened.ok()) return opened;
  if (absl::Status filled = fixture.Fill(quiet); !filled.ok()) return filled;
  if (!policy.empty()) {
    absl::Status status = fixture.Publish(policy);
    if (!status.ok()) return status;
  }
  if (absl::Status raised = fixture.Raise(quiet); !raised.ok()) return raised;
  if (absl::Status started = fixture.Start(); !started.ok()) return started;
  const auto first_line = fixture.MakeShares();
  if (!first_line.ok()) return first_line.status();
  std::cout << first_line->dump() << std::endl;
  std::string command;
  while (std::getline(std::cin, command)) {
    auto done = fixture.Do(command);
    if (!done.ok()) return done.status();
    std::cout << *done << std::endl;
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace schoolgate::collector

int main(int argc, char** argv) {
  CLI::App app("The dashboard over a small invented school, for tests.");
  std::string directory, dashboard, policy;
  int idle_seconds = 600;
  bool quiet = false, need_code = false;
  schoolgate::collector::Provider provider;
  app.set_version_flag("--version", SCHOOLGATE_VERSION);
  app.add_option("directory", directory, "for its stores; must be new")
      ->required();
  app.add_option("dashboard", dashboard, "the dashboard's files")->required();
  app.add_option("--idle-seconds", idle_seconds, "log out after")
      ->check(CLI::PositiveNumber);
  app.add_option("--policy", policy, "the school's policy, a YAML file")
      ->check(CLI::ExistingFile);
  app.add_option("--port", provider.port, "the dashboard's (any)");
  app.add_option("--oidc", provider.issuer, "a provider to log in at as well");
  app.add_option("--oidc-secret", provider.secret, "what it knows us by");
  app.add_flag("--quiet", quiet, "without any alert");
  app.add_flag("--need-code", need_code, "deputies must have an authenticator");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? schoolgate::platform::kExitOk
                                : schoolgate::platform::kExitUsage;
  }
  const absl::Status status = schoolgate::collector::Serve(
      directory, dashboard, idle_seconds, quiet, need_code, policy, provider);
  if (status.ok()) return schoolgate::platform::kExitOk;
  return schoolgate::platform::Complain("web_fixture", status);
}
