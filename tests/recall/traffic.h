// Makes traffic byte by byte, for tests: packets, hellos, DNS messages and
// QUIC Initials that are really encrypted, and capture files of them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace schoolgate::traffic {

using Buffer = std::vector<uint8_t>;
using Bytes = std::span<const uint8_t>;

// Appends big-endian numbers and bytes.
class Writer {
 public:
  Writer& U8(unsigned value);
  Writer& U16(unsigned value);
  Writer& U24(unsigned value);
  Writer& U32(uint32_t value);
  Writer& Put(Bytes bytes);
  Writer& Put(std::string_view text);
  Writer& Zeros(size_t count);
  const Buffer& bytes() const { return bytes_; }

 private:
  Buffer bytes_;
};

Buffer operator+(Buffer left, const Buffer& right);

struct Flow {
  uint32_t client = 0x0a000002;  // 10.0.0.2
  uint32_t server = 0xc6336401;  // 198.51.100.1
  uint16_t client_port = 50000;
  uint16_t server_port = 443;
};

Buffer Ethernet(uint16_t type, Bytes payload);
Buffer Ipv4(uint32_t src, uint32_t dst, uint8_t protocol, Bytes payload,
            uint16_t fragment = 0, uint16_t id = 1);
// 2001:db8::/64 with the given last 32 bits.
Buffer Ipv6(uint32_t src, uint32_t dst, uint8_t next, Bytes payload);
Buffer Udp(uint16_t src, uint16_t dst, Bytes payload);
Buffer Tcp(uint16_t src, uint16_t dst, uint32_t seq, uint8_t flags,
           Bytes payload);

// Whole Ethernet frames.
Buffer UdpFrame(const Flow& flow, bool from_client, Bytes payload);
Buffer TcpFrame(const Flow& flow, bool from_client, uint32_t seq, uint8_t flags,
                Bytes payload);

struct HelloOptions {
  std::string name;
  std::string other_name;  // in front of `name`, of a type that is no host's
  std::vector<std::string> alpn = {"h2", "http/1.1"};
  bool ech = false;
  size_t padding = 0;  // bytes of a padding extension, 0: none
  bool datagram = false;
  uint16_t datagram_version = 0xfefd;
};

// The handshake message with its 4-byte header (12 for DTLS).
Buffer ClientHello(const HelloOptions& options);
// In TLS records of at most `record_bytes`.
Buffer TlsRecords(Bytes message, size_t record_bytes = 16384);
Buffer DtlsRecord(Bytes message, uint16_t version = 0xfefd);

Buffer DnsName(std::string_view dotted);
Buffer DnsQuery(std::string_view name, uint16_t type, uint16_t id = 7);
// A response with one HTTPS record that carries an ECH configuration.
Buffer DnsHttpsAnswer(std::string_view name, std::string_view cover);
Buffer WithLength(Bytes dns);  // as DNS travels over TCP

struct InitialOptions {
  uint32_t version = 1;
  Buffer destination = {1, 2, 3, 4, 5, 6, 7, 8};
  Buffer key_id;  // the id that the keys come from; empty: `destination`
  Buffer source = {};
  uint32_t number = 0;
  size_t number_bytes = 4;
  bool fixed_bit = true;  // RFC 9287 lets it be 0
  Buffer token;
  size_t pad_to = 1200;
};

Buffer CryptoFrame(size_t offset, Bytes part);
// Seals frames as a client does. Key schedule of its own, not the agent's.
Buffer Initial(const InitialOptions& options, Bytes frames);

// A pcap file in memory: packets a millisecond apart from 2026-11-21T09:00Z, of
// which the first `snap_bytes` are kept.
Buffer PcapFile(const std::vector<Buffer>& packets, uint32_t link_type = 1,
                size_t snap_bytes = 262144);

}  // namespace schoolgate::traffic
