#include "platform/packet_gate.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "absl/strings/str_cat.h"

namespace schoolgate::platform {
namespace {

constexpr uint32_t kQueueLength = 8192;  // packets the kernel may hold
constexpr int kReceiveBufferBytes = 8 << 20;
constexpr size_t kMessageBytes = 0xffff + 4096;  // one whole packet

struct CloseNetlink {
  void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
};
using Netlink = std::unique_ptr<mnl_socket, CloseNetlink>;

nlmsghdr* StartMessage(char* buffer, uint16_t type, uint16_t queue) {
  nlmsghdr* head = mnl_nlmsg_put_header(buffer);
  head->nlmsg_type = static_cast<uint16_t>(NFNL_SUBSYS_QUEUE << 8 | type);
  head->nlmsg_flags = NLM_F_REQUEST;
  auto* family = static_cast<nfgenmsg*>(
      mnl_nlmsg_put_extra_header(head, sizeof(nfgenmsg)));
  family->nfgen_family = AF_UNSPEC;
  family->version = NFNETLINK_V0;
  family->res_id = htons(queue);
  return head;
}

class NfQueue : public PacketGate {
 public:
  NfQueue(Netlink netlink, uint16_t queue)
      : netlink_(std::move(netlink)), queue_(queue), buffer_(kMessageBytes) {}

  absl::Status Configure() {
    char message[MNL_SOCKET_BUFFER_SIZE];
    nlmsghdr* head = StartMessage(message, NFQNL_MSG_CONFIG, queue_);
    const nfqnl_msg_config_cmd bind{
        .command = NFQNL_CFG_CMD_BIND, ._pad = 0, .pf = htons(AF_INET)};
    mnl_attr_put(head, NFQA_CFG_CMD, sizeof(bind), &bind);
    if (absl::Status status = Ask(head); !status.ok()) return status;

    head = StartMessage(message, NFQNL_MSG_CONFIG, queue_);
    const nfqnl_msg_config_params params{.copy_range = htonl(0xffff),
                                         .copy_mode = NFQNL_COPY_PACKET};
    mnl_attr_put(head, NFQA_CFG_PARAMS, sizeof(params), &params);
    mnl_attr_put_u32(head, NFQA_CFG_QUEUE_MAXLEN, htonl(kQueueLength));
    // Whole hellos in one piece, and whose socket they come from.
    const uint32_t flags = NFQA_CFG_F_GSO | NFQA_CFG_F_UID_GID;
    mnl_attr_put_u32(head, NFQA_CFG_FLAGS, htonl(flags));
    mnl_attr_put_u32(head, NFQA_CFG_MASK, htonl(flags));
    if (absl::Status status = Ask(head); !status.ok()) return status;

    const int descriptor = mnl_socket_get_fd(netlink_.get());
    setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBufferBytes,
               sizeof(kReceiveBufferBytes));
    const int one = 1;
    // An overrun loses the notice of a packet, which then waits for ever: the
    // kernel is told to report no ENOBUFS and to drop instead.
    setsockopt(descriptor, SOL_NETLINK, NETLINK_NO_ENOBUFS, &one, sizeof(one));
    return absl::OkStatus();
  }

  bool Take(absl::Duration patience, HeldByKernel* held) override {
    if (patience > absl::ZeroDuration()) {
      pollfd wait{.fd = descriptor(), .events = POLLIN, .revents = 0};
      if (poll(&wait, 1,
               static_cast<int>(absl::ToInt64Milliseconds(patience))) <= 0) {
        return false;
      }
    }
    const ssize_t size =
        recv(descriptor(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (size <= 0) return false;
    *held = HeldByKernel{};
    return Parse(static_cast<size_t>(size), held);
  }

  void Accept(uint32_t id, uint32_t mark) override {
    Verdict(id, NF_ACCEPT, mark, {});
  }

  void Replace(uint32_t id, uint32_t mark,
               std::span<const uint8_t> instead) override {
    Verdict(id, NF_ACCEPT, mark, instead);
  }

  void Drop(uint32_t id) override { Verdict(id, NF_DROP, 0, {}); }

  int descriptor() const override { return mnl_socket_get_fd(netlink_.get()); }

  uint64_t overflowed() const override { return overflowed_; }

 private:
  absl::Status Ask(nlmsghdr* head) {
    head->nlmsg_flags |= NLM_F_ACK;
    head->nlmsg_seq = ++sequence_;
    if (mnl_socket_sendto(netlink_.get(), head, head->nlmsg_len) < 0) {
      return Error();
    }
    char answer[MNL_SOCKET_BUFFER_SIZE];
    const ssize_t size =
        mnl_socket_recvfrom(netlink_.get(), answer, sizeof(answer));
    if (size < 0 || mnl_cb_run(answer, static_cast<size_t>(size), sequence_,
                               mnl_socket_get_portid(netlink_.get()), nullptr,
                               nullptr) < 0) {
      return Error();
    }
    return absl::OkStatus();
  }

  absl::Status Error() const {
    if (errno == EPERM) {
      return absl::PermissionDeniedError(absl::StrCat(
          "queue ", queue_,
          ": may not be held: CAP_NET_ADMIN is missing, or another agent has "
          "it: run one agent, as root or with that capability"));
    }
    if (errno == EBUSY || errno == EEXIST) {
      return absl::AlreadyExistsError(absl::StrCat(
          "queue ", queue_, ": held by another program: stop it first"));
    }
    return absl::UnavailableError(absl::StrCat(
        "queue ", queue_, ": the kernel refuses: ", std::strerror(errno),
        ": is nfnetlink_queue there?"));
  }

  bool Parse(size_t size, HeldByKernel* held) {
    const auto* head = reinterpret_cast<const nlmsghdr*>(buffer_.data());
    if (!mnl_nlmsg_ok(head, static_cast<int>(size)) ||
        head->nlmsg_type != (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET)) {
      return false;
    }
    bool found = false;
    const char* end =
        static_cast<const char*>(mnl_nlmsg_get_payload_tail(head));
    const auto* attribute = static_cast<const nlattr*>(
        mnl_nlmsg_get_payload_offset(head, sizeof(nfgenmsg)));
    while (mnl_attr_ok(
        attribute,
        static_cast<int>(end - reinterpret_cast<const char*>(attribute)))) {
      found |= ParseAttribute(attribute, held);
      attribute = mnl_attr_next(attribute);
    }
    return found;
  }

  // True for the attribute that names the packet.
  static bool ParseAttribute(const nlattr* attribute, HeldByKernel* held) {
    const void* payload = mnl_attr_get_payload(attribute);
    switch (mnl_attr_get_type(attribute)) {
      case NFQA_PACKET_HDR: {
        nfqnl_msg_packet_hdr header;
        if (mnl_attr_get_payload_len(attribute) < sizeof(header)) return false;
        std::memcpy(&header, payload, sizeof(header));
        held->id = ntohl(header.packet_id);
        held->at = header.hook == NF_INET_LOCAL_IN  ? HeldAt::kInput
                   : header.hook == NF_INET_FORWARD ? HeldAt::kForward
                                                    : HeldAt::kOutput;
        return true;
      }
      case NFQA_PAYLOAD:
        held->bytes = {static_cast<const uint8_t*>(payload),
                       mnl_attr_get_payload_len(attribute)};
        return false;
      case NFQA_UID:
        held->uid = ntohl(mnl_attr_get_u32(attribute));
        return false;
      case NFQA_MARK:
        held->mark = ntohl(mnl_attr_get_u32(attribute));
        return false;
      case NFQA_SKB_INFO:
        held->segmented =
            (ntohl(mnl_attr_get_u32(attribute)) & NFQA_SKB_GSO) != 0;
        return false;
      default:
        return false;
    }
  }

  void Verdict(uint32_t id, uint32_t verdict, uint32_t mark,
               std::span<const uint8_t> instead) {
    std::vector<char>& message = verdict_;
    message.resize(MNL_SOCKET_BUFFER_SIZE + instead.size());
    nlmsghdr* head = StartMessage(message.data(), NFQNL_MSG_VERDICT, queue_);
    const nfqnl_msg_verdict_hdr body{.verdict = htonl(verdict),
                                     .id = htonl(id)};
    mnl_attr_put(head, NFQA_VERDICT_HDR, sizeof(body), &body);
    if (verdict == NF_ACCEPT) mnl_attr_put_u32(head, NFQA_MARK, htonl(mark));
    if (!instead.empty()) {
      mnl_attr_put(head, NFQA_PAYLOAD, instead.size(), instead.data());
    }
    if (mnl_socket_sendto(netlink_.get(), head, head->nlmsg_len) < 0) {
      ++overflowed_;
    }
  }

  const Netlink netlink_;
  const uint16_t queue_;
  std::vector<char> buffer_;
  std::vector<char> verdict_;
  uint32_t sequence_ = 0;
  uint64_t overflowed_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<PacketGate>> OpenPacketGate(uint16_t queue) {
  Netlink netlink(mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC));
  if (netlink == nullptr ||
      mnl_socket_bind(netlink.get(), 0, MNL_SOCKET_AUTOPID) < 0) {
    return absl::UnavailableError(
        absl::StrCat("queue ", queue, ": no netlink: ", std::strerror(errno),
                     ": does this kernel have netfilter?"));
  }
  auto gate = std::make_unique<NfQueue>(std::move(netlink), queue);
  if (absl::Status status = gate->Configure(); !status.ok()) return status;
  return gate;
}

}  // namespace schoolgate::platform
