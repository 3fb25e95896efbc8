#include "agent/run/rules_beat.h"

namespace schoolgate::agent {

std::string FreshnessWord(const RulesInbox& inbox, absl::Time now) {
  const rules::Freshness freshness = inbox.FreshnessAt(now);
  if (freshness == rules::Freshness::kUnknown) return "";
  return std::string(rules::FreshnessName(freshness));
}

void AddRules(const RulesInbox& inbox, const Verdicts& verdicts, absl::Time now,
              v1::Heartbeat* beat) {
  beat->set_root_version(inbox.root_version());
  beat->set_rules_freshness(FreshnessWord(inbox, now));
  beat->set_orders_refused(inbox.counters().orders_refused +
                           inbox.counters().roots_refused);
  constexpr size_t kMostTroubleBytes = 300;
  beat->set_rules_trouble(inbox.problem().substr(0, kMostTroubleBytes));
  if (inbox.rules() != nullptr) {
    const v1::Overlays& overlays = inbox.rules()->overlays();
    beat->set_passes(static_cast<uint32_t>(overlays.passes_size()));
    beat->set_emergency_blocks(static_cast<uint32_t>(overlays.blocks_size()));
    beat->set_rules_lost_pages(inbox.rules()->file().lost_pages());
    beat->set_rules_damaged_pages(inbox.rules()->index().damaged_pages());
    beat->set_mode_wanted(inbox.rules()->policy().mode());
  }
  beat->set_rules_judged(verdicts.judged());
  beat->set_rules_blocked(verdicts.blocked());
  if (verdicts.trial() != nullptr)
    verdicts.trial()->Report(beat->mutable_trial());
}

}  // namespace schoolgate::agent
