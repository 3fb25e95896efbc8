#include "platform/flow_marker.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>

#include "absl/strings/str_cat.h"
#include "platform/netlink_bytes.h"

namespace schoolgate::platform {
namespace {

constexpr std::array<uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0,    0,
                                                   0, 0, 0, 0, 0xff, 0xff};

bool IsV4(const SocketAddress& end) {
  return std::equal(kMappedPrefix.begin(), kMappedPrefix.end(),
                    end.address.begin());
}

void PutAddress(nlmsghdr* message, bool v4, const SocketAddress& end,
                uint16_t v4_type, uint16_t v6_type) {
  mnl_attr_put(message, v4 ? v4_type : v6_type, v4 ? 4 : 16,
               end.address.data() + (v4 ? 12 : 0));
}

nlmsghdr* PutHeader(char* buffer, uint16_t type, uint16_t flags,
                    uint32_t sequence, bool v4) {
  nlmsghdr* message = mnl_nlmsg_put_header(buffer);
  message->nlmsg_type =
      static_cast<uint16_t>(NFNL_SUBSYS_CTNETLINK << 8 | type);
  message->nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | flags);
  message->nlmsg_seq = sequence;
  auto* family = static_cast<nfgenmsg*>(
      mnl_nlmsg_put_extra_header(message, sizeof(nfgenmsg)));
  family->nfgen_family = v4 ? AF_INET : AF_INET6;
  family->version = NFNETLINK_V0;
  family->res_id = 0;
  return message;
}

void PutConnection(nlmsghdr* message, bool v4, bool tcp,
                   const SocketAddress& local, const SocketAddress& remote) {
  nlattr* tuple = mnl_attr_nest_start(message, CTA_TUPLE_ORIG);
  nlattr* ip = mnl_attr_nest_start(message, CTA_TUPLE_IP);
  PutAddress(message, v4, local, CTA_IP_V4_SRC, CTA_IP_V6_SRC);
  PutAddress(message, v4, remote, CTA_IP_V4_DST, CTA_IP_V6_DST);
  mnl_attr_nest_end(message, ip);
  nlattr* protocol = mnl_attr_nest_start(message, CTA_TUPLE_PROTO);
  mnl_attr_put_u8(message, CTA_PROTO_NUM, tcp ? IPPROTO_TCP : IPPROTO_UDP);
  mnl_attr_put_u16(message, CTA_PROTO_SRC_PORT, htons(local.port));
  mnl_attr_put_u16(message, CTA_PROTO_DST_PORT, htons(remote.port));
  mnl_attr_nest_end(message, protocol);
  mnl_attr_nest_end(message, tuple);
}

using Bytes = std::span<const uint8_t>;

// The payload of the attribute of this type; empty: none.
Bytes Inner(Bytes attributes, uint16_t wanted) {
  Bytes found;
  ForEachAttribute(attributes, [&](uint16_t type, Bytes payload) {
    if (type == wanted) found = payload;
  });
  return found;
}

// Whether a connection that the kernel tells of was closed by both ends.
bool IsClosed(Bytes message) {
  const auto attributes =
      AttributesOf(message, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW);
  if (!attributes) return false;
  const Bytes info = Inner(*attributes, CTA_PROTOINFO);
  const Bytes state =
      Inner(Inner(info, CTA_PROTOINFO_TCP), CTA_PROTOINFO_TCP_STATE);
  return !state.empty() && (state[0] == TCP_CONNTRACK_TIME_WAIT ||
                            state[0] == TCP_CONNTRACK_CLOSE);
}

class Conntrack : public FlowMarker {
 public:
  explicit Conntrack(mnl_socket* socket) : socket_(socket) {}
  ~Conntrack() override { mnl_socket_close(socket_); }

  bool Mark(bool tcp, const SocketAddress& local, const SocketAddress& remote,
            uint32_t mark, uint32_t mask) override {
    const bool v4 = IsV4(local);
    if (v4 != IsV4(remote)) return false;
    alignas(nlmsghdr) char buffer[512];
    // Without NLM_F_CREATE: only what is there is changed.
    nlmsghdr* message =
        PutHeader(buffer, IPCTNL_MSG_CT_NEW, NLM_F_ACK, ++sequence_, v4);
    PutConnection(message, v4, tcp, local, remote);
    mnl_attr_put_u32(message, CTA_MARK, htonl(mark));
    mnl_attr_put_u32(message, CTA_MARK_MASK, htonl(mask));
    return Ask(message, [](Bytes) {}) == 0;
  }

  bool IsOver(bool tcp, const SocketAddress& local,
              const SocketAddress& remote) override {
    const bool v4 = IsV4(local);
    if (v4 != IsV4(remote)) return true;
    alignas(nlmsghdr) char buffer[512];
    nlmsghdr* message =
        PutHeader(buffer, IPCTNL_MSG_CT_GET, 0, ++sequence_, v4);
    PutConnection(message, v4, tcp, local, remote);
    bool closed = false;
    const int error =
        Ask(message, [&](Bytes answer) { closed = IsClosed(answer); });
    return closed || error == ENOENT;
  }

 private:
  // The errno with which the kernel answers. A connection, where that is the
  // answer, goes to `read`.
  template <typename Read>
  int Ask(const nlmsghdr* message, Read read) {
    if (mnl_socket_sendto(socket_, message, message->nlmsg_len) < 0) {
      return errno;
    }
    alignas(nlmsghdr) char buffer[4096];
    while (true) {
      const ssize_t size = mnl_socket_recvfrom(socket_, buffer, sizeof(buffer));
      if (size < 0 && errno == EINTR) continue;
      if (size < 0) return errno;
      const auto* head = reinterpret_cast<const nlmsghdr*>(buffer);
      if (!mnl_nlmsg_ok(head, static_cast<int>(size))) return EIO;
      if (head->nlmsg_seq != sequence_) continue;  // late answer to another
      if (head->nlmsg_type != NLMSG_ERROR) {
        read({reinterpret_cast<const uint8_t*>(buffer),
              static_cast<size_t>(size)});
        return 0;
      }
      nlmsgerr answer;
      if (head->nlmsg_len < NLMSG_LENGTH(sizeof(answer))) return EIO;
      std::memcpy(&answer, mnl_nlmsg_get_payload(head), sizeof(answer));
      return -answer.error;
    }
  }

  mnl_socket* const socket_;
  uint32_t sequence_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<FlowMarker>> OpenFlowMarker() {
  mnl_socket* socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
  if (socket == nullptr || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0) {
    const int error = errno;
    if (socket != nullptr) mnl_socket_close(socket);
    return absl::UnavailableError(absl::StrCat(
        "ctnetlink: the kernel does not answer: ", std::strerror(error),
        ": connections that new rules forbid will run to their end"));
  }
  const timeval patience{.tv_sec = 0, .tv_usec = 50'000};
  setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_RCVTIMEO, &patience,
             sizeof(patience));
  return std::make_unique<Conntrack>(socket);
}

}  // namespace schoolgate::platform
