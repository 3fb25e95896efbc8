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
  Judge(observation, /*enforced=*/false);
  Settle();
}

void Watch::OnFlow(const FlowProgress& progress) {
  if (episodes_ != nullptr) episodes_->OnFlow(progress);
}

const rules::Decision& Watch::Judge(const Observation& observation,
                                    bool enforced) {
  enforced = enforced && !shadow_;
  ++counters_.names;
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
  if (platform::IsTestName(observation.name)) {
    NoteTest(observation.name,
             enforced && decision.action == rules::Action::kBlock);
  }
  return decision;
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
  if (platform::IsTestName(observation.name)) return;
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
