// QUIC's first packets, really encrypted, and what a gate makes of them.
#pragma once

#include <string>
#include <vector>

#include "agent/enforce/scripted_gate_test.h"
#include "tests/recall/traffic.h"

namespace schoolgate::agent {

class QuicGateTest : public GateTest {
 public:
  static std::string BlockedHost() { return std::string("www.") + kBlocked; }

  static std::string TextOf(const traffic::Buffer& bytes) {
    return {bytes.begin(), bytes.end()};
  }

  // A datagram that carries part of a hello, from `offset` on.
  static std::string Part(const traffic::Buffer& hello, size_t offset,
                          size_t bytes,
                          const traffic::InitialOptions& options = {}) {
    return TextOf(traffic::Initial(
        options, traffic::CryptoFrame(
                     offset, traffic::Bytes(hello).subspan(offset, bytes))));
  }

  // As many as the hello needs.
  static std::vector<std::string> Initials(
      const traffic::HelloOptions& of, traffic::InitialOptions options = {}) {
    constexpr size_t kEach = 1100;
    const traffic::Buffer hello = traffic::ClientHello(of);
    std::vector<std::string> datagrams;
    for (size_t at = 0; at < hello.size(); at += kEach) {
      datagrams.push_back(
          Part(hello, at, std::min(kEach, hello.size() - at), options));
      ++options.number;
    }
    return datagrams;
  }

 protected:
  // Whether its sender is told at once that QUIC is of no use here: by a
  // Version Negotiation packet (RFC 8999, 6).
  bool IsRefused(const std::string& datagram) {
    const auto& verdict = VerdictOn(Datagram(40000, 443, datagram));
    const auto answer = ParseHeld(verdict.instead);
    return answer.has_value() && answer->source_port == 443 &&
           answer->payload.size() > 5 && answer->payload[1] == 0 &&
           answer->payload[4] == 0;
  }
};

}  // namespace schoolgate::agent
