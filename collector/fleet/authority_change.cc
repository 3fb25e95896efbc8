#include "collector/fleet/authority_change.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "collector/fleet/authority.h"
#include "collector/fleet/secret_file.h"

namespace schoolgate::collector {
namespace {

std::string Old(const std::string& directory) {
  return directory + "/ca-old.crt";
}
std::string Next(const std::string& directory) { return directory + "/next"; }

absl::Status Move(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, absl::StrCat(from, ": to ", to));
}

// The key first: only then is the certificate gone from `next`, so that what
// was cut off in between is known and finished.
absl::Status TakeNext(const std::string& directory) {
  const std::string next = Next(directory);
  absl::Status status = absl::OkStatus();
  if (std::filesystem::exists(next + "/ca.key")) {
    status = Move(next + "/ca.key", directory + "/ca.key");
  }
  if (status.ok()) status = Move(next + "/ca.crt", directory + "/ca.crt");
  if (!status.ok()) return status;
  std::filesystem::remove_all(next);
  BelongToFolder(directory + "/ca.key");
  BelongToFolder(directory + "/ca.crt");
  return absl::OkStatus();
}

}  // namespace

absl::Status BeginAuthorityChange(const std::string& directory,
                                  const std::string& name, absl::Time now) {
  const std::string next = Next(directory);
  const bool old_kept = std::filesystem::exists(Old(directory));
  if (old_kept && !std::filesystem::exists(next + "/ca.crt")) {
    return absl::AlreadyExistsError(
        absl::StrCat(Old(directory),
                     ": a change of the authority runs already: end it with "
                     "`schoolgate-collector authority finish`"));
  }
  if (!old_kept) {
    // What was begun and never used.
    std::filesystem::remove_all(next);
    const absl::StatusOr<std::string> current =
        ReadSmallFile(directory + "/ca.crt");
    if (!current.ok()) return current.status();
    absl::Status status = MakePrivateDirectory(next);
    if (status.ok()) status = Authority::Create(next, name, now).status();
    if (status.ok()) status = WriteSecretFile(Old(directory), *current);
    if (!status.ok()) return status;
  }
  return TakeNext(directory);
}

absl::StatusOr<absl::Time> AuthorityChangeBegun(const std::string& directory) {
  if (!std::filesystem::exists(Old(directory))) {
    return absl::NotFoundError(
        absl::StrCat(directory, ": no change of the authority runs"));
  }
  const absl::StatusOr<std::string> pem = ReadSmallFile(directory + "/ca.crt");
  if (!pem.ok()) return pem.status();
  const absl::StatusOr<Validity> validity = ValidityOf(*pem);
  if (!validity.ok()) return validity.status();
  return validity->from + Authority::kBackdate;
}

absl::Status EndAuthorityChange(const std::string& directory) {
  const absl::Status runs = AuthorityChangeBegun(directory).status();
  if (!runs.ok()) return runs;
  std::filesystem::remove(Old(directory));
  return absl::OkStatus();
}

std::vector<Device> DevicesLeftBehind(std::span<const Device> devices,
                                      absl::Time begun) {
  std::vector<Device> behind;
  for (const Device& device : devices) {
    const bool used = device.state == DeviceState::kActive ||
                      device.state == DeviceState::kQuarantined;
    const absl::Time made =
        device.certificate_expires - Authority::kDeviceLifetime;
    if (used && (made < begun || device.last_contact <= made)) {
      behind.push_back(device);
    }
  }
  return behind;
}

}  // namespace schoolgate::collector
