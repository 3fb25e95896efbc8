#include "agent/decide/episode_scene.h"

#include <algorithm>
#include <array>
#include <set>

#include "agent/decide/episode_service.h"
#include "rules/policy/page_knowledge.h"

namespace schoolgate::agent {
namespace {

constexpr uint16_t kTypeA = 1, kTypeAaaa = 28, kTypeHttps = 65;
constexpr int64_t kQuietFlowUs = 1'500'000;
constexpr uint32_t kKeepaliveBytes = 120;
constexpr uint64_t kGreetingBytes = 16'000;
constexpr int64_t kBusyFromUs = 800'000;
constexpr int64_t kBusyToUs = 20'000;
// What a page that begins to load brings within this time. A redirect or an
// answer to "I am leaving" is smaller.
constexpr int64_t kPageUs = 2'000'000;
constexpr uint64_t kPageBytes = 4'000;
// A connection that was kept from an earlier visit and silent for this long
// begins anew with what comes next.
constexpr int64_t kKeptUs = 10'000'000;
constexpr int64_t kHopUs = 800'000;
// Parts of one act reach the wire within this.
constexpr int64_t kSameInstantUs = 20'000;
constexpr uint32_t kHabitNeeds = 20;
constexpr uint32_t kHabitPercent = 70;
constexpr uint32_t kHabitForgets = 400;

}  // namespace

NameHash Scene::Hash(std::string_view text) const {
  // FNV-1a with a key: two names that meet only blur a count.
  uint64_t hash = 0xcbf29ce484222325 ^ hash_key_;
  for (unsigned char c : text) hash = (hash ^ c) * 0x100000001b3;
  hash ^= hash >> 32;
  return hash == 0 ? 1 : hash;
}

void Scene::OnName(const Observation& observation, NameHash name,
                   NameHash service, v1::ProcessKind process, bool relevant) {
  const int64_t now_us = observation.time_us;
  if (now_us < now_us_ - kOutOfOrderUs) SetBack(now_us);
  now_us_ = now_us;
  if (observation.source == NameSource::kDns) {
    NoteQuestion(observation, name, process, relevant);
  }
  if (heard_.size() >= kMostNames) heard_.pop_front();
  heard_.push_back({now_us, name, service, process,
                    IsFrontDoor(observation.name),
                    rules::PageKnowledge::Id(SiteOf(observation.name))});
  if (observation.source != NameSource::kDns) {
    NameFlow(observation.flow, service);
  }
}

void Scene::NameFlow(FlowId id, NameHash service) {
  if (id == 0) return;
  auto [flow, fresh] = flows_.try_emplace(id);
  if (fresh && flows_.size() > kMostFlows) {
    flows_.erase(flow);
  } else {
    flow->second.service = service;
  }
}

void Scene::NoteQuestion(const Observation& observation, NameHash name,
                         v1::ProcessKind process, bool relevant) {
  const int64_t now_us = observation.time_us;
  auto& map = relevant ? relevant_asked_ : asked_;
  Asked* asked = map.Find(name, now_us);
  Asked updated = asked == nullptr ? Asked{} : *asked;
  if (observation.qtype == kTypeHttps) {
    // Of a pair of questions either may come first.
    if (now_us - updated.https_us > kHopUs) ++with_https_;
    updated.https_us = now_us;
  } else if (observation.qtype == kTypeA || observation.qtype == kTypeAaaa) {
    if (now_us - updated.address_us > kHopUs) ++questions_;
    updated.address_us = now_us;
  }
  if (process != v1::PROCESS_KIND_UNSPECIFIED) updated.process = process;
  map.Put(name, updated, now_us);
  if (questions_ > kHabitForgets) {
    questions_ /= 2;
    with_https_ /= 2;
  }
}

bool Scene::IsProgram(NameHash name) {
  Asked* asked = relevant_asked_.Find(name, now_us_);
  if (asked == nullptr) asked = asked_.Find(name, now_us_);
  if (asked == nullptr) return false;
  if (asked->process == v1::PROCESS_KIND_OTHER) return true;
  if (asked->process == v1::PROCESS_KIND_BROWSER) return false;
  const bool habit = questions_ >= kHabitNeeds &&
                     with_https_ * 100 >= questions_ * kHabitPercent;
  return habit && asked->address_us != 0 && asked->https_us == 0;
}

Scene::FlowChange Scene::OnFlow(const FlowProgress& progress) {
  FlowChange change;
  auto found = flows_.find(progress.flow);
  if (found == flows_.end()) {
    if (progress.closed || flows_.size() >= kMostFlows) return change;
    found = flows_.emplace(progress.flow, FlowView{}).first;
  }
  FlowView& flow = found->second;
  change.service = flow.service;
  if (progress.received_bytes > flow.received_bytes) {
    const uint64_t bytes = progress.received_bytes - flow.received_bytes;
    change.now_bytes = std::min(bytes, progress.packet_received);
    change.earlier_bytes = bytes - change.now_bytes;
  }
  // The packet that closes a connection, or keeps one alive, often comes long
  // after the data that it is the first to tell of.
  change.earlier_us = progress.earlier_us;
  flow.received_bytes = std::max(flow.received_bytes, progress.received_bytes);
  const bool kept = flow.begun_us != 0 && !progress.closed &&
                    progress.time_us - flow.told_us > kKeptUs &&
                    progress.packet_bytes > kKeepaliveBytes;
  if (kept) flow.begun_us = progress.time_us;
  if (flow.begun_us == 0 && flow.received_bytes > kGreetingBytes) {
    flow.begun_us = progress.time_us;
  }
  change.begun_us = flow.begun_us == 0 ? progress.time_us : flow.begun_us;
  const bool woke = !progress.opened && !progress.closed && flow.told_us != 0 &&
                    progress.time_us - flow.told_us > kQuietFlowUs &&
                    progress.packet_bytes > kKeepaliveBytes;
  if (woke && flow.service != 0) {
    if (edges_.size() >= kMostEdges) edges_.pop_front();
    edges_.push_back({progress.time_us, flow.service, progress.flow, 0});
  }
  NoteWoken(progress, woke ? change.now_bytes : change.received_bytes());
  flow.told_us = progress.time_us;
  if (progress.closed) flows_.erase(found);
  return change;
}

void Scene::NoteWoken(const FlowProgress& progress, uint64_t bytes) {
  if (bytes == 0) return;
  for (auto edge = edges_.rbegin(); edge != edges_.rend(); ++edge) {
    if (progress.time_us - edge->time_us > kPageUs) return;
    if (edge->flow != progress.flow) continue;
    edge->received_bytes += bytes;
    return;
  }
}

bool Scene::Counts(const Heard& heard, NameHash service) {
  return heard.service != service && heard.process != v1::PROCESS_KIND_OTHER &&
         !IsProgram(heard.name);
}

int64_t Scene::SilenceBefore(int64_t at_us, NameHash service) {
  for (auto heard = heard_.rbegin(); heard != heard_.rend(); ++heard) {
    if (heard->time_us > at_us - kSameInstantUs) continue;
    if (at_us - heard->time_us > kKeepUs) break;
    const NameHash own = heard->front_door ? service : 0;
    if (Counts(*heard, own)) return at_us - heard->time_us;
  }
  return std::min(kKeepUs, at_us - since_us_);
}

bool Scene::OneHopBefore(int64_t at_us, NameHash service) {
  NameHash hop = 0;
  int64_t first_us = at_us;
  for (auto heard = heard_.rbegin(); heard != heard_.rend(); ++heard) {
    if (heard->time_us > at_us - kSameInstantUs) continue;
    if (first_us - heard->time_us > kHopUs) break;
    if (!Counts(*heard, service)) continue;
    if (hop != 0 && heard->service != hop) return false;
    hop = heard->service;
    first_us = heard->time_us;
  }
  return hop != 0;
}

uint32_t Scene::SitesBetween(int64_t from_us, int64_t to_us, NameHash service) {
  std::set<NameHash> sites;
  // A little further back: captures are not always in order.
  for (auto heard = heard_.rbegin(); heard != heard_.rend(); ++heard) {
    if (heard->time_us < from_us - kHopUs) break;
    if (heard->time_us < from_us || heard->time_us > to_us) continue;
    if (Counts(*heard, service)) sites.insert(heard->service);
  }
  return static_cast<uint32_t>(sites.size());
}

bool Scene::BroughtInBefore(int64_t at_us, NameHash service,
                            const std::function<bool(uint64_t)>& brings) const {
  return std::any_of(heard_.begin(), heard_.end(), [&](const Heard& heard) {
    return heard.front_door && heard.service != service &&
           heard.time_us < at_us - kSameInstantUs &&
           at_us - heard.time_us <= kKeepUs && brings(heard.site);
  });
}

bool Scene::PageBusyBefore(int64_t at_us, NameHash service) const {
  return std::any_of(edges_.begin(), edges_.end(), [&](const Edge& edge) {
    return edge.service != service && edge.time_us >= at_us - kBusyFromUs &&
           edge.time_us <= at_us - kBusyToUs &&
           edge.received_bytes > kPageBytes;
  });
}

// The clock was set back. How long ago was what is known, nobody can say any
// more: no silence, and no connection that began after what is still to come,
// may be made of it.
void Scene::SetBack(int64_t now_us) {
  heard_.clear();
  edges_.clear();
  since_us_ = now_us;
  for (auto& [id, flow] : flows_) {
    flow.begun_us = std::min(flow.begun_us, now_us - 1);
    flow.told_us = std::min(flow.told_us, now_us - 1);
  }
}

void Scene::Forget(int64_t now_us) {
  const auto old = [&](int64_t time_us) {
    return time_us < now_us - kKeepUs || time_us > now_us + kKeepUs;
  };
  while (!heard_.empty() && old(heard_.front().time_us)) heard_.pop_front();
  while (!edges_.empty() && old(edges_.front().time_us)) edges_.pop_front();
}

}  // namespace schoolgate::agent
