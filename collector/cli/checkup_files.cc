// The doctor's look at the collector's files: configuration, who may read
// them, certificates, stores, backup.
#include <sys/stat.h>

#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "collector/cli/doctor.h"
#include "collector/cli/open_stores.h"
#include "collector/cli/preflight.h"
#include "collector/fleet/secret_file.h"
#include "collector/store/event_file.h"
#include "proto/seal/enrolment.h"

namespace schoolgate::collector {
namespace {

namespace fs = std::filesystem;

constexpr absl::Duration kEndsSoon = absl::Hours(24 * 21);
constexpr absl::Duration kOldBackup = absl::Hours(24 * 7);
constexpr size_t kMostNamed = 5;

std::string Day(absl::Time time) {
  return absl::FormatTime("%e %B %Y", time, absl::UTCTimeZone());
}

// Some of many, for a person.
class Names {
 public:
  void Add(const std::string& name) {
    if (++count_ <= kMostNamed) {
      absl::StrAppend(&text_, text_.empty() ? "" : ", ", name);
    }
  }
  size_t count() const { return count_; }
  std::string text() const {
    return count_ <= kMostNamed
               ? text_
               : absl::StrCat(text_, " and ", count_ - kMostNamed, " more");
  }

 private:
  size_t count_ = 0;
  std::string text_;
};

bool IsSecret(const fs::path& relative) {
  return relative.extension() != ".crt" && relative.extension() != ".pub";
}

}  // namespace

bool Examination::Configuration() {
  absl::StatusOr<CollectorConfig> config = LoadConfig(directory_);
  if (!config.ok()) {
    Fault("configuration", true, std::string(config.status().message()),
          absl::IsNotFound(config.status())
              ? "name the right directory with --data, or run setup"
              : "mend the line; until then a running collector goes on with "
                "the earlier configuration");
    return false;
  }
  config_ = *std::move(config);
  Good("configuration",
       absl::StrCat(directory_.Config(), " is right",
                    serving_ ? ", and the collector runs" : ""));
  const absl::Status gift = LoadGift(directory_, config_).status();
  if (!gift.ok()) {
    Fault("keys of schools", true, std::string(gift.message()),
          "restore the backup, or run setup for a school that is new");
  }
  return true;
}

void Examination::Permissions() {
  struct stat top {};
  if (stat(directory_.path.c_str(), &top) != 0) return;
  Names open, foreign;
  if ((top.st_mode & 077) != 0) open.Add(directory_.path);
  std::error_code error;
  for (fs::recursive_directory_iterator entry(directory_.path, error), end;
       !error && entry != end; entry.increment(error)) {
    struct stat status {};
    if (lstat(entry->path().c_str(), &status) != 0) continue;
    const fs::path relative = fs::relative(entry->path(), directory_.path);
    if ((status.st_mode & 077) != 0 && !S_ISLNK(status.st_mode) &&
        IsSecret(relative)) {
      open.Add(relative.string());
    }
    if (status.st_uid != top.st_uid) foreign.Add(relative.string());
  }
  if (error) {
    return Fault("permissions", true,
                 absl::StrCat(directory_.path, ": ", error.message()),
                 "run doctor as root or as the collector's user");
  }
  if (open.count() > 0) {
    Fault("permissions", true, "readable by others: " + open.text(),
          absl::StrCat("chmod -R go= ", directory_.path,
                       "; a key that others could read is to be replaced"));
  }
  if (foreign.count() > 0) {
    Fault("permissions", true,
          "belong to somebody else than the directory: " + foreign.text(),
          absl::StrCat("chown -R --reference=", directory_.path, " ",
                       directory_.path));
  }
  if (open.count() + foreign.count() == 0) {
    Good("permissions", "only the collector's user may read");
  }
}

void Examination::Certificates() {
  const auto authority = Authority::Load(directory_.Authority());
  if (!authority.ok()) {
    Fault("authority", true, std::string(authority.status().message()),
          "restore the backup");
  } else {
    const auto validity = ValidityOf((*authority)->certificates_pem());
    const bool soon = validity.ok() && validity->to - now_ < absl::Hours(8760);
    if (soon) {
      Fault("authority", validity->to < now_,
            "its certificate ends on " + Day(validity->to),
            "make a new one and keep the old as ca-old.crt for a year");
    } else {
      Good("authority", "key and certificate belong together");
    }
  }
  ServerCertificate("certificate for devices", directory_.Tls("uplink.crt"),
                    directory_.Tls("uplink.key"), true);
  const bool own = !config_.web_certificate.empty();
  ServerCertificate("certificate of the dashboard",
                    own ? config_.web_certificate : directory_.Tls("web.crt"),
                    own ? config_.web_key : directory_.Tls("web.key"), !own);
}

void Examination::ServerCertificate(const std::string& check,
                                    const std::string& file,
                                    const std::string& key_file, bool ours) {
  const absl::StatusOr<std::string> pem = ReadSmallFile(file);
  const absl::StatusOr<std::string> key = ReadSmallFile(key_file);
  const char* const again =
      ours ? "remove tls/ in the data directory and restart: it is made anew"
           : "put the right files where web_certificate and web_key say, then "
             "reload";
  for (const auto* read : {&pem, &key}) {
    if (!read->ok()) {
      return Fault(check, true, std::string(read->status().message()), again);
    }
  }
  const absl::StatusOr<Validity> validity = ValidityOf(*pem);
  if (!validity.ok()) {
    return Fault(check, true, file + " is no certificate", again);
  }
  if (!KeyBelongsTo(*key, *pem)) {
    return Fault(check, true, key_file + " is not the key of " + file, again);
  }
  const auto authority = ReadSmallFile(directory_.Authority() + "/ca.crt");
  // While the authority is exchanged, the old one signs what devices see.
  const auto old = ReadSmallFile(directory_.Authority() + "/ca-old.crt");
  if (ours && authority.ok() && !IsSignedBy(*pem, *authority) &&
      !(old.ok() && IsSignedBy(*pem, *old))) {
    return Fault(check, true, file + " is not signed by our authority", again);
  }
  Names missing;
  for (const std::string& name : config_.names) {
    if (!CertificateIsFor(*pem, name)) missing.Add(name);
  }
  if (ours &&
      !CertificateIsFor(*pem, std::string(seal::kCollectorServerName))) {
    missing.Add(std::string(seal::kCollectorServerName));
  }
  if (now_ >= validity->to || now_ < validity->from) {
    return Fault(check, true,
                 now_ >= validity->to ? "ended on " + Day(validity->to)
                                      : "begins on " + Day(validity->from),
                 ours ? "restart the collector: it renews its own" : again);
  }
  // One of several names is enough for a certificate of the school's own.
  if (missing.count() > 0 &&
      (ours || missing.count() == config_.names.size())) {
    return Fault(check, ours, "is not for " + missing.text(),
                 ours ? "run setup with --name for each, then restart"
                      : "browsers will warn: ask for one with the right name");
  }
  if (validity->to - now_ < kEndsSoon) {
    return Fault(check, false, "ends on " + Day(validity->to),
                 ours ? "restart the collector: it renews its own" : again);
  }
  Good(check, "good until " + Day(validity->to));
}

void Examination::SharedStore() {
  const absl::Status status = OpenDevices(directory_).status();
  has_main_ = status.ok();
  if (!has_main_) {
    return Fault("store", true, std::string(status.message()),
                 "look at the server and at database in collector.yaml");
  }
  Good("store", "PostgreSQL answers");
  if (!config_.clickhouse.shards.empty()) EventServers();
}

void Examination::EventServers() {
  const char* const mend =
      "look at the server and at clickhouse in collector.yaml";
  const absl::StatusOr<std::vector<std::string>> silent =
      SilentEventServers(config_);
  if (!silent.ok()) {
    return Fault("events", true, std::string(silent.status().message()), mend);
  }
  size_t servers = 0;
  for (const auto& shard : config_.clickhouse.shards) servers += shard.size();
  if (silent->empty()) {
    return Good("events", absl::StrCat("ClickHouse answers: ", servers,
                                       servers == 1 ? " server" : " servers"));
  }
  Fault("events", silent->size() == servers,
        absl::StrCat(silent->size(), " of ", servers,
                     " ClickHouse servers: ", silent->front()),
        mend);
}

void Examination::Store() {
  if (!config_.database.empty()) return SharedStore();
  has_main_ = fs::exists(directory_.Main());
  if (!has_main_) {
    return Fault("store", true, directory_.Main() + " is not there",
                 "restore the backup, or finish setup");
  }
  for (const std::string& file : {directory_.Main(), directory_.Refused()}) {
    const absl::Status status = CheckDatabase(file);
    if (!status.ok()) {
      has_main_ = false;
      return Fault("store", true, std::string(status.message()),
                   "restore the backup");
    }
  }
  size_t count = 0;
  std::error_code error;
  for (fs::directory_iterator entry(directory_.Events(), error), end;
       !error && entry != end; entry.increment(error)) {
    if (entry->path().extension() != ".sqlite") continue;
    ++count;
    const absl::Status status = EventFile::CheckVersion(entry->path().string());
    if (!status.ok() && !absl::IsNotFound(status)) {
      return Fault("store", true, std::string(status.message()),
                   "keep the file aside, then restore the backup or go back "
                   "to the version that wrote it");
    }
  }
  if (error) {
    return Fault("store", true, directory_.Events() + ": " + error.message(),
                 "run doctor as the collector's user");
  }
  Good("store", absl::StrCat("whole, of this version; ", count,
                             count == 1 ? " file" : " files", " of events"));
}

void Examination::Backup() {
  const auto text = ReadSmallFile(directory_.LastBackup());
  int64_t seconds = 0;
  const char* const mend =
      "run `schoolgate-collector backup -o DIR` every day, and keep it on "
      "another machine";
  if (!text.ok() || !absl::SimpleAtoi(*text, &seconds)) {
    return Fault("backup", false, "none was ever made", mend);
  }
  const absl::Time last = absl::FromUnixSeconds(seconds);
  const std::string when = "the last was made on " + Day(last);
  if (now_ - last > kOldBackup) return Fault("backup", false, when, mend);
  Good("backup", when);
}

}  // namespace schoolgate::collector
