#include "platform/flow_marker.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

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

class Conntrack : public FlowMarker {
 public:
  explicit Conntrack(mnl_socket* socket) : socket_(socket) {}
  ~Conntrack() override { mnl_socket_close(socket_); }

  bool Mark(bool tcp, const SocketAddress& local, const SocketAddress& remote,
            uint32_t mark, uint32_t mask) override {
    const bool v4 = IsV4(local);
    if (v4 != IsV4(remote)) return false;
    alignas(nlmsghdr) char buffer[512];
    nlmsghdr* message = mnl_nlmsg_put_header(buffer);
    message->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW;
    // Without NLM_F_CREATE: only what is there is changed.
    message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    message->nlmsg_seq = ++sequence_;
    auto* family = static_cast<nfgenmsg*>(
        mnl_nlmsg_put_extra_header(message, sizeof(nfgenmsg)));
    family->nfgen_family = v4 ? AF_INET : AF_INET6;
    family->version = NFNETLINK_V0;
    family->res_id = 0;
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
    mnl_attr_put_u32(message, CTA_MARK, htonl(mark));
    mnl_attr_put_u32(message, CTA_MARK_MASK, htonl(mask));
    if (mnl_socket_sendto(socket_, message, message->nlmsg_len) < 0) {
      return false;
    }
    return Acknowledged();
  }

 private:
  bool Acknowledged() {
    alignas(nlmsghdr) char buffer[4096];
    while (true) {
      const ssize_t size = mnl_socket_recvfrom(socket_, buffer, sizeof(buffer));
      if (size < 0 && errno == EINTR) continue;
      if (size < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(nlmsgerr)))) {
        return false;
      }
      nlmsghdr head;
      std::memcpy(&head, buffer, sizeof(head));
      if (head.nlmsg_seq != sequence_) continue;  // late answer to another
      if (head.nlmsg_type != NLMSG_ERROR) return false;
      nlmsgerr answer;
      std::memcpy(&answer, buffer + NLMSG_HDRLEN, sizeof(answer));
      return answer.error == 0;
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
