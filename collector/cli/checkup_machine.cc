// The doctor's look at the machine: clock, ports, disk.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <filesystem>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "collector/cli/doctor.h"
#include "collector/cli/preflight.h"
#include "collector/fleet/secret_file.h"
#include "platform/clock_sync.h"

namespace schoolgate::collector {
namespace {

namespace fs = std::filesystem;

constexpr double kLowPercent = 10, kEmptyPercent = 3;
constexpr int kTypicalDays = 14;

struct Address {
  sockaddr_storage bytes{};
  socklen_t size = 0;
};

bool Parse(const HostPort& from, Address* to) {
  auto* v4 = reinterpret_cast<sockaddr_in*>(&to->bytes);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&to->bytes);
  if (inet_pton(AF_INET, from.host.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(from.port);
    to->size = sizeof *v4;
    return true;
  }
  if (inet_pton(AF_INET6, from.host.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(from.port);
    to->size = sizeof *v6;
    return true;
  }
  return false;
}

// 0, or the errno of trying to listen there.
int TryToListen(const Address& address) {
  const int file =
      socket(address.bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  const auto* where = reinterpret_cast<const sockaddr*>(&address.bytes);
  int error = 0;
  if (bind(file, where, address.size) != 0 || listen(file, 1) != 0) {
    error = errno;
  }
  close(file);
  return error;
}

bool SomebodyAnswers(Address address) {
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address.bytes);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.bytes);
  if (address.bytes.ss_family == AF_INET &&
      v4->sin_addr.s_addr == htonl(INADDR_ANY)) {
    v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  } else if (address.bytes.ss_family == AF_INET6 &&
             IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr)) {
    v6->sin6_addr = in6addr_loopback;
  }
  const int file =
      socket(address.bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool answered =
      connect(file, reinterpret_cast<const sockaddr*>(&address.bytes),
              address.size) == 0;
  close(file);
  return answered;
}

std::string Gigabytes(double bytes) {
  return absl::StrFormat("%.1f GB", bytes / 1e9);
}

}  // namespace

void Examination::Clock() {
  const absl::StatusOr<std::unique_ptr<Authority>> authority =
      Authority::Load(directory_.Authority());
  if (authority.ok()) {
    const absl::Status status = CheckClock(**authority, now_);
    if (!status.ok()) {
      return Fault("clock", true, std::string(status.message()),
                   "set the clock, then start the collector");
    }
  }
  int64_t seconds = 0;
  const auto text = ReadSmallFile(directory_.path + "/last-time");
  if (text.ok() && absl::SimpleAtoi(*text, &seconds) &&
      now_ < absl::FromUnixSeconds(seconds) - absl::Hours(1)) {
    return Fault("clock", true,
                 absl::StrCat("it was set back: the collector has seen ",
                              absl::FormatTime(absl::FromUnixSeconds(seconds))),
                 "set the clock; if it was ahead before, remove last-time");
  }
  const std::optional<bool> kept = platform::ClockIsKept();
  if (kept && !*kept) {
    return Fault("clock", false, "nothing keeps it right",
                 "install chrony or turn systemd-timesyncd on");
  }
  Good("clock", kept ? "right, and kept so" : "plausible");
}

void Examination::Ports() {
  Port("port of devices", config_.listen);
  Port("port of the dashboard", config_.web);
  if (config_.metrics.empty()) {
    return Add("port of metrics", Verdict::kSkipped,
               "no figures for Prometheus",
               "put metrics: 127.0.0.1:4781 into collector.yaml to have them");
  }
  Port("port of metrics", config_.metrics);
  const absl::StatusOr<HostPort> address = ParseHostPort(config_.metrics);
  if (address.ok() && address->host != "127.0.0.1" && address->host != "::1") {
    Fault("port of metrics", false,
          "figures go over the network without encryption",
          "listen on 127.0.0.1, or let only your Prometheus reach it");
  }
}

void Examination::Port(const std::string& check, const std::string& text) {
  const absl::StatusOr<HostPort> host_port = ParseHostPort(text);
  Address address;
  if (!host_port.ok() || !Parse(*host_port, &address)) {
    return Add(check, Verdict::kSkipped,
               text + " is a name, not an address in numbers",
               "write it like 0.0.0.0:4780 to have it looked at");
  }
  if (host_port->port == 0) {
    return Fault(check, false, "port 0: another one at each start",
                 "choose a port in collector.yaml");
  }
  if (serving_) {
    if (SomebodyAnswers(address)) return Good(check, text + " answers");
    return Fault(check, true,
                 text + " does not answer although the collector runs",
                 "restart it when collector.yaml was changed since it started; "
                 "else look at its log");
  }
  const int error = TryToListen(address);
  if (error == 0) return Good(check, text + " is free");
  if (error == EADDRINUSE) {
    return Fault(check, true, text + " is in use by another program",
                 absl::StrCat("`ss -ltnp 'sport = :", host_port->port,
                              "'` says by which; end it, or choose another "
                              "port in collector.yaml"));
  }
  Fault(check, true, absl::StrCat(text, ": ", strerror(error)),
        error == EADDRNOTAVAIL
            ? "name an address of this machine, or 0.0.0.0"
            : "choose a port above 1023, or look at what forbids it");
}

void Examination::Disk() {
  struct statvfs disk {};
  if (statvfs(directory_.path.c_str(), &disk) != 0 || disk.f_blocks == 0) {
    return Fault("disk", true,
                 absl::StrCat("cannot be read: ", strerror(errno)),
                 "look at the mount");
  }
  const double unit = static_cast<double>(disk.f_frsize);
  const double free_bytes = unit * static_cast<double>(disk.f_bavail);
  const double percent = 100.0 * static_cast<double>(disk.f_bavail) /
                         static_cast<double>(disk.f_blocks);
  const std::string state =
      absl::StrFormat("%s free, %.0f %%", Gigabytes(free_bytes), percent);
  const char* const mend =
      "free space, enlarge the disk, or lower keep_event_days and reload";
  if ((disk.f_flag & ST_RDONLY) != 0) {
    return Fault("disk", true, "is mounted read-only", "look at its health");
  }
  if (disk.f_files > 0 && disk.f_favail < 1000) {
    return Fault("disk", true,
                 absl::StrCat("room for ", disk.f_favail, " more files only"),
                 "remove files, or make a file system with more inodes");
  }
  if (percent < kEmptyPercent) return Fault("disk", true, state, mend);
  if (percent < kLowPercent) return Fault("disk", false, state, mend);
  Good("disk", state);
}

// Whether what is to be kept will fit, by what the last days took.
void Examination::Room() {
  if (!config_.database.empty()) return;  // its server's disk holds them
  std::map<std::string, double> days;
  double held = 0;
  std::error_code error;
  for (fs::directory_iterator entry(directory_.Events(), error), end;
       !error && entry != end; entry.increment(error)) {
    std::error_code gone;
    const double bytes = static_cast<double>(entry->file_size(gone));
    constexpr size_t kDayAt = 14, kDayBytes = 10;  // events-000001-2026-11-21
    const std::string name = entry->path().filename().string();
    if (gone || name.size() < kDayAt + kDayBytes) continue;
    days[name.substr(kDayAt, kDayBytes)] += bytes;
    held += bytes;
  }
  if (days.size() > 1) days.erase(std::prev(days.end()));  // is not over yet
  while (days.size() > kTypicalDays) days.erase(days.begin());
  double largest = 0;
  for (const auto& [day, bytes] : days) largest = std::max(largest, bytes);
  const fs::space_info space = fs::space(directory_.path, error);
  const double wanted = largest * config_.keep_event_days;
  const std::string state =
      absl::StrFormat("%d days of events as on the busiest of late take %s",
                      config_.keep_event_days, Gigabytes(wanted));
  if (error || wanted <= held + static_cast<double>(space.available)) {
    return Good("room", state);
  }
  Fault("room", false,
        absl::StrCat(state, ", there are ",
                     Gigabytes(held + static_cast<double>(space.available))),
        "enlarge the disk, or lower keep_event_days and reload");
}

}  // namespace schoolgate::collector
