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
  if (attribution_.IsNeighbours(observation)) {
    ++counters_.neighbours;
    return;
  }
  Judge(observation, /*enforced=*/false);
  Settle();
}

void Watch::OnFlow(const FlowProgress& progress) {
  if (episodes_ != nullptr) episodes_->OnFlow(progress);
}

const rules::Decision& Watch::Judge(const Observation& observation,
                                    bool enforced) {
  ++counters_.names;
  if (observation.name.ends_with(platform::kTestNameSuffix)) {
    last_test_ = observation.name;
  }
  const Who who = attribution_.WhoAsked(observation);
  const StubAsker* asker = AskedAtStub(observation, who);
  const bool repeat = IsRepeat(observation, who) || asker != nullptr;
  const rules::Decision& decision =
      verdicts_.For(observation.name, asker != nullptr ? asker->who : who,
                    observation.time_us);
  // What is stopped here reaches no resolver.
  if (!enforced || decision.action != rules::Action::kBlock) {
    NoteStubQuestion(observation, who);
  }
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
    ReleaseHeld(judged.observation.time_us);
    judged.observation.name = judged.name;
    if (judged.repeat) {
      ++counters_.repeats;
      if (episodes_ != nullptr) episodes_->OnRepeat(judged.observation);
    } else if (IsHit(judged) && IsForSomebody(judged)) {
      Hold(std::move(judged));
    } else {
      // Also where it is open to them: then nobody did what is not allowed.
      if (IsPersons(judged)) NamePerson(judged);
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

void Watch::Hold(Judged judged) {
  const int64_t now_us = judged.observation.time_us;
  const int64_t* named = persons_.Find(judged.name, now_us);
  if (named != nullptr && now_us - *named < kRepeatUs) {
    ++counters_.repeats;
    return;
  }
  if (held_.size() >= kMaxHeld) {
    Record(held_.front());
    held_.pop_front();
  }
  held_.push_back(std::move(judged));
}

void Watch::NamePerson(const Judged& judged) {
  const int64_t now_us = judged.observation.time_us;
  persons_.Put(judged.name, now_us, now_us);
  counters_.repeats += std::erase_if(
      held_, [&](const Judged& held) { return held.name == judged.name; });
}

void Watch::ReleaseHeld(int64_t now_us) {
  while (!held_.empty()) {
    Judged& first = held_.front();
    const int64_t waited = now_us - first.observation.time_us;
    if (waited >= 0 && waited < kRepeatUs) return;
    // Told as of now: those who listen are told in order of time.
    first.observation.time_us = now_us;
    Record(first);
    held_.pop_front();
  }
}

void Watch::Finish(int64_t now_us) { ReleaseHeld(now_us + kRepeatUs); }

void Watch::Record(Judged& judged) {
  judged.observation.name = judged.name;
  const Observation& observation = judged.observation;
  const rules::Decision& decision = judged.decision;
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
    episodes_->Note(observation, judged.who, decision, asker.kind,
                    verdicts_.place(), judged.enforced);
  }
  if (decision.never_log) ++counters_.never_log;
  if (!hit) return;
  ++counters_.hits;
  if (!decision.logged || contacts_ == nullptr) return;
  contacts_->Note(observation, judged.who, decision, asker.kind,
                  verdicts_.place(),
                  judged.enforced && decision.action == rules::Action::kBlock);
}

// One packet may be seen by the gate, on loopback, a bridge and a network card
// on its way out; a container's is seen again under the machine's address.
bool Watch::IsRepeat(const Observation& observation, const Who& who) {
  key_.assign(1, static_cast<char>(observation.source));
  AppendEnd(observation.dst, &key_);
  key_.push_back(static_cast<char>(observation.qtype >> 8));
  key_.push_back(static_cast<char>(observation.qtype));
  key_.append(observation.name);
  const bool of_nobody =
      who.uid == platform::kNoUid && SeenLately(observation.time_us);
  key_.push_back('/');
  AppendEnd(observation.src, &key_);
  return SeenLately(observation.time_us) || of_nobody;
}

bool Watch::SeenLately(int64_t now_us) {
  if (const int64_t* seen = packets_.Find(key_, now_us)) {
    if (now_us - *seen < kRepeatUs) return true;
  }
  packets_.Put(key_, now_us, now_us);
  return false;
}

// A stub on this machine carries the user's question. What it asks upstream
// follows from that: the same name with another type, or a part of it
// (RFC 9156).
void Watch::NoteStubQuestion(const Observation& observation, const Who& who) {
  if (observation.source != NameSource::kDns) return;
  if (!attribution_.IsHere(observation.dst)) return;
  std::string_view name = observation.name;
  for (int label = 0; label < kMaxStubLabels && !name.empty(); ++label) {
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
