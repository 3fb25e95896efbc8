#include "platform/packet_sender.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace schoolgate::platform {
namespace {

constexpr size_t kV4Destination = 16;
constexpr size_t kV6Destination = 24;

class RawSockets : public PacketSender {
 public:
  ~RawSockets() override {
    for (const int descriptor : {v4_, v6_}) {
      if (descriptor >= 0) close(descriptor);
    }
  }

  absl::Status Open(uint32_t mark) {
    v4_ = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW);
    if (v4_ < 0) return Error();
    // A machine may have no IPv6 at all.
    v6_ =
        socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW);
    for (const int descriptor : {v4_, v6_}) {
      if (descriptor < 0) continue;
      if (setsockopt(descriptor, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) !=
          0) {
        return Error();
      }
    }
    return absl::OkStatus();
  }

  bool Send(std::span<const uint8_t> packet) override {
    if (packet.size() >= kV4Destination + 4 && packet[0] >> 4 == 4) {
      sockaddr_in to{};
      to.sin_family = AF_INET;
      std::memcpy(&to.sin_addr, packet.data() + kV4Destination, 4);
      return SendTo(v4_, packet, &to, sizeof(to));
    }
    if (packet.size() >= kV6Destination + 16 && packet[0] >> 4 == 6) {
      sockaddr_in6 to{};
      to.sin6_family = AF_INET6;
      std::memcpy(&to.sin6_addr, packet.data() + kV6Destination, 16);
      return SendTo(v6_, packet, &to, sizeof(to));
    }
    return false;
  }

 private:
  static absl::Status Error() {
    return absl::PermissionDeniedError(
        absl::StrCat("raw socket: may not be opened: ", std::strerror(errno),
                     ": run as root, or with CAP_NET_RAW and CAP_NET_ADMIN"));
  }

  static bool SendTo(int descriptor, std::span<const uint8_t> packet,
                     const void* to, socklen_t size) {
    return descriptor >= 0 &&
           sendto(descriptor, packet.data(), packet.size(), MSG_DONTWAIT,
                  static_cast<const sockaddr*>(to),
                  size) == static_cast<ssize_t>(packet.size());
  }

  int v4_ = -1;
  int v6_ = -1;
};

}  // namespace

absl::StatusOr<std::unique_ptr<PacketSender>> OpenPacketSender(uint32_t mark) {
  auto sockets = std::make_unique<RawSockets>();
  if (absl::Status status = sockets->Open(mark); !status.ok()) return status;
  return sockets;
}

}  // namespace schoolgate::platform
