// One rule of the kernel's packet filter, written as a sentence:
//   Rule("schoolgate", "out").Udp().Port(53).Queue(...)
#pragma once

#include <cstdint>
#include <string>

struct nftnl_rule;

namespace schoolgate::agent {

// How this kernel wants packets sent to a queue.
enum class QueueAction : uint8_t {
  kNative,  // nf_tables' own "queue" expression
  kCompat,  // xtables' NFQUEUE target inside nf_tables
};

struct QueueTo {
  QueueAction action = QueueAction::kNative;
  uint16_t number = 0;
  bool bypass = false;
};

// A resource: owns the library's rule until Release.
class Rule {
 public:
  Rule(const std::string& table, const std::string& chain);
  ~Rule();
  Rule(Rule&& other) noexcept;
  Rule(const Rule&) = delete;

  // Matches.
  Rule& Protocol(uint8_t number);
  Rule& Family(uint8_t nfproto);
  Rule& Port(uint16_t destination);
  Rule& SourcePort(uint16_t source);
  Rule& NotSourcePort(uint16_t source);
  Rule& TransportBits(uint32_t offset, uint8_t mask, uint8_t value);
  Rule& TransportWord(uint32_t offset, uint32_t mask, uint32_t value);
  Rule& NetworkLength(uint32_t offset, uint16_t value);
  Rule& DatagramOf(uint16_t least_bytes);  // UDP, with its header
  Rule& OutLoopback();
  Rule& NotOutLoopback();
  Rule& ToThisMachine();  // to an address of its own
  Rule& ConnectionMark(uint32_t mask, uint32_t value);
  Rule& AnyConnectionMark(uint32_t mask);
  Rule& PacketMark(uint32_t mask, uint32_t value);
  Rule& AnyPacketMark(uint32_t mask);
  Rule& NewConnection();  // nothing came back yet
  Rule& ReplyDirection();

  // Changes.
  Rule& SetConnectionMark(uint32_t keep, uint32_t add);
  Rule& CopyMarkToConnection(uint32_t bits);
  Rule& SetPacketMark(uint32_t bits);
  Rule& ClearPacketMark(uint32_t bits);
  Rule& ClearUrgent();  // TCP: no byte is out of band
  Rule& Count();

  // Ends. One a rule.
  Rule& Accept();
  Rule& Goto(const std::string& chain);
  Rule& Drop();
  Rule& RejectReset();
  Rule& RejectUnreachable();
  Rule& Queue(const QueueTo& to);

  const nftnl_rule* get() const { return rule_; }

 private:
  nftnl_rule* rule_;
};

}  // namespace schoolgate::agent
