// What watches the collector over HTTP gets an answer, and nobody gets more.
#include "collector/metrics/scrape_server.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "collector/metrics/http_get_test.h"

namespace schoolgate::collector {
namespace {

std::string At(uint16_t port, const std::string& path) {
  return absl::StrCat("127.0.0.1:", port, path);
}

TEST(ScrapeServerTest, AnswersPathsAndNothingElse) {
  auto server = ScrapeServer::Start("127.0.0.1", 0, [](const auto& path) {
    return path == "/metrics"
               ? ScrapeAnswer{200, "text/plain; version=0.0.4", "up 1\n"}
               : ScrapeAnswer{404, "text/plain", "no\n"};
  });
  ASSERT_TRUE(server.ok()) << server.status();
  const uint16_t port = (*server)->port();
  const HttpAnswer metrics = HttpGet(At(port, "/metrics"));
  EXPECT_EQ(metrics.status, 200);
  EXPECT_EQ(metrics.body, "up 1\n");
  EXPECT_NE(metrics.headers.find("version=0.0.4"), std::string::npos);
  EXPECT_EQ(HttpGet(At(port, "/else")).status, 404);
  EXPECT_EQ(HttpGet(At(port, "/metrics"), "POST").status, 405);
  // Taken: a second one says so and what to do.
  const auto second = ScrapeServer::Start(
      "127.0.0.1", port, [](const auto&) { return ScrapeAnswer{}; });
  EXPECT_TRUE(absl::IsUnavailable(second.status())) << second.status();
  EXPECT_FALSE(ScrapeServer::Start("somewhere", 0, nullptr).ok());
}

}  // namespace
}  // namespace schoolgate::collector
