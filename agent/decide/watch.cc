#include "agent/decide/watch.h"

#include <string_view>
#include <utility>

#include "platform/name_question.h"

namespace schoolgate::agent {
namespace {

void AppendEnd(const Endpoint& end, std::string* key) {
  key->append(reinterpret_cast<const char*>(end.address.data()),
              end.address.size());
  key->push_back(static_cast<char>(end.port >> 8));
  key->push_back(static_cast<char>(end.port));
}

}  // namespace

void Watch::OnName(const Observation& observation) {
  Settle();
  if (observation.source == NameSource::kFlow) return OnLabel(observation);
  if (attribution_.IsNeighbours(observation)) {
    ++counters_.neighbours;
    return;
  }
  const Who who = attribution_.WhoAsked(observation);
  // Held packets come by here again: whose they were was found there.
  if (IsRepeat(observation, who)) {
    Count(observation);
    ++counters_.repeats;
    if (episodes_ != nullptr) episodes_->OnRepeat(observation);
    witness_.OnName(observation, seen_->well_known);
    return;
  }
  const rules::Decision& decision =
      JudgeFirst(observation, who, /*enforced=*/false, /*repeat=*/false);
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
  contacts_->Note(flow, who, decision, attribution_.ProgramThatAsked(flow).kind,
                  verdicts_.place(), /*enforced=*/false);
}

void Watch::OnFlow(const FlowProgress& progress) {
  Settle();
  if (episodes_ != nullptr) episodes_->OnFlow(progress);
  CountBulk(progress);
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

void Watch::CountBulk(const FlowProgress& progress) {
  const auto rules = verdicts_.rules();
  if (rules == nullptr) return;
  if (rules != bulk_rules_) {
    bulk_rules_ = rules;
    bulk_.SetPolicy(rules->policy());
  }
  const auto moved = bulk_.OnFlow(progress);
  // Away from school the line is not the school's.
  if (!moved || episodes_ == nullptr ||
      verdicts_.place() == rules::Place::kOffsite) {
    return;
  }
  Observation flow;
  flow.time_us = progress.time_us;
  flow.source = NameSource::kFlow;
  flow.src = progress.client;
  flow.dst = progress.server;
  flow.uid = progress.uid;
  episodes_->NoteTransfer(*moved, attribution_.WhoAsked(flow));
}

const rules::Decision& Watch::Judge(const Observation& observation,
                                    bool enforced) {
  const Who who = attribution_.WhoAsked(observation);
  return JudgeFirst(observation, who, enforced, IsRepeat(observation, who));
}

// Our own tests are nobody's asking.
void Watch::Count(const Observation& observation) {
  if (!platform::IsTestName(observation.name)) ++counters_.names;
}

const rules::Decision& Watch::JudgeFirst(const Observation& observation,
                                         const Who& who, bool enforced,
                                         bool repeat) {
  enforced = enforced && !shadow_;
  Count(observation);
  if (observation.source == NameSource::kDns) {
    shapes_.OnQuestion(observation.name, observation.time_us);
  }
  const StubAsker* asker = AskedAtStub(observation, who);
  repeat |= asker != nullptr;
  const rules::Decision& decision =
      verdicts_.For(observation.name, asker != nullptr ? asker->who : who,
                    observation.time_us);
  // What is stopped here reaches no resolver.
  if (!enforced || decision.action != rules::Action::kBlock) {
    NoteStubQuestion(observation, who);
  }
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
  if (AskedAtStub(observation, who) != nullptr) return {};
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

const Watch::SeenTest* Watch::TestNamed(std::string_view name) const {
  for (const SeenTest& test : tests_) {
    if (test.name == name) return &test;
  }
  return nullptr;
}

bool Watch::SawTest(std::string_view name) const {
  return TestNamed(name) != nullptr;
}

bool Watch::RefusedTest(std::string_view name) const {
  const SeenTest* test = TestNamed(name);
  return test != nullptr && test->refused;
}

// The name comes by twice where packets are also watched; that it was refused
// is known from the first.
void Watch::NoteTest(std::string_view name, bool refused) {
  for (SeenTest& test : tests_) {
    if (test.name != name) continue;
    test.refused |= refused;
    return;
  }
  if (tests_.size() >= kMaxTests) {
    tests_.pop_front();
    ++counters_.forgotten_tests;
  }
  tests_.push_back({std::string(name), refused});
}

void Watch::Conclude() {
  bool at_once = unsettled_.size() >= kMaxUnsettled;
  for (const Judged& judged : unsettled_) at_once |= IsHit(judged);
  if (at_once) Settle();
}

void Watch::OnTime(int64_t now_us) {
  Settle();
  ReleaseHeld(now_us);
}

void Watch::Settle() {
  for (Judged& judged : unsettled_) {
    ReleaseHeld(judged.observation.time_us);
    judged.observation.name = judged.name;
    if (platform::IsTestName(judged.name)) continue;
    if (judged.repeat) {
      ++counters_.repeats;
      if (episodes_ != nullptr) episodes_->OnRepeat(judged.observation);
    } else if (IsHit(judged) && IsNamedPersons(judged)) {
      ++counters_.repeats;
    } else if (IsHit(judged) && IsForSomebody(judged)) {
      Hold(std::move(judged));
    } else {
      // Also where it is open to them: then nobody did what is not allowed.
      if (IsPersons(judged)) {
        NamePerson(judged);
        LookForStranger(judged);
      }
      Record(judged);
    }
  }
  unsettled_.clear();
}

bool Watch::IsHit(const Judged& judged) {
  return !judged.decision.never_log &&
         judged.decision.action != rules::Action::kAllow;
}

bool Watch::IsPersons(const Judged& judged) {
  return !judged.who.system && judged.who.uid != platform::kNoUid;
}

// A resolver that people reach by a way which no packet takes (nss-resolve)
// asks for somebody; so does a socket that was closed before we could ask whose
// it was. Who it was, the hello tells that follows.
bool Watch::IsForSomebody(const Judged& judged) const {
  return judged.observation.source == NameSource::kDns &&
         (judged.who.resolver ||
          (judged.who.uid == platform::kNoUid && attribution_.knows_sockets()));
}

// Somebody on this machine, and the question or hello beside it was a
// person's.
bool Watch::IsNamedPersons(const Judged& judged) {
  if (!IsForSomebody(judged) &&
      !(judged.who.uid == platform::kNoUid && attribution_.knows_sockets() &&
        attribution_.IsHere(judged.observation.src))) {
    return false;
  }
  const int64_t now_us = judged.observation.time_us;
  const int64_t* named = persons_.Find(judged.name, now_us);
  return named != nullptr && now_us - *named < kRepeatUs;
}

void Watch::Hold(Judged judged) {
  if (held_.size() >= kMaxHeld) {
    Record(held_.front());
    held_.pop_front();
    ++counters_.unwaited;
  }
  held_.push_back(std::move(judged));
}

void Watch::NamePerson(const Judged& judged) {
  const int64_t now_us = judged.observation.time_us;
  persons_.Put(judged.name, now_us, now_us);
  counters_.repeats += std::erase_if(
      held_, [&](const Judged& held) { return held.name == judged.name; });
}

// On a device that is one person's, whether somebody else sits there: what a
// session in the background does, or a container, is nobody's log-in.
void Watch::LookForStranger(const Judged& judged) {
  const int64_t now_us = judged.observation.time_us;
  if (contacts_ == nullptr || !contacts_->IsStranger(judged.who, now_us)) {
    return;
  }
  const auto presence = attribution_.PresenceOf(judged.who.uid);
  if (presence && (!presence->active || presence->locked)) return;
  if (attribution_.ProgramThatAsked(judged.observation).contained) return;
  contacts_->NoteStranger(judged.who, now_us);
}

void Watch::ReleaseHeld(int64_t now_us) {
  while (!held_.empty()) {
    Judged& first = held_.front();
    if (!IsOlder(first.observation.time_us, now_us, kHoldUs)) return;
    // Told as of now: those who listen are told in order of time.
    first.observation.time_us = now_us;
    Record(first);
    held_.pop_front();
  }
}

WatchCounters Watch::counters() const {
  WatchCounters counters = counters_;
  counters.forgotten = packets_.forced_out() + stub_questions_.forced_out() +
                       persons_.forced_out();
  counters.unfound_programs = attribution_.given_up();
  return counters;
}

void Watch::Finish(int64_t now_us) {
  Settle();
  ReleaseHeld(now_us + kHoldUs);
}

void Watch::Record(Judged& judged) {
  judged.observation.name = judged.name;
  const Observation& observation = judged.observation;
  const rules::Decision& decision = judged.decision;
  if (judged.who.uid != platform::kNoUid && judged.who.uid >= kFirstPersonUid) {
    notices_.OnName(judged.who.uid, observation.name, observation.time_us);
  }
  const bool hit = IsHit(judged);
  Asker asker;
  if (hit) {
    asker = attribution_.ProgramThatAsked(observation);
    if (asker.contained) {
      judged.who.login.clear();
      judged.who.confidence = v1::CONFIDENCE_UNKNOWN;
    }
    const auto presence = attribution_.PresenceOf(judged.who.uid);
    judged.who.session_locked = presence && presence->locked;
  }
  if (episodes_ != nullptr) {
    episodes_->SetRules(verdicts_.rules());
    episodes_->Note(observation, judged.who, decision, asker.kind,
                    verdicts_.place(), judged.enforced);
  }
  if (decision.never_log) ++counters_.never_log;
  if (!hit) return;
  ++counters_.hits;
  Notify(judged, asker.kind);
  if (!decision.logged || contacts_ == nullptr) return;
  bulk_.Leave(observation.flow, observation.time_us);
  contacts_->Note(observation, judged.who, decision, asker.kind,
                  verdicts_.place(),
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

// One packet may be seen by the gate, on loopback, a bridge and a network card
// on its way out; a container's is seen again under the machine's address.
bool Watch::IsRepeat(const Observation& observation, const Who& who) {
  key_.assign(1, static_cast<char>(observation.source));
  AppendEnd(observation.dst, &key_);
  key_.push_back(static_cast<char>(observation.qtype >> 8));
  key_.push_back(static_cast<char>(observation.qtype));
  key_.append(observation.name);
  const size_t what = key_.size();
  bool again = who.uid == platform::kNoUid && SeenLately(observation.time_us);
  again |= IsTranslated(observation, who);
  key_.resize(what);
  key_.push_back('/');
  AppendEnd(observation.src, &key_);
  return SeenLately(observation.time_us) || again;
}

// Address translation may give a container's question the very port on which a
// person's program waits for datagrams: by its socket it would be theirs. Whose
// it is not shows in that it came by before, from an address that is not ours.
// Expects in key_ what was asked of whom.
bool Watch::IsTranslated(const Observation& observation, const Who& who) {
  if (observation.transport != Transport::kUdp ||
      observation.uid != platform::kNoUid) {
    return false;
  }
  key_.append({'>', static_cast<char>(observation.src.port >> 8),
               static_cast<char>(observation.src.port)});
  if (attribution_.IsHere(observation.src)) {
    seen_ = packets_.Find(key_, observation.time_us);
    return who.uid != platform::kNoUid && seen_ != nullptr &&
           observation.time_us - seen_->time_us < kRepeatUs;
  }
  if (who.uid == platform::kNoUid) (void)SeenLately(observation.time_us);
  return false;
}

bool Watch::SeenLately(int64_t now_us) {
  seen_ = packets_.Find(key_, now_us);
  if (seen_ != nullptr && now_us - seen_->time_us < kRepeatUs) return true;
  seen_ = packets_.Put(key_, {.time_us = now_us}, now_us);
  return false;
}

// A stub on this machine carries the user's question. What it asks upstream
// follows from that: the same name with another type, or a part of it
// (RFC 9156).
void Watch::NoteStubQuestion(const Observation& observation, const Who& who) {
  if (observation.source != NameSource::kDns) return;
  if (!attribution_.IsHere(observation.dst)) return;
  std::string_view name = observation.name;
  for (int label = 0; !name.empty(); ++label) {
    if (label == kMaxStubLabels) {
      ++counters_.unkept_parents;
      break;
    }
    key_.assign(name);
    stub_questions_.Put(key_, {.who = who, .time_us = observation.time_us},
                        observation.time_us);
    const size_t dot = name.find('.');
    if (dot == std::string_view::npos) break;
    name.remove_prefix(dot + 1);
  }
}

// Who asked the stub what it now asks elsewhere; null when nobody did. It has
// been judged by their rules then: the machine's own would stop teachers from
// what pupils may not.
const Watch::StubAsker* Watch::AskedAtStub(const Observation& observation,
                                           const Who& who) {
  if (observation.source != NameSource::kDns) return nullptr;
  // A person's own question to a server elsewhere is never put down to a stub.
  if (!who.system && who.uid != platform::kNoUid) return nullptr;
  if (attribution_.IsHere(observation.dst)) return nullptr;
  key_.assign(observation.name);
  const StubAsker* asked = stub_questions_.Find(key_, observation.time_us);
  if (asked == nullptr) return nullptr;
  return observation.time_us - asked->time_us < kRepeatUs ? asked : nullptr;
}

}  // namespace schoolgate::agent
