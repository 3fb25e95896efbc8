#include "platform/network_changes.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace schoolgate::platform {

absl::StatusOr<std::unique_ptr<NetworkChanges>> NetworkChanges::Open() {
  const int listener = socket(
      AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
  sockaddr_nl groups{};
  groups.nl_family = AF_NETLINK;
  groups.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
  if (listener < 0 || bind(listener, reinterpret_cast<const sockaddr*>(&groups),
                           sizeof(groups)) != 0) {
    const int error = errno;
    if (listener >= 0) close(listener);
    return absl::ErrnoToStatus(error, "network: its changes cannot be heard");
  }
  return std::unique_ptr<NetworkChanges>(new NetworkChanges(listener));
}

NetworkChanges::~NetworkChanges() { close(socket_); }

bool NetworkChanges::Any() {
  std::array<char, 16 << 10> message;
  bool any = false;
  while (true) {
    const ssize_t size = recv(socket_, message.data(), message.size(), 0);
    // ENOBUFS: so much has changed that the kernel lost count.
    if (size < 0 && errno == ENOBUFS) {
      any = true;
      continue;
    }
    if (size <= 0) return any;
    any = true;
  }
}

}  // namespace schoolgate::platform
