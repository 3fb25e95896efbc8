#include "platform/log_rule.h"

#include <arpa/inet.h>
#include <endian.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <netinet/in.h>

#include <bit>

#include "absl/strings/str_cat.h"
#include "platform/check.h"

namespace schoolgate::platform {
namespace {

constexpr uint32_t kSourcePort = 0;  // offsets in TCP and UDP headers
constexpr uint32_t kDestinationPort = 2;
constexpr uint32_t kTcpFlags = 13;
constexpr uint8_t kFinOrRst = 0x05;
constexpr uint64_t kNoLimit = UINT64_MAX;

nftnl_expr* Add(nftnl_rule* rule, const char* kind) {
  nftnl_expr* expression = nftnl_expr_alloc(kind);
  SG_CHECK(expression != nullptr);
  nftnl_rule_add_expr(rule, expression);
  return expression;
}

void LoadMeta(nftnl_rule* rule, uint32_t key) {
  nftnl_expr* meta = Add(rule, "meta");
  nftnl_expr_set_u32(meta, NFTNL_EXPR_META_KEY, key);
  nftnl_expr_set_u32(meta, NFTNL_EXPR_META_DREG, NFT_REG_1);
}

void LoadTransport(nftnl_rule* rule, uint32_t offset, uint32_t bytes) {
  nftnl_expr* payload = Add(rule, "payload");
  nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_BASE,
                     NFT_PAYLOAD_TRANSPORT_HEADER);
  nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
  nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_LEN, bytes);
  nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1);
}

void LoadPackets(nftnl_rule* rule, Way way) {
  nftnl_expr* ct = Add(rule, "ct");
  nftnl_expr_set_u32(ct, NFTNL_EXPR_CT_KEY, NFT_CT_PKTS);
  nftnl_expr_set_u8(ct, NFTNL_EXPR_CT_DIR, static_cast<uint8_t>(way));
  nftnl_expr_set_u32(ct, NFTNL_EXPR_CT_DREG, NFT_REG_1);
}

template <typename Word>
void Mask(nftnl_rule* rule, Word mask) {
  const Word flip = 0;
  nftnl_expr* bitwise = Add(rule, "bitwise");
  nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
  nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
  nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_LEN, sizeof(Word));
  nftnl_expr_set_data(bitwise, NFTNL_EXPR_BITWISE_MASK, &mask, sizeof(Word));
  nftnl_expr_set_data(bitwise, NFTNL_EXPR_BITWISE_XOR, &flip, sizeof(Word));
}

void Compare(nftnl_rule* rule, uint32_t how, const void* value,
             uint32_t bytes) {
  nftnl_expr* compare = Add(rule, "cmp");
  nftnl_expr_set_u32(compare, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
  nftnl_expr_set_u32(compare, NFTNL_EXPR_CMP_OP, how);
  nftnl_expr_set_data(compare, NFTNL_EXPR_CMP_DATA, value, bytes);
}

void Verdict(nftnl_rule* rule, int verdict, const char* chain) {
  nftnl_expr* immediate = Add(rule, "immediate");
  nftnl_expr_set_u32(immediate, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
  nftnl_expr_set_u32(immediate, NFTNL_EXPR_IMM_VERDICT,
                     static_cast<uint32_t>(verdict));
  if (chain != nullptr) {
    nftnl_expr_set_str(immediate, NFTNL_EXPR_IMM_CHAIN, chain);
  }
}

void Protocol(nftnl_rule* rule, uint8_t number) {
  LoadMeta(rule, NFT_META_L4PROTO);
  Compare(rule, NFT_CMP_EQ, &number, sizeof(number));
}

void Port(nftnl_rule* rule, uint32_t offset, uint32_t how, uint16_t port) {
  const uint16_t wire = htons(port);
  LoadTransport(rule, offset, sizeof(wire));
  Compare(rule, how, &wire, sizeof(wire));
}

void Ends(nftnl_rule* rule, uint32_t how) {
  const uint8_t none = 0;
  LoadTransport(rule, kTcpFlags, 1);
  Mask<uint8_t>(rule, kFinOrRst);
  Compare(rule, how, &none, sizeof(none));
}

void Nth(nftnl_rule* rule, Way way, uint32_t how, uint16_t n) {
  SG_CHECK(std::has_single_bit(n));
  const uint64_t none = 0;
  LoadPackets(rule, way);
  Mask<uint64_t>(rule, uint64_t{n} - 1);
  Compare(rule, how, &none, sizeof(none));
}

}  // namespace

LogRule::LogRule(const std::string& table, const std::string& chain)
    : rule_(nftnl_rule_alloc()) {
  SG_CHECK(rule_ != nullptr);
  nftnl_rule_set_str(rule_, NFTNL_RULE_TABLE, table.c_str());
  nftnl_rule_set_str(rule_, NFTNL_RULE_CHAIN, chain.c_str());
  nftnl_rule_set_u32(rule_, NFTNL_RULE_FAMILY, NFPROTO_INET);
}

LogRule::~LogRule() { nftnl_rule_free(rule_); }

LogRule& LogRule::Tcp() {
  Protocol(rule_, IPPROTO_TCP);
  return *this;
}

LogRule& LogRule::Udp() {
  Protocol(rule_, IPPROTO_UDP);
  return *this;
}

LogRule& LogRule::FromPort(uint16_t port) {
  Port(rule_, kSourcePort, NFT_CMP_EQ, port);
  return *this;
}

LogRule& LogRule::NotFromPort(uint16_t port) {
  Port(rule_, kSourcePort, NFT_CMP_NEQ, port);
  return *this;
}

LogRule& LogRule::NotToPort(uint16_t port) {
  Port(rule_, kDestinationPort, NFT_CMP_NEQ, port);
  return *this;
}

LogRule& LogRule::ToPort(uint16_t port) {
  Port(rule_, kDestinationPort, NFT_CMP_EQ, port);
  return *this;
}

LogRule& LogRule::TcpEnds() {
  Ends(rule_, NFT_CMP_NEQ);
  return *this;
}

LogRule& LogRule::TcpGoesOn() {
  Ends(rule_, NFT_CMP_EQ);
  return *this;
}

LogRule& LogRule::FromLoopback() {
  LoadMeta(rule_, NFT_META_IIFNAME);
  Compare(rule_, NFT_CMP_EQ, "lo", sizeof("lo"));
  return *this;
}

LogRule& LogRule::Going(Way way) {
  const uint8_t number = static_cast<uint8_t>(way);
  nftnl_expr* ct = Add(rule_, "ct");
  nftnl_expr_set_u32(ct, NFTNL_EXPR_CT_KEY, NFT_CT_DIRECTION);
  nftnl_expr_set_u32(ct, NFTNL_EXPR_CT_DREG, NFT_REG_1);
  Compare(rule_, NFT_CMP_EQ, &number, sizeof(number));
  return *this;
}

LogRule& LogRule::Packets(Way way, uint64_t from, uint64_t to) {
  LoadPackets(rule_, way);
  // The kernel compares bytes in order: that is by size in network order.
  nftnl_expr* order = Add(rule_, "byteorder");
  nftnl_expr_set_u32(order, NFTNL_EXPR_BYTEORDER_SREG, NFT_REG_1);
  nftnl_expr_set_u32(order, NFTNL_EXPR_BYTEORDER_DREG, NFT_REG_1);
  nftnl_expr_set_u32(order, NFTNL_EXPR_BYTEORDER_OP, NFT_BYTEORDER_HTON);
  nftnl_expr_set_u32(order, NFTNL_EXPR_BYTEORDER_LEN, sizeof(uint64_t));
  nftnl_expr_set_u32(order, NFTNL_EXPR_BYTEORDER_SIZE, sizeof(uint64_t));
  const uint64_t low = htobe64(from);
  const uint64_t high = htobe64(to);
  Compare(rule_, NFT_CMP_GTE, &low, sizeof(low));
  if (to != kNoLimit) Compare(rule_, NFT_CMP_LTE, &high, sizeof(high));
  return *this;
}

LogRule& LogRule::EveryNth(Way way, uint16_t n) {
  Nth(rule_, way, NFT_CMP_EQ, n);
  return *this;
}

LogRule& LogRule::BetweenNths(Way way, uint16_t n) {
  Nth(rule_, way, NFT_CMP_NEQ, n);
  return *this;
}

LogRule& LogRule::Copy(uint16_t group) {
  nftnl_expr* log = Add(rule_, "log");
  nftnl_expr_set_u16(log, NFTNL_EXPR_LOG_GROUP, group);
  return Done();
}

LogRule& LogRule::CopyHead(uint16_t group, uint16_t stands_for,
                           uint32_t bytes) {
  nftnl_expr* log = Add(rule_, "log");
  nftnl_expr_set_u16(log, NFTNL_EXPR_LOG_GROUP, group);
  nftnl_expr_set_u32(log, NFTNL_EXPR_LOG_SNAPLEN, bytes);
  if (stands_for > 1) {
    nftnl_expr_set_str(log, NFTNL_EXPR_LOG_PREFIX,
                       absl::StrCat("x", stands_for).c_str());
  }
  return Done();
}

LogRule& LogRule::Done() {
  Verdict(rule_, NF_ACCEPT, nullptr);
  return *this;
}

LogRule& LogRule::Jump(const std::string& chain) {
  Verdict(rule_, NFT_JUMP, chain.c_str());
  return *this;
}

LogRule& LogRule::Goto(const std::string& chain) {
  Verdict(rule_, NFT_GOTO, chain.c_str());
  return *this;
}

}  // namespace schoolgate::platform
