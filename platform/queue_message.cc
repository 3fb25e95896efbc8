#include "platform/queue_message.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_queue.h>

#include <cstring>

#include "platform/netlink_bytes.h"

namespace schoolgate::platform {
namespace {

using Bytes = std::span<const uint8_t>;

template <typename T>
Bytes AsBytes(const T& value) {
  return {reinterpret_cast<const uint8_t*>(&value), sizeof(value)};
}

HeldAt AtHook(uint8_t hook) {
  if (hook == NF_INET_LOCAL_IN) return HeldAt::kInput;
  return hook == NF_INET_FORWARD ? HeldAt::kForward : HeldAt::kOutput;
}

// True for the attribute that names the packet.
bool ReadAttribute(uint16_t type, Bytes payload, HeldByKernel* held) {
  if (type == NFQA_PACKET_HDR) {
    const auto header = LoadFrom<nfqnl_msg_packet_hdr>(payload);
    if (!header) return false;
    held->id = ntohl(header->packet_id);
    held->at = AtHook(header->hook);
    return true;
  }
  if (type == NFQA_PAYLOAD) held->bytes = payload;
  const auto number = LoadFrom<uint32_t>(payload);
  if (!number) return false;
  if (type == NFQA_UID) held->uid = ntohl(*number);
  if (type == NFQA_MARK) held->mark = ntohl(*number);
  if (type == NFQA_IFINDEX_PHYSOUTDEV) held->bridged_to = ntohl(*number);
  if (type == NFQA_SKB_INFO) {
    held->segmented = (ntohl(*number) & NFQA_SKB_GSO) != 0;
  }
  return false;
}

}  // namespace

bool ReadHeldMessage(Bytes bytes, HeldByKernel* held) {
  *held = HeldByKernel{};
  const auto attributes =
      AttributesOf(bytes, NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET);
  if (!attributes) return false;
  bool found = false;
  ForEachAttribute(*attributes, [&](uint16_t type, Bytes payload) {
    found |= ReadAttribute(type, payload, held);
  });
  return found;
}

void VerdictMessages::Accept(uint32_t id, uint32_t mark, Bytes instead) {
  Begin(id, NF_ACCEPT);
  const uint32_t wire = htonl(mark);
  Attribute(NFQA_MARK, AsBytes(wire));
  if (!instead.empty()) Attribute(NFQA_PAYLOAD, instead);
  End();
}

void VerdictMessages::Drop(uint32_t id) {
  Begin(id, NF_DROP);
  End();
}

void VerdictMessages::Begin(uint32_t id, uint32_t verdict) {
  began_ = bytes_.size();
  const nlmsghdr head{.nlmsg_len = 0,  // see End
                      .nlmsg_type = NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_VERDICT,
                      .nlmsg_flags = NLM_F_REQUEST,
                      .nlmsg_seq = 0,
                      .nlmsg_pid = 0};
  const nfgenmsg family{.nfgen_family = AF_UNSPEC,
                        .version = NFNETLINK_V0,
                        .res_id = htons(queue_)};
  for (const Bytes part : {AsBytes(head), AsBytes(family)}) {
    bytes_.insert(bytes_.end(), part.begin(), part.end());
  }
  const nfqnl_msg_verdict_hdr body{.verdict = htonl(verdict), .id = htonl(id)};
  Attribute(NFQA_VERDICT_HDR, AsBytes(body));
}

void VerdictMessages::Attribute(uint16_t type, Bytes payload) {
  const nlattr head{
      .nla_len = static_cast<uint16_t>(NLA_HDRLEN + payload.size()),
      .nla_type = type};
  const Bytes wire = AsBytes(head);
  bytes_.insert(bytes_.end(), wire.begin(), wire.end());
  bytes_.insert(bytes_.end(), payload.begin(), payload.end());
  bytes_.resize(NLA_ALIGN(bytes_.size()));
}

void VerdictMessages::End() {
  const auto size = static_cast<uint32_t>(bytes_.size() - began_);
  std::memcpy(&bytes_[began_], &size, sizeof(size));
}

}  // namespace schoolgate::platform
