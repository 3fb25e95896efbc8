#include "collector/cli/data_directory.h"

#include <gtest/gtest.h>

#include <fstream>

#include "collector/store/scratch_test.h"

namespace schoolgate::collector {
namespace {

class OidcKeys : public testing::Test {
 protected:
  absl::StatusOr<CollectorConfig> Load(const std::string& lines) {
    std::ofstream(directory_.Config())
        << "names: [localhost]\nschools: [{id: oak, name: Oak}]\n"
        << lines;
    return LoadConfig(directory_);
  }

  Scratch scratch_;
  const DataDirectory directory_{scratch_.path()};
};

TEST_F(OidcKeys, ComeBackAsTheyWereWritten) {
  const auto config = Load(
      "oidc:\n  issuer: https://idp.test/realms/oak\n  client_id: schoolgate\n"
      "  dashboard: https://sg.oak.test:4443\n  name: your Oak account\n"
      "  fresh_minutes: 0\n");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->oidc.issuer, "https://idp.test/realms/oak");
  EXPECT_EQ(config->oidc.fresh_minutes, 0);
  ASSERT_TRUE(SaveConfig(directory_, *config).ok());
  EXPECT_EQ(LoadConfig(directory_)->oidc, config->oidc);
  EXPECT_EQ(LoadOidcSecret(*config).value(), "");
  CollectorConfig other = *config;
  other.oidc.client_id = "another";
  EXPECT_EQ(KeysThatNeedARestart(*config, other),
            std::vector<std::string>{"oidc"});
}

TEST_F(OidcKeys, AMistakeIsNamedWithItsLine) {
  const auto why = [&](const std::string& lines) {
    return std::string(Load("oidc:\n" + lines).status().message());
  };
  const std::string good = "  client_id: a\n  dashboard: https://sg.oak.test\n";
  EXPECT_NE(why("  issuer: http://idp.test\n" + good).find(":4: oidc: issuer"),
            std::string::npos);
  EXPECT_NE(why("  issuer: https://idp.test\n").find("oidc: client_id"),
            std::string::npos);
  EXPECT_NE(why("  isuer: https://idp.test\n").find("unknown key \"isuer\""),
            std::string::npos);
  EXPECT_NE(
      why("  issuer: https://idp.test\n" + good + "  fresh_minutes: soon\n")
          .find("fresh_minutes"),
      std::string::npos);
}

TEST_F(OidcKeys, AnEmptySecretIsToldBeforeAnybodyLogsIn) {
  CollectorConfig config;
  config.oidc.client_secret_file = scratch_.File("secret");
  EXPECT_FALSE(LoadOidcSecret(config).ok());
  std::ofstream(scratch_.File("secret")) << "\n";
  EXPECT_FALSE(LoadOidcSecret(config).ok());
  std::ofstream(scratch_.File("secret")) << "s3cret: x\n";
  EXPECT_EQ(LoadOidcSecret(config).value(), "s3cret: x");
}

}  // namespace
}  // namespace schoolgate::collector
