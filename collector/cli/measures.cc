#include "collector/cli/measures.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "collector/cases/alert_json.h"
#include "collector/fleet/authority.h"
#include "collector/fleet/secret_file.h"

namespace schoolgate::collector {
namespace {

namespace fs = std::filesystem;

constexpr absl::Duration kQuiet = absl::Minutes(15);
constexpr absl::Duration kSilent = absl::Hours(72);
constexpr absl::Duration kClockOff = absl::Minutes(5);
constexpr absl::Duration kRenewalDue = absl::Hours(24 * 14);
constexpr size_t kMostCases = 100'000;

double Seconds(absl::Time time) {
  return absl::ToDoubleSeconds(time - absl::UnixEpoch());
}

double ResidentBytes() {
  const absl::StatusOr<std::string> statm = ReadSmallFile("/proc/self/statm");
  if (!statm.ok()) return 0;
  const std::vector<std::string> words = absl::StrSplit(*statm, ' ');
  uint64_t pages = 0;
  if (words.size() < 2 || !absl::SimpleAtoi(words[1], &pages)) return 0;
  return static_cast<double>(pages) *
         static_cast<double>(sysconf(_SC_PAGESIZE));
}

double OpenDescriptors() {
  std::error_code error;
  double count = -1;  // the one that reads
  for (fs::directory_iterator entry("/proc/self/fd", error), end;
       !error && entry != end; entry.increment(error)) {
    ++count;
  }
  return count;
}

double FileBytes(const fs::path& path) {
  std::error_code error;
  double bytes = 0;
  for (const char* suffix : {"", "-wal"}) {
    const auto size = fs::file_size(path.string() + suffix, error);
    if (!error) bytes += static_cast<double>(size);
  }
  return bytes;
}

struct EventFiles {
  double bytes = 0, count = 0;
  absl::Time oldest = absl::InfinitePast();
};

EventFiles LookAtEvents(const std::string& directory) {
  EventFiles files;
  std::string oldest;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end;
       !error && entry != end; entry.increment(error)) {
    std::error_code gone;
    const auto size = entry->file_size(gone);
    if (!gone) files.bytes += static_cast<double>(size);
    const std::string name = entry->path().filename().string();
    if (entry->path().extension() != ".sqlite") continue;
    ++files.count;
    constexpr size_t kDayAt = 14, kDayBytes = 10;  // events-000001-2026-11-21
    if (name.size() < kDayAt + kDayBytes) continue;
    const std::string day = name.substr(kDayAt, kDayBytes);
    if (oldest.empty() || day < oldest) oldest = day;
  }
  std::string ignored;
  if (!absl::ParseTime("%Y-%m-%d", oldest, &files.oldest, &ignored)) {
    files.oldest = absl::InfinitePast();
  }
  return files;
}

}  // namespace

ScrapeAnswer Measures::Answer(const std::string& path) {
  if (path == "/metrics") return {200, Exposition::kType, Metrics()};
  nlohmann::json body;
  int status = 200;
  if (path == "/healthz") {
    const absl::Duration turned =
        absl::Microseconds(measured_.life.last_tick_us.load());
    const bool alive = turned == absl::ZeroDuration() ||
                       measured_.clock.SinceBoot() - turned < kLongestTurn;
    status = alive ? 200 : 503;
    body = {{"status", alive ? "up" : "hangs"}};
  } else if (path == "/readyz") {
    const std::vector<std::string> why = NotReady();
    status = why.empty() ? 200 : 503;
    body = {{"status", why.empty() ? "ready" : "not ready"}, {"why", why}};
  } else {
    return {404, "text/plain; charset=utf-8",
            "there are /metrics, /healthz and /readyz\n"};
  }
  return {status, "application/json", body.dump() + "\n"};
}

std::vector<std::string> Measures::NotReady() {
  std::vector<std::string> why;
  if (measured_.life.draining) why.push_back("shutting down");
  // Only for a while: where nobody is sent any more nothing is stored either,
  // and it would never be known that it could be.
  const absl::Duration failed =
      absl::Microseconds(measured_.intake.last_failure_us.load());
  if (!measured_.intake.storing &&
      measured_.clock.SinceBoot() - failed < kDistrust) {
    why.push_back("events cannot be stored");
  }
  AlertQuery one;
  one.limit = 1;
  if (!measured_.alerts.Find(one).ok()) why.push_back("alerts cannot be read");
  std::error_code error;
  const fs::space_info space = fs::space(measured_.directory.path, error);
  if (!error && space.available < kLeastFreeBytes) {
    why.push_back("the disk is full");
  }
  return why;
}

std::string Measures::Metrics() {
  Exposition out;
  out.Gauge("schoolgate_build_info", "The version that runs.")
      .Sample(1, {{"version", SCHOOLGATE_VERSION}});
  out.Gauge("schoolgate_ready", "1 when work may be sent here.")
      .Sample(NotReady().empty() ? 1 : 0);
  AddProcess(&out);
  AddIntake(&out);
  AddStore(&out);
  AddClickHouse(&out);
  AddFleet(&out);
  AddPeople(&out);
  AddCertificates(&out);
  return out.text();
}

void Measures::AddProcess(Exposition* out) const {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) +
           static_cast<double>(time.tv_usec) / 1e6;
  };
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  out->Gauge("process_start_time_seconds", "When this process began.")
      .Sample(Seconds(started_));
  out->Counter("process_cpu_seconds_total", "User and system time used.")
      .Sample(seconds(usage.ru_utime) + seconds(usage.ru_stime));
  out->Gauge("process_resident_memory_bytes", "Memory held.")
      .Sample(ResidentBytes());
  out->Gauge("process_open_fds", "Open descriptors.").Sample(OpenDescriptors());
  out->Gauge("process_max_fds", "The limit of open descriptors.")
      .Sample(static_cast<double>(files.rlim_cur));
  const LifeCounters& life = measured_.life;
  out->Counter("schoolgate_configuration_reloads_total",
               "Reloads of collector.yaml, by how they ended.")
      .Sample(static_cast<double>(life.reloads), {{"result", "good"}})
      .Sample(static_cast<double>(life.reloads_refused),
              {{"result", "refused"}});
  out->Gauge("schoolgate_configuration_last_reload_successful",
             "0 when the last reload was refused: the earlier one runs.")
      .Sample(life.last_reload_good ? 1 : 0);
}

void Measures::AddIntake(Exposition* out) const {
  const IntakeCounters& in = measured_.intake;
  const struct {
    const char* name;
    const char* help;
    uint64_t value;
  } counters[] = {
      {"schoolgate_uplink_streams_opened_total", "Connections of devices.",
       in.opened},
      {"schoolgate_uplink_streams_refused_total",
       "Connections ended for a fault of the device's.", in.turned_away},
      {"schoolgate_ingest_batches_total", "Sealed batches received.",
       in.batches},
      {"schoolgate_ingest_bytes_total", "Bytes of sealed batches received.",
       in.bytes},
      {"schoolgate_ingest_events_total", "Events stored, each once.",
       in.events},
      {"schoolgate_ingest_repeated_events_total",
       "Events received that were stored already.", in.repeats},
      {"schoolgate_ingest_refused_records_total",
       "Records that could not be opened.", in.refused},
      {"schoolgate_ingest_commits_total", "Transactions that were stored.",
       in.commits},
      {"schoolgate_ingest_commit_failures_total",
       "Transactions that could not be stored.", in.failures},
      {"schoolgate_ingest_pauses_total",
       "Times that a device had to wait for the store.", in.pauses}};
  for (const auto& [name, help, value] : counters) {
    out->Counter(name, help).Sample(static_cast<double>(value));
  }
  out->Counter("schoolgate_enrolments_total",
               "Certificates asked for, renewals too, by answer.")
      .Sample(static_cast<double>(in.enrolled), {{"result", "given"}})
      .Sample(static_cast<double>(in.enrolments_refused),
              {{"result", "refused"}});
  out->Gauge("schoolgate_uplink_streams", "Devices connected now.")
      .Sample(static_cast<double>(in.streams));
  out->Gauge("schoolgate_ingest_queued_bytes",
             "Received and not yet stored nor acknowledged.")
      .Sample(static_cast<double>(in.queued_bytes));
  out->Distribution("schoolgate_ingest_commit_seconds",
                    "One transaction, synced.", in.commit);
  out->Distribution("schoolgate_ingest_acknowledgement_seconds",
                    "From a batch received to its acknowledgement.",
                    in.acknowledgement);
}

void Measures::AddStore(Exposition* out) const {
  const EventFiles events = LookAtEvents(measured_.directory.Events());
  out->Gauge("schoolgate_store_bytes", "On disk, by part.")
      .Sample(events.bytes, {{"part", "events"}})
      .Sample(FileBytes(measured_.directory.Main()), {{"part", "main"}})
      .Sample(FileBytes(measured_.directory.Refused()), {{"part", "refused"}});
  out->Gauge("schoolgate_store_event_files", "Files of events.")
      .Sample(events.count);
  if (events.oldest != absl::InfinitePast()) {
    out->Gauge("schoolgate_store_oldest_day_timestamp_seconds",
               "The first day whose events are still kept.")
        .Sample(Seconds(events.oldest));
  }
  std::error_code error;
  const fs::space_info space = fs::space(measured_.directory.path, error);
  if (!error) {
    out->Gauge("schoolgate_disk_free_bytes", "Left on the store's disk.")
        .Sample(static_cast<double>(space.available));
    out->Gauge("schoolgate_disk_size_bytes", "Of the store's disk.")
        .Sample(static_cast<double>(space.capacity));
  }
  const absl::StatusOr<std::string> text =
      ReadSmallFile(measured_.directory.LastBackup());
  int64_t last = 0;
  if (text.ok()) (void)absl::SimpleAtoi(*text, &last);
  out->Gauge("schoolgate_backup_last_timestamp_seconds",
             "When the last backup was made; 0: never.")
      .Sample(static_cast<double>(last));
}

void Measures::AddClickHouse(Exposition* out) const {
  const ClickHouseCounters* counters = measured_.clickhouse;
  if (counters == nullptr) return;
  const struct {
    const char* name;
    const char* help;
    const std::atomic<uint64_t>& count;
  } all[] = {
      {"schoolgate_clickhouse_blocks_total", "Blocks of events that count.",
       counters->blocks},
      {"schoolgate_clickhouse_bytes_total", "Of their rows, as sent.",
       counters->bytes},
      {"schoolgate_clickhouse_refused_total",
       "Times that a shard did not take a block.", counters->refused},
      {"schoolgate_clickhouse_busy_total",
       "Times that a shard still waited for the quorum of the block before.",
       counters->busy},
      {"schoolgate_clickhouse_across_total",
       "Blocks that went to servers of several shards, none being whole.",
       counters->across},
      {"schoolgate_clickhouse_unsure_total",
       "Blocks written anew because nobody knew whether they were stored.",
       counters->unsure},
      {"schoolgate_clickhouse_overtaken_total",
       "Appends begun anew because another collector stored the same.",
       counters->overtaken},
      {"schoolgate_clickhouse_missing_total",
       "Reads put off because a server did not show all events yet.",
       counters->missing},
  };
  for (const auto& [name, help, count] : all) {
    out->Counter(name, help).Sample(static_cast<double>(count));
  }
}

Measures::Census Measures::TakeCensus() {
  const std::lock_guard lock(census_mutex_);
  const absl::Duration up = measured_.clock.SinceBoot();
  if (census_.taken != absl::ZeroDuration() &&
      up - census_.taken < kCensusEvery) {
    return census_;
  }
  Census fresh;
  fresh.taken = up;
  const absl::Time now = measured_.clock.Now();
  const absl::StatusOr<std::vector<Device>> devices = measured_.devices.All("");
  AlertQuery open;
  open.open_only = true;
  open.limit = kMostCases;
  const absl::StatusOr<std::vector<v1::Alert>> alerts =
      measured_.alerts.Find(open);
  fresh.readable = devices.ok() && alerts.ok();
  if (!fresh.readable) return census_ = fresh;
  for (const Device& device : *devices) {
    ++fresh.states[StateWord(device.state)];
    if (device.state != DeviceState::kActive) continue;
    const absl::Duration age = now - device.last_contact;
    fresh.quiet += age > kQuiet;
    fresh.silent += age > kSilent;
    fresh.clock_wrong += absl::AbsDuration(device.clock_offset) > kClockOff;
    fresh.renewal_due += device.certificate_expires != absl::InfinitePast() &&
                         device.certificate_expires - now < kRenewalDue;
    if (device.heartbeat_time == absl::InfinitePast()) continue;
    fresh.blind += !device.heartbeat.capturing();
    fresh.rules_refused += !device.heartbeat.rules_trouble().empty();
  }
  for (const v1::Alert& alert : *alerts) {
    ++fresh.open_cases[SeverityWord(alert.severity())];
  }
  return census_ = fresh;
}

void Measures::AddFleet(Exposition* out) {
  const Census census = TakeCensus();
  if (!census.readable) return;
  out->Gauge("schoolgate_devices", "Devices known, by state.");
  for (const DeviceState state :
       {DeviceState::kActive, DeviceState::kQuarantined, DeviceState::kBanned,
        DeviceState::kDecommissioned}) {
    const auto found = census.states.find(StateWord(state));
    out->Sample(
        found == census.states.end() ? 0.0 : static_cast<double>(found->second),
        {{"state", StateWord(state)}});
  }
  out->Gauge("schoolgate_devices_silent",
             "Active devices that were not heard from for longer.")
      .Sample(static_cast<double>(census.quiet), {{"longer_than", "15m"}})
      .Sample(static_cast<double>(census.silent), {{"longer_than", "72h"}});
  out->Gauge("schoolgate_devices_troubled",
             "Active devices with something wrong, by what.")
      .Sample(static_cast<double>(census.clock_wrong), {{"trouble", "clock"}})
      .Sample(static_cast<double>(census.blind), {{"trouble", "not_capturing"}})
      .Sample(static_cast<double>(census.rules_refused),
              {{"trouble", "rules_refused"}})
      .Sample(static_cast<double>(census.renewal_due),
              {{"trouble", "certificate_ends"}});
  out->Gauge("schoolgate_cases_open", "Cases that nobody closed, by severity.");
  for (const v1::Severity severity :
       {v1::SEVERITY_ILLEGAL, v1::SEVERITY_SERIOUS, v1::SEVERITY_RULE_BREAK,
        v1::SEVERITY_ROUTINE}) {
    const auto found = census.open_cases.find(SeverityWord(severity));
    out->Sample(found == census.open_cases.end()
                    ? 0.0
                    : static_cast<double>(found->second),
                {{"severity", SeverityWord(severity)}});
  }
  out->Gauge("schoolgate_detection_caught_up",
             "1 when all that was stored has been looked at since the start.")
      .Sample(measured_.detection.caught_up() ? 1 : 0);
  if (measured_.detection.schools_held() >= 0) {
    out->Gauge("schoolgate_schools_held",
               "Schools whose events this collector looks at.")
        .Sample(static_cast<double>(measured_.detection.schools_held()));
  }
}

void Measures::AddPeople(Exposition* out) const {
  out->Gauge("schoolgate_feed_readers", "Who follows alerts now, by kind.")
      .Sample(static_cast<double>(measured_.feed.readers()), {{"kind", "grpc"}})
      .Sample(measured_.web == nullptr
                  ? 0.0
                  : static_cast<double>(measured_.web->live_viewers()),
              {{"kind", "dashboard"}});
  if (measured_.web == nullptr) return;
  const ApiCounters& web = measured_.web->counters();
  out->Counter("schoolgate_web_logins_total", "Log-ins, by how they ended.")
      .Sample(static_cast<double>(web.log_ins), {{"result", "good"}})
      .Sample(static_cast<double>(web.log_ins_failed), {{"result", "failed"}});
  out->Counter("schoolgate_web_refused_total",
               "Calls of the dashboard that were not allowed.")
      .Sample(static_cast<double>(web.refused));
  out->Counter("schoolgate_web_rate_limited_total",
               "Calls of the dashboard that came too fast.")
      .Sample(static_cast<double>(web.rate_limited));
}

void Measures::AddCertificates(Exposition* out) const {
  const absl::StatusOr<CollectorConfig> config =
      LoadConfig(measured_.directory);
  const bool own = config.ok() && !config->web_certificate.empty();
  out->Gauge("schoolgate_certificate_expiry_timestamp_seconds",
             "When a certificate of the collector ends.");
  const struct {
    const char* which;
    std::string file;
  } all[] = {{"authority", measured_.directory.Authority() + "/ca.crt"},
             {"uplink", measured_.directory.Tls("uplink.crt")},
             {"web", own ? config->web_certificate
                         : measured_.directory.Tls("web.crt")}};
  for (const auto& [which, file] : all) {
    const absl::StatusOr<std::string> pem = ReadSmallFile(file);
    if (!pem.ok()) continue;
    const absl::StatusOr<Validity> validity = ValidityOf(*pem);
    if (validity.ok()) {
      out->Sample(Seconds(validity->to), {{"certificate", which}});
    }
  }
}

}  // namespace schoolgate::collector
