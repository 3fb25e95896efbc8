#include "agent/uplink/config.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace schoolgate::agent {
namespace {

std::string FileOf(const std::string& text) {
  const std::string path =
      testing::TempDir() + "/uplink_config." + std::to_string(getpid());
  std::ofstream(path) << text;
  return path;
}

std::string ConfigComplaint(const std::string& text) {
  return std::string(LoadUplinkConfig(FileOf(text)).status().message());
}

std::string EnrolmentComplaint(const std::string& text) {
  return std::string(LoadEnrolmentFile(FileOf(text)).status().message());
}

// A mistyped --config must not make a device report as by default.
TEST(UplinkConfig, AFileThatWasNamedMustBeThere) {
  const absl::Status status =
      LoadUplinkConfig("/nonexistent/agent.yaml").status();
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_EQ(status.message(),
            "/nonexistent/agent.yaml: no such file: write one, or name it "
            "with --config");
}

TEST(UplinkConfig, NoneNamedOrAnEmptyFileGivesTheDefaults) {
  if (std::filesystem::exists(kDefaultUplinkConfig)) {
    GTEST_SKIP() << "this machine has one: " << kDefaultUplinkConfig;
  }
  for (const std::string& path : {std::string(), FileOf("")}) {
    auto config = LoadUplinkConfig(path);
    ASSERT_TRUE(config.ok()) << config.status();
    EXPECT_EQ(config->state_directory, "/var/lib/schoolgate");
    EXPECT_EQ(config->spool_directory, "/var/lib/schoolgate/spool");
    EXPECT_EQ(config->megabytes_a_day, 0u);
  }
}

TEST(UplinkConfig, ReadsItsKeysBesideTheAgents) {
  auto config = LoadUplinkConfig(
      FileOf("mode: shadow\nstate_directory: /srv/gate\nenrolment_file:\n"
             "people: [{uid: 1000}]\nuplink:\n  megabytes_a_day: 50\n"));
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->state_directory, "/srv/gate");
  EXPECT_EQ(config->spool_directory, "/srv/gate/spool");
  EXPECT_EQ(config->enrolment_file, "/etc/schoolgate/enrolment.yaml");
  EXPECT_EQ(config->megabytes_a_day, 50u);
}

TEST(UplinkConfig, AComplaintHasFileLineAndManual) {
  const std::string file = FileOf("");
  const std::string manual = ": \"man agent.yaml\" lists the keys";
  EXPECT_EQ(ConfigComplaint("mode: policy\nuplink: {megabytes: 5}\n"),
            file + ":2: unknown key \"megabytes\"" + manual);
  EXPECT_EQ(ConfigComplaint("uplink:\n  megabytes_a_day: 1000001\n"),
            file + ":2: megabytes_a_day: expected a number from 1 to 1000000" +
                manual);
  EXPECT_EQ(ConfigComplaint("uplink:\n  megabytes_a_day: 0\n"),
            file + ":2: megabytes_a_day: expected a number from 1 to 1000000" +
                manual);
  EXPECT_EQ(ConfigComplaint("uplink: 5\n"),
            file + ":1: expected lines of `key: value`" + manual);
  EXPECT_EQ(ConfigComplaint("spool_directory: [a]\n"),
            file + ":1: expected a word" + manual);
}

TEST(EnrolmentFile, OneThatIsNotThereSaysWhereItComesFrom) {
  const absl::Status status =
      LoadEnrolmentFile("/nonexistent/enrolment.yaml").status();
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_EQ(status.message(),
            "/nonexistent/enrolment.yaml: no such file: put the one there "
            "that `schoolgate-collector enrol-token` wrote");
}

// As an address it would be asked for again and again, in vain.
TEST(EnrolmentFile, AWebAddressIsNoCollector) {
  EXPECT_EQ(EnrolmentComplaint("collector: https://c.oak.example:4780\n"),
            FileOf("") +
                ": collector: missing or not host:port: take the file that "
                "`schoolgate-collector enrol-token` wrote");
}

TEST(EnrolmentFile, JsonIsReadAndKeysToComeAreIgnored) {
  auto file = LoadEnrolmentFile(
      FileOf("{\"collector\": \"gate.school:8443\", \"authority_fingerprint\": "
             "\"AB:" +
             std::string(62, '0') + "\", \"token\": null, \"later\": [1]}"));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->collector, "gate.school:8443");
  EXPECT_EQ(file->authority_fingerprint, "ab" + std::string(62, '0'));
  EXPECT_EQ(file->token, "");
}

TEST(EnrolmentFile, SaysWhatIsMissing) {
  EXPECT_EQ(EnrolmentComplaint("collector: gate.school\n"),
            FileOf("") +
                ": collector: missing or not host:port: take the file that "
                "`schoolgate-collector enrol-token` wrote");
  EXPECT_EQ(EnrolmentComplaint("collector: gate.school:8443\n"
                               "authority_fingerprint: abc\n"),
            FileOf("") +
                ": neither authority_pem nor a SHA-256 authority_fingerprint: "
                "without one the collector cannot be told from an impostor");
  EXPECT_EQ(EnrolmentComplaint("token: {a: b}\n"),
            FileOf("") +
                ":1: expected a word: \"man schoolgate-uplink\" lists the "
                "keys");
}

}  // namespace
}  // namespace schoolgate::agent
