// What our own readers do not know, libpcap may: the modified pcap formats of
// old Linux distributions and of some vendors.
#include <pcap/pcap.h>

#include "absl/strings/str_cat.h"
#include "platform/capture_file.h"

namespace schoolgate::platform {
namespace {

class LibpcapReader : public PacketSource {
 public:
  LibpcapReader(const std::string& path, pcap_t* pcap)
      : path_(path), pcap_(pcap), link_type_(pcap_datalink(pcap)) {}
  ~LibpcapReader() override { pcap_close(pcap_); }

  NextResult Next(absl::Duration, Packet* packet) override {
    if (ended_) return NextResult::kEnd;
    pcap_pkthdr* header = nullptr;
    const u_char* bytes = nullptr;
    if (pcap_next_ex(pcap_, &header, &bytes) == 1) {
      packet->time_us =
          int64_t{header->ts.tv_sec} * 1'000'000 + header->ts.tv_usec;
      packet->frame = ++frame_;
      packet->bytes = {bytes, header->caplen};
      packet->wire_bytes = header->len;
      packet->link_type = link_type_;
      packet->uid = kNoUid;
      packet->direction = Direction::kUnknown;
      return NextResult::kPacket;
    }
    ended_ = true;
    const std::string why = pcap_geterr(pcap_);
    if (!why.empty()) {
      status_ = absl::DataLossError(
          absl::StrCat(path_, ": broken after packet ", frame_, " (", why,
                       "): what came before was read; get a sound copy"));
    }
    return NextResult::kEnd;
  }

  absl::Status status() const override { return status_; }
  uint64_t dropped() const override { return 0; }
  std::string_view way() const override { return "file"; }

 private:
  std::string path_;
  pcap_t* pcap_;
  int link_type_;
  bool ended_ = false;
  uint64_t frame_ = 0;
  absl::Status status_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<PacketSource>> OpenWithLibpcap(
    const std::string& path) {
  char why[PCAP_ERRBUF_SIZE] = "";
  pcap_t* pcap = pcap_open_offline(path.c_str(), why);
  if (pcap == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": is no capture (", why, "): give a pcap or pcapng file"));
  }
  return std::make_unique<LibpcapReader>(path, pcap);
}

}  // namespace schoolgate::platform
