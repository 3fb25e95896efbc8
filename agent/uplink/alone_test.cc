#include "agent/uplink/alone.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "agent/uplink/status_file.h"

namespace schoolgate::agent {
namespace {

class AloneTest : public testing::Test {
 protected:
  AloneTest() {
    std::string made = testing::TempDir() + "alone.XXXXXX";
    state_ = mkdtemp(made.data());
    std::filesystem::create_directory(state_ + "/identity");
  }
  ~AloneTest() override { std::filesystem::remove_all(state_); }

  std::string state_;
};

// Two with one identity look like a copied laptop, which is shut out.
TEST_F(AloneTest, ASecondUplinkIsToldOfTheFirst) {
  EXPECT_EQ(SomebodyHolds(state_), false);
  {
    const auto first = HoldIdentity(state_);
    ASSERT_TRUE(first.ok()) << first.status();
    EXPECT_EQ(SomebodyHolds(state_), true);
    const absl::Status second = HoldIdentity(state_).status();
    EXPECT_EQ(second.message(),
              state_ + ": another uplink runs here: stop it first");
  }
  EXPECT_EQ(SomebodyHolds(state_), false);
  EXPECT_TRUE(HoldIdentity(state_).ok()) << "nothing is left behind";
  EXPECT_EQ(SomebodyHolds(state_ + "/none"), std::nullopt);
}

// "connected" of one that was killed would be believed for ever.
TEST_F(AloneTest, OneThatDoesNotRunIsNotConnected) {
  UplinkStatus status;
  status.connected = true;
  ASSERT_TRUE(WriteStatus(state_, status).ok());
  const auto read = [&](bool runs) {
    return nlohmann::json::parse(
        ReadStatus(state_, state_ + "/spool", runs).value());
  };
  EXPECT_EQ(read(true)["connected"], true);
  EXPECT_EQ(read(true)["problem"], "");
  EXPECT_EQ(read(false)["connected"], false);
  EXPECT_EQ(read(false)["problem"],
            "schoolgate-uplink does not run here: start it");
  status.problem = "the network is away";
  ASSERT_TRUE(WriteStatus(state_, status).ok());
  EXPECT_EQ(read(false)["problem"],
            "schoolgate-uplink does not run here: start it; it said last: the "
            "network is away");
}

}  // namespace
}  // namespace schoolgate::agent
