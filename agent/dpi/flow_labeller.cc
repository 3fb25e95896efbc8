#include "agent/dpi/flow_labeller.h"

#include <ndpi/ndpi_api.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace schoolgate::agent {
namespace {

constexpr size_t kIpv4Bytes = 20;
constexpr size_t kIpv6Bytes = 40;
constexpr size_t kTcpBytes = 20;
constexpr size_t kUdpBytes = 8;

bool IsIpv4(const Address& address) {
  static constexpr std::array<uint8_t, 12> kMapped = {0, 0, 0, 0, 0,    0,
                                                      0, 0, 0, 0, 0xff, 0xff};
  return std::equal(kMapped.begin(), kMapped.end(), address.begin());
}

void Put16(uint16_t value, uint8_t* to) {
  to[0] = static_cast<uint8_t>(value >> 8);
  to[1] = static_cast<uint8_t>(value);
}

void Put32(uint32_t value, uint8_t* to) {
  Put16(static_cast<uint16_t>(value >> 16), to);
  Put16(static_cast<uint16_t>(value), to + 2);
}

void PutIp(const TapRecord& record, bool v4, size_t total, uint8_t* to) {
  if (v4) {
    to[0] = 0x45;
    Put16(static_cast<uint16_t>(total), to + 2);
    to[8] = 64;
    to[9] = record.protocol;
    std::memcpy(to + 12, record.src.data() + 12, 4);
    std::memcpy(to + 16, record.dst.data() + 12, 4);
    return;
  }
  to[0] = 0x60;
  Put16(static_cast<uint16_t>(total - kIpv6Bytes), to + 4);
  to[6] = record.protocol;
  to[7] = 64;
  std::memcpy(to + 8, record.src.data(), 16);
  std::memcpy(to + 24, record.dst.data(), 16);
}

void PutTransport(const TapRecord& record, size_t bytes, uint8_t* to) {
  Put16(record.src_port, to);
  Put16(record.dst_port, to + 2);
  if (record.protocol == kProtocolUdp) {
    Put16(static_cast<uint16_t>(bytes), to + 4);
    return;
  }
  Put32(record.tcp_seq, to + 4);
  Put32(record.tcp_ack, to + 8);
  to[12] = (kTcpBytes / 4) << 4;
  to[13] = record.tcp_flags;
  Put16(0xffff, to + 14);
}

bool IsKnown(const ndpi_protocol& found) {
  return found.app_protocol != NDPI_PROTOCOL_UNKNOWN ||
         found.master_protocol != NDPI_PROTOCOL_UNKNOWN;
}

// A port or an address alone says nothing about a flow.
bool IsSure(const ndpi_flow_struct& flow) {
  return flow.confidence == NDPI_CONFIDENCE_DPI ||
         flow.confidence == NDPI_CONFIDENCE_DPI_CACHE;
}

std::string Name(ndpi_detection_module_struct* module,
                 const ndpi_protocol& found) {
  char room[LabelRecord::kMostLabel + 1];
  ndpi_protocol2name(module, found, room, sizeof room);
  return room;
}

}  // namespace

void FlowLabeller::FreeFlow::operator()(ndpi_flow_struct* flow) const {
  ndpi_free_flow(flow);
}

void FlowLabeller::FreeModule::operator()(
    ndpi_detection_module_struct* module) const {
  ndpi_exit_detection_module(module);
}

std::unique_ptr<FlowLabeller> FlowLabeller::Make(Tell tell) {
  std::unique_ptr<FlowLabeller> labeller(new FlowLabeller(std::move(tell)));
  // Its list of Tor relays is years old: it would name innocent addresses.
  labeller->module_.reset(ndpi_init_detection_module(ndpi_dont_load_tor_hosts));
  ndpi_detection_module_struct* module = labeller->module_.get();
  if (module == nullptr) return nullptr;
  NDPI_PROTOCOL_BITMASK all;
  NDPI_BITMASK_SET_ALL(all);
  ndpi_set_protocol_detection_bitmask2(module, &all);
  ndpi_finalize_initialization(module);
  labeller->packet_.resize(kIpv6Bytes + kTcpBytes + kMostTapPayload);
  labeller->by_id_.reserve(kMostFlows);
  return labeller;
}

FlowLabeller::~FlowLabeller() = default;

FlowLabeller::Followed* FlowLabeller::Find(const TapRecord& record) {
  const auto known = by_id_.find(record.flow);
  if (known != by_id_.end()) return &*known->second;
  if (flows_.size() >= kMostFlows) {
    GiveUp(flows_.front(), GivenUp::kForAnother);
    by_id_.erase(flows_.front().id);
    flows_.pop_front();
  }
  Followed& fresh = flows_.emplace_back();
  fresh.id = record.flow;
  fresh.flow.reset(static_cast<ndpi_flow_struct*>(
      ndpi_flow_malloc(sizeof(ndpi_flow_struct))));
  if (fresh.flow != nullptr) {
    std::memset(fresh.flow.get(), 0, sizeof(ndpi_flow_struct));
  }
  by_id_.emplace(record.flow, std::prev(flows_.end()));
  return &fresh;
}

// The segment came out of whatever it travelled in; nDPI wants an IP packet.
size_t FlowLabeller::Compose(const TapRecord& record,
                             std::span<const std::byte> payload) {
  const bool v4 = IsIpv4(record.src) && IsIpv4(record.dst);
  const size_t ip = v4 ? kIpv4Bytes : kIpv6Bytes;
  const size_t transport =
      record.protocol == kProtocolTcp ? kTcpBytes : kUdpBytes;
  const size_t body = std::min(payload.size(), kMostTapPayload);
  std::fill_n(packet_.begin(), ip + transport, uint8_t{0});
  PutIp(record, v4, ip + transport + body, packet_.data());
  PutTransport(record, transport + body, packet_.data() + ip);
  std::memcpy(packet_.data() + ip + transport, payload.data(), body);
  return ip + transport + body;
}

void FlowLabeller::OnPacket(const TapRecord& record,
                            std::span<const std::byte> payload) {
  Followed& followed = *Find(record);
  if (followed.flow == nullptr) return;
  ++followed.packets;
  followed.frame = record.frame;
  followed.time_us = record.time_us;
  const size_t bytes = Compose(record, payload);
  const ndpi_protocol found = ndpi_detection_process_packet(
      module_.get(), followed.flow.get(), packet_.data(),
      static_cast<unsigned short>(bytes),
      static_cast<uint64_t>(record.time_us / 1000));
  if (IsKnown(found) &&
      !ndpi_extra_dissection_possible(module_.get(), followed.flow.get())) {
    Settle(followed, IsSure(*followed.flow) ? Name(module_.get(), found) : "",
           GivenUp::kNo);
  } else if (followed.packets >= kMostPackets) {
    GiveUp(followed, GivenUp::kAfterSoMany);
  }
}

void FlowLabeller::GiveUp(Followed& followed, GivenUp why) {
  if (followed.flow == nullptr) return;
  uint8_t guessed = 0;
  const ndpi_protocol found = ndpi_detection_giveup(
      module_.get(), followed.flow.get(), /*enable_guess=*/0, &guessed);
  const bool sure = IsKnown(found) && guessed == 0 && IsSure(*followed.flow);
  Settle(followed, sure ? Name(module_.get(), found) : "", why);
}

void FlowLabeller::Settle(Followed& followed, std::string_view label,
                          GivenUp why) {
  followed.flow.reset();
  tell_({.flow = followed.id,
         .frame = followed.frame,
         .time_us = followed.time_us,
         .label = label,
         .given_up = why});
}

void FlowLabeller::OnEnd(uint64_t flow) {
  const auto known = by_id_.find(flow);
  if (known == by_id_.end()) return;
  GiveUp(*known->second, GivenUp::kNo);
  flows_.erase(known->second);
  by_id_.erase(known);
}

void FlowLabeller::Finish() {
  for (Followed& followed : flows_) GiveUp(followed, GivenUp::kNo);
  flows_.clear();
  by_id_.clear();
}

}  // namespace schoolgate::agent
