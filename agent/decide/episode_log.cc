#include "agent/decide/episode_log.h"

#include <string>
#include <utility>

#include "proto/seal/keys.h"
#include "proto/seal/pseudonym.h"

namespace schoolgate::agent {
namespace {

EpisodeOptions OptionsFor(const Identity& identity) {
  EpisodeOptions options;
  const std::string police_key = identity.police_key;
  options.seal = [police_key](std::string_view service) {
    const auto sealed = seal::SealTo(police_key, std::string(service));
    return sealed.ok() ? *sealed : std::string();
  };
  return options;
}

}  // namespace

EpisodeLog::EpisodeLog(const Identity& identity, EventSink& sink)
    : pseudonym_key_(identity.pseudonym_key),
      sink_(sink),
      tracker_(OptionsFor(identity), sink) {}

void EpisodeLog::SetRules(const std::shared_ptr<const rules::Ruleset>& rules) {
  if (rules.get() == rules_) return;
  rules_ = rules.get();
  tracker_.SetPages(PagesOf(rules));
}

void EpisodeLog::Note(const Observation& observation, const Who& who,
                      const rules::Decision& decision, v1::ProcessKind process,
                      rules::Place place, bool enforced) {
  const bool told = decision.logged && !decision.never_log &&
                    decision.action != rules::Action::kAllow;
  tracker_.OnName(
      observation, told ? decision : benign_, process,
      told ? PersonOf(who) : v1::Person(),
      place == rules::Place::kOffsite ? v1::PLACE_OFFSITE : v1::PLACE_ONSITE,
      enforced && decision.action == rules::Action::kBlock);
}

void EpisodeLog::NoteTransfer(const LargeTransfer& moved, const Who& who) {
  v1::Event event;
  event.set_lane(v1::LANE_NORMAL);
  event.set_time_unix_us(moved.end_us);
  *event.mutable_person() = PersonOf(who);
  v1::Episode& episode = *event.mutable_episode();
  episode.set_category("bulk-transfer");
  episode.set_grade(v1::GRADE_UNCLEAR);
  episode.set_action(v1::ACTION_RECORD);
  episode.set_place(v1::PLACE_ONSITE);
  episode.set_start_unix_us(moved.start_us);
  episode.set_end_unix_us(moved.end_us);
  episode.set_sent_bytes(moved.sent_bytes);
  episode.set_received_bytes(moved.received_bytes);
  sink_.Emit(std::move(event));
}

v1::Person EpisodeLog::PersonOf(const Who& who) const {
  v1::Person person;
  person.set_group(who.group);
  person.set_confidence(who.confidence);
  if (who.confidence == v1::CONFIDENCE_CERTAIN && !who.login.empty()) {
    person.set_pseudonym(seal::Pseudonym(pseudonym_key_, who.login));
  }
  return person;
}

}  // namespace schoolgate::agent
