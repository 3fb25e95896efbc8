// The words between a service and whoever keeps it running: the protocol of
// systemd's sd_notify(3) and LISTEN_FDS, both ends of it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace schoolgate::platform {

// One message: lines such as "READY=1", and open descriptors, which belong to
// whoever receives it.
struct Notice {
  pid_t from = 0;
  uint32_t uid = 0;
  std::string text;
  std::vector<int> descriptors;

  // Whether one of the lines is `line`.
  bool Says(std::string_view line) const;

  // What stands behind "KEY=" on one of the lines; empty without one.
  std::string ValueOf(std::string_view key) const;
};

// The keeper's end. Not thread-safe.
class NoticeSocket {
 public:
  // In `directory`, where only our user reaches it, in place of one that a
  // keeper left there. Without a directory, or where it cannot be there (too
  // long a path, read-only, another keeper's place), anybody in this network
  // namespace reaches it.
  static absl::StatusOr<std::unique_ptr<NoticeSocket>> Open(
      const std::string& directory = "");

  // Whether a keeper that lives listens in `directory`: whoever took its place
  // would have its agent taken for hung.
  static bool IsTaken(const std::string& directory);

  // Goes on with a socket that another process opened. Owns it.
  static std::unique_ptr<NoticeSocket> Adopt(int descriptor);

  ~NoticeSocket();
  NoticeSocket(const NoticeSocket&) = delete;
  NoticeSocket& operator=(const NoticeSocket&) = delete;

  // For NOTIFY_SOCKET.
  std::string address() const;
  int descriptor() const { return descriptor_; }

  // Takes its file away: nobody will listen any more.
  void Remove() const;

  // False when nothing is there. Never waits.
  bool Receive(Notice* notice);

 private:
  explicit NoticeSocket(int descriptor) : descriptor_(descriptor) {}

  const int descriptor_;
};

// Whether such a socket is there, and not systemd's.
bool IsOwnNoticeAddress(std::string_view address);

// The service's end. UNAVAILABLE when nobody listens there any more; never
// waits.
absl::Status SendNotice(const std::string& address, std::string_view text,
                        std::span<const int> descriptors = {});

// Descriptors that were kept over our start, by name. Each call but the first
// finds none; whoever takes them closes them.
std::multimap<std::string, int> TakeKeptDescriptors();

}  // namespace schoolgate::platform
