#include "agent/decide/watch.h"

#include <algorithm>

#include "platform/name_question.h"

namespace schoolgate::agent {
namespace {

bool IsLoopback(const Endpoint& end) {
  static constexpr std::array<uint8_t, 13> kV4 = {0, 0, 0, 0,    0,    0,  0,
                                                  0, 0, 0, 0xff, 0xff, 127};
  static constexpr std::array<uint8_t, 16> kV6 = {0, 0, 0, 0, 0, 0, 0, 0,
                                                  0, 0, 0, 0, 0, 0, 0, 1};
  return std::equal(kV4.begin(), kV4.end(), end.address.begin()) ||
         end.address == kV6;
}

void AppendEnd(const Endpoint& end, std::string* key) {
  key->append(reinterpret_cast<const char*>(end.address.data()),
              end.address.size());
  key->push_back(static_cast<char>(end.port >> 8));
  key->push_back(static_cast<char>(end.port));
}

}  // namespace

void Watch::OnName(const Observation& observation) {
  if (observation.source == NameSource::kFlow) return OnLabel(observation);
  const rules::Decision& decision = Judge(observation, /*enforced=*/false);
  witness_.OnName(observation, IsWellKnown(decision));
  Settle();
}

void Watch::OnLabel(const Observation& label) {
  ++counters_.labels;
  if (const auto finding = witness_.OnLabel(label)) Report(label, *finding);
}

// A flow is never judged by its name here: what has one was judged before.
void Watch::Report(const Observation& flow, const FlowFinding& finding) {
  const Who who = attribution_.WhoAsked(flow);
  const rules::Decision decision =
      verdicts_.ForCategory(finding.category, who, flow.time_us);
  if (decision.action == rules::Action::kAllow) return;
  ++counters_.hits;
  if (!decision.logged || contacts_ == nullptr) return;
  contacts_->Note(flow, who, decision, attribution_.KindOfProgram(flow),
                  verdicts_.place(), /*enforced=*/false);
}

void Watch::OnFlow(const FlowProgress& progress) {
  if (episodes_ != nullptr) episodes_->OnFlow(progress);
  const auto finding = witness_.OnFlow(progress);
  if (!finding) return;
  Observation flow;
  flow.time_us = progress.time_us;
  flow.source = NameSource::kFlow;
  flow.protocol = "unknown tunnel";
  flow.transport = progress.transport;
  flow.src = progress.client;
  flow.dst = progress.server;
  flow.uid = progress.uid;
  flow.flow = progress.flow;
  Report(flow, *finding);
}

const rules::Decision& Watch::Judge(const Observation& observation,
                                    bool enforced) {
  ++counters_.names;
  if (observation.name.ends_with(platform::kTestNameSuffix)) {
    last_test_ = observation.name;
  }
  const Who who = attribution_.WhoAsked(observation);
  const bool repeat = IsRepeat(observation) || AskedByStub(observation, who);
  const rules::Decision& decision =
      verdicts_.For(observation.name, who, observation.time_us);
  Judged& judged =
      unsettled_.emplace_back(Judged{.observation = observation,
                                     .name = std::string(observation.name),
                                     .who = who,
                                     .decision = decision,
                                     .enforced = enforced,
                                     .repeat = repeat});
  judged.observation.alpn = {};
  return decision;
}

void Watch::Settle() {
  for (Judged& judged : unsettled_) {
    judged.observation.name = judged.name;
    Record(judged);
  }
  unsettled_.clear();
}

void Watch::Record(const Judged& judged) {
  const Observation& observation = judged.observation;
  const rules::Decision& decision = judged.decision;
  if (judged.repeat) {
    ++counters_.repeats;
    if (episodes_ != nullptr) episodes_->OnRepeat(observation);
    return;
  }
  const bool hit =
      !decision.never_log && decision.action != rules::Action::kAllow;
  const v1::ProcessKind process = hit ? attribution_.KindOfProgram(observation)
                                      : v1::PROCESS_KIND_UNSPECIFIED;
  if (episodes_ != nullptr) {
    episodes_->Note(observation, judged.who, decision, process,
                    verdicts_.place(), judged.enforced);
  }
  if (decision.never_log) ++counters_.never_log;
  if (!hit) return;
  ++counters_.hits;
  if (!decision.logged || contacts_ == nullptr) return;
  contacts_->Note(observation, judged.who, decision, process, verdicts_.place(),
                  judged.enforced && decision.action == rules::Action::kBlock);
}

// One packet may cross loopback, a bridge and a network card on its way out.
bool Watch::IsRepeat(const Observation& observation) {
  key_.assign(1, static_cast<char>(observation.source));
  AppendEnd(observation.src, &key_);
  AppendEnd(observation.dst, &key_);
  key_.push_back(static_cast<char>(observation.qtype >> 8));
  key_.push_back(static_cast<char>(observation.qtype));
  key_.append(observation.name);
  if (const int64_t* seen = packets_.Find(key_, observation.time_us)) {
    if (observation.time_us - *seen < kRepeatUs) return true;
  }
  packets_.Put(key_, observation.time_us, observation.time_us);
  return false;
}

// A stub on loopback carries the user's question; its own question upstream
// is the same one again, asked by the resolver's account.
bool Watch::AskedByStub(const Observation& observation, const Who& who) {
  if (observation.source != NameSource::kDns) return false;
  key_.assign(observation.name);
  key_.push_back(static_cast<char>(observation.qtype >> 8));
  key_.push_back(static_cast<char>(observation.qtype));
  if (IsLoopback(observation.dst)) {
    stub_questions_.Put(key_, observation.time_us, observation.time_us);
    return false;
  }
  if (!who.resolver) return false;
  const int64_t* asked = stub_questions_.Find(key_, observation.time_us);
  return asked != nullptr && observation.time_us - *asked < kRepeatUs;
}

}  // namespace schoolgate::agent
