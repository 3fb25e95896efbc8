#include "platform/capture_file.h"

#include "absl/strings/str_cat.h"

namespace schoolgate::platform {
namespace {

constexpr uint32_t kMicroseconds = 0xa1b2c3d4;
constexpr uint32_t kNanoseconds = 0xa1b23c4d;
constexpr uint32_t kSectionHeader = 0x0a0d0d0a;
constexpr size_t kFileHeaderBytes = 24;
constexpr size_t kRecordHeaderBytes = 16;

uint32_t LoadBig(const uint8_t* at) {
  return uint32_t{at[0]} << 24 | uint32_t{at[1]} << 16 | uint32_t{at[2]} << 8 |
         at[3];
}

uint32_t Load(const uint8_t* at, bool big) {
  const uint32_t value = LoadBig(at);
  return big ? value : __builtin_bswap32(value);
}

class PcapReader : public PacketSource {
 public:
  PcapReader(const std::string& path, ByteWindow window)
      : path_(path), window_(std::move(window)) {
    const auto header = window_.Peek(kFileHeaderBytes);
    const uint32_t magic = LoadBig(header.data());
    big_ = magic == kMicroseconds || magic == kNanoseconds;
    const uint32_t stored = Load(header.data(), big_);
    nanoseconds_ = stored == kNanoseconds;
    link_type_ = LinkTypeToDlt(Load(header.data() + 20, big_) & 0x03ffffff);
    window_.Skip(kFileHeaderBytes);
  }

  NextResult Next(absl::Duration, Packet* packet) override {
    if (ended_) return NextResult::kEnd;
    window_.Skip(pending_);
    pending_ = 0;
    auto bytes = window_.Peek(kRecordHeaderBytes);
    if (bytes.size() < kRecordHeaderBytes) return End(bytes.size());
    const uint32_t captured = Load(bytes.data() + 8, big_);
    if (captured > kMaxCapturedBytes) return Corrupt();
    bytes = window_.Peek(kRecordHeaderBytes + captured);
    if (bytes.size() < kRecordHeaderBytes + captured) return End(1);
    Fill(bytes, captured, packet);
    return NextResult::kPacket;
  }

  NextResult NextSome(absl::Duration patience, std::span<Packet> into,
                      size_t* count) override {
    *count = 0;
    const NextResult result = Next(patience, &into[0]);
    if (result != NextResult::kPacket) return result;
    for (*count = 1; *count < into.size(); ++*count) {
      const auto bytes = window_.at_hand().subspan(pending_);
      if (bytes.size() < kRecordHeaderBytes) break;
      const uint32_t captured = Load(bytes.data() + 8, big_);
      if (captured > kMaxCapturedBytes ||
          captured > bytes.size() - kRecordHeaderBytes) {
        break;
      }
      window_.Skip(pending_);
      Fill(bytes, captured, &into[*count]);
    }
    return NextResult::kPacket;
  }

  absl::Status status() const override { return status_; }
  uint64_t dropped() const override { return 0; }
  std::string_view way() const override { return "file"; }

 private:
  void Fill(std::span<const uint8_t> bytes, uint32_t captured, Packet* packet) {
    const uint32_t fraction = Load(bytes.data() + 4, big_);
    packet->time_us = int64_t{Load(bytes.data(), big_)} * 1'000'000 +
                      (nanoseconds_ ? fraction / 1000 : fraction);
    packet->frame = ++frame_;
    packet->bytes = bytes.subspan(kRecordHeaderBytes, captured);
    packet->wire_bytes = Load(bytes.data() + 12, big_);
    packet->link_type = link_type_;
    packet->uid = kNoUid;
    packet->direction = Direction::kUnknown;
    pending_ = kRecordHeaderBytes + captured;
  }

  NextResult End(size_t left) {
    ended_ = true;
    status_ = window_.status();
    if (status_.ok() && left > 0) {
      status_ = absl::DataLossError(
          absl::StrCat(path_, ": ends in the middle of packet ", frame_ + 1,
                       ": what came before was read; get a whole copy"));
    }
    return NextResult::kEnd;
  }

  NextResult Corrupt() {
    ended_ = true;
    status_ = absl::DataLossError(
        absl::StrCat(path_, ": corrupt after packet ", frame_,
                     ": what came before was read; get a sound copy"));
    return NextResult::kEnd;
  }

  std::string path_;
  ByteWindow window_;
  bool big_ = false;
  bool nanoseconds_ = false;
  bool ended_ = false;
  int link_type_ = 0;
  size_t pending_ = 0;
  uint64_t frame_ = 0;
  absl::Status status_;
};

}  // namespace

int LinkTypeToDlt(uint32_t link_type) {
  switch (link_type) {
    case 100:  // ATM_RFC1483
      return 11;
    case 101:  // RAW
      return 12;
    default:
      return static_cast<int>(link_type);
  }
}

std::unique_ptr<PacketSource> MakePcapReader(const std::string& path,
                                             ByteWindow window) {
  return std::make_unique<PcapReader>(path, std::move(window));
}

absl::StatusOr<std::unique_ptr<PacketSource>> OpenCaptureFile(
    const std::string& file) {
  auto stream = OpenByteStream(file);
  if (!stream.ok()) return stream.status();
  const bool given = file == kStandardInput;
  const std::string path = given ? "standard input" : file;
  ByteWindow window(*std::move(stream));
  const auto start = window.Peek(kFileHeaderBytes);
  if (start.size() < 4) {
    if (!window.status().ok()) return window.status();
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": is no capture (", start.size(),
                     " bytes long): give a pcap or pcapng file"));
  }
  const uint32_t magic = LoadBig(start.data());
  if (magic == kSectionHeader) {
    return MakePcapngReader(path, std::move(window));
  }
  const uint32_t swapped = __builtin_bswap32(magic);
  const bool pcap = magic == kMicroseconds || magic == kNanoseconds ||
                    swapped == kMicroseconds || swapped == kNanoseconds;
  if (!pcap && given) {
    return absl::InvalidArgumentError(
        absl::StrCat(path,
                     ": is neither pcap nor pcapng: give another capture as a "
                     "file"));
  }
  if (!pcap) return OpenWithLibpcap(path);
  if (start.size() < kFileHeaderBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": ends inside the file header: get a whole copy"));
  }
  return MakePcapReader(path, std::move(window));
}

}  // namespace schoolgate::platform
