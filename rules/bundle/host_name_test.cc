#include "rules/bundle/host_name.h"

#include <gtest/gtest.h>

namespace schoolgate::rules {
namespace {

std::string Text(std::string_view host) {
  const auto name = HostName::Parse(host);
  return name.has_value() ? std::string(name->text()) : "(none)";
}

// A listed site would be reached by writing its name another way.
TEST(HostNameTest, OneSpellingForAllWaysOfWritingAHost) {
  EXPECT_EQ(Text("WWW.Example.ORG"), "www.example.org");
  EXPECT_EQ(Text("www.example.org."), "www.example.org");
  EXPECT_EQ(Text("bücher.example"), "xn--bcher-kva.example");
  EXPECT_EQ(Text("BÜCHER.example"), "xn--bcher-kva.example");
  EXPECT_EQ(Text("XN--BCHER-KVA.example"), "xn--bcher-kva.example");
  EXPECT_EQ(Text("faß.de"), "xn--fa-hia.de");  // IDNA 2008, not "fass"
  EXPECT_EQ(Text("bu\xcc\x88"
                 "cher.example"),
            "xn--bcher-kva.example");
  EXPECT_EQ(Text("_dmarc.example.org"), "_dmarc.example.org");
}

TEST(HostNameTest, AddressesHaveNoSuffixes) {
  EXPECT_EQ(Text("192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(Text("[2001:DB8::0:1]"), "2001:db8::1");
  EXPECT_EQ(Text("2001:db8:0:0:0:0:0:1"), "2001:db8::1");
  EXPECT_TRUE(HostName::Parse("192.0.2.1")->is_address());
  EXPECT_TRUE(HostName::Parse("::1")->is_address());
  EXPECT_FALSE(HostName::Parse("192.0.2.1.example")->is_address());
  EXPECT_FALSE(HostName::Parse("1.2.3")->is_address());
  EXPECT_TRUE(HostName::Parse("printer")->is_single_label());
  EXPECT_FALSE(HostName::Parse("::1")->is_single_label());
}

// Garbage from the network would be looked up as if it were a host.
TEST(HostNameTest, WhatIsNoHostIsRefused) {
  for (const char* text :
       {"", ".", "..", "a..b", ".a", "a b", "a/b", "http://a.b", "a,b", "[]",
        "[1.2.3.4]", "[::1", "a:80", "::g", "a\\b", "*.example.org",
        "\xff\xfe.example", "a.b.."}) {
    EXPECT_FALSE(HostName::Parse(text).has_value()) << text;
  }
  EXPECT_FALSE(HostName::Parse(std::string("a\0b", 3)).has_value());
  EXPECT_TRUE(HostName::Parse(std::string(63, 'a')).has_value());
  EXPECT_FALSE(HostName::Parse(std::string(64, 'a')).has_value());
}

TEST(HostNameTest, LengthIsLimited) {
  std::string host = "a";
  while (host.size() < 253) host = "a." + host;
  EXPECT_EQ(host.size(), 253u);
  EXPECT_EQ(Text(host), host);
  EXPECT_EQ(Text(host + "."), host);
  EXPECT_FALSE(HostName::Parse("a" + host).has_value());
  EXPECT_FALSE(HostName::Parse(std::string(100000, 'a')).has_value());
  std::string wide;
  for (int i = 0; i < 400; ++i) wide += "ü.";
  EXPECT_FALSE(HostName::Parse(wide).has_value());
}

TEST(HostNameTest, Suffixes) {
  EXPECT_TRUE(IsAtOrBelow("a.example.org", "example.org"));
  EXPECT_TRUE(IsAtOrBelow("example.org", "example.org"));
  EXPECT_FALSE(IsAtOrBelow("badexample.org", "example.org"));
  EXPECT_EQ(ParentOf("a.b.c"), "b.c");
  EXPECT_EQ(ParentOf("c"), "");
}

}  // namespace
}  // namespace schoolgate::rules
