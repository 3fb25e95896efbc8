#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <string>

#include "agent/enforce/kernel_table.h"
#include "agent/enforce/scripted_gate_test.h"

namespace schoolgate::agent {
namespace {

// A client's first QUIC packet, made by the real program beside this one.
std::string QuicInitial(const std::string& name) {
  const std::string command =
      (std::filesystem::read_symlink("/proc/self/exe").parent_path() /
       "write_initial")
          .string() +
      " " + name + " evilevil";
  FILE* pipe = popen(command.c_str(), "r");
  std::string bytes;
  unsigned value = 0;
  while (pipe != nullptr && std::fscanf(pipe, "%2x", &value) == 1) {
    bytes.push_back(static_cast<char>(value));
  }
  if (pipe != nullptr) pclose(pipe);
  return bytes;
}

// Otherwise whoever opens many connections could say a refused hello again and
// be let through: what the gate judged is forgotten before the name is.
TEST_F(GateTest, ARefusedQuicHelloIsRefusedAgainAfterAFlood) {
  const std::string hello = QuicInitial(std::string("www.") + kBlocked);
  ASSERT_GT(hello.size(), 1000u);
  step_us_ = 100;
  const auto is_refused = [&] {
    const auto& verdict = VerdictOn(Datagram(40000, 443, hello));
    const auto answer = ParseHeld(verdict.instead);
    return answer.has_value() && answer->source_port == 443 &&
           answer->payload.size() > 5 && answer->payload[1] == 0 &&
           answer->payload[4] == 0;  // Version Negotiation
  };
  EXPECT_TRUE(is_refused());
  EXPECT_TRUE(is_refused());
  const uint64_t blocked = gate_.counters().blocked;
  // More flows than the gate remembers, fewer than the observer does.
  for (int flow = 0; flow < 3 << 14; ++flow) {
    const auto from = static_cast<uint16_t>(1024 + flow % 20'000);
    const auto to = static_cast<uint16_t>(10'000 + flow / 20'000);
    VerdictOn(Datagram(from, to, "nothing that anybody knows"));
  }
  EXPECT_TRUE(is_refused());
  EXPECT_EQ(gate_.counters().blocked, blocked + 1);
}

}  // namespace
}  // namespace schoolgate::agent
