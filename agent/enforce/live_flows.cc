#include "agent/enforce/live_flows.h"

#include <algorithm>
#include <utility>

#include "agent/enforce/kernel_table.h"
#include "proto/seal/hash.h"
#include "rules/bundle/host_name.h"
#include "rules/judge.h"

namespace schoolgate::agent {
namespace {

// Stands for a host whose name is forgotten and that no rule names.
constexpr std::string_view kNobody = "forgotten.invalid";
// Questions to the kernel for each flow that has come, and in one go.
constexpr size_t kLooksForEach = 2;
constexpr size_t kMostLooks = 1024;

platform::SocketAddress AddressOf(const Endpoint& end) {
  return {end.address, end.port};
}

bool Blocks(const rules::Decision& decision) {
  return decision.action == rules::Action::kBlock;
}

}  // namespace

uint64_t LiveFlows::Print(std::string_view name) const {
  seal::Hasher hasher;
  hasher.Add(key_);
  hasher.Add(name);
  const std::string hash = hasher.Finish();
  uint64_t print = 0;
  for (size_t i = 0; i < sizeof(print); ++i) {
    print = print << 8 | static_cast<uint8_t>(hash[i]);
  }
  return print;
}

void LiveFlows::Remember(const Observation& seen, const Who& who,
                         const rules::Decision& decision) {
  // Help-lines are let run whatever comes, and nothing is kept of them.
  if (decision.never_log) return;
  const absl::Time now = absl::FromUnixMicros(seen.time_us);
  if (named_.size() > 2 * kMaxFlows) ForgetNames(now);
  const FlowEnds ends(seen.transport, seen.src, seen.dst);
  while (!order_.empty() &&
         (flows_.size() >= kMaxFlows || order_.size() >= 4 * kMaxFlows)) {
    const auto oldest = flows_.find(order_.front().second);
    if (oldest != flows_.end() &&
        oldest->second.since == order_.front().first) {
      flows_.erase(oldest);
      ++forgotten_;
    }
    order_.pop_front();
  }
  order_.emplace_back(now, ends);
  Flow& flow = flows_[ends];
  flow = Flow{.transport = seen.transport,
              .client = seen.src,
              .server = seen.dst,
              .name = std::string(seen.name),
              .prints = {},
              .categories = decision.categories,
              .login = std::string(who.RulesLogin()),
              .group = std::string(who.RulesGroup()),
              .since = now,
              .until = decision.until.value_or(absl::InfiniteFuture())};
  named_.emplace_back(now, ends);
  ++come_;
  next_until_ = std::min(next_until_, flow.until);
}

void LiveFlows::ForgetOver(platform::FlowMarker& marker) {
  size_t looks = std::min(kLooksForEach * std::exchange(come_, 0), kMostLooks);
  for (; looks > 0 && flows_.size() > kCrowd && !order_.empty(); --looks) {
    const auto first = order_.front();
    order_.pop_front();
    const auto found = flows_.find(first.second);
    if (found == flows_.end() || found->second.since != first.first) continue;
    const Flow& flow = found->second;
    if (marker.IsOver(flow.transport == Transport::kTcp, AddressOf(flow.client),
                      AddressOf(flow.server))) {
      flows_.erase(found);
    } else {
      order_.push_back(first);
    }
  }
}

// Most flows are over by then.
void LiveFlows::ForgetNames(absl::Time now) {
  while (!named_.empty() &&
         (now - named_.front().first >= kNameStays ||
          now < named_.front().first || named_.size() > 2 * kMaxFlows)) {
    const auto found = flows_.find(named_.front().second);
    if (found != flows_.end() && found->second.since == named_.front().first) {
      Flow& flow = found->second;
      for (std::string_view name = flow.name; !name.empty();
           name = rules::ParentOf(name)) {
        flow.prints.push_back(Print(name));
        if (rules::IsAddress(name)) break;
      }
      flow.name.clear();
      flow.name.shrink_to_fit();
    }
    named_.pop_front();
  }
}

// What orders and policy name: a forgotten host can be held against these.
void LiveFlows::AddHosts(const rules::Ruleset& rules, Hosts* hosts) const {
  const auto add = [&](const auto& names) {
    for (const std::string& name : names) hosts->emplace(Print(name), name);
  };
  for (const auto& block : rules.overlays().blocks()) add(block.hosts());
  for (const auto& pass : rules.overlays().passes()) add(pass.hosts());
  for (const auto& rule : rules.policy().host_rules()) add(rule.hosts());
}

bool LiveFlows::Forbidden(const Flow& flow, const rules::Ruleset& before,
                          const rules::Ruleset& after, const Hosts& hosts,
                          const rules::Question& now) const {
  rules::Question question = now;
  question.group = flow.group;
  question.user = flow.login;
  if (!flow.name.empty()) {
    question.host = flow.name;
    return Blocks(rules::Decide(after, question));
  }
  std::string_view host = kNobody;
  for (const uint64_t print : flow.prints) {
    const auto found = hosts.find(print);
    if (found == hosts.end()) continue;
    host = found->second;
    break;
  }
  question.host = host;
  if (!Blocks(rules::Judge(after.tables(), after.overlays(), host,
                           flow.categories, question))) {
    return false;
  }
  // Something that is forgotten may have let it run; only a change cuts it.
  rules::Question then = question;
  then.at = flow.since;
  then.boot_us = std::max<int64_t>(
      1, now.boot_us - absl::ToInt64Microseconds(std::max(
                           absl::ZeroDuration(), now.at - flow.since)));
  return !Blocks(rules::Judge(before.tables(), before.overlays(), host,
                              flow.categories, then));
}

bool LiveFlows::Cut(const Flow& flow, platform::FlowMarker& marker) const {
  return marker.Mark(flow.transport == Transport::kTcp, AddressOf(flow.client),
                     AddressOf(flow.server), kMarkBlock, kMarkBits);
}

size_t LiveFlows::CutForbidden(const rules::Ruleset& before,
                               const rules::Ruleset& after,
                               const rules::Question& now,
                               platform::FlowMarker& marker) {
  Hosts hosts;
  AddHosts(before, &hosts);
  AddHosts(after, &hosts);
  size_t cut = 0;
  for (auto flow = flows_.begin(); flow != flows_.end();) {
    const bool old = now.at - flow->second.since > kFlowStays;
    const bool forbidden =
        !old && Forbidden(flow->second, before, after, hosts, now);
    if (forbidden && Cut(flow->second, marker)) ++cut;
    const auto done = flow++;
    if (old || forbidden) flows_.erase(done);
  }
  return cut;
}

size_t LiveFlows::CutOf(std::string_view login, platform::FlowMarker& marker) {
  size_t cut = 0;
  for (auto flow = flows_.begin(); flow != flows_.end();) {
    const bool theirs = !login.empty() && flow->second.login == login;
    if (theirs && Cut(flow->second, marker)) ++cut;
    const auto done = flow++;
    if (theirs) flows_.erase(done);
  }
  return cut;
}

size_t LiveFlows::OnTime(const rules::Ruleset& rules,
                         const rules::Question& now,
                         platform::FlowMarker& marker) {
  if (now.at < next_until_) return 0;
  bool any = false;
  next_until_ = absl::InfiniteFuture();
  for (auto& [ends, flow] : flows_) {
    if (flow.until > now.at) {
      next_until_ = std::min(next_until_, flow.until);
      continue;
    }
    flow.until = absl::InfiniteFuture();
    any = true;
  }
  return any ? CutForbidden(rules, rules, now, marker) : 0;
}

}  // namespace schoolgate::agent
