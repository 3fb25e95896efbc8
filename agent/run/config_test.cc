#include "agent/run/config.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace schoolgate::agent {
namespace {

absl::StatusOr<AgentConfig> Load(const std::string& text) {
  const std::string path =
      testing::TempDir() + "/agent-" + std::to_string(getpid()) + ".yaml";
  std::ofstream(path) << text;
  auto config = LoadAgentConfig(path);
  unlink(path.c_str());
  return config;
}

TEST(AgentConfigTest, AnEmptyFileIsAllDefaults) {
  const auto config = Load("");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->spool_directory, "/var/lib/schoolgate/spool");
  EXPECT_EQ(config->interface, "auto");
}

TEST(AgentConfigTest, ReadsWhoIsWho) {
  const auto config = Load(
      "people:\n"
      "  - {uid: 30001, login: a.khan, group: pupils}\n"
      "unix_groups: {teachers: staff}\n"
      "shared_logins: [class5]\n"
      "place: offsite\n"
      "heartbeat: 5s\n");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->attribution.people.at(30001).login, "a.khan");
  EXPECT_EQ(config->attribution.unix_groups.at("teachers"), "staff");
  EXPECT_TRUE(config->attribution.shared_logins.contains("class5"));
  EXPECT_EQ(config->place, rules::Place::kOffsite);
  EXPECT_EQ(config->heartbeat, absl::Seconds(5));
}

// Otherwise a typing mistake would silently leave a laptop on defaults.
TEST(AgentConfigTest, AMistakeIsNamedWithItsLine) {
  for (const auto& [text, where] :
       std::vector<std::pair<std::string, std::string>>{
           {"interface: any\nplcae: onsite\n", ":2: unknown key"},
           {"place: home\n", ":1: place is"},
           {"heartbeat: soon\n", ":1: heartbeat is"},
           {"people: [{uid: 5}]\n", ":1: a person needs"},
           {"dpi: maybe\n", ":1: dpi is \"on\" or \"off\""},
           {"state_directory: \"\"\n", ":1: expected a word"},
           {"people: [\n", ":2: not YAML"},
           {"- a\n", ":1: expected lines of"}}) {
    const auto config = Load(text);
    ASSERT_FALSE(config.ok()) << text;
    EXPECT_NE(std::string(config.status().message()).find(where),
              std::string::npos)
        << config.status();
  }
}

// The uplink, which reads this file, too, takes as much.
TEST(AgentConfigTest, AFileWithoutEndIsRefused) {
  const std::string line = "place: onsite\n";
  const std::string comment = "#" + std::string(256 * 1024, ' ');
  const std::string most = line + comment.substr(0, 256 * 1024 - line.size());
  EXPECT_TRUE(Load(most).ok());
  EXPECT_EQ(Load(most + " ").status().code(), absl::StatusCode::kOutOfRange);
}

TEST(AgentConfigTest, AMissingFileSaysWhatToDo) {
  const auto config = LoadAgentConfig("/nonexistent/agent.yaml");
  EXPECT_EQ(config.status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace schoolgate::agent
