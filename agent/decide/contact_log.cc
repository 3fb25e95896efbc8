#include "agent/decide/contact_log.h"

#include <algorithm>
#include <utility>

#include "proto/seal/keys.h"
#include "proto/seal/pseudonym.h"

namespace schoolgate::agent {
namespace {

v1::NameSource ToProto(NameSource source) {
  switch (source) {
    case NameSource::kDns:
      return v1::NAME_SOURCE_DNS;
    case NameSource::kMdns:
      return v1::NAME_SOURCE_MDNS;
    case NameSource::kLlmnr:
      return v1::NAME_SOURCE_LLMNR;
    case NameSource::kTls:
      return v1::NAME_SOURCE_TLS;
    case NameSource::kQuic:
      return v1::NAME_SOURCE_QUIC;
    case NameSource::kHttp:
      return v1::NAME_SOURCE_HTTP;
    case NameSource::kFlow:
      return v1::NAME_SOURCE_FLOW;
  }
  return v1::NAME_SOURCE_UNSPECIFIED;
}

std::string MergeKey(const Who& who, rules::Action action,
                     std::string_view host) {
  std::string key = std::to_string(who.uid);
  key.append(1, '\0').append(rules::ActionName(action));
  key.append(1, '\0').append(host);
  return key;
}

}  // namespace

ContactLog::ContactLog(Identity identity, EventSink& sink)
    : identity_(std::move(identity)), sink_(sink) {}

void ContactLog::Note(const Observation& observation, const Who& who,
                      const rules::Decision& decision, v1::ProcessKind process,
                      rules::Place place, bool enforced) {
  const int64_t now_us = observation.time_us;
  const bool flow = observation.source == NameSource::kFlow;
  const std::string_view host = flow ? observation.protocol : observation.name;
  const std::string key = MergeKey(who, decision.action, host);
  const int64_t merge_us = flow ? kMergeFlowsUs : kMergeUs;
  uint32_t merged = 0;
  if (Open* open = open_.Find(key, now_us)) {
    const int64_t passed_us = now_us - open->first_us;
    if (passed_us >= 0 && passed_us < merge_us) {
      ++open->merged;
      ++merged_;
      return;
    }
    merged = open->merged;
  }
  ++contacts_;
  open_.Put(key, {.first_us = now_us, .merged = 0, .number = contacts_},
            now_us);
  TellWho(who, now_us);

  v1::Event event;
  event.set_sequence(contacts_);
  event.set_time_unix_us(now_us);
  event.set_lane(decision.locked ? v1::LANE_URGENT : v1::LANE_NORMAL);
  *event.mutable_person() = PersonOf(who);
  v1::Contact& contact = *event.mutable_contact();
  if (decision.locked) {
    const auto sealed =
        seal::SealTo(identity_.police_key, std::string(observation.name));
    if (sealed.ok()) contact.set_sealed_host(*sealed);
  } else {
    contact.set_host(std::string(host));
  }
  for (const std::string& id : decision.categories) contact.add_categories(id);
  contact.set_action(static_cast<v1::Action>(decision.action));
  contact.set_enforced(enforced);
  contact.set_locked(decision.locked);
  contact.set_rule(decision.rule);
  contact.set_clause(decision.clause);
  contact.set_source(ToProto(observation.source));
  contact.set_process(process);
  contact.set_session_locked(who.session_locked);
  contact.set_count(1 + merged);
  contact.set_place(place == rules::Place::kOffsite ? v1::PLACE_OFFSITE
                                                    : v1::PLACE_ONSITE);
  own_record_.Add(who.uid, event);
  sink_.Emit(std::move(event));
}

void ContactLog::NoteReport(v1::SelfReport::Kind kind, const std::string& host,
                            const std::string& words, const Who& who,
                            int64_t time_us) {
  TellWho(who, time_us);
  v1::Event event;
  event.set_time_unix_us(time_us);
  *event.mutable_person() = PersonOf(who);
  const uint64_t about = LastAbout(who, host, time_us);
  // The lane of the contact, whose sequences are counted there.
  event.set_lane(about != 0 ? v1::LANE_NORMAL : v1::LANE_URGENT);
  event.mutable_self_report()->set_about_sequence(about);
  event.mutable_self_report()->set_kind(kind);
  event.mutable_self_report()->set_host(host);
  event.mutable_self_report()->set_words(words);
  own_record_.Add(who.uid, event);
  sink_.Emit(std::move(event));
}

uint64_t ContactLog::LastAbout(const Who& who, const std::string& host,
                               int64_t now_us) {
  uint64_t last = 0;
  for (const rules::Action action :
       {rules::Action::kBlock, rules::Action::kWarn, rules::Action::kRecord}) {
    const Open* open = open_.Find(MergeKey(who, action, host), now_us);
    if (open != nullptr) last = std::max(last, open->number);
  }
  return last;
}

// Once a start and person: the log-in goes along sealed, for two keys of the
// school together.
void ContactLog::TellWho(const Who& who, int64_t time_us) {
  if (who.login.empty() || who.confidence != v1::CONFIDENCE_CERTAIN) return;
  v1::Person person = PersonOf(who);
  if (told_.contains(person.pseudonym())) return;
  const auto sealed = seal::SealTo(identity_.safeguarding_key, who.login);
  if (!sealed.ok()) return;
  told_.insert(person.pseudonym());
  v1::Event event;
  event.set_time_unix_us(time_us);
  event.set_lane(v1::LANE_NORMAL);
  *event.mutable_person() = std::move(person);
  event.mutable_person_seen()->set_sealed_login(*sealed);
  event.mutable_person_seen()->set_safeguarding_key_id(
      seal::KeyId(identity_.safeguarding_key));
  sink_.Emit(std::move(event));
}

void ContactLog::SetAssigned(std::set<std::string> aliases) {
  if (aliases == assigned_) return;
  assigned_ = std::move(aliases);
  strangers_.clear();
}

bool ContactLog::IsStranger(const Who& who, int64_t time_us) {
  if (assigned_.empty() || who.login.empty() ||
      who.confidence != v1::CONFIDENCE_CERTAIN) {
    return false;
  }
  if (strangers_.size() >= kMaxStrangers && !strangers_.contains(who.uid)) {
    strangers_.clear();
  }
  auto [entry, fresh] = strangers_.try_emplace(who.uid);
  Stranger& one = entry->second;
  if (fresh) one.is = !assigned_.contains(PersonOf(who).pseudonym());
  if (!one.is) return false;
  const bool set_back = time_us < one.seen_us - kOutOfOrderUs;
  const bool told = one.look_us == INT64_MAX;
  if (time_us - one.seen_us > kNewSittingUs || (set_back && !told)) {
    one.look_us = 0;
  }
  one.seen_us = time_us;
  if (time_us < one.look_us) return false;
  one.look_us = time_us + kLookAgainUs;
  return true;
}

void ContactLog::NoteStranger(const Who& who, int64_t time_us) {
  strangers_[who.uid].look_us = INT64_MAX;
  told_.erase(PersonOf(who).pseudonym());
  TellWho(who, time_us);
  v1::Event event;
  event.set_time_unix_us(time_us);
  event.mutable_person_seen();
  own_record_.Add(who.uid, event);
}

void ContactLog::NoteNotice(const std::string& version, const Who& who,
                            int64_t time_us) {
  TellWho(who, time_us);
  v1::Event event;
  event.set_time_unix_us(time_us);
  event.set_lane(v1::LANE_NORMAL);
  *event.mutable_person() = PersonOf(who);
  event.mutable_notice_accepted()->set_notice_version(version);
  own_record_.Add(who.uid, event);
  sink_.Emit(std::move(event));
}

v1::Person ContactLog::PersonOf(const Who& who) const {
  v1::Person person;
  person.set_group(who.group);
  person.set_confidence(who.confidence);
  if (who.confidence == v1::CONFIDENCE_CERTAIN && !who.login.empty()) {
    person.set_pseudonym(seal::Pseudonym(identity_.pseudonym_key, who.login));
  }
  return person;
}

}  // namespace schoolgate::agent
