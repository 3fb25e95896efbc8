// How long the dashboard's pages take over a large store, in one process and
// without TLS: dashboard_bench DIRECTORY EVENTS ALERTS CALLS [PAGE]. Prints one
// JSON object a page. A DIRECTORY that was filled before is measured as it is.
// tests/bench/dashboard starts it.
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "collector/store/begun_log_test.h"
#include "collector/web/api.h"
#include "collector/web/password.h"
#include "platform/clock.h"

namespace schoolgate::collector {
namespace {

constexpr char kPassword[] = "correct horse battery";
constexpr const char* kCategories[] = {"gambling", "games", "bypass", "adult",
                                       "social"};
constexpr size_t kBatch = 20'000;

class Bench {
 public:
  explicit Bench(const std::string& directory)
      : now_(clock_.Now()),
        alerts_(*OpenSqliteAlertStore(directory + "/main.sqlite")),
        audit_(BegunAuditLog(directory + "/main.sqlite")),
        devices_(*OpenSqliteDeviceStore(directory + "/main.sqlite")),
        accounts_(*OpenSqliteAccountStore(directory + "/main.sqlite")),
        events_(*OpenSqliteEventStore(directory + "/events")),
        agreements_(*OpenSqliteAgreementStore(directory + "/main.sqlite")) {}

  bool Filled() { return accounts_->Get("head").ok(); }

  void Fill(size_t events, size_t alerts) {
    for (size_t done = 0; done < events; done += kBatch) {
      std::vector<StoredEvent> batch;
      for (size_t i = done; i < std::min(events, done + kBatch); ++i) {
        batch.push_back(EventOf(i, events));
      }
      if (!events_->Append(std::move(batch)).ok()) std::abort();
    }
    for (size_t i = 0; i < alerts; ++i) {
      if (!alerts_->Put(AlertOf(i)).ok()) std::abort();
    }
    for (int i = 0; i < 2000; ++i) {
      Device device;
      device.id = absl::StrCat("D-", i);
      device.school = "oak";
      device.hostname = absl::StrCat("laptop-", i);
      device.last_contact = now_;
      device.heartbeat_time = now_;
      v1::Heartbeat& beat = device.heartbeat;
      beat.set_capturing(i % 100 != 0);
      beat.set_bundle_version(17);
      beat.set_flows(10'000);
      beat.set_packets(1'000'000);
      beat.set_agent_version("0.1.0");
      for (int cause = 0; cause < 6; ++cause) {
        beat.add_blindness()->set_flows(static_cast<uint64_t>(i * cause % 500));
      }
      (void)devices_->Put(device);
    }
    // Two looks for each alert.
    for (size_t i = 0; i < 2 * alerts; ++i) {
      AuditEntry entry;
      entry.time = now_;
      entry.who = "head";
      entry.action = "view_alert";
      entry.about = absl::StrCat(i / 2 + 1);
      if (!audit_->Append(entry).ok()) std::abort();
    }
    Account head;
    head.name = "head";
    head.role = Role::kHead;
    head.school = "oak";
    head.own_pseudonym = "P-77";
    head.password_hash = *HashPassword(kPassword);
    (void)accounts_->Put(head);
  }

  // Of pages that hold `only`.
  void Measure(int calls, const std::string& only) {
    Api api(
        {*alerts_, *audit_, *devices_, *accounts_, nullptr, nullptr,
         events_.get(), nullptr, nullptr, nullptr, nullptr, agreements_.get()},
        NoticeFacts{}, SessionLimits{}, clock_);
    LogIn(api);
    const absl::Time before = now_ - absl::Hours(24);
    const std::string month =
        absl::FormatTime("%Y-%m", before, absl::UTCTimeZone());
    const auto begun = absl::ToCivilMonth(before, absl::UTCTimeZone());
    const std::string year =
        absl::StrCat(begun.year() - (begun.month() < 9), "-year");
    const std::string last_year =
        absl::StrCat(begun.year() - (begun.month() < 9) - 1, "-year");
    for (const std::string& page : std::vector<std::string>{
             "/api/v1/alerts", "/api/v1/alerts?all=1", "/api/v1/alerts/7",
             "/api/v1/alerts/7/related", "/api/v1/devices", "/api/v1/audit",
             "/api/v1/budget", "/api/v1/passes", "/api/v1/my-record",
             "/api/v1/notice", "/api/v1/reviews", "/api/v1/inventory",
             absl::StrCat("/api/v1/report?kind=devices&period=", month),
             absl::StrCat("/api/v1/report?kind=effect&period=", last_year),
             absl::StrCat("/api/v1/report?kind=leaders&period=", month),
             absl::StrCat("/api/v1/report?kind=leaders&period=", year),
             absl::StrCat("/api/v1/report?kind=leaders&period=", last_year),
             absl::StrCat("/api/v1/report?kind=trends&period=", last_year),
             absl::StrCat("/api/v1/report?kind=governors&period=", year)}) {
      if (page.find(only) != std::string::npos) MeasurePage(api, page, calls);
    }
  }

 private:
  // Received in order, over sixty days.
  StoredEvent EventOf(size_t i, size_t events) {
    StoredEvent one;
    one.school = "oak";
    one.device = absl::StrCat("D-", i % 2000);
    one.epoch = 1;
    one.happened = one.received =
        now_ - absl::Hours(24 * 60) *
                   (1 - static_cast<double>(i) / static_cast<double>(events));
    one.event.set_sequence(i / 2000 + 1);
    one.event.mutable_person()->set_group("ks2");
    one.event.mutable_person()->set_pseudonym(absl::StrCat("P-", i % 5000));
    one.event.mutable_contact()->set_host("bets.example.test");
    one.event.mutable_contact()->add_categories(kCategories[i % 5]);
    one.event.mutable_contact()->set_action(v1::ACTION_BLOCK);
    one.event.mutable_contact()->set_count(1);
    return one;
  }

  v1::Alert AlertOf(size_t i) {
    v1::Alert alert;
    alert.set_school("oak");
    alert.set_subject(absl::StrCat("P-", i % 5000));
    alert.set_group("ks2");
    alert.set_rule("repeated_contacts");
    alert.set_category(kCategories[i % 5]);
    alert.set_severity(static_cast<v1::Severity>(2 + i % 3));
    // Of three years, all but the last few hundred are closed.
    alert.set_state(i % 200 == 0 ? v1::ALERT_STATE_NEW
                                 : v1::ALERT_STATE_CLOSED);
    alert.mutable_incident()->set_outcome(i % 7 == 0 ? "false_alarm"
                                                     : "handled");
    alert.set_title("Repeated tries");
    alert.set_sentence("Pupil contacted a gambling site 5 times.");
    const int64_t time = absl::ToUnixMicros(
        now_ - absl::Hours(24 * 1000) * (static_cast<double>(i % 1000) / 1000));
    alert.set_raised_unix_us(time);
    alert.set_first_unix_us(time);
    alert.set_last_unix_us(time);
    for (int line = 0; line < 5; ++line) {
      v1::AlertEvidence* evidence = alert.add_evidence();
      evidence->set_time_unix_us(time);
      evidence->set_host("bets.example.test");
      evidence->set_sentence("Contacted host bets.example.test.");
    }
    return alert;
  }

  void LogIn(Api& api) {
    Request request;
    request.method = "POST";
    request.path = "/api/v1/login";
    request.headers = {{"content-type", "application/json"}};
    request.body =
        nlohmann::json({{"name", "head"}, {"password", kPassword}}).dump();
    const Response response = api.Answer(request);
    for (const auto& [name, value] : response.headers) {
      if (name == "Set-Cookie") cookie_ = value.substr(0, value.find(';'));
    }
  }

  void MeasurePage(Api& api, const std::string& page, int calls) {
    Request request;
    request.method = "GET";
    request.path = page.substr(0, page.find('?'));
    request.headers = {{"cookie", cookie_}};
    for (std::string rest = page.substr(std::min(page.find('?'), page.size()));
         rest.size() > 1;) {
      rest.erase(0, 1);
      const std::string one = rest.substr(0, rest.find('&'));
      request.query[one.substr(0, one.find('='))] =
          one.substr(one.find('=') + 1);
      rest.erase(0, one.size());
    }
    std::vector<double> times;
    size_t bytes = 0;
    uint64_t changed = 0;
    while (times.size() < static_cast<size_t>(calls)) {
      // The world goes on between two looks: nothing is answered from what
      // was true before.
      (void)alerts_->Update(++changed, [](v1::Alert* alert) {
        alert->set_count(alert->count() + 1);
        return absl::OkStatus();
      });
      const absl::Duration before = clock_.SinceBoot();
      const Response response = api.Answer(request);
      const absl::Duration took = clock_.SinceBoot() - before;
      if (response.status == 429) continue;  // the session's own limit
      if (response.status != 200) std::abort();
      bytes = response.body.size();
      times.push_back(absl::ToDoubleMilliseconds(took));
    }
    std::sort(times.begin(), times.end());
    std::printf("%s\n",
                nlohmann::json({{"page", page},
                                {"p50_ms", times[times.size() / 2]},
                                {"p99_ms", times[times.size() * 99 / 100]},
                                {"bytes", bytes}})
                    .dump()
                    .c_str());
    std::fflush(stdout);
  }

  const platform::Clock& clock_ = platform::SystemClock();
  const absl::Time now_;
  std::unique_ptr<AlertStore> alerts_;
  std::unique_ptr<AuditLog> audit_;
  std::unique_ptr<DeviceStore> devices_;
  std::unique_ptr<AccountStore> accounts_;
  std::unique_ptr<EventStore> events_;
  std::unique_ptr<AgreementStore> agreements_;
  std::string cookie_;
};

}  // namespace
}  // namespace schoolgate::collector

int main(int argc, char** argv) {
  if (argc != 5 && argc != 6) return 2;
  schoolgate::collector::Bench bench(argv[1]);
  if (!bench.Filled()) {
    bench.Fill(std::strtoull(argv[2], nullptr, 10),
               std::strtoull(argv[3], nullptr, 10));
  }
  bench.Measure(std::atoi(argv[4]), argc == 6 ? argv[5] : "");
  return 0;
}
