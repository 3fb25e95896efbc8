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
  // Held packets come by here again: whose they were was found there.
  if (IsRepeat(observation)) {
    ++counters_.names;
    ++counters_.repeats;
    if (episodes_ != nullptr) episodes_->OnRepeat(observation);
    witness_.OnName(observation, seen_->well_known);
    return;
  }
  const rules::Decision& decision =
      JudgeFirst(observation, /*enforced=*/false, /*repeat=*/false);
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
  return JudgeFirst(observation, enforced, IsRepeat(observation));
}

const rules::Decision& Watch::JudgeFirst(const Observation& observation,
                                         bool enforced, bool repeat) {
  enforced = enforced && !shadow_;
  ++counters_.names;
  const Who who = attribution_.WhoAsked(observation);
  const bool by_stub = AskedByStub(observation, who);
  repeat |= by_stub;
  const rules::Decision* decided =
      &verdicts_.For(observation.name, who, observation.time_us);
  // Whoever asked the stub was judged there, by who they are.
  if (by_stub && !decided->locked) decided = &allowed_;
  const rules::Decision& decision = *decided;
  seen_->well_known = IsWellKnown(decision);
  Keep(observation, who, decision, enforced, repeat);
  if (platform::IsTestName(observation.name)) {
    NoteTest(observation.name,
             enforced && decision.action == rules::Action::kBlock);
  }
  return decision;
}

void Watch::Keep(const Observation& observation, const Who& who,
                 const rules::Decision& decision, bool enforced, bool repeat) {
  Judged& judged =
      unsettled_.emplace_back(Judged{.observation = observation,
                                     .name = std::string(observation.name),
                                     .who = who,
                                     .decision = decision,
                                     .enforced = enforced,
                                     .repeat = repeat});
  judged.observation.alpn = {};
}

const rules::Decision& Watch::JudgeKind(const Observation& observation,
                                        std::string_view category) {
  const Who who = attribution_.WhoAsked(observation);
  of_kind_ = who.resolver
                 ? rules::Decision{}
                 : verdicts_.ForCategory(category, who, observation.time_us);
  if (of_kind_.action != rules::Action::kAllow) {
    Keep(observation, who, of_kind_, /*enforced=*/!shadow_, /*repeat=*/false);
  }
  return of_kind_;
}

std::string_view Watch::RestrictedName(const Observation& observation) {
  const Who who = attribution_.WhoAsked(observation);
  if (AskedByStub(observation, who)) return {};
  return verdicts_.Restricted(observation.name, who);
}

const Notice& Watch::NoticeOf(const Observation& observation,
                              const rules::Decision& decision) {
  return notices_.Put(observation.uid, observation.name, decision,
                      verdicts_.HelpFor(decision), /*by_person=*/false,
                      observation.time_us);
}

bool Watch::TakeAnswer(const Observation& from, std::string_view token,
                       std::string_view kind) {
  Notice* notice = notices_.ByToken(from.uid, token);
  if (notice == nullptr || notice->answered || contacts_ == nullptr) {
    return false;
  }
  if (kind != "accident" && kind != "wrong") return false;
  notice->answered = true;
  contacts_->NoteReport(kind == "accident" ? v1::SelfReport::KIND_ACCIDENT
                                           : v1::SelfReport::KIND_SHOULD_OPEN,
                        notice->host, "", attribution_.WhoAsked(from),
                        from.time_us);
  return true;
}

// The name comes by twice where packets are also watched; that it was refused
// is known from the first.
void Watch::NoteTest(std::string_view name, bool refused) {
  if (last_test_ != name) test_refused_ = false;
  last_test_ = name;
  test_refused_ |= refused;
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
  if (tests_.contains(judged.name)) {
    seen_tests_.insert(judged.name);
    return;
  }
  if (platform::IsTestName(observation.name)) return;
  if (judged.repeat) {
    ++counters_.repeats;
    if (episodes_ != nullptr) episodes_->OnRepeat(observation);
    return;
  }
  if (judged.who.uid != platform::kNoUid && judged.who.uid >= kFirstPersonUid) {
    notices_.OnName(judged.who.uid, observation.name, observation.time_us);
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
  Notify(judged, process);
  if (!decision.logged || contacts_ == nullptr) return;
  contacts_->Note(observation, judged.who, decision, process, verdicts_.place(),
                  judged.enforced && decision.action == rules::Action::kBlock);
}

// A person is told what stopped their browser, or what it warns of; what runs
// by itself disturbs nobody.
void Watch::Notify(const Judged& judged, v1::ProcessKind process) {
  const rules::Action action = judged.decision.action;
  const bool stopped = judged.enforced && action == rules::Action::kBlock;
  if (!stopped && action != rules::Action::kWarn) return;
  const uint32_t uid = judged.who.uid;
  if (process != v1::PROCESS_KIND_BROWSER || uid == platform::kNoUid ||
      uid < kFirstPersonUid) {
    return;
  }
  notices_.Put(uid, judged.observation.name, judged.decision,
               verdicts_.HelpFor(judged.decision), /*by_person=*/true,
               judged.observation.time_us);
}

// One packet may cross loopback, a bridge and a network card on its way out.
bool Watch::IsRepeat(const Observation& observation) {
  key_.assign(1, static_cast<char>(observation.source));
  AppendEnd(observation.src, &key_);
  AppendEnd(observation.dst, &key_);
  key_.push_back(static_cast<char>(observation.qtype >> 8));
  key_.push_back(static_cast<char>(observation.qtype));
  key_.append(observation.name);
  seen_ = packets_.Find(key_, observation.time_us);
  if (seen_ != nullptr && observation.time_us - seen_->time_us < kRepeatUs) {
    return true;
  }
  seen_ =
      packets_.Put(key_, {.time_us = observation.time_us}, observation.time_us);
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
