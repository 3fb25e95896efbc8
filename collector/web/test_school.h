// A school with an account for each role, in real stores in a directory that
// goes with it. For tests of this folder.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "collector/store/begun_log_test.h"
#include "collector/web/api.h"
#include "collector/web/password.h"
#include "platform/clock.h"
#include "proto/seal/keys.h"

namespace schoolgate::collector {

class TestSchool {
 public:
  static constexpr char kPassword[] = "correct horse battery";

  TestSchool() : clock_(absl::FromUnixSeconds(1795338000)) {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "sg-web-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    const std::string file = directory_ + "/cases.sqlite";
    alerts_ = *OpenSqliteAlertStore(file);
    audit_ = BegunAuditLog(file);
    devices_ = *OpenSqliteDeviceStore(file);
    accounts_ = *OpenSqliteAccountStore(file);
    bundles_ = std::make_unique<BundleShelf>(directory_ + "/bundles");
    papers_ = std::make_unique<PaperShelf>(directory_ + "/papers");
    events_ = *OpenSqliteEventStore(directory_ + "/events");
    held_ = *OpenSqliteHeldEvents(file);
    feeds_ = *OpenSqliteFeedStore(file);
    factors_ = *OpenSqliteSecondFactorStore(file);
    agreements_ = *OpenSqliteAgreementStore(file);
    identities_ = *OpenSqliteIdentityStore(file);
    attachments_ = *OpenSqliteAttachmentStore(file);
    AddAccount("it", Role::kItProvider, "");
    AddAccount("lead", Role::kSafetyLead);
    AddAccount("deputy", Role::kDeputy);
    AddAccount("head", Role::kHead);
    AddAccount("second", Role::kSecondSenior);
    AddAccount("governor", Role::kGovernor);
    AddAccount("dpo", Role::kDataProtectionOfficer);
  }
  ~TestSchool() { std::filesystem::remove_all(directory_); }

  Account AddAccount(const std::string& name, Role role,
                     const std::string& school = "oakfield",
                     const std::string& own_pseudonym = "") {
    // One hash for all: hashing is slow on purpose.
    static const std::string hash = *HashPassword(kPassword);
    Account account;
    account.name = name;
    account.display_name = "The " + name;
    account.role = role;
    account.school = school;
    account.password_hash = hash;
    account.own_pseudonym = own_pseudonym;
    EXPECT_TRUE(accounts_->Put(account).ok());
    return account;
  }

  uint64_t AddAlert(const std::string& subject, v1::Severity severity,
                    const std::string& school = "oakfield",
                    const std::string& rule = "repeated_contacts") {
    v1::Alert alert;
    alert.set_school(school);
    alert.set_subject(subject);
    alert.set_severity(severity);
    alert.set_state(v1::ALERT_STATE_NEW);
    alert.set_rule(rule);
    alert.set_category("gambling");
    alert.set_group("ks2");
    alert.set_title("Repeated tries");
    alert.set_sentence("Pupil " + subject + " contacted bets.example.test.");
    alert.set_raised_unix_us(absl::ToUnixMicros(clock_.Now()));
    v1::AlertEvidence* line = alert.add_evidence();
    line->set_host("bets.example.test");
    line->set_sentence("Contacted host bets.example.test.");
    line->set_action("blocked");
    auto stored = alerts_->Put(alert);
    EXPECT_TRUE(stored.ok()) << stored.status();
    return stored.ok() ? stored->id() : 0;
  }

  // A device told, sealed to `key`, that a.khan is who `alias` stands for.
  void SealLogin(const std::string& alias, const seal::BoxKey& key) {
    StoredEvent seen;
    seen.school = "oakfield";
    seen.device = "D-00000001";
    seen.epoch = 1;
    seen.received = seen.happened = clock_.Now();
    seen.event.set_sequence(++sequence_);
    seen.event.mutable_person()->set_pseudonym(alias);
    v1::PersonSeen& person = *seen.event.mutable_person_seen();
    person.set_sealed_login(*seal::SealTo(key.public_key(), "a.khan"));
    person.set_safeguarding_key_id(seal::KeyId(key.public_key()));
    EXPECT_EQ(events_->Append({seen})->size(), 1u);
  }

  Stores stores() {
    return {*alerts_,          *audit_,
            *devices_,         *accounts_,
            bundles_.get(),    papers_.get(),
            events_.get(),     held_.get(),
            &custody_,         feeds_.get(),
            factors_.get(),    agreements_.get(),
            identities_.get(), attachments_.get(),
            &attachment_key_};
  }
  BundleShelf& bundles() { return *bundles_; }
  platform::ManualClock& clock() { return clock_; }
  const std::string& directory() const { return directory_; }

  std::vector<AuditEntry> Audit() { return *audit_->Read(0, 10000); }

 private:
  platform::ManualClock clock_;
  std::string directory_;
  std::unique_ptr<AlertStore> alerts_;
  std::unique_ptr<AuditLog> audit_;
  std::unique_ptr<DeviceStore> devices_;
  std::unique_ptr<BundleShelf> bundles_;
  std::unique_ptr<PaperShelf> papers_;
  std::unique_ptr<AccountStore> accounts_;
  std::unique_ptr<EventStore> events_;
  std::unique_ptr<HeldEvents> held_;
  std::unique_ptr<FeedStore> feeds_;
  std::unique_ptr<SecondFactorStore> factors_;
  std::unique_ptr<AgreementStore> agreements_;
  std::unique_ptr<IdentityStore> identities_;
  std::unique_ptr<AttachmentStore> attachments_;
  uint64_t sequence_ = 0;
  const seal::BoxKey attachment_key_ = seal::BoxKey::Generate();
  const seal::SigningKey custody_ = seal::SigningKey::Generate();
};

// A browser as far as the API can tell: keeps its cookie and its token.
class TestBrowser {
 public:
  explicit TestBrowser(Api& api, std::string address = "192.0.2.7")
      : api_(api), address_(std::move(address)) {}

  // The same browser, whose calls go to another collector.
  TestBrowser At(Api& other) const {
    TestBrowser there(other, address_);
    there.host = host;
    there.cookie = cookie;
    there.csrf = csrf;
    there.flow_cookie = flow_cookie;
    return there;
  }

  Response Send(const std::string& method, const std::string& path,
                const nlohmann::json& body = nullptr) {
    Request request;
    request.method = method;
    const size_t question = path.find('?');
    request.path = path.substr(0, question);
    if (question != std::string::npos) {
      std::string query = path.substr(question + 1);
      while (!query.empty()) {
        const std::string one = query.substr(0, query.find('&'));
        query.erase(0, one.size() + 1);
        const size_t equal = one.find('=');
        request.query[one.substr(0, equal)] = one.substr(equal + 1);
      }
    }
    request.address = address_;
    request.headers = {{"host", host}, {"x-csrf-token", csrf}};
    if (!cookie.empty() || !flow_cookie.empty()) {
      request.headers["cookie"] = "a=b; " + cookie + "; " + flow_cookie;
    }
    if (method == "POST") {
      request.headers["content-type"] = "application/json";
      request.body = body.is_null() ? "{}" : body.dump();
    }
    if (background) request.headers["x-background"] = "1";
    Response response = api_.Answer(request);
    for (const auto& [name, value] : response.headers) {
      if (name != "Set-Cookie") continue;
      const bool session = value.starts_with(kSessionCookie);
      (session ? cookie : flow_cookie) = value.substr(0, value.find(';'));
    }
    return response;
  }

  Response Get(const std::string& path) { return Send("GET", path); }
  Response Post(const std::string& path, const nlohmann::json& body = nullptr) {
    return Send("POST", path, body);
  }

  Response LogIn(const std::string& name,
                 const std::string& password = TestSchool::kPassword) {
    Response response =
        Post("/api/v1/login", {{"name", name}, {"password", password}});
    if (response.status == 200) csrf = Json(response)["csrf"];
    return response;
  }

  static nlohmann::json Json(const Response& response) {
    return nlohmann::json::parse(response.body);
  }

  std::string host = "school.test";
  std::string cookie, csrf;
  std::string flow_cookie;  // of a log-in at the directory
  bool background = false;

 private:
  Api& api_;
  const std::string address_;
};

}  // namespace schoolgate::collector
