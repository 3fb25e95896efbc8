#include "tests/recall/traffic.h"

#include <algorithm>
#include <cstring>

namespace schoolgate::traffic {
namespace {

constexpr uint32_t kStartSeconds = 1795251600;  // 2026-11-21T09:00:00Z

Buffer Extension(unsigned type, const Buffer& body) {
  return Writer()
      .U16(type)
      .U16(static_cast<unsigned>(body.size()))
      .Put(body)
      .bytes();
}

Buffer ServerNames(const HelloOptions& options) {
  Writer list;
  const auto add = [&](unsigned type, const std::string& name) {
    if (name.empty()) return;
    list.U8(type).U16(static_cast<unsigned>(name.size())).Put(name);
  };
  add(7, options.other_name);
  add(0, options.name);
  return Writer()
      .U16(static_cast<unsigned>(list.bytes().size()))
      .Put(list.bytes())
      .bytes();
}

Buffer Alpn(const std::vector<std::string>& names) {
  Writer list;
  for (const std::string& name : names) {
    list.U8(static_cast<unsigned>(name.size())).Put(name);
  }
  return Writer()
      .U16(static_cast<unsigned>(list.bytes().size()))
      .Put(list.bytes())
      .bytes();
}

}  // namespace

Writer& Writer::U8(unsigned value) {
  bytes_.push_back(static_cast<uint8_t>(value));
  return *this;
}
Writer& Writer::U16(unsigned value) { return U8(value >> 8).U8(value); }
Writer& Writer::U24(unsigned value) { return U8(value >> 16).U16(value); }
Writer& Writer::U32(uint32_t value) { return U16(value >> 16).U16(value); }
Writer& Writer::Put(Bytes bytes) {
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  return *this;
}
Writer& Writer::Put(std::string_view text) {
  bytes_.insert(bytes_.end(), text.begin(), text.end());
  return *this;
}
Writer& Writer::Zeros(size_t count) {
  bytes_.insert(bytes_.end(), count, 0);
  return *this;
}

Buffer operator+(Buffer left, const Buffer& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

Buffer Ethernet(uint16_t type, Bytes payload) {
  return Writer()
      .Put(std::string_view("\2\0\0\0\0\1\2\0\0\0\0\2", 12))
      .U16(type)
      .Put(payload)
      .bytes();
}

Buffer Ipv4(uint32_t src, uint32_t dst, uint8_t protocol, Bytes payload,
            uint16_t fragment, uint16_t id) {
  return Writer()
      .U16(0x4500)
      .U16(static_cast<unsigned>(20 + payload.size()))
      .U16(id)
      .U16(fragment)
      .U8(64)
      .U8(protocol)
      .U16(0)
      .U32(src)
      .U32(dst)
      .Put(payload)
      .bytes();
}

Buffer Ipv6(uint32_t src, uint32_t dst, uint8_t next, Bytes payload) {
  return Writer()
      .U32(0x60000000)
      .U16(static_cast<unsigned>(payload.size()))
      .U8(next)
      .U8(64)
      .U32(0x20010db8)
      .Zeros(8)
      .U32(src)
      .U32(0x20010db8)
      .Zeros(8)
      .U32(dst)
      .Put(payload)
      .bytes();
}

Buffer Udp(uint16_t src, uint16_t dst, Bytes payload) {
  return Writer()
      .U16(src)
      .U16(dst)
      .U16(static_cast<unsigned>(8 + payload.size()))
      .U16(0)
      .Put(payload)
      .bytes();
}

Buffer Tcp(uint16_t src, uint16_t dst, uint32_t seq, uint8_t flags,
           Bytes payload) {
  return Writer()
      .U16(src)
      .U16(dst)
      .U32(seq)
      .U32(1)
      .U8(0x50)
      .U8(flags)
      .U16(65535)
      .U32(0)
      .Put(payload)
      .bytes();
}

Buffer UdpFrame(const Flow& flow, bool from_client, Bytes payload) {
  const Buffer datagram =
      from_client ? Udp(flow.client_port, flow.server_port, payload)
                  : Udp(flow.server_port, flow.client_port, payload);
  return Ethernet(0x0800, from_client
                              ? Ipv4(flow.client, flow.server, 17, datagram)
                              : Ipv4(flow.server, flow.client, 17, datagram));
}

Buffer TcpFrame(const Flow& flow, bool from_client, uint32_t seq, uint8_t flags,
                Bytes payload) {
  const Buffer segment =
      from_client
          ? Tcp(flow.client_port, flow.server_port, seq, flags, payload)
          : Tcp(flow.server_port, flow.client_port, seq, flags, payload);
  return Ethernet(0x0800, from_client
                              ? Ipv4(flow.client, flow.server, 6, segment)
                              : Ipv4(flow.server, flow.client, 6, segment));
}

Buffer ClientHello(const HelloOptions& options) {
  Writer extensions;
  if (options.ech) {
    extensions.Put(Extension(0xfe0d, Writer().U8(0).Zeros(40).bytes()));
  }
  if (!options.name.empty() || !options.other_name.empty()) {
    extensions.Put(Extension(0, ServerNames(options)));
  }
  if (!options.alpn.empty()) {
    extensions.Put(Extension(16, Alpn(options.alpn)));
  }
  if (options.padding > 0) {
    extensions.Put(Extension(21, Buffer(options.padding)));
  }
  Writer body;
  body.U16(options.datagram ? options.datagram_version : 0x0303)
      .Zeros(32)
      .U8(32)
      .Zeros(32);
  if (options.datagram) body.U8(0);  // no cookie
  body.U16(4).U16(0x1301).U16(0x1302).U8(1).U8(0);
  body.U16(static_cast<unsigned>(extensions.bytes().size()))
      .Put(extensions.bytes());
  const auto length = static_cast<unsigned>(body.bytes().size());
  Writer message;
  message.U8(1).U24(length);
  if (options.datagram) message.U16(0).U24(0).U24(length);
  return message.Put(body.bytes()).bytes();
}

Buffer TlsRecords(Bytes message, size_t record_bytes) {
  Writer records;
  while (!message.empty()) {
    const size_t part = std::min(record_bytes, message.size());
    records.U8(22).U16(0x0301).U16(static_cast<unsigned>(part));
    records.Put(message.first(part));
    message = message.subspan(part);
  }
  return records.bytes();
}

Buffer DtlsRecord(Bytes message, uint16_t version) {
  return Writer()
      .U8(22)
      .U16(version)
      .Zeros(8)
      .U16(static_cast<unsigned>(message.size()))
      .Put(message)
      .bytes();
}

Buffer DnsName(std::string_view dotted) {
  Writer name;
  while (!dotted.empty()) {
    const size_t dot = dotted.find('.');
    const std::string_view label = dotted.substr(0, dot);
    name.U8(static_cast<unsigned>(label.size())).Put(label);
    dotted.remove_prefix(dot == std::string_view::npos ? dotted.size()
                                                       : dot + 1);
  }
  return name.U8(0).bytes();
}

Buffer DnsQuery(std::string_view name, uint16_t type, uint16_t id) {
  return Writer()
      .U16(id)
      .U16(0x0100)
      .U16(1)
      .U16(0)
      .U32(0)
      .Put(DnsName(name))
      .U16(type)
      .U16(1)
      .bytes();
}

Buffer DnsHttpsAnswer(std::string_view name, std::string_view cover) {
  Writer config;
  config.U8(1).U16(0x20).U16(32).Zeros(32).U16(4).U32(0x00010001).U8(0);
  config.U8(static_cast<unsigned>(cover.size())).Put(cover).U16(0);
  const auto length = static_cast<unsigned>(config.bytes().size());
  Writer body;
  body.U16(1).U8(0).U16(5).U16(length + 6);
  body.U16(length + 4).U16(0xfe0d).U16(length).Put(config.bytes());
  return Writer()
      .U16(7)
      .U16(0x8180)
      .U16(1)
      .U16(1)
      .U32(0)
      .Put(DnsName(name))
      .U16(65)
      .U16(1)
      .U16(0xc00c)
      .U16(65)
      .U16(1)
      .U32(300)
      .U16(static_cast<unsigned>(body.bytes().size()))
      .Put(body.bytes())
      .bytes();
}

Buffer WithLength(Bytes dns) {
  return Writer().U16(static_cast<unsigned>(dns.size())).Put(dns).bytes();
}

Buffer PcapFile(const std::vector<Buffer>& packets, uint32_t link_type,
                size_t snap_bytes) {
  Writer file;
  file.U32(0xa1b2c3d4).U16(2).U16(4).U32(0).U32(0);
  file.U32(static_cast<uint32_t>(snap_bytes)).U32(link_type);
  uint32_t number = 0;
  for (const Buffer& packet : packets) {
    const Bytes kept = Bytes(packet).first(std::min(packet.size(), snap_bytes));
    file.U32(kStartSeconds + number / 1000).U32(number % 1000 * 1000);
    file.U32(static_cast<uint32_t>(kept.size()));
    file.U32(static_cast<uint32_t>(packet.size())).Put(kept);
    ++number;
  }
  return file.bytes();
}

}  // namespace schoolgate::traffic
