// A school would be told that its filter sees everything while browsers hide
// names from it.
#include "agent/observe/blindness.h"

#include <gtest/gtest.h>

#include <vector>

namespace schoolgate::agent {
namespace {

Address V4(uint8_t a, uint8_t b, uint8_t c, uint8_t d) {
  return {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d};
}

TEST(Blindness, KnowsPublicResolversByNameAndAddress) {
  EXPECT_TRUE(IsPublicResolver("dns.google"));
  EXPECT_TRUE(IsPublicResolver("abc123.dns.nextdns.io"));
  EXPECT_TRUE(IsPublicResolver("wikimedia-dns.org"));
  EXPECT_FALSE(IsPublicResolver("google"));
  EXPECT_FALSE(IsPublicResolver("notdns.google.example"));
  EXPECT_TRUE(IsPublicResolver(V4(1, 1, 1, 1)));
  EXPECT_TRUE(IsPublicResolver(V4(208, 67, 222, 222)));
  EXPECT_FALSE(IsPublicResolver(V4(1, 1, 1, 4)));
}

TEST(Blindness, KnowsVpnsByTheirFirstBytes) {
  std::vector<uint8_t> wireguard(148);
  wireguard[0] = 1;
  EXPECT_TRUE(LooksLikeVpn(wireguard, 50000, 51820));
  wireguard.push_back(0);
  EXPECT_FALSE(LooksLikeVpn(wireguard, 50000, 51820));
  std::vector<uint8_t> openvpn(14);
  openvpn[0] = 7 << 3;
  EXPECT_TRUE(LooksLikeVpn(openvpn, 50000, 443));
  openvpn[13] = 1;
  EXPECT_FALSE(LooksLikeVpn(openvpn, 50000, 443));
  EXPECT_TRUE(LooksLikeVpn(openvpn, 50000, 1194));
}

TEST(Blindness, TorHellosAreRandomNamesOnly) {
  EXPECT_TRUE(LooksLikeTor("www.abcdefg234hij.com", 9001));
  EXPECT_FALSE(LooksLikeTor("www.wikipedia.com", 9001));
  EXPECT_FALSE(LooksLikeTor("www.example.org", 9001));
}

TEST(Blindness, ResolvedAddressesAreRemembered) {
  ResolvedAddresses resolved;
  EXPECT_TRUE(resolved.empty());
  resolved.Add(V4(192, 0, 2, 1));
  EXPECT_TRUE(resolved.Contains(V4(192, 0, 2, 1)));
  EXPECT_FALSE(resolved.Contains(V4(192, 0, 2, 2)));
}

}  // namespace
}  // namespace schoolgate::agent
