#include "platform/socket_owner.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "platform/clock.h"
#include "platform/network_changes.h"

namespace schoolgate::platform {
namespace {

constexpr std::array<uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0,    0,
                                                   0, 0, 0, 0, 0xff, 0xff};

bool IsMapped(const SocketAddress& end) {
  return std::equal(kMappedPrefix.begin(), kMappedPrefix.end(),
                    end.address.begin());
}

struct Request {
  nlmsghdr head;
  inet_diag_req_v2 body;
};

void PutAddress(const SocketAddress& end, bool v4, __be32 out[4]) {
  std::memcpy(out, end.address.data() + (v4 ? 12 : 0), v4 ? 4 : 16);
}

// This machine's own addresses, read again when the kernel says that they have
// changed, and now and then.
class LocalAddresses {
 public:
  using Address = std::array<uint8_t, 16>;

  bool Contain(const Address& address) {
    if (IsLoopback(address)) return true;
    const absl::Duration now = SystemClock().SinceBoot();
    if (now - looked_ > kAgain) Look(now);
    return known_.contains(address);
  }

 private:
  static constexpr absl::Duration kAge = absl::Seconds(30);
  static constexpr absl::Duration kAgain = absl::Milliseconds(250);

  static bool IsLoopback(const Address& address) {
    const in6_addr loopback = IN6ADDR_LOOPBACK_INIT;
    const bool mapped =
        std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), address.begin());
    return (mapped && address[12] == 127) ||
           std::memcmp(&loopback, address.data(), address.size()) == 0;
  }

  // Packets wait meanwhile: the whole list is read only when it must be.
  void Look(absl::Duration now) {
    looked_ = now;
    const bool told = changes_ == nullptr || changes_->Any();
    if (told || missed_ || now - read_ > kAge) Read(now);
  }

  void Read(absl::Duration now) {
    ifaddrs* list = nullptr;
    // What was known is better than nothing; tried again at the next look.
    missed_ = getifaddrs(&list) != 0;
    if (missed_) return;
    read_ = now;
    known_.clear();
    for (const ifaddrs* at = list; at != nullptr; at = at->ifa_next) {
      if (at->ifa_addr == nullptr) continue;
      Address address{};
      if (at->ifa_addr->sa_family == AF_INET) {
        const auto* v4 = reinterpret_cast<const sockaddr_in*>(at->ifa_addr);
        std::copy(kMappedPrefix.begin(), kMappedPrefix.end(), address.begin());
        std::memcpy(address.data() + 12, &v4->sin_addr, 4);
      } else if (at->ifa_addr->sa_family == AF_INET6) {
        const auto* v6 = reinterpret_cast<const sockaddr_in6*>(at->ifa_addr);
        std::memcpy(address.data(), &v6->sin6_addr, 16);
      } else {
        continue;
      }
      known_.insert(address);
    }
    freeifaddrs(list);
  }

  std::set<Address> known_;
  bool missed_ = false;  // a change
  absl::Duration looked_ = -absl::InfiniteDuration();
  absl::Duration read_ = -absl::InfiniteDuration();
  // Null where the kernel does not tell.
  std::unique_ptr<NetworkChanges> changes_ =
      NetworkChanges::Open().value_or(nullptr);
};

class SockDiag : public SocketOwners {
 public:
  explicit SockDiag(int descriptor) : descriptor_(descriptor) {}
  ~SockDiag() override { close(descriptor_); }

  std::optional<SocketOwner> Find(bool tcp, const SocketAddress& local,
                                  const SocketAddress& remote) override {
    // A UDP socket that is bound to no address matches whatever is asked.
    if (!IsLocal(local.address)) return std::nullopt;
    const bool v4 = IsMapped(local);
    std::optional<SocketOwner> owner = Ask(tcp, v4, local, remote);
    // An IPv6 socket that talks to an IPv4 peer is kept under its mapped form.
    if (!owner && v4) owner = Ask(tcp, false, local, remote);
    return owner;
  }

  bool IsLocal(const std::array<uint8_t, 16>& address) override {
    return addresses_.Contain(address);
  }

 private:
  std::optional<SocketOwner> Ask(bool tcp, bool v4, const SocketAddress& local,
                                 const SocketAddress& remote) {
    // For UDP the kernel takes "source" to be the far end (udp_diag.c).
    const SocketAddress& source = tcp ? local : remote;
    const SocketAddress& destination = tcp ? remote : local;
    Request request{};
    request.head.nlmsg_len = sizeof(request);
    request.head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    request.head.nlmsg_flags = NLM_F_REQUEST;
    request.head.nlmsg_seq = ++sequence_;
    request.body.sdiag_family = v4 ? AF_INET : AF_INET6;
    request.body.sdiag_protocol = tcp ? IPPROTO_TCP : IPPROTO_UDP;
    request.body.idiag_states = ~0u;
    request.body.id.idiag_sport = htons(source.port);
    request.body.id.idiag_dport = htons(destination.port);
    PutAddress(source, v4, request.body.id.idiag_src);
    PutAddress(destination, v4, request.body.id.idiag_dst);
    request.body.id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
    request.body.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
    if (send(descriptor_, &request, sizeof(request), 0) < 0) {
      return std::nullopt;
    }
    return Answer();
  }

  std::optional<SocketOwner> Answer() {
    alignas(nlmsghdr) char buffer[4096];
    while (true) {
      const ssize_t size = recv(descriptor_, buffer, sizeof(buffer), 0);
      if (size < 0 && errno == EINTR) continue;
      if (size < static_cast<ssize_t>(sizeof(nlmsghdr))) return std::nullopt;
      nlmsghdr head;
      std::memcpy(&head, buffer, sizeof(head));
      if (head.nlmsg_seq != sequence_) continue;  // late answer to another
      if (head.nlmsg_type != SOCK_DIAG_BY_FAMILY ||
          size < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(inet_diag_msg)))) {
        return std::nullopt;
      }
      inet_diag_msg found;
      std::memcpy(&found, buffer + NLMSG_HDRLEN, sizeof(found));
      // Left by its program (TIME_WAIT, lingering): the kernel then says root.
      if (found.idiag_inode == 0) return std::nullopt;
      return SocketOwner{.uid = found.idiag_uid, .inode = found.idiag_inode};
    }
  }

  const int descriptor_;
  uint32_t sequence_ = 0;
  LocalAddresses addresses_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<SocketOwners>> OpenSocketOwners() {
  const int descriptor =
      socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  if (descriptor < 0) {
    return absl::UnavailableError(absl::StrCat(
        "sock_diag: the kernel does not answer: ", std::strerror(errno),
        ": names will not be attributed to users"));
  }
  const timeval patience{.tv_sec = 0, .tv_usec = 50'000};
  setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  return std::make_unique<SockDiag>(descriptor);
}

}  // namespace schoolgate::platform
