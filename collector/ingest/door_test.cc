#include "collector/ingest/door.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <memory>

namespace schoolgate::collector {
namespace {

TEST(DoorTest, AConnectionThatIsSilentHoldsNoRecordBuffers) {
  // Without a certificate it does not open, which does not matter here.
  (void)Door::Open({.address = "127.0.0.1:0"}, {});
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(
      SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  const std::unique_ptr<SSL, decltype(&SSL_free)> connection(
      SSL_new(context.get()), SSL_free);
  EXPECT_TRUE(SSL_get_mode(connection.get()) & SSL_MODE_RELEASE_BUFFERS);
}

}  // namespace
}  // namespace schoolgate::collector
