// One rule of the log table, written as a sentence:
//   LogRule(table, "first").Udp().ToPort(53).Copy(group)
#pragma once

#include <cstdint>
#include <string>

struct nftnl_rule;

namespace schoolgate::platform {

// Of a connection, as conntrack sees it.
enum class Way : uint8_t { kAsked = 0, kAnswered = 1 };

// A resource: owns the library's rule.
class LogRule {
 public:
  LogRule(const std::string& table, const std::string& chain);
  ~LogRule();
  LogRule(const LogRule&) = delete;

  // Matches.
  LogRule& Tcp();
  LogRule& Udp();
  LogRule& FromPort(uint16_t port);
  LogRule& ToPort(uint16_t port);
  LogRule& NotFromPort(uint16_t port);
  LogRule& NotToPort(uint16_t port);
  LogRule& TcpEnds();  // FIN or RST
  LogRule& TcpGoesOn();
  LogRule& FromLoopback();
  LogRule& Going(Way way);
  // Packets counted so far that way, this one included. A connection that is
  // older than the counting has none and never matches.
  LogRule& Packets(Way way, uint64_t from, uint64_t to);
  LogRule& EveryNth(Way way, uint16_t n);  // a power of two
  LogRule& BetweenNths(Way way, uint16_t n);

  // Ends. One a rule.
  LogRule& Copy(uint16_t group);  // and done
  LogRule& CopyHead(uint16_t group, uint16_t stands_for, uint32_t bytes);
  LogRule& Done();
  LogRule& Jump(const std::string& chain);
  LogRule& Goto(const std::string& chain);

  nftnl_rule* get() const { return rule_; }

 private:
  nftnl_rule* rule_;
};

}  // namespace schoolgate::platform
