#include "platform/nflog_source.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "platform/clock.h"
#include "platform/log_message.h"
#include "platform/log_table.h"

namespace schoolgate::platform {
namespace {

// A merged packet may have 64 kB; its name stands in the first 16.
constexpr uint32_t kCopyBytes = 20'000;
constexpr int kReceiveBufferBytes = 16 << 20;
constexpr size_t kMessageBytes = 1 << 17;  // the kernel's own limit
constexpr size_t kBatch = 16;              // messages in one call
// Of a patient source: so many packets in one message, or after so long.
constexpr uint32_t kTogether = 64;
constexpr uint32_t kTogetherBytes = 32 << 10;
constexpr uint32_t kAloneBytes = 8 << 10;
constexpr uint32_t kHundredths = 2;
constexpr absl::Duration kLookAtTable = absl::Seconds(1);

struct CloseNetlink {
  void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
};
using Netlink = std::unique_ptr<mnl_socket, CloseNetlink>;

nlmsghdr* StartConfig(char* buffer, uint16_t group) {
  nlmsghdr* head = mnl_nlmsg_put_header(buffer);
  head->nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG;
  head->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  auto* family = static_cast<nfgenmsg*>(
      mnl_nlmsg_put_extra_header(head, sizeof(nfgenmsg)));
  family->nfgen_family = AF_UNSPEC;
  family->version = NFNETLINK_V0;
  family->res_id = htons(group);
  return head;
}

class NflogSource : public PacketSource {
 public:
  NflogSource(Netlink netlink, uint16_t group)
      : netlink_(std::move(netlink)), group_(group) {}

  // The table goes first: nothing is copied that nobody reads.
  ~NflogSource() override { table_.reset(); }

  absl::Status Configure() {
    char message[MNL_SOCKET_BUFFER_SIZE];
    nlmsghdr* head = StartConfig(message, group_);
    const nfulnl_msg_config_cmd bind{.command = NFULNL_CFG_CMD_BIND};
    mnl_attr_put(head, NFULA_CFG_CMD, sizeof(bind), &bind);
    if (absl::Status status = Ask(head); !status.ok()) return status;

    head = StartConfig(message, group_);
    const nfulnl_msg_config_mode mode{.copy_range = htonl(kCopyBytes),
                                      .copy_mode = NFULNL_COPY_PACKET,
                                      ._pad = 0};
    mnl_attr_put(head, NFULA_CFG_MODE, sizeof(mode), &mode);
    // Each at once; see SetPatient.
    mnl_attr_put_u32(head, NFULA_CFG_QTHRESH, htonl(1));
    mnl_attr_put_u16(head, NFULA_CFG_FLAGS, htons(NFULNL_CFG_F_SEQ));
    if (absl::Status status = Ask(head); !status.ok()) return status;

    setsockopt(descriptor(), SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBufferBytes,
               sizeof(kReceiveBufferBytes));
    const int one = 1;
    // What does not fit is lost; the numbers in the messages tell how much.
    setsockopt(descriptor(), SOL_NETLINK, NETLINK_NO_ENOBUFS, &one,
               sizeof(one));
    return absl::OkStatus();
  }

  absl::Status Feed(int kept) {
    auto table = InstallLogTable(kLogTable, group_, kept);
    if (!table.ok()) return table.status();
    table_ = std::move(*table);
    return absl::OkStatus();
  }

  NextResult Next(absl::Duration patience, Packet* packet) override {
    NextResult result = TakeOne(packet);
    if (result != NextResult::kIdle || patience <= absl::ZeroDuration()) {
      return result;
    }
    pollfd wait{.fd = descriptor(), .events = POLLIN, .revents = 0};
    poll(&wait, 1, static_cast<int>(absl::ToInt64Milliseconds(patience)));
    return TakeOne(packet);
  }

  // What was read at once stays where it is until the next reading.
  NextResult NextSome(absl::Duration patience, std::span<Packet> into,
                      size_t* count) override {
    *count = 0;
    NextResult result = Next(patience, &into[0]);
    if (result != NextResult::kPacket) return result;
    *count = 1;
    while (*count < into.size() && TakeRead(&into[*count])) ++*count;
    return NextResult::kPacket;
  }

  absl::Status status() const override { return status_; }

  int descriptor() const override { return mnl_socket_get_fd(netlink_.get()); }

  // What is not confirmed stays as it is, which is no harm.
  void SetPatient(bool patient) override {
    if (std::exchange(patient_, patient) == patient) return;
    char message[MNL_SOCKET_BUFFER_SIZE];
    nlmsghdr* head = StartConfig(message, group_);
    head->nlmsg_flags = NLM_F_REQUEST;
    mnl_attr_put_u32(head, NFULA_CFG_TIMEOUT, htonl(patient ? kHundredths : 0));
    mnl_attr_put_u32(head, NFULA_CFG_QTHRESH, htonl(patient ? kTogether : 1));
    mnl_attr_put_u32(head, NFULA_CFG_NLBUFSIZ,
                     htonl(patient ? kTogetherBytes : kAloneBytes));
    (void)mnl_socket_sendto(netlink_.get(), head, head->nlmsg_len);
  }

  bool buffered() const override { return next_ < read_ || !left_.empty(); }

  uint64_t dropped() const override { return dropped_; }

  std::string_view way() const override { return "flows"; }

  int held_open() const override { return table_->descriptor(); }

  void Leave() override { table_->Leave(); }

 private:
  absl::Status Ask(nlmsghdr* head) {
    head->nlmsg_seq = ++sequence_;
    char answer[MNL_SOCKET_BUFFER_SIZE];
    if (mnl_socket_sendto(netlink_.get(), head, head->nlmsg_len) < 0) {
      return Refused();
    }
    const ssize_t size =
        mnl_socket_recvfrom(netlink_.get(), answer, sizeof(answer));
    if (size < 0 || mnl_cb_run(answer, static_cast<size_t>(size), sequence_,
                               mnl_socket_get_portid(netlink_.get()), nullptr,
                               nullptr) < 0) {
      return Refused();
    }
    return absl::OkStatus();
  }

  absl::Status Refused() const {
    const std::string what = absl::StrCat("nflog:", group_);
    switch (errno) {
      case EPERM:
        return absl::PermissionDeniedError(absl::StrCat(
            what,
            ": may not be read: CAP_NET_ADMIN is missing: run as root or "
            "grant the capability"));
      case EBUSY:
      case EEXIST:
        return absl::AlreadyExistsError(absl::StrCat(
            what, ": read by another program: stop it, or take another group"));
      default:
        return absl::UnimplementedError(
            absl::StrCat(what, ": the kernel refuses: ", std::strerror(errno),
                         ": is nfnetlink_log there?"));
    }
  }

  void KeepTable() {
    const absl::Duration now = SystemClock().SinceBoot();
    if (now < next_look_) return;
    next_look_ = now + kLookAtTable;
    (void)table_->Keep();
  }

  NextResult TakeOne(Packet* packet) {
    while (!TakeRead(packet)) {
      const NextResult result = Refill();
      if (result != NextResult::kPacket) return result;
    }
    return NextResult::kPacket;
  }

  // False when nothing is left of what was read.
  bool TakeRead(Packet* packet) {
    Logged logged;
    while (!left_.empty() || next_ < read_) {
      if (left_.empty()) {
        left_ = {messages_.get() + next_ * kMessageBytes, sizes_[next_]};
        ++next_;
      }
      if (!TakeLogMessage(&left_, &logged)) continue;
      if (logged.number) CountLost(*logged.number);
      *packet = logged.packet;
      packet->frame = ++frames_;
      packet->time_us = now_us_;
      return true;
    }
    return false;
  }

  // Reads what has come, at most a batch. kPacket when there is something.
  NextResult Refill() {
    next_ = read_ = 0;
    left_ = {};
    KeepTable();
    std::array<mmsghdr, kBatch> heads{};
    std::array<iovec, kBatch> places;
    for (size_t i = 0; i < kBatch; ++i) {
      places[i] = {.iov_base = messages_.get() + i * kMessageBytes,
                   .iov_len = kMessageBytes};
      heads[i].msg_hdr.msg_iov = &places[i];
      heads[i].msg_hdr.msg_iovlen = 1;
    }
    int read = -1;
    do {
      read =
          recvmmsg(descriptor(), heads.data(), kBatch, MSG_DONTWAIT, nullptr);
    } while (read < 0 && (errno == EINTR || errno == ENOBUFS));
    if (read < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      return NextResult::kIdle;
    }
    if (read <= 0) {
      status_ = absl::UnavailableError(
          absl::StrCat("nflog:", group_, ": ", std::strerror(errno)));
      return NextResult::kEnd;
    }
    read_ = static_cast<size_t>(read);
    for (size_t i = 0; i < read_; ++i) sizes_[i] = heads[i].msg_len;
    now_us_ = absl::ToUnixMicros(SystemClock().Now());
    return NextResult::kPacket;
  }

  void CountLost(uint32_t number) {
    if (numbered_) dropped_ += number - next_number_;
    numbered_ = true;
    next_number_ = number + 1;
  }

  const Netlink netlink_;
  const uint16_t group_;
  std::unique_ptr<LogTable> table_;
  // Pages that no message has reached take no memory.
  const std::unique_ptr<uint8_t[]> messages_ =
      std::make_unique_for_overwrite<uint8_t[]>(kBatch * kMessageBytes);
  std::array<size_t, kBatch> sizes_{};
  size_t next_ = 0;
  size_t read_ = 0;
  int64_t now_us_ = 0;             // when the batch was read
  std::span<const uint8_t> left_;  // of the datagram
  uint32_t sequence_ = 0;
  uint64_t frames_ = 0;
  uint64_t dropped_ = 0;
  uint32_t next_number_ = 0;
  bool numbered_ = false;
  bool patient_ = false;
  absl::Duration next_look_;
  absl::Status status_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<PacketSource>> OpenNflog(uint16_t group,
                                                        int kept) {
  Netlink netlink(mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC));
  if (netlink == nullptr ||
      mnl_socket_bind(netlink.get(), 0, MNL_SOCKET_AUTOPID) < 0) {
    if (kept >= 0) close(kept);
    return absl::UnimplementedError(absl::StrCat(
        "nflog:", group, ": the kernel refuses: ", std::strerror(errno),
        ": is nfnetlink_log there?"));
  }
  auto source = std::make_unique<NflogSource>(std::move(netlink), group);
  if (absl::Status status = source->Configure(); !status.ok()) {
    if (kept >= 0) close(kept);
    return status;
  }
  if (absl::Status status = source->Feed(kept); !status.ok()) return status;
  return source;
}

}  // namespace schoolgate::platform
