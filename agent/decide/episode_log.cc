#include "agent/decide/episode_log.h"

#include <string>

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
