// A capture that can be read would be refused, a broken one would crash the
// reader or be taken for whole.
#include "platform/capture_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <thread>
#include <vector>

namespace schoolgate::platform {
namespace {

using Buffer = std::vector<uint8_t>;

void Put(Buffer* out, uint32_t value, bool big, int bytes = 4) {
  for (int i = 0; i < bytes; ++i) {
    const int shift = 8 * (big ? bytes - 1 - i : i);
    out->push_back(static_cast<uint8_t>(value >> shift));
  }
}

Buffer Pcap(bool big, uint32_t magic, int packets, uint32_t bytes) {
  Buffer file;
  Put(&file, magic, big);
  Put(&file, 2, big, 2);
  Put(&file, 4, big, 2);
  for (uint32_t value : {0u, 0u, 262144u, 101u}) Put(&file, value, big);
  for (int i = 0; i < packets; ++i) {
    for (uint32_t value : {7u, 1500u, bytes, bytes + 9}) {
      Put(&file, value, big);
    }
    file.resize(file.size() + bytes, static_cast<uint8_t>(i + 1));
  }
  return file;
}

void Block(Buffer* out, bool big, uint32_t type, const Buffer& body) {
  const auto length = static_cast<uint32_t>(body.size() + 12);
  Put(out, type, big);
  Put(out, length, big);
  out->insert(out->end(), body.begin(), body.end());
  Put(out, length, big);
}

// Two interfaces of different kinds; the second counts nanoseconds.
Buffer Pcapng(bool big) {
  Buffer file;
  Buffer body;
  Put(&body, 0x1a2b3c4d, big);
  Put(&body, 1, big, 2);
  body.resize(body.size() + 10, 0xff);
  Block(&file, big, 0x0a0d0d0a, body);
  body.clear();
  Put(&body, 1, big, 2);
  Put(&body, 0, big, 2);
  Put(&body, 0, big);
  Block(&file, big, 1, body);
  body.clear();
  Put(&body, 113, big, 2);
  Put(&body, 0, big, 2);
  Put(&body, 0, big);
  Put(&body, 9, big, 2);
  Put(&body, 1, big, 2);
  body.insert(body.end(), {9, 0, 0, 0});
  Block(&file, big, 1, body);
  for (uint32_t interface : {0u, 1u}) {
    body.clear();
    for (uint32_t value : {interface, 0u, 5000u, 3u, 3u}) {
      Put(&body, value, big);
    }
    body.insert(body.end(), {'a', 'b', 'c', 0});
    Put(&body, 2, big, 2);
    Put(&body, 4, big, 2);
    Put(&body, 2, big);  // outbound
    Put(&body, 0, big);
    Block(&file, big, 6, body);
  }
  return file;
}

Buffer Gzip(const Buffer& plain) {
  Buffer gzip(plain.size() + 1000);
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 31, 8, 0), Z_OK);
  stream.next_in = const_cast<uint8_t*>(plain.data());
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = gzip.data();
  stream.avail_out = static_cast<uInt>(gzip.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  gzip.resize(stream.total_out);
  deflateEnd(&stream);
  return gzip;
}

class CaptureFileTest : public testing::Test {
 protected:
  ~CaptureFileTest() override { std::remove(path_.c_str()); }

  absl::StatusOr<std::unique_ptr<PacketSource>> Open(const Buffer& bytes) {
    std::ofstream(path_, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    return OpenCaptureFile(path_);
  }

  // Packets read and how it ended.
  std::pair<int, absl::StatusCode> ReadAll(const Buffer& bytes) {
    auto source = Open(bytes);
    if (!source.ok()) return {-1, source.status().code()};
    Packet packet;
    int packets = 0;
    while ((*source)->Next(absl::ZeroDuration(), &packet) ==
           NextResult::kPacket) {
      ++packets;
    }
    EXPECT_EQ(ReadInPortions(), std::pair(packets, (*source)->status().code()));
    return {packets, (*source)->status().code()};
  }

  // The same of the file that is there, several at once.
  std::pair<int, absl::StatusCode> ReadInPortions() {
    auto source = OpenCaptureFile(path_);
    if (!source.ok()) return {-1, source.status().code()};
    std::array<Packet, 3> some;
    size_t count = 0;
    uint64_t packets = 0;
    while ((*source)->NextSome(absl::ZeroDuration(), some, &count) ==
           NextResult::kPacket) {
      for (size_t i = 0; i < count; ++i) {
        EXPECT_EQ(some[i].frame, ++packets);
      }
    }
    return {static_cast<int>(packets), (*source)->status().code()};
  }

  std::string path_ =
      testing::TempDir() + "/capture_file_test." + std::to_string(getpid());
};

using Outcome = std::pair<int, absl::StatusCode>;

TEST_F(CaptureFileTest, ReadsEitherByteOrderAndResolution) {
  for (bool big : {false, true}) {
    for (uint32_t magic : {0xa1b2c3d4u, 0xa1b23c4du}) {
      auto source = Open(Pcap(big, magic, 2, 5));
      ASSERT_TRUE(source.ok());
      Packet packet;
      ASSERT_EQ((*source)->Next(absl::ZeroDuration(), &packet),
                NextResult::kPacket);
      EXPECT_EQ(packet.time_us, magic == 0xa1b2c3d4 ? 7'001'500 : 7'000'001);
      EXPECT_EQ(packet.frame, 1u);
      EXPECT_EQ(packet.bytes.size(), 5u);
      EXPECT_EQ(packet.wire_bytes, 14u);
      EXPECT_EQ(packet.link_type, 12);
    }
  }
}

// Where the bytes at hand end, a portion ends, and no packet is lost or torn.
TEST_F(CaptureFileTest, PortionsHoldThePacketsThatOneByOneComes) {
  constexpr int kPackets = 3000;
  auto one = Open(Pcap(false, 0xa1b2c3d4, kPackets, 700));
  ASSERT_TRUE(one.ok());
  auto other = OpenCaptureFile(path_);
  ASSERT_TRUE(other.ok());
  std::vector<Packet> some(64);
  size_t count = 0;
  int packets = 0;
  bool several = false;
  while ((*other)->NextSome(absl::ZeroDuration(), some, &count) ==
         NextResult::kPacket) {
    several |= count > 1;
    for (size_t i = 0; i < count; ++i, ++packets) {
      Packet packet;
      ASSERT_EQ((*one)->Next(absl::ZeroDuration(), &packet),
                NextResult::kPacket);
      ASSERT_TRUE(std::equal(packet.bytes.begin(), packet.bytes.end(),
                             some[i].bytes.begin(), some[i].bytes.end()));
      ASSERT_EQ(packet.time_us, some[i].time_us);
      ASSERT_EQ(packet.wire_bytes, some[i].wire_bytes);
    }
  }
  EXPECT_EQ(packets, kPackets);
  EXPECT_TRUE(several);
}

TEST_F(CaptureFileTest, ReadsPcapngWithInterfacesOfDifferentKinds) {
  for (bool big : {false, true}) {
    auto source = Open(Pcapng(big));
    ASSERT_TRUE(source.ok());
    Packet packet;
    ASSERT_EQ((*source)->Next(absl::ZeroDuration(), &packet),
              NextResult::kPacket);
    EXPECT_EQ(packet.link_type, 1);
    EXPECT_EQ(packet.time_us, 5000);
    EXPECT_EQ(packet.direction, Direction::kOut);
    ASSERT_EQ((*source)->Next(absl::ZeroDuration(), &packet),
              NextResult::kPacket);
    EXPECT_EQ(packet.link_type, 113);
    EXPECT_EQ(packet.time_us, 5);
    EXPECT_EQ((*source)->Next(absl::ZeroDuration(), &packet), NextResult::kEnd);
    EXPECT_TRUE((*source)->status().ok());
  }
}

TEST_F(CaptureFileTest, ReadsCompressedFiles) {
  const Buffer plain = Pcap(false, 0xa1b2c3d4, 5000, 100);
  Buffer gzip = Gzip(plain);
  EXPECT_EQ(ReadAll(gzip), Outcome(5000, absl::StatusCode::kOk));
  gzip.resize(gzip.size() / 2);
  EXPECT_EQ(ReadAll(gzip).second, absl::StatusCode::kDataLoss);

  Buffer zstd(ZSTD_compressBound(plain.size()));
  zstd.resize(
      ZSTD_compress(zstd.data(), zstd.size(), plain.data(), plain.size(), 3));
  EXPECT_EQ(ReadAll(zstd), Outcome(5000, absl::StatusCode::kOk));
  zstd.resize(zstd.size() / 2);
  EXPECT_EQ(ReadAll(zstd).second, absl::StatusCode::kDataLoss);

  // As long as what is read at once: nothing is left when the end is met.
  const Buffer full = Pcap(false, 0xa1b2c3d4, 1, (256 << 10) - 24 - 16);
  zstd.resize(ZSTD_compressBound(full.size()));
  zstd.resize(
      ZSTD_compress(zstd.data(), zstd.size(), full.data(), full.size(), 3));
  EXPECT_EQ(ReadAll(zstd), Outcome(1, absl::StatusCode::kOk));
}

TEST_F(CaptureFileTest, GivesWhatIsThereOfACutFile) {
  constexpr size_t kHeader = 24;
  constexpr size_t kRecord = 16 + 10;
  const Buffer file = Pcap(false, 0xa1b2c3d4, 3, 10);
  ASSERT_EQ(file.size(), kHeader + 3 * kRecord);
  for (size_t size = kHeader; size <= file.size(); ++size) {
    const size_t records = (size - kHeader) / kRecord;
    const bool whole = (size - kHeader) % kRecord == 0;
    const Buffer cut(file.begin(), file.begin() + static_cast<long>(size));
    EXPECT_EQ(ReadAll(cut), Outcome(static_cast<int>(records),
                                    whole ? absl::StatusCode::kOk
                                          : absl::StatusCode::kDataLoss))
        << size;
  }
  Buffer next = Pcapng(false);
  next.pop_back();
  EXPECT_EQ(ReadAll(next), Outcome(1, absl::StatusCode::kDataLoss));
}

TEST_F(CaptureFileTest, PacketsUpToTheLimitAndNoLonger) {
  for (uint32_t bytes : {kMaxCapturedBytes - 1, kMaxCapturedBytes}) {
    EXPECT_EQ(ReadAll(Pcap(false, 0xa1b2c3d4, 2, bytes)),
              Outcome(2, absl::StatusCode::kOk));
  }
  EXPECT_EQ(ReadAll(Pcap(false, 0xa1b2c3d4, 2, kMaxCapturedBytes + 1)),
            Outcome(0, absl::StatusCode::kDataLoss));
}

// An interface block at the limit counts, one above ends the file.
TEST_F(CaptureFileTest, InterfacesUpToTheLimitAndNoMore) {
  for (size_t interfaces :
       {kMaxInterfaces - 1, kMaxInterfaces, kMaxInterfaces + 1}) {
    Buffer file = Pcapng(false);
    Buffer block;
    Block(&block, false, 1, {1, 0, 0, 0, 0, 0, 0, 0});
    for (size_t i = 2; i < interfaces; ++i) {
      file.insert(file.end(), block.begin(), block.end());
    }
    const bool sound = interfaces <= kMaxInterfaces;
    EXPECT_EQ(ReadAll(file), Outcome(2, sound ? absl::StatusCode::kOk
                                              : absl::StatusCode::kDataLoss))
        << interfaces;
  }
}

TEST_F(CaptureFileTest, BlocksUpToTheLimitAndNoLonger) {
  for (uint32_t length :
       {kMaxBlockBytes - 4, kMaxBlockBytes, kMaxBlockBytes + 4}) {
    Buffer file = Pcapng(false);
    Block(&file, false, 0x0bad, Buffer(length - 12));
    const bool sound = length <= kMaxBlockBytes;
    EXPECT_EQ(ReadAll(file), Outcome(2, sound ? absl::StatusCode::kOk
                                              : absl::StatusCode::kDataLoss))
        << length;
  }
}

// Bytes that trickle in one by one are the same file.
TEST_F(CaptureFileTest, ReadsFromAPipeHoweverLittleItGives) {
  for (const Buffer& file : {Pcap(false, 0xa1b2c3d4, 3, 10), Pcapng(true)}) {
    std::remove(path_.c_str());
    ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
    std::thread writer([&] {
      std::FILE* pipe = std::fopen(path_.c_str(), "wb");
      std::setvbuf(pipe, nullptr, _IONBF, 0);
      for (uint8_t byte : file) std::fputc(byte, pipe);
      std::fclose(pipe);
    });
    auto source = OpenCaptureFile(path_);
    EXPECT_TRUE(source.ok());
    Packet packet;
    int packets = 0;
    while (source.ok() && (*source)->Next(absl::ZeroDuration(), &packet) ==
                              NextResult::kPacket) {
      ++packets;
    }
    writer.join();
    EXPECT_GE(packets, 2);
    EXPECT_TRUE((*source)->status().ok()) << (*source)->status();
  }
}

// `tcpdump -w - | schoolgate-agent replay -`, compressed on the way or not.
TEST_F(CaptureFileTest, ReadsStandardInput) {
  const int kept = dup(STDIN_FILENO);
  const Buffer plain = Pcap(false, 0xa1b2c3d4, 3, 10);
  for (const Buffer& file : {plain, Gzip(plain), Buffer(100, 'x'), Buffer()}) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    ASSERT_EQ(write(ends[1], file.data(), file.size()),
              static_cast<ssize_t>(file.size()));
    close(ends[1]);
    ASSERT_EQ(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    close(ends[0]);
    auto source = OpenCaptureFile("-");
    if (file.size() == 100 || file.empty()) {
      EXPECT_EQ(source.status().code(), absl::StatusCode::kInvalidArgument);
      EXPECT_EQ(source.status().message().find("standard input: "), 0u)
          << source.status();
      continue;
    }
    ASSERT_TRUE(source.ok()) << source.status();
    Packet packet;
    int packets = 0;
    while ((*source)->Next(absl::ZeroDuration(), &packet) ==
           NextResult::kPacket) {
      ++packets;
    }
    EXPECT_EQ(packets, 3);
    EXPECT_TRUE((*source)->status().ok()) << (*source)->status();
  }
  dup2(kept, STDIN_FILENO);
  close(kept);
}

TEST_F(CaptureFileTest, SaysWhatIsNoCapture) {
  EXPECT_EQ(OpenCaptureFile(path_ + ".none").status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(ReadAll({}), Outcome(-1, absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(ReadAll(Buffer(100, 'x')),
            Outcome(-1, absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(OpenCaptureFile(testing::TempDir()).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace schoolgate::platform
