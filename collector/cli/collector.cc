#include "collector/cli/collector.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "collector/cases/case_book.h"
#include "collector/cli/expiry.h"
#include "collector/cli/feeds_file.h"
#include "collector/cli/measures.h"
#include "collector/cli/open_stores.h"
#include "collector/cli/preflight.h"
#include "collector/cli/publish_paper.h"
#include "collector/feed/alert_feed.h"
#include "collector/feed/detection.h"
#include "collector/feed/outgoing.h"
#include "collector/fleet/journal.h"
#include "collector/fleet/policies_in_force.h"
#include "collector/fleet/rings.h"
#include "collector/fleet/rules_out.h"
#include "collector/fleet/secret_file.h"
#include "collector/ingest/door.h"
#include "collector/ingest/uplink_service.h"
#include "collector/postgres/advisory_locks.h"
#include "collector/web/server.h"
#include "proto/seal/hash.h"
#include "proto/seal/pseudonym.h"

namespace schoolgate::collector {
namespace {

// For what devices have sent to be acknowledged, then for calls to end.
constexpr absl::Duration kDrain = absl::Seconds(10);
constexpr absl::Duration kGrace = absl::Seconds(3);
constexpr absl::Duration kOfferEvery = absl::Seconds(10);
constexpr absl::Duration kExpireEvery = absl::Hours(1);

template <typename Store>
absl::Status Take(absl::StatusOr<std::unique_ptr<Store>> opened,
                  std::unique_ptr<Store>* to) {
  if (opened.ok()) *to = *std::move(opened);
  return opened.status();
}

class WholeCollector : public Collector {
 public:
  WholeCollector(const CollectorOptions& options, const platform::Clock& clock)
      : options_(options), directory_(options.directory), clock_(clock) {}

  ~WholeCollector() override {
    Stop();
    if (lock_ >= 0) close(lock_);
  }

  absl::Status Begin() {
    for (absl::Status (WholeCollector::*step)() :
         {&WholeCollector::Lock, &WholeCollector::Prepare,
          &WholeCollector::StartInside, &WholeCollector::OpenDoor,
          &WholeCollector::StartDashboard, &WholeCollector::StartFeeds,
          &WholeCollector::StartMetrics}) {
      const absl::Status status = (this->*step)();
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  std::string device_address() const override { return door_->address(); }

  std::string dashboard_address() const override {
    if (web_ == nullptr) return "";
    return absl::StrCat(config_.web.substr(0, config_.web.rfind(':')), ":",
                        web_->port());
  }

  const IntakeCounters& counters() const override {
    return intake_->counters();
  }

  std::string metrics_address() const override {
    if (scraped_ == nullptr) return "";
    return absl::StrCat(config_.metrics.substr(0, config_.metrics.rfind(':')),
                        ":", scraped_->port());
  }

  absl::Status Reload(std::vector<std::string>* waiting) override {
    absl::Status status = TryReload(waiting);
    life_.last_reload_good = status.ok();
    ++(status.ok() ? life_.reloads : life_.reloads_refused);
    return status;
  }

  void Tick() override {
    const absl::Duration up = clock_.SinceBoot();
    life_.last_tick_us = absl::ToInt64Microseconds(up);
    bool due = up - last_offer_ >= kOfferEvery;
    if (due) {
      last_offer_ = up;
      rings_->Turn(clock_.Now());
    }
    due |= rules_out_->Refresh();
    policies_read_->Refresh(clock_.Now());
    if (due) {
      for (const auto& stream : open_.All()) stream->OfferRules();
    }
    if (last_expiry_ == absl::ZeroDuration() ||
        up - last_expiry_ >= kExpireEvery) {
      last_expiry_ = up;
      Expiry(directory_, config_, policies_, stores_).Run(clock_.Now());
    }
  }

  void Stop() override {
    if (stopped_) return;
    stopped_ = true;
    life_.draining = true;
    if (!open_.Drain(kDrain)) Log(Level::kWarning, "drain_incomplete", {});
    if (web_ != nullptr) web_->Stop();
    if (feed_ != nullptr) feed_->Stop();
    for (const auto& stream : open_.All()) {
      stream->End(grpc::Status(grpc::StatusCode::UNAVAILABLE,
                               "collector: shutting down"));
    }
    if (door_ != nullptr) door_->Close(kGrace);
    if (outgoing_ != nullptr) outgoing_->Stop();
    if (intake_ != nullptr) intake_->Stop();
    if (detection_ != nullptr) detection_->Stop();
    if (stores_.alerts != nullptr) stores_.alerts->Close();
    scraped_.reset();
  }

 private:
  absl::Status Lock() {
    absl::StatusOr<CollectorConfig> config = LoadConfig(directory_);
    if (!config.ok()) return config.status();
    config_ = *std::move(config);
    absl::TimeZone zone;
    absl::LoadTimeZone(config_.time_zone, &zone);
    absl::StatusOr<OutgoingConfig> feeds = LoadFeeds(directory_, zone);
    if (!feeds.ok()) return feeds.status();
    feeds_ = *std::move(feeds);
    SetLog({.least = *LevelNamed(config_.log_level),
            .format = *LogFormatNamed(config_.log_format)});
    lock_ = open(directory_.Lock().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock_ < 0) {
      return absl::PermissionDeniedError(
          absl::StrCat(directory_.Lock(), ": ", strerror(errno),
                       ": run as the user that owns the data directory"));
    }
    if (flock(lock_, LOCK_EX | LOCK_NB) != 0) {
      return absl::UnavailableError(absl::StrCat(
          directory_.path, ": another collector uses it: stop that one first"));
    }
    return absl::OkStatus();
  }

  absl::Status Prepare() {
    const absl::Time now = clock_.Now();
    absl::StatusOr<std::unique_ptr<Authority>> authority =
        Authority::Load(directory_.Authority());
    if (!authority.ok()) return authority.status();
    authority_ = *std::move(authority);
    absl::Status status = CheckClock(*authority_, now);
    if (status.ok()) {
      status = CheckCertificates(directory_, config_, *authority_, now);
    }
    if (status.ok()) status = OpenStores(directory_, config_, &stores_);
    if (!status.ok()) return status;
    absl::StatusOr<EnrolmentGift> gift = LoadGift(directory_, config_);
    if (!gift.ok()) return gift.status();
    const absl::StatusOr<seal::BoxKey> sealing =
        seal::LoadOrCreateBoxKey(directory_.SealingKey());
    if (!sealing.ok()) return sealing.status();
    sealing_key_ = std::make_unique<seal::BoxKey>(*sealing);
    key_list_[0] = sealing_key_.get();
    const absl::StatusOr<seal::SigningKey> removal =
        seal::LoadOrCreateSigningKey(directory_.RemovalKey());
    if (!removal.ok()) return removal.status();
    const absl::StatusOr<seal::SigningKey> custody =
        seal::LoadOrCreateSigningKey(directory_.CustodyKey());
    if (!custody.ok()) return custody.status();
    custody_key_ = std::make_unique<seal::SigningKey>(*custody);
    enrolment_ =
        std::make_unique<Enrolment>(*authority_, *stores_.devices,
                                    *stores_.audit, *std::move(gift), *removal);
    shelf_ = std::make_unique<BundleShelf>(directory_.Bundles());
    papers_ = std::make_unique<PaperShelf>(directory_.Papers());
    rules_out_ = std::make_unique<RulesOut>(*shelf_, *papers_);
    rings_ = std::make_unique<Rings>(*shelf_, *stores_.devices, *stores_.audit);
    rules_out_->Refresh();
    policies_read_ = std::make_unique<PoliciesInForce>(
        *shelf_, [this] { return NewestRoot(directory_.RulesRoot()); },
        *stores_.audit, policies_);
    policies_read_->Refresh(now);
    return absl::OkStatus();
  }

  absl::Status StartInside() {
    const absl::StatusOr<std::string> secret =
        ReadSmallFile(directory_.ContactKey());
    if (!secret.ok()) return secret.status();
    absl::TimeZone zone;
    absl::LoadTimeZone(config_.time_zone, &zone);
    cases_ = std::make_unique<CaseBook>(
        *stores_.alerts,
        CaseOptions{.zone = zone,
                    .device_name =
                        [this](const std::string& id) {
                          const auto device = stores_.devices->Get(id);
                          return device.ok() ? device->hostname : std::string();
                        },
                    .policies = &policies_});
    DetectorOptions detector;
    detector.zone = zone;
    detector.policies = &policies_;
    owners_ = std::make_unique<DeviceOwners>(*stores_.agreements, clock_);
    detector.owners = owners_.get();
    detection_ = std::make_unique<Detection>(*stores_.events, *stores_.devices,
                                             *cases_, detector, clock_, Duty());
    intake_ = std::make_unique<Intake>(*stores_.events, *stores_.devices,
                                       *stores_.refused, clock_,
                                       [this] { detection_->Wake(); });
    world_ = std::make_unique<StreamWorld>(
        StreamWorld{*intake_, *stores_.events, *stores_.devices, *stores_.audit,
                    *shelf_, *rules_out_, open_, clock_, key_list_, *secret,
                    AuthorityHash(), *owners_});
    return absl::OkStatus();
  }

  std::string AuthorityHash() const {
    seal::Hasher hasher;
    hasher.Add(authority_->certificates_pem());
    return hasher.Finish();
  }

  // With others on the same database each school is one's at a time. Used by
  // the thread of detection alone.
  SchoolDuty Duty() {
    if (config_.database.empty()) return nullptr;
    locks_ = std::make_unique<AdvisoryLocks>(config_.database, "school");
    std::vector<std::string> schools;
    for (const School& school : config_.schools) schools.push_back(school.id);
    return [this, schools] { return locks_->Turn(schools); };
  }

  absl::Status OpenDoor() {
    DoorOptions options;
    options.address = config_.listen;
    options.authority_pem = authority_->certificates_pem();
    const struct {
      const char* file;
      std::string* pem;
    } files[] = {{"uplink.crt", &options.certificate_pem},
                 {"uplink.key", &options.key_pem}};
    for (const auto& [file, pem] : files) {
      absl::StatusOr<std::string> read = ReadSmallFile(directory_.Tls(file));
      if (!read.ok()) return read.status();
      *pem = *std::move(read);
    }
    uplink_ = std::make_unique<UplinkService>(*enrolment_, *world_);
    feed_ = std::make_unique<AlertFeed>(*stores_.alerts, *stores_.accounts,
                                        &policies_);
    return Take(Door::Open(options, {uplink_.get(), feed_.get()}), &door_);
  }

  absl::Status StartDashboard() {
    if (!options_.dashboard) return absl::OkStatus();
    const absl::StatusOr<HostPort> address = ParseHostPort(config_.web);
    if (!address.ok()) return address.status();
    WebOptions web;
    web.address = address->host;
    web.port = address->port;
    const bool own = !config_.web_certificate.empty();
    web.certificate_file =
        own ? config_.web_certificate : directory_.Tls("web.crt");
    web.key_file = own ? config_.web_key : directory_.Tls("web.key");
    web.static_directory = options_.static_directory;
    web.oidc = config_.oidc;
    absl::StatusOr<std::string> secret = LoadOidcSecret(config_);
    if (!secret.ok()) return secret.status();
    web.oidc_secret = *std::move(secret);
    absl::TimeZone zone;
    absl::LoadTimeZone(config_.time_zone, &zone);
    web.notice = {
        config_.schools.empty() ? config_.trust : config_.schools.front().name,
        config_.contact, config_.keep_event_days, config_.keep_case_days, zone};
    web.notice.need_code = config_.need_code;
    if (config_.compare_schools) {
      for (const School& school : config_.schools) {
        web.notice.compared.emplace_back(school.id, school.name);
      }
    }
    return Take(
        StartWebServer(
            web,
            {*stores_.alerts, *stores_.audit, *stores_.devices,
             *stores_.accounts, shelf_.get(), papers_.get(),
             stores_.events.get(), stores_.held.get(), custody_key_.get(),
             stores_.feeds.get(), stores_.second_factors.get(),
             stores_.agreements.get(), stores_.identities.get(),
             stores_.attachments.get(), sealing_key_.get(), &policies_,
             [this](const std::string& school, const std::string& login) {
               return AliasOf(school, login);
             },
             [this](const std::string& order, const std::string& school) {
               return PublishOrder(order, school);
             },
             stores_.passing.get()},
            clock_),
        &web_);
  }

  // For the dashboard: on any of its threads.
  absl::StatusOr<std::string> AliasOf(const std::string& school,
                                      const std::string& login) {
    const auto key = ReadHexKey(directory_.SchoolFile(school, "pseudonym.key"));
    if (!key.ok()) return key.status();
    return seal::Pseudonym(*key, login);
  }

  absl::Status PublishOrder(const std::string& order,
                            const std::string& school) {
    const auto published =
        PublishOrderText(directory_, order, school, clock_.Now());
    return published.ok() ? shelf_->NoteChange() : published.status();
  }

  absl::Status StartFeeds() {
    if (feeds_.webhooks.empty() && !feeds_.mail) return absl::OkStatus();
    outgoing_ = std::make_unique<OutgoingFeeds>(
        OutgoingStores{*stores_.alerts, *stores_.accounts, *stores_.audit,
                       *stores_.feeds, stores_.agreements.get(), &policies_},
        feeds_, CurlWire(), clock_);
    outgoing_->Start();
    return absl::OkStatus();
  }

  absl::Status StartMetrics() {
    measures_ = std::make_unique<Measures>(
        Measured{directory_, intake_->counters(), life_, *stores_.devices,
                 *stores_.alerts, *detection_, *feed_, web_.get(),
                 stores_.clickhouse.get(), clock_});
    return Take(Scraped(config_), &scraped_);
  }

  // Null when the configuration wants none.
  absl::StatusOr<std::unique_ptr<ScrapeServer>> Scraped(
      const CollectorConfig& config) {
    if (config.metrics.empty()) return std::unique_ptr<ScrapeServer>();
    const absl::StatusOr<HostPort> address = ParseHostPort(config.metrics);
    if (!address.ok()) return address.status();
    return ScrapeServer::Start(
        address->host, address->port,
        [this](const std::string& path) { return measures_->Answer(path); });
  }

  // First all that may fail, then what cannot.
  absl::Status TryReload(std::vector<std::string>* waiting) {
    absl::StatusOr<CollectorConfig> fresh = LoadConfig(directory_);
    if (!fresh.ok()) return fresh.status();
    absl::StatusOr<EnrolmentGift> gift = LoadGift(directory_, *fresh);
    if (!gift.ok()) return gift.status();
    absl::TimeZone zone;
    absl::LoadTimeZone(fresh->time_zone, &zone);
    absl::StatusOr<OutgoingConfig> feeds = LoadFeeds(directory_, zone);
    if (!feeds.ok()) return feeds.status();
    absl::Status status =
        CheckCertificates(directory_, *fresh, *authority_, clock_.Now());
    if (!status.ok()) return status;
    std::unique_ptr<ScrapeServer> scraped;
    const bool move = fresh->metrics != config_.metrics;
    if (move) status = Take(Scraped(*fresh), &scraped);
    if (!status.ok()) return status;
    if (web_ != nullptr) {
      const bool own = !fresh->web_certificate.empty();
      status = web_->RenewCertificate(
          own ? fresh->web_certificate : directory_.Tls("web.crt"),
          own ? fresh->web_key : directory_.Tls("web.key"));
      if (!status.ok()) return status;
    }
    *waiting = KeysThatNeedARestart(config_, *fresh);
    if (move) scraped_ = std::move(scraped);
    enrolment_->SetGift(*std::move(gift));
    SetLog({.least = *LevelNamed(fresh->log_level),
            .format = *LogFormatNamed(fresh->log_format)});
    config_ = *std::move(fresh);
    // A feed goes on where it was: how far it is lies in the store.
    outgoing_.reset();
    feeds_ = *std::move(feeds);
    return StartFeeds();
  }

  const CollectorOptions options_;
  const DataDirectory directory_;
  const platform::Clock& clock_;
  CollectorConfig config_;
  int lock_ = -1;
  bool stopped_ = false;
  absl::Duration last_offer_, last_expiry_;
  LifeCounters life_;

  // Destroyed from the bottom up: each uses those above it.
  std::unique_ptr<Authority> authority_;
  std::unique_ptr<seal::BoxKey> sealing_key_;
  std::unique_ptr<seal::SigningKey> custody_key_;
  const seal::BoxKey* key_list_[1] = {};
  OwnStores stores_;
  std::unique_ptr<Enrolment> enrolment_;
  std::unique_ptr<BundleShelf> shelf_;
  std::unique_ptr<PaperShelf> papers_;
  std::unique_ptr<RulesOut> rules_out_;
  std::unique_ptr<Rings> rings_;
  SchoolPolicies policies_;
  std::unique_ptr<PoliciesInForce> policies_read_;
  OpenStreams open_;
  std::unique_ptr<DeviceOwners> owners_;
  std::unique_ptr<CaseBook> cases_;
  std::unique_ptr<AdvisoryLocks> locks_;
  std::unique_ptr<Detection> detection_;
  std::unique_ptr<Intake> intake_;
  std::unique_ptr<StreamWorld> world_;
  std::unique_ptr<UplinkService> uplink_;
  std::unique_ptr<AlertFeed> feed_;
  std::unique_ptr<Door> door_;
  std::unique_ptr<WebServer> web_;
  OutgoingConfig feeds_;
  std::unique_ptr<OutgoingFeeds> outgoing_;
  std::unique_ptr<Measures> measures_;
  std::unique_ptr<ScrapeServer> scraped_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Collector>> Collector::Start(
    const CollectorOptions& options, const platform::Clock& clock) {
  auto collector = std::make_unique<WholeCollector>(options, clock);
  const absl::Status status = collector->Begin();
  if (!status.ok()) return status;
  return collector;
}

}  // namespace schoolgate::collector
