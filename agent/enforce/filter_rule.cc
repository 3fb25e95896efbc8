#include "agent/enforce/filter_rule.h"

#include <arpa/inet.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>

#include <cstdlib>
#include <cstring>
#include <utility>

#include "platform/check.h"

namespace schoolgate::agent {
namespace {

// struct xt_NFQ_info_v3 of the kernel's ABI.
struct NfqueueTarget {
  uint16_t number;
  uint16_t total;
  uint16_t flags;
  uint16_t padding;
};
constexpr uint16_t kNfqueueBypass = 1;

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

void StoreMark(nftnl_rule* rule) {
  nftnl_expr* meta = Add(rule, "meta");
  nftnl_expr_set_u32(meta, NFTNL_EXPR_META_KEY, NFT_META_MARK);
  nftnl_expr_set_u32(meta, NFTNL_EXPR_META_SREG, NFT_REG_1);
}

void LoadConnection(nftnl_rule* rule, uint32_t key) {
  nftnl_expr* ct = Add(rule, "ct");
  nftnl_expr_set_u32(ct, NFTNL_EXPR_CT_KEY, key);
  nftnl_expr_set_u32(ct, NFTNL_EXPR_CT_DREG, NFT_REG_1);
}

void LoadConnectionMark(nftnl_rule* rule) { LoadConnection(rule, NFT_CT_MARK); }

void StoreConnectionMark(nftnl_rule* rule) {
  nftnl_expr* ct = Add(rule, "ct");
  nftnl_expr_set_u32(ct, NFTNL_EXPR_CT_KEY, NFT_CT_MARK);
  nftnl_expr_set_u32(ct, NFTNL_EXPR_CT_SREG, NFT_REG_1);
}

void LoadPayload(nftnl_rule* rule, uint32_t base, uint32_t offset,
                 uint32_t bytes) {
  nftnl_expr* payload = Add(rule, "payload");
  nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_BASE, base);
  nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
  nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_LEN, bytes);
  nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1);
}

// register = (register & mask) ^ flip
template <typename Word>
void Bits(nftnl_rule* rule, Word mask, Word flip) {
  nftnl_expr* bitwise = Add(rule, "bitwise");
  nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
  nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
  nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_LEN, sizeof(Word));
  nftnl_expr_set_data(bitwise, NFTNL_EXPR_BITWISE_MASK, &mask, sizeof(Word));
  nftnl_expr_set_data(bitwise, NFTNL_EXPR_BITWISE_XOR, &flip, sizeof(Word));
}

void Compare(nftnl_rule* rule, uint32_t how, const void* value, size_t bytes) {
  nftnl_expr* compare = Add(rule, "cmp");
  nftnl_expr_set_u32(compare, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
  nftnl_expr_set_u32(compare, NFTNL_EXPR_CMP_OP, how);
  nftnl_expr_set_data(compare, NFTNL_EXPR_CMP_DATA, value,
                      static_cast<uint32_t>(bytes));
}

void Verdict(nftnl_rule* rule, uint32_t verdict, const char* chain) {
  nftnl_expr* immediate = Add(rule, "immediate");
  nftnl_expr_set_u32(immediate, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
  nftnl_expr_set_u32(immediate, NFTNL_EXPR_IMM_VERDICT, verdict);
  if (chain != nullptr) {
    nftnl_expr_set_str(immediate, NFTNL_EXPR_IMM_CHAIN, chain);
  }
}

}  // namespace

Rule::Rule(const std::string& table, const std::string& chain)
    : rule_(nftnl_rule_alloc()) {
  SG_CHECK(rule_ != nullptr);
  nftnl_rule_set_str(rule_, NFTNL_RULE_TABLE, table.c_str());
  nftnl_rule_set_str(rule_, NFTNL_RULE_CHAIN, chain.c_str());
  nftnl_rule_set_u32(rule_, NFTNL_RULE_FAMILY, NFPROTO_INET);
}

Rule::~Rule() {
  if (rule_ != nullptr) nftnl_rule_free(rule_);
}

Rule::Rule(Rule&& other) noexcept
    : rule_(std::exchange(other.rule_, nullptr)) {}

Rule& Rule::Protocol(uint8_t number) {
  LoadMeta(rule_, NFT_META_L4PROTO);
  Compare(rule_, NFT_CMP_EQ, &number, sizeof(number));
  return *this;
}

Rule& Rule::Family(uint8_t nfproto) {
  LoadMeta(rule_, NFT_META_NFPROTO);
  Compare(rule_, NFT_CMP_EQ, &nfproto, sizeof(nfproto));
  return *this;
}

Rule& Rule::Port(uint16_t destination) {
  const uint16_t wire = htons(destination);
  LoadPayload(rule_, NFT_PAYLOAD_TRANSPORT_HEADER, 2, sizeof(wire));
  Compare(rule_, NFT_CMP_EQ, &wire, sizeof(wire));
  return *this;
}

Rule& Rule::SourcePort(uint16_t source) {
  const uint16_t wire = htons(source);
  LoadPayload(rule_, NFT_PAYLOAD_TRANSPORT_HEADER, 0, sizeof(wire));
  Compare(rule_, NFT_CMP_EQ, &wire, sizeof(wire));
  return *this;
}

Rule& Rule::NotSourcePort(uint16_t source) {
  const uint16_t wire = htons(source);
  LoadPayload(rule_, NFT_PAYLOAD_TRANSPORT_HEADER, 0, sizeof(wire));
  Compare(rule_, NFT_CMP_NEQ, &wire, sizeof(wire));
  return *this;
}

Rule& Rule::TransportBits(uint32_t offset, uint8_t mask, uint8_t value) {
  LoadPayload(rule_, NFT_PAYLOAD_TRANSPORT_HEADER, offset, 1);
  Bits<uint8_t>(rule_, mask, 0);
  Compare(rule_, NFT_CMP_EQ, &value, sizeof(value));
  return *this;
}

Rule& Rule::TransportWord(uint32_t offset, uint32_t mask, uint32_t value) {
  const uint32_t wire = htonl(value);
  LoadPayload(rule_, NFT_PAYLOAD_TRANSPORT_HEADER, offset, sizeof(wire));
  if (mask != ~0u) Bits<uint32_t>(rule_, htonl(mask), 0);
  Compare(rule_, NFT_CMP_EQ, &wire, sizeof(wire));
  return *this;
}

Rule& Rule::NetworkLength(uint32_t offset, uint16_t value) {
  const uint16_t wire = htons(value);
  LoadPayload(rule_, NFT_PAYLOAD_NETWORK_HEADER, offset, sizeof(wire));
  Compare(rule_, NFT_CMP_EQ, &wire, sizeof(wire));
  return *this;
}

Rule& Rule::DatagramOf(uint16_t least_bytes) {
  constexpr uint32_t kLengthOffset = 4;
  const uint16_t wire = htons(least_bytes);
  Protocol(IPPROTO_UDP);
  LoadPayload(rule_, NFT_PAYLOAD_TRANSPORT_HEADER, kLengthOffset, sizeof(wire));
  Compare(rule_, NFT_CMP_GTE, &wire, sizeof(wire));
  return *this;
}

Rule& Rule::OutLoopback() {
  LoadMeta(rule_, NFT_META_OIFNAME);
  Compare(rule_, NFT_CMP_EQ, "lo", sizeof("lo"));
  return *this;
}

Rule& Rule::NotOutLoopback() {
  LoadMeta(rule_, NFT_META_OIFNAME);
  Compare(rule_, NFT_CMP_NEQ, "lo", sizeof("lo"));
  return *this;
}

Rule& Rule::ToThisMachine() {
  const uint32_t local = RTN_LOCAL;
  nftnl_expr* fib = Add(rule_, "fib");
  nftnl_expr_set_u32(fib, NFTNL_EXPR_FIB_DREG, NFT_REG_1);
  nftnl_expr_set_u32(fib, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
  nftnl_expr_set_u32(fib, NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_DADDR);
  Compare(rule_, NFT_CMP_EQ, &local, sizeof(local));
  return *this;
}

Rule& Rule::ConnectionMark(uint32_t mask, uint32_t value) {
  LoadConnectionMark(rule_);
  Bits<uint32_t>(rule_, mask, 0);
  Compare(rule_, NFT_CMP_EQ, &value, sizeof(value));
  return *this;
}

Rule& Rule::AnyConnectionMark(uint32_t mask) {
  const uint32_t none = 0;
  LoadConnectionMark(rule_);
  Bits<uint32_t>(rule_, mask, 0);
  Compare(rule_, NFT_CMP_NEQ, &none, sizeof(none));
  return *this;
}

Rule& Rule::PacketMark(uint32_t mask, uint32_t value) {
  LoadMeta(rule_, NFT_META_MARK);
  Bits<uint32_t>(rule_, mask, 0);
  Compare(rule_, NFT_CMP_EQ, &value, sizeof(value));
  return *this;
}

Rule& Rule::NewConnection() {
  constexpr uint32_t kNew = 1 << 3;  // NF_CT_STATE_BIT(IP_CT_NEW)
  const uint32_t none = 0;
  LoadConnection(rule_, NFT_CT_STATE);
  Bits<uint32_t>(rule_, kNew, 0);
  Compare(rule_, NFT_CMP_NEQ, &none, sizeof(none));
  return *this;
}

Rule& Rule::ReplyDirection() {
  const uint8_t reply = 1;  // IP_CT_DIR_REPLY
  LoadConnection(rule_, NFT_CT_DIRECTION);
  Compare(rule_, NFT_CMP_EQ, &reply, sizeof(reply));
  return *this;
}

Rule& Rule::AnyPacketMark(uint32_t mask) {
  const uint32_t none = 0;
  LoadMeta(rule_, NFT_META_MARK);
  Bits<uint32_t>(rule_, mask, 0);
  Compare(rule_, NFT_CMP_NEQ, &none, sizeof(none));
  return *this;
}

Rule& Rule::SetConnectionMark(uint32_t keep, uint32_t add) {
  LoadConnectionMark(rule_);
  Bits<uint32_t>(rule_, keep & ~add, add);
  StoreConnectionMark(rule_);
  return *this;
}

Rule& Rule::CopyMarkToConnection(uint32_t bits) {
  return SetConnectionMark(~0u, bits);
}

Rule& Rule::SetPacketMark(uint32_t bits) {
  LoadMeta(rule_, NFT_META_MARK);
  Bits<uint32_t>(rule_, ~bits, bits);
  StoreMark(rule_);
  return *this;
}

Rule& Rule::ClearPacketMark(uint32_t bits) {
  LoadMeta(rule_, NFT_META_MARK);
  Bits<uint32_t>(rule_, ~bits, 0);
  StoreMark(rule_);
  return *this;
}

Rule& Rule::ClearUrgent() {
  constexpr uint32_t kFlags = 12;  // with the header's length in front
  constexpr uint16_t kAllButUrgent = 0xffdf;
  constexpr uint32_t kChecksum = 16;
  LoadPayload(rule_, NFT_PAYLOAD_TRANSPORT_HEADER, kFlags, sizeof(uint16_t));
  Bits<uint16_t>(rule_, htons(kAllButUrgent), 0);
  nftnl_expr* payload = Add(rule_, "payload");
  nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_SREG, NFT_REG_1);
  nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_BASE,
                     NFT_PAYLOAD_TRANSPORT_HEADER);
  nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_OFFSET, kFlags);
  nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_LEN, sizeof(uint16_t));
  nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_CSUM_TYPE,
                     NFT_PAYLOAD_CSUM_INET);
  nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_CSUM_OFFSET, kChecksum);
  return *this;
}

Rule& Rule::Count() {
  Add(rule_, "counter");
  return *this;
}

Rule& Rule::Accept() {
  Verdict(rule_, NF_ACCEPT, nullptr);
  return *this;
}

Rule& Rule::Goto(const std::string& chain) {
  Verdict(rule_, static_cast<uint32_t>(NFT_GOTO), chain.c_str());
  return *this;
}

Rule& Rule::Drop() {
  Verdict(rule_, NF_DROP, nullptr);
  return *this;
}

Rule& Rule::RejectReset() {
  nftnl_expr* reject = Add(rule_, "reject");
  nftnl_expr_set_u32(reject, NFTNL_EXPR_REJECT_TYPE, NFT_REJECT_TCP_RST);
  return *this;
}

Rule& Rule::RejectUnreachable() {
  nftnl_expr* reject = Add(rule_, "reject");
  nftnl_expr_set_u32(reject, NFTNL_EXPR_REJECT_TYPE, NFT_REJECT_ICMPX_UNREACH);
  nftnl_expr_set_u8(reject, NFTNL_EXPR_REJECT_CODE,
                    NFT_REJECT_ICMPX_PORT_UNREACH);
  return *this;
}

Rule& Rule::Queue(const QueueTo& to) {
  if (to.action == QueueAction::kNative) {
    nftnl_expr* queue = Add(rule_, "queue");
    nftnl_expr_set_u16(queue, NFTNL_EXPR_QUEUE_NUM, to.number);
    nftnl_expr_set_u16(queue, NFTNL_EXPR_QUEUE_TOTAL, 1);
    if (to.bypass) {
      nftnl_expr_set_u16(queue, NFTNL_EXPR_QUEUE_FLAGS, NFT_QUEUE_FLAG_BYPASS);
    }
    return *this;
  }
  nftnl_expr* target = Add(rule_, "target");
  nftnl_expr_set_str(target, NFTNL_EXPR_TG_NAME, "NFQUEUE");
  nftnl_expr_set_u32(target, NFTNL_EXPR_TG_REV, 3);
  // The library frees what it is given.
  auto* info =
      static_cast<NfqueueTarget*>(std::calloc(1, sizeof(NfqueueTarget)));
  SG_CHECK(info != nullptr);
  info->number = to.number;
  info->total = 1;
  info->flags = to.bypass ? kNfqueueBypass : 0;
  nftnl_expr_set(target, NFTNL_EXPR_TG_INFO, info, sizeof(*info));
  return *this;
}

}  // namespace schoolgate::agent
