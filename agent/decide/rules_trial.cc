#include "agent/decide/rules_trial.h"

namespace schoolgate::agent {
namespace {

v1::Action WireAction(rules::Action action) {
  return static_cast<v1::Action>(static_cast<int>(action));
}

}  // namespace

void RulesTrial::Note(const rules::Question& question,
                      const rules::Decision& in_force) {
  ++judged_;
  const rules::Decision then = rules::Decide(*rules_, question);
  if (then.action == in_force.action) return;
  // Categories that say something about a person's beliefs stay unnamed, as
  // they do when a contact is recorded.
  const rules::Decision* const teller = in_force.logged ? &in_force
                                        : then.logged   ? &then
                                                        : nullptr;
  const bool named = teller != nullptr && !teller->categories.empty();
  const Row row = {named ? teller->categories.front() : "",
                   std::string(question.group), WireAction(in_force.action),
                   WireAction(then.action)};
  const auto found = rows_.find(row);
  if (found != rows_.end()) {
    ++found->second;
  } else if (rows_.size() < kMaxRows) {
    rows_.emplace(row, 1);
  }
}

void RulesTrial::Report(v1::Trial* report) const {
  report->set_bundle_version(rules_->manifest().version());
  report->set_judged(judged_);
  for (const auto& [row, count] : rows_) {
    v1::TrialChange& change = *report->add_changes();
    change.set_category(std::get<0>(row));
    change.set_group(std::get<1>(row));
    change.set_before(std::get<2>(row));
    change.set_after(std::get<3>(row));
    change.set_count(count);
  }
}

}  // namespace schoolgate::agent
