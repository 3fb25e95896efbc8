// A scraper must be able to read every line, whatever stands in a label.
#include "collector/metrics/exposition.h"

#include <gtest/gtest.h>

namespace schoolgate::collector {
namespace {

TEST(ExpositionTest, IsWhatPrometheusReads) {
  Exposition out;
  out.Counter("a_total", "How many\nthere were.").Sample(12'345'678'901.0);
  out.Gauge("b_seconds", "Two of them.")
      .Sample(0.25, {{"part", "with \"quotes\" and \\"}, {"state", "x"}})
      .Sample(-1);
  EXPECT_EQ(out.text(),
            "# HELP a_total How many\\nthere were.\n"
            "# TYPE a_total counter\n"
            "a_total 12345678901\n"
            "# HELP b_seconds Two of them.\n"
            "# TYPE b_seconds gauge\n"
            "b_seconds{part=\"with \\\"quotes\\\" and \\\\\",state=\"x\"} "
            "0.25\n"
            "b_seconds -1\n");
}

TEST(ExpositionTest, BucketsAddUpAndEveryObservationIsInOne) {
  Histogram histogram;
  histogram.Observe(absl::ZeroDuration());
  histogram.Observe(absl::Milliseconds(1));  // a bound belongs to its bucket
  histogram.Observe(absl::Milliseconds(7));
  histogram.Observe(absl::Hours(1));
  Exposition out;
  out.Distribution("wait_seconds", "Waiting.", histogram);
  const std::string& text = out.text();
  EXPECT_NE(text.find("wait_seconds_bucket{le=\"0.001\"} 2\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("wait_seconds_bucket{le=\"0.01\"} 3\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("wait_seconds_bucket{le=\"30\"} 3\n"), std::string::npos);
  EXPECT_NE(text.find("wait_seconds_bucket{le=\"+Inf\"} 4\n"),
            std::string::npos);
  EXPECT_NE(text.find("wait_seconds_sum 3600.008\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("wait_seconds_count 4\n"), std::string::npos);
}

}  // namespace
}  // namespace schoolgate::collector
