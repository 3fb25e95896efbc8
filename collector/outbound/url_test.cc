#include "collector/outbound/url.h"

#include <gtest/gtest.h>

namespace schoolgate::collector {
namespace {

// Otherwise a secret would be sent in the clear to somebody else's machine.
TEST(Url, OnlyThisMachinesOwnNamesAreThisMachine) {
  for (const char* url :
       {"http://localhost", "http://localhost:80/x", "http://127.0.0.1?x",
        "http://[::1]:8443/", "smtp://localhost:25", "http://localhost#x"}) {
    EXPECT_TRUE(IsThisMachine(HostOfUrl(url))) << url;
  }
  for (const char* url :
       {"localhost", "", "://", "http://", "http://localhost.example/",
        "http://localhost@other.example/", "http://127.0.0.10/", "http://[::1",
        "http://[::2]/", "http://a.example/://localhost/"}) {
    EXPECT_FALSE(IsThisMachine(HostOfUrl(url))) << url;
  }
}

}  // namespace
}  // namespace schoolgate::collector
