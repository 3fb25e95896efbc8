#include "agent/observe/blindness.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "agent/observe/name_text.h"

namespace schoolgate::agent {
namespace {

constexpr std::string_view kCauseNames[kBlindCauses] = {
    "none",   "ech",           "doh",         "dot",
    "doq",    "vpn",           "tor",         "direct_address",
    "no_sni", "parse_failure", "missed_start"};

// A name here stands for itself and for what is below it. Sorted.
constexpr std::string_view kResolverNames[] = {
    "adguard-dns.com",
    "chrome.cloudflare-dns.com",
    "cloudflare-dns.com",
    "dns.adguard.com",
    "dns.alidns.com",
    "dns.controld.com",
    "dns.digitale-gesellschaft.ch",
    "dns.google",
    "dns.google.com",
    "dns.mullvad.net",
    "dns.nextdns.io",
    "dns.njal.la",
    "dns.quad9.net",
    "dns.sb",
    "dns.switch.ch",
    "dns.umbrella.com",
    "dns0.eu",
    "dns10.quad9.net",
    "dns11.quad9.net",
    "dns9.quad9.net",
    "dnsforge.de",
    "dnspub.restena.lu",
    "doh.360.cn",
    "doh.applied-privacy.net",
    "doh.cleanbrowsing.org",
    "doh.dns.apple.com",
    "doh.dns.sb",
    "doh.familyshield.opendns.com",
    "doh.ffmuc.net",
    "doh.libredns.gr",
    "doh.opendns.com",
    "doh.pub",
    "doh.sandbox.opendns.com",
    "doh.tiar.app",
    "doh.xfinity.com",
    "dot.pub",
    "family.cloudflare-dns.com",
    "freedns.controld.com",
    "joindns4.eu",
    "mozilla.cloudflare-dns.com",
    "odoh.cloudflare-dns.com",
    "one.one.one.one",
    "ordns.he.net",
    "private.canadianshield.cira.ca",
    "resolver.dnscrypt.info",
    "security.cloudflare-dns.com",
    "wikimedia-dns.org",
};

constexpr uint32_t kResolverIpv4[] = {
    0x01000001, 0x01000002, 0x01000003,  // 1.0.0.1-3
    0x01010101, 0x01010102, 0x01010103,  // 1.1.1.1-3
    0x08080404, 0x08080808,              // Google
    0x09090909, 0x0909090a, 0x0909090b,  // Quad9
    0x2d5a1c00, 0x2d5a1e00,              // NextDNS 45.90.28.0, 45.90.30.0
    0x4c4c0200, 0x4c4c0a00,              // Control D
    0x5e8c0e0e, 0x5e8c0f0f,              // AdGuard
    0x9570700a, 0x95707070,              // Quad9
    0xb9e4a8a8, 0xb9e4a9a8,              // CleanBrowsing
    0xc2f20202,                          // Mullvad
    0xd043dcdc, 0xd043dede,              // OpenDNS
};

static_assert(std::is_sorted(std::begin(kResolverNames),
                             std::end(kResolverNames)));
static_assert(std::is_sorted(std::begin(kResolverIpv4),
                             std::end(kResolverIpv4)));

// The first eight bytes of resolvers' IPv6 networks.
constexpr std::array<uint8_t, 8> kResolverIpv6[] = {
    {0x26, 0x06, 0x47, 0x00, 0x47, 0x00, 0, 0},     // Cloudflare
    {0x20, 0x01, 0x48, 0x60, 0x48, 0x60, 0, 0},     // Google
    {0x26, 0x20, 0x00, 0xfe, 0, 0, 0, 0},           // Quad9
    {0x26, 0x20, 0x01, 0x19, 0x00, 0x35, 0, 0x35},  // OpenDNS
    {0x2a, 0x10, 0x50, 0xc0, 0, 0, 0, 0},           // AdGuard
};

uint64_t HashAddress(const Address& address) {
  uint64_t one;
  uint64_t two;
  std::memcpy(&one, address.data(), 8);
  std::memcpy(&two, address.data() + 8, 8);
  uint64_t hash = (one ^ 0x9e3779b97f4a7c15) * 0xff51afd7ed558ccd;
  hash = ((hash ^ (hash >> 29)) + two) * 0xc4ceb9fe1a85ec53;
  return hash ^ (hash >> 31);
}

}  // namespace

std::string_view BlindName(Blind cause) {
  return kCauseNames[static_cast<size_t>(cause)];
}

bool IsPublicResolver(std::string_view name) {
  for (;;) {
    if (std::binary_search(std::begin(kResolverNames), std::end(kResolverNames),
                           name)) {
      return true;
    }
    const size_t dot = name.find('.');
    if (dot == std::string_view::npos) return false;
    name.remove_prefix(dot + 1);
  }
}

bool IsPublicResolver(const Address& address) {
  constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::memcmp(address.data(), kMapped, 12) == 0) {
    return std::binary_search(std::begin(kResolverIpv4),
                              std::end(kResolverIpv4),
                              LoadU32(address.data() + 12));
  }
  return std::any_of(std::begin(kResolverIpv6), std::end(kResolverIpv6),
                     [&](const std::array<uint8_t, 8>& network) {
                       return std::memcmp(network.data(), address.data(), 8) ==
                              0;
                     });
}

bool IsEchCover(std::string_view name) {
  return name == "cloudflare-ech.com" || name == "public.tls-ech.dev" ||
         name == "cover.defo.ie";
}

bool LooksLikeVpn(Bytes datagram, uint16_t src_port, uint16_t dst_port) {
  constexpr uint16_t kOpenVpn = 1194;
  constexpr uint16_t kIke = 500;
  constexpr uint16_t kIkeNat = 4500;
  constexpr size_t kWireGuardInitiation = 148;
  constexpr size_t kWireGuardResponse = 92;
  constexpr size_t kIkeHeader = 28;
  if (datagram.size() < 14) return false;
  const uint32_t head = LoadU32(datagram.data());
  if (head == 0x01000000 && datagram.size() == kWireGuardInitiation) {
    return true;
  }
  if (head == 0x02000000 && datagram.size() == kWireGuardResponse) {
    return true;
  }
  const bool ike_port = src_port == kIke || dst_port == kIke ||
                        src_port == kIkeNat || dst_port == kIkeNat;
  if (ike_port && datagram.size() >= kIkeHeader) return true;
  const uint8_t opcode = datagram[0] >> 3;
  const bool reset = opcode == 7 || opcode == 8 || opcode == 10;
  const bool openvpn_port = src_port == kOpenVpn || dst_port == kOpenVpn;
  if (reset && (datagram[0] & 7) == 0) {
    // A hard reset: session id, no acknowledgements, packet id 0. With
    // tls-auth there is an HMAC in between, so only the port tells.
    const bool bare = datagram.size() == 14 && datagram[9] == 0 &&
                      LoadU32(datagram.data() + 10) == 0;
    return bare || openvpn_port;
  }
  return openvpn_port && (opcode == 6 || opcode == 9);
}

bool LooksLikeTor(std::string_view name, uint16_t server_port) {
  constexpr uint16_t kRelay = 9001;
  if (name.size() < 16 || name.size() > 28) return false;
  if (!name.starts_with("www.") || !name.ends_with(".com")) return false;
  name = name.substr(4, name.size() - 8);
  bool digit = false;
  for (char c : name) {
    if (!((c >= 'a' && c <= 'z') || (c >= '2' && c <= '7'))) return false;
    digit = digit || c <= '9';
  }
  return digit && (server_port == kRelay || name.size() >= 14);
}

bool ResolvedAddresses::Add(const Address& address) {
  const uint64_t hash = HashAddress(address);
  const uint32_t fresh = static_cast<uint32_t>(hash >> 32) | 1;
  const uint32_t before = std::exchange(slots_[hash % kSlots], fresh);
  ++added_;
  return before != 0 && before != fresh;
}

bool ResolvedAddresses::Contains(const Address& address) const {
  const uint64_t hash = HashAddress(address);
  return slots_[hash % kSlots] == (static_cast<uint32_t>(hash >> 32) | 1);
}

bool CoverNames::Add(std::string_view name) {
  const uint32_t hash = HashName(name);
  const uint32_t before = std::exchange(slots_[hash % kSlots], hash);
  return before != 0 && before != hash;
}

bool CoverNames::Contains(std::string_view name) const {
  const uint32_t hash = HashName(name);
  return slots_[hash % kSlots] == hash;
}

}  // namespace schoolgate::agent
