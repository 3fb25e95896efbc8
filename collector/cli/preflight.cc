#include "collector/cli/preflight.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "collector/fleet/journal.h"
#include "collector/fleet/secret_file.h"
#include "collector/store/sqlite.h"
#include "proto/seal/enrolment.h"

namespace schoolgate::collector {
namespace {

constexpr absl::Duration kRenewBefore = absl::Hours(24 * 30);
constexpr absl::Duration kLargestLeap = absl::Hours(24 * 60);

std::string Day(absl::Time time) {
  return absl::FormatTime("%e %B %Y", time, absl::UTCTimeZone());
}

absl::Status MakeOwn(const DataDirectory& directory,
                     const CollectorConfig& config, const Authority& authority,
                     const std::string& which, absl::Time now) {
  std::vector<std::string> names = {std::string(seal::kCollectorServerName)};
  names.insert(names.end(), config.names.begin(), config.names.end());
  const absl::StatusOr<Certificate> made =
      authority.MakeServer(names, now, Authority::kServerLifetime);
  if (!made.ok()) return made.status();
  const absl::Status status =
      WriteSecretFile(directory.Tls(which + ".key"), made->key_pem);
  if (!status.ok()) return status;
  return WriteSecretFile(directory.Tls(which + ".crt"), made->certificate_pem);
}

absl::Status RenewOwn(const DataDirectory& directory,
                      const CollectorConfig& config, const Authority& authority,
                      const std::string& which, absl::Time now) {
  const std::string file = directory.Tls(which + ".crt");
  const absl::StatusOr<std::string> pem = ReadSmallFile(file);
  if (!pem.ok() && !absl::IsNotFound(pem.status())) return pem.status();
  if (pem.ok()) {
    const absl::StatusOr<Validity> validity = ValidityOf(*pem);
    if (validity.ok() && validity->to - now > kRenewBefore) {
      return absl::OkStatus();
    }
  }
  const absl::Status status = MakeOwn(directory, config, authority, which, now);
  if (status.ok()) Log(Level::kNotice, "certificate_renewed", {{"file", file}});
  return status;
}

}  // namespace

absl::Status MakeServerCertificates(const DataDirectory& directory,
                                    const CollectorConfig& config,
                                    const Authority& authority,
                                    absl::Time now) {
  const absl::Status status =
      MakeOwn(directory, config, authority, "uplink", now);
  if (!status.ok() || !config.web_certificate.empty()) return status;
  return MakeOwn(directory, config, authority, "web", now);
}

bool IsServing(const DataDirectory& directory) {
  const int file = open(directory.Lock().c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool held = flock(file, LOCK_SH | LOCK_NB) != 0;
  close(file);
  return held;
}

absl::Status CheckClock(const Authority& authority, absl::Time now) {
  const absl::StatusOr<Validity> validity =
      ValidityOf(authority.certificates_pem());
  if (!validity.ok()) return validity.status();
  if (now < validity->from) {
    return absl::FailedPreconditionError(absl::StrCat(
        "clock: this machine thinks it is ", Day(now),
        ", before its authority was made: set the clock, then start again"));
  }
  if (now >= validity->to) {
    return absl::FailedPreconditionError(absl::StrCat(
        "authority: its certificate ended on ", Day(validity->to),
        ": if the clock is right, make a new authority as docs/collector.md "
        "says"));
  }
  return absl::OkStatus();
}

absl::Status CheckCertificates(const DataDirectory& directory,
                               const CollectorConfig& config,
                               const Authority& authority, absl::Time now) {
  absl::Status status = RenewOwn(directory, config, authority, "uplink", now);
  if (!status.ok()) return status;
  if (config.web_certificate.empty()) {
    return RenewOwn(directory, config, authority, "web", now);
  }
  const absl::StatusOr<std::string> pem = ReadSmallFile(config.web_certificate);
  if (!pem.ok()) return pem.status();
  const absl::StatusOr<Validity> validity = ValidityOf(*pem);
  if (!validity.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(config.web_certificate,
                     ": not a certificate: put one in PEM form there"));
  }
  if (now < validity->to) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      config.web_certificate, ": ended on ", Day(validity->to),
      ": put the renewed certificate there, or remove web_certificate from ",
      directory.Config(), " to use our own"));
}

absl::Status CheckDatabase(const std::string& file) {
  if (!std::filesystem::exists(file)) return absl::OkStatus();
  absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(file);
  return database.ok() ? (*database)->Check() : database.status();
}

bool ClockIsPlausible(const DataDirectory& directory, absl::Time now) {
  const std::string file = directory.path + "/last-time";
  const absl::StatusOr<std::string> text = ReadSmallFile(file);
  int64_t seconds = 0;
  if (text.ok() && absl::SimpleAtoi(*text, &seconds)) {
    const absl::Duration step = now - absl::FromUnixSeconds(seconds);
    if (step < -absl::Hours(24) || step > kLargestLeap) return false;
  }
  return WriteSecretFile(file, absl::StrCat(absl::ToUnixSeconds(now), "\n"))
      .ok();
}

}  // namespace schoolgate::collector
