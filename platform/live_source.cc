#include <pcap/pcap.h>
#include <pcap/sll.h>
#include <poll.h>
#include <unistd.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "platform/nflog_source.h"
#include "platform/packet_source.h"

namespace schoolgate::platform {
namespace {

// A ClientHello may arrive as one merged packet of up to 64 kB, but its name
// stands in the first 16 kB that TLS allows a hello to have in practice.
constexpr int kSnapBytes = 20'000;
constexpr int kRingBytes = 16 << 20;
constexpr std::string_view kLogPrefix = "nflog:";

struct ClosePcap {
  void operator()(pcap_t* pcap) const { pcap_close(pcap); }
};
using Pcap = std::unique_ptr<pcap_t, ClosePcap>;

// The pseudo header of LINKTYPE_LINUX_SLL2, which "any" puts before packets.
constexpr size_t kSll2Bytes = 20;
constexpr size_t kSll2Interface = 4;
constexpr size_t kSll2PacketType = 10;

void ReadPseudoHeader(Packet* packet) {
  if (packet->link_type != DLT_LINUX_SLL2) return;
  const std::span<const uint8_t> bytes = packet->bytes;
  if (bytes.size() < kSll2Bytes) return;
  for (size_t i = 0; i < 4; ++i) {
    packet->interface = packet->interface << 8 | bytes[kSll2Interface + i];
  }
  packet->direction = bytes[kSll2PacketType] == LINUX_SLL_OUTGOING
                          ? Direction::kOut
                          : Direction::kIn;
}

class LiveSource : public PacketSource {
 public:
  LiveSource(Pcap pcap, std::string interface)
      : pcap_(std::move(pcap)),
        interface_(std::move(interface)),
        link_type_(pcap_datalink(pcap_.get())),
        descriptor_(pcap_get_selectable_fd(pcap_.get())) {}

  NextResult Next(absl::Duration patience, Packet* packet) override {
    NextResult result = TakeOne(packet);
    if (result != NextResult::kIdle || patience <= absl::ZeroDuration()) {
      return result;
    }
    pollfd wait{.fd = descriptor_, .events = POLLIN, .revents = 0};
    poll(&wait, 1, static_cast<int>(absl::ToInt64Milliseconds(patience)));
    return TakeOne(packet);
  }

  absl::Status status() const override { return status_; }

  int descriptor() const override { return descriptor_; }

  uint64_t dropped() const override {
    pcap_stat counts{};
    if (pcap_stats(pcap_.get(), &counts) != 0) return 0;
    return counts.ps_drop;
  }

  std::string_view way() const override { return "interface"; }

 private:
  NextResult TakeOne(Packet* packet) {
    pcap_pkthdr* head = nullptr;
    const uint8_t* bytes = nullptr;
    switch (pcap_next_ex(pcap_.get(), &head, &bytes)) {
      case 1:
        break;
      case 0:
        return NextResult::kIdle;
      default:
        status_ = absl::UnavailableError(
            absl::StrCat(interface_, ": ", pcap_geterr(pcap_.get())));
        return NextResult::kEnd;
    }
    packet->time_us = head->ts.tv_sec * int64_t{1'000'000} + head->ts.tv_usec;
    packet->frame = ++frames_;
    packet->bytes = {bytes, head->caplen};
    packet->wire_bytes = head->len;
    packet->link_type = link_type_;
    packet->uid = kNoUid;
    packet->interface = 0;
    packet->stands_for = 1;
    packet->direction = Direction::kUnknown;
    ReadPseudoHeader(packet);
    return NextResult::kPacket;
  }

  const Pcap pcap_;
  const std::string interface_;
  const int link_type_;
  const int descriptor_;
  uint64_t frames_ = 0;
  absl::Status status_;
};

absl::Status OpenError(const std::string& interface, int code, pcap_t* pcap) {
  const std::string why = pcap_geterr(pcap);
  switch (code) {
    case PCAP_ERROR_PERM_DENIED:
    case PCAP_ERROR_PROMISC_PERM_DENIED:
      return absl::PermissionDeniedError(
          absl::StrCat(interface,
                       ": may not capture: CAP_NET_RAW is missing: run as root "
                       "or grant the capability"));
    case PCAP_ERROR_NO_SUCH_DEVICE:
    case PCAP_ERROR_IFACE_NOT_UP:
      return absl::NotFoundError(
          absl::StrCat(interface, ": no such interface, or it is down: ", why,
                       ": see `ip link`, or use \"any\""));
    default:
      return absl::InternalError(
          absl::StrCat(interface, ": cannot capture: ", why));
  }
}

absl::StatusOr<std::unique_ptr<PacketSource>> OpenInterface(
    const std::string& interface) {
  char error[PCAP_ERRBUF_SIZE] = {};
  Pcap pcap(pcap_create(interface.c_str(), error));
  if (pcap == nullptr) {
    return absl::InternalError(
        absl::StrCat(interface, ": cannot capture: ", error));
  }
  pcap_set_snaplen(pcap.get(), kSnapBytes);
  pcap_set_buffer_size(pcap.get(), kRingBytes);
  pcap_set_immediate_mode(pcap.get(), 1);
  pcap_set_promisc(pcap.get(), 0);
  const int code = pcap_activate(pcap.get());
  if (code < 0) return OpenError(interface, code, pcap.get());
  // Says which interface each packet crossed. Only "any" has it.
  if (pcap_datalink(pcap.get()) == DLT_LINUX_SLL) {
    pcap_set_datalink(pcap.get(), DLT_LINUX_SLL2);
  }
  if (pcap_setnonblock(pcap.get(), 1, error) != 0) {
    return absl::InternalError(
        absl::StrCat(interface, ": cannot capture without waiting: ", error));
  }
  return std::make_unique<LiveSource>(std::move(pcap), interface);
}

}  // namespace

absl::StatusOr<std::unique_ptr<PacketSource>> OpenLive(
    const std::string& interface, int kept) {
  if (interface == "auto") {
    auto flows = OpenNflog(kLogGroup, kept);
    return flows.ok() ? std::move(flows) : OpenInterface("any");
  }
  if (!interface.starts_with(kLogPrefix)) {
    if (kept >= 0) close(kept);
    return OpenInterface(interface);
  }
  int group = 0;
  if (!absl::SimpleAtoi(interface.substr(kLogPrefix.size()), &group) ||
      group < 0 || group > UINT16_MAX) {
    return absl::InvalidArgumentError(absl::StrCat(
        interface, ": no such log group: write nflog: and 0 to 65535"));
  }
  return OpenNflog(static_cast<uint16_t>(group), kept);
}

}  // namespace schoolgate::platform
