#include "agent/decide/bulk_watch.h"

#include <algorithm>

#include "agent/decide/attribution.h"

namespace schoolgate::agent {
namespace {

constexpr char kAny[] = "any";
constexpr int64_t kMinuteUs = 60'000'000;

bool IsLoopback(const Endpoint& end) {
  const auto& a = end.address;
  const bool four = std::all_of(a.begin(), a.begin() + 10,
                                [](uint8_t byte) { return byte == 0; }) &&
                    a[10] == 0xff && a[11] == 0xff;
  if (four) return a[12] == 127;
  return std::all_of(a.begin(), a.end() - 1,
                     [](uint8_t byte) { return byte == 0; }) &&
         a[15] == 1;
}

}  // namespace

void BulkWatch::SetPolicy(const v1::CompiledPolicy& policy) {
  calendar_ = rules::Calendar(policy.calendar(), policy.schedules());
  limit_bytes_ = 0;
  looked_us_ = -1;
  // The last of equals, as a school's lines come after its trust's.
  for (const v1::Threshold& one : policy.thresholds()) {
    if (one.scope() != kAny || one.bytes() == 0) continue;
    limit_bytes_ = one.bytes();
    window_us_ = std::max<int64_t>(one.window_minutes(), 1) * kMinuteUs;
    schedule_ = -1;
    for (int i = 0; i < policy.schedules_size(); ++i) {
      if (policy.schedules(i).id() == one.schedule()) schedule_ = i;
    }
  }
}

void BulkWatch::ForgetFlows(int64_t now_us) {
  const bool full = flows_.size() >= kMaxFlows;
  if (!IsOlder(swept_us_, now_us, full ? kLookAgainUs : kSlotUs)) return;
  swept_us_ = now_us;
  std::erase_if(flows_, [&](const auto& one) {
    return IsOlder(one.second.seen_us, now_us, kForgetFlowUs);
  });
}

BulkWatch::Flow* BulkWatch::FlowOf(FlowId id, int64_t time_us) {
  if (id == 0) return nullptr;
  const auto known = flows_.find(id);
  if (known == flows_.end()) {
    ForgetFlows(time_us);
    if (flows_.size() >= kMaxFlows) {
      ++uncounted_;
      return nullptr;
    }
  }
  Flow& flow = flows_[id];
  flow.seen_us = time_us;
  return &flow;
}

void BulkWatch::Leave(FlowId flow, int64_t time_us) {
  if (Flow* known = FlowOf(flow, time_us)) known->left = true;
}

std::optional<LargeTransfer> BulkWatch::OnFlow(const FlowProgress& progress) {
  if (limit_bytes_ == 0 || progress.uid == platform::kNoUid ||
      progress.uid < kFirstPersonUid || IsLoopback(progress.server)) {
    return std::nullopt;
  }
  const bool known = progress.opened || flows_.contains(progress.flow);
  Flow* flow = FlowOf(progress.flow, progress.time_us);
  if (flow == nullptr) return std::nullopt;
  if (!known) {
    flow->sent = progress.sent_bytes;
    flow->received = progress.received_bytes;
  }
  const uint64_t sent =
      progress.sent_bytes - std::min(flow->sent, progress.sent_bytes);
  const uint64_t received = progress.received_bytes -
                            std::min(flow->received, progress.received_bytes);
  const bool left = flow->left;
  flow->sent = std::max(flow->sent, progress.sent_bytes);
  flow->received = std::max(flow->received, progress.received_bytes);
  if (progress.closed) flows_.erase(progress.flow);
  if (left || sent + received == 0) return std::nullopt;
  return Add(progress.uid, progress.time_us, sent, received);
}

std::optional<LargeTransfer> BulkWatch::Add(uint32_t uid, int64_t time_us,
                                            uint64_t sent, uint64_t received) {
  const int64_t slot_us = time_us / kSlotUs * kSlotUs;
  if (slot_us != looked_us_) {
    looked_us_ = slot_us;
    holds_ = schedule_ < 0 || calendar_.Holds(schedule_, time_us / 1'000'000);
  }
  if (!holds_) return std::nullopt;
  if (!people_.contains(uid) && people_.size() >= kMaxPeople) {
    std::erase_if(people_, [&](const auto& one) {
      return one.second.slots.empty() ||
             IsOlder(one.second.slots.back().start_us, time_us, window_us_);
    });
    if (people_.size() >= kMaxPeople) {
      ++uncounted_;
      return std::nullopt;
    }
  }
  Person& person = people_[uid];
  // What is late by a moment belongs to the latest slot; by more, the clock
  // was set back.
  if (!person.slots.empty() &&
      time_us < person.slots.back().start_us - kOutOfOrderUs) {
    person.slots.clear();
  }
  while (!person.slots.empty() &&
         person.slots.front().start_us <= slot_us - window_us_) {
    person.slots.pop_front();
  }
  if (person.slots.empty() || person.slots.back().start_us < slot_us) {
    person.slots.push_back({.start_us = slot_us});
  }
  person.slots.back().sent += sent;
  person.slots.back().received += received;
  LargeTransfer sum{.start_us = person.slots.front().start_us,
                    .end_us = time_us};
  for (const Slot& slot : person.slots) {
    sum.sent_bytes += slot.sent;
    sum.received_bytes += slot.received;
  }
  const bool over = sum.sent_bytes + sum.received_bytes >= limit_bytes_;
  const bool news = over && !person.told;
  person.told = over;
  return news ? std::optional(sum) : std::nullopt;
}

}  // namespace schoolgate::agent
