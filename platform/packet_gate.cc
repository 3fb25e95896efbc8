#include "platform/packet_gate.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "platform/queue_message.h"

namespace schoolgate::platform {
namespace {

constexpr uint32_t kQueueLength = 8192;  // packets the kernel may hold
constexpr int kReceiveBufferBytes = 8 << 20;
// One whole packet, in whole pages.
constexpr size_t kMessageBytes = (64 << 10) + 4096;
constexpr size_t kBatch = 16;  // messages in one call
constexpr size_t kVerdictBytes = 32 << 10;

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

// The kernel's own account of a queue.
struct QueueRow {
  uint32_t port_id = 0;          // netlink's name of the socket that holds it
  uint64_t no_room = 0;          // packets that the full queue refused
  uint64_t not_deliverable = 0;  // that the socket's buffer refused
  uint32_t last_id = 0;
};

constexpr char kQueueList[] = "/proc/self/net/netfilter/nfnetlink_queue";

std::optional<QueueRow> ReadQueueRow(uint16_t queue) {
  std::FILE* file = std::fopen(kQueueList, "re");
  if (file == nullptr) return std::nullopt;
  std::optional<QueueRow> found;
  unsigned number, port, waiting, mode, range, no_room, lost, last;
  while (!found &&
         std::fscanf(file, "%u %u %u %u %u %u %u %u %*u", &number, &port,
                     &waiting, &mode, &range, &no_room, &lost, &last) == 8) {
    if (number != queue) continue;
    found = QueueRow{.port_id = port,
                     .no_room = no_room,
                     .not_deliverable = lost,
                     .last_id = last};
  }
  std::fclose(file);
  return found;
}

class NfQueue : public PacketGate {
 public:
  NfQueue(Netlink netlink, uint16_t queue)
      : netlink_(std::move(netlink)), queue_(queue), verdicts_(queue) {}

  ~NfQueue() override { Flush(); }

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
    // A table that stood before us may have sent packets before we could tell
    // them from the answers above.
    Release(Unjudged::kAskAgain);
    return absl::OkStatus();
  }

  // Whether the socket holds the queue.
  bool Holds() const {
    const auto row = ReadQueueRow(queue_);
    if (row) return row->port_id == mnl_socket_get_portid(netlink_.get());
    // Not everybody may read the list; whoever kept the socket is believed.
    return faccessat(AT_FDCWD, kQueueList, R_OK, AT_EACCESS) != 0;
  }

  // Settles what was read from the socket and never judged: all that came
  // before the first packet that still lies in it.
  void Release(Unjudged unjudged) {
    uint32_t last = 0;
    HeldByKernel first;
    const ssize_t size = recv(descriptor(), messages_.get(), kMessageBytes,
                              MSG_DONTWAIT | MSG_PEEK);
    if (size > 0 &&
        ReadHeldMessage({messages_.get(), static_cast<size_t>(size)}, &first)) {
      last = first.id - 1;
    } else if (const auto row = ReadQueueRow(queue_)) {
      last = row->last_id;
    }
    if (last == 0) return;
    char message[MNL_SOCKET_BUFFER_SIZE];
    nlmsghdr* head = StartMessage(message, NFQNL_MSG_VERDICT_BATCH, queue_);
    const uint32_t verdict =
        unjudged == Unjudged::kAskAgain ? NF_REPEAT : NF_DROP;
    const nfqnl_msg_verdict_hdr body{.verdict = htonl(verdict),
                                     .id = htonl(last)};
    mnl_attr_put(head, NFQA_VERDICT_HDR, sizeof(body), &body);
    (void)mnl_socket_sendto(netlink_.get(), head, head->nlmsg_len);
  }

  bool Take(absl::Duration patience, HeldByKernel* held) override {
    if (patience > absl::ZeroDuration() && next_ == read_) {
      Flush();
      pollfd wait{.fd = descriptor(), .events = POLLIN, .revents = 0};
      if (poll(&wait, 1,
               static_cast<int>(absl::ToInt64Milliseconds(patience))) <= 0) {
        return false;
      }
    }
    while (next_ < read_ || Refill()) {
      // The kernel also says when it knows nothing of a verdict's packet.
      if (ReadHeldMessage(Message(next_++), held)) return true;
    }
    return false;
  }

  bool buffered() const override { return next_ < read_; }

  bool drained() const override { return next_ == read_ && read_ < kBatch; }

  void Accept(uint32_t id, uint32_t mark) override { Replace(id, mark, {}); }

  void Replace(uint32_t id, uint32_t mark,
               std::span<const uint8_t> instead) override {
    // Longer than an attribute may be: the kernel would hold it for ever.
    if (instead.size() > UINT16_MAX - NLA_HDRLEN) return Drop(id);
    verdicts_.Accept(id, mark, instead);
    Verdict();
  }

  void Drop(uint32_t id) override {
    verdicts_.Drop(id);
    Verdict();
  }

  // Fails for a packet that the kernel has given up meanwhile: nothing is owed
  // to it.
  void Flush() override {
    const auto bytes = verdicts_.bytes();
    if (bytes.empty()) return;
    (void)mnl_socket_sendto(netlink_.get(), bytes.data(), bytes.size());
    verdicts_.Clear();
  }

  int descriptor() const override { return mnl_socket_get_fd(netlink_.get()); }

  uint64_t overflowed() const override {
    const auto row = ReadQueueRow(queue_);
    return row ? row->no_room + row->not_deliverable : 0;
  }

 private:
  absl::Status Ask(nlmsghdr* head) {
    head->nlmsg_flags |= NLM_F_ACK;
    head->nlmsg_seq = ++sequence_;
    if (mnl_socket_sendto(netlink_.get(), head, head->nlmsg_len) < 0) {
      return Error();
    }
    // Once the queue is bound, packets may stand before the answer.
    while (true) {
      const ssize_t size =
          mnl_socket_recvfrom(netlink_.get(), messages_.get(), kMessageBytes);
      if (size < 0) return Error();
      const auto* answer = reinterpret_cast<const nlmsghdr*>(messages_.get());
      if (!mnl_nlmsg_ok(answer, static_cast<int>(size)) ||
          answer->nlmsg_type != NLMSG_ERROR) {
        continue;
      }
      nlmsgerr status;
      std::memcpy(&status, mnl_nlmsg_get_payload(answer), sizeof(status));
      errno = -status.error;
      return status.error == 0 ? absl::OkStatus() : Error();
    }
  }

  absl::Status Error() const {
    const int error = errno;
    // The kernel says EPERM for both: no right to, and somebody else has it.
    if (error == EBUSY || (error == EPERM && ReadQueueRow(queue_))) {
      return absl::AlreadyExistsError(absl::StrCat(
          "queue ", queue_,
          ": another agent judges this network's packets: stop it first"));
    }
    if (error == EPERM) {
      return absl::PermissionDeniedError(absl::StrCat(
          "queue ", queue_,
          ": may not be held: CAP_NET_ADMIN is missing: run as root or grant "
          "that capability"));
    }
    return absl::UnavailableError(absl::StrCat(
        "queue ", queue_, ": the kernel refuses: ", std::strerror(error),
        ": is nfnetlink_queue there?"));
  }

  // Reads what has come, at most a batch.
  bool Refill() {
    Flush();
    std::array<mmsghdr, kBatch> heads{};
    std::array<iovec, kBatch> places;
    for (size_t i = 0; i < kBatch; ++i) {
      places[i] = {.iov_base = messages_.get() + i * kMessageBytes,
                   .iov_len = kMessageBytes};
      heads[i].msg_hdr.msg_iov = &places[i];
      heads[i].msg_hdr.msg_iovlen = 1;
    }
    const int read =
        recvmmsg(descriptor(), heads.data(), kBatch, MSG_DONTWAIT, nullptr);
    next_ = 0;
    read_ = read > 0 ? static_cast<size_t>(read) : 0;
    for (size_t i = 0; i < read_; ++i) sizes_[i] = heads[i].msg_len;
    return read_ > 0;
  }

  std::span<const uint8_t> Message(size_t index) const {
    return {messages_.get() + index * kMessageBytes, sizes_[index]};
  }

  void Verdict() {
    if (verdicts_.bytes().size() >= kVerdictBytes) Flush();
  }

  const Netlink netlink_;
  const uint16_t queue_;
  // Pages that no message has reached take no memory.
  const std::unique_ptr<uint8_t[]> messages_ =
      std::make_unique_for_overwrite<uint8_t[]>(kBatch * kMessageBytes);
  std::array<size_t, kBatch> sizes_{};
  size_t next_ = 0;
  size_t read_ = 0;
  VerdictMessages verdicts_;
  uint32_t sequence_ = 0;
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

absl::StatusOr<std::unique_ptr<PacketGate>> AdoptPacketGate(uint16_t queue,
                                                            int descriptor,
                                                            Unjudged unjudged) {
  Netlink netlink(mnl_socket_fdopen(descriptor));
  if (netlink == nullptr) {
    close(descriptor);
    return absl::FailedPreconditionError(absl::StrCat(
        "queue ", queue, ": what was kept is no netlink socket: start anew"));
  }
  auto gate = std::make_unique<NfQueue>(std::move(netlink), queue);
  if (!gate->Holds()) {
    return absl::FailedPreconditionError(
        absl::StrCat("queue ", queue,
                     ": what was kept does not hold it any more: bind anew"));
  }
  gate->Release(unjudged);
  return gate;
}

}  // namespace schoolgate::platform
