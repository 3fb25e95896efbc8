#include "agent/uplink/identity_folder.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace schoolgate::agent {
namespace {

// With a new one in its place the device would seem well, and nothing that it
// tells could be read.
TEST(IdentityFolderTest, WithoutItsSigningKeyTheEnrolmentIsNotWhole) {
  std::string path = testing::TempDir() + "identity.XXXXXX";
  ASSERT_NE(mkdtemp(path.data()), nullptr);
  const auto folder = IdentityFolder::Open(path);
  ASSERT_TRUE(folder.ok()) << folder.status();
  std::ofstream(path + "/authority.pem") << "a certificate";
  std::ofstream(path + "/enrolment.json")
      << R"({"device": "D-4KQ7X2M9", "school": "oak",)"
      << R"( "collector": "c.oak.example:4780"})";
  EXPECT_EQ(folder->LoadEnrolled().status().message(),
            path +
                "/signing.key: missing: restore it, or enrol anew with "
                "`schoolgate-uplink enrol --anew`");
  EXPECT_FALSE(std::filesystem::exists(path + "/signing.key"));
  ASSERT_TRUE(folder->SigningKey().ok()) << "enrolment makes it";
  EXPECT_TRUE(folder->LoadEnrolled().ok());
  std::filesystem::remove_all(path);
}

}  // namespace
}  // namespace schoolgate::agent
