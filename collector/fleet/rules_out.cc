#include "collector/fleet/rules_out.h"

namespace schoolgate::collector {

RulesOut::RulesOut(const BundleShelf& bundles, const PaperShelf& papers)
    : bundles_(bundles),
      papers_(papers),
      snapshot_(std::make_shared<Snapshot>()) {}

bool RulesOut::Refresh() {
  // Read first: what changes from now on is seen at the next call.
  const std::string mark = bundles_.ChangeMark();
  {
    const std::lock_guard lock(mutex_);
    if (!mark_.empty() && mark == mark_) return false;
  }
  auto fresh = std::make_shared<Snapshot>();
  for (const std::string& school : bundles_.Schools()) {
    Shelf& shelf = fresh->shelves[school];
    shelf.current = bundles_.Label(school);
    shelf.rollout = bundles_.RolloutOf(school);
    shelf.deltas = bundles_.Deltas(school);
  }
  std::vector<std::string> schools = papers_.Schools();
  schools.emplace_back();
  const auto before = Now();
  for (const std::string& school : schools) {
    auto papers = papers_.Load(school);
    const auto known = before->papers.find(school);
    // What is the same stays the same object: streams know it by that.
    for (auto& paper : papers) {
      if (known == before->papers.end()) break;
      for (const auto& old : known->second) {
        if (old->facts.name == paper->facts.name &&
            old->paper.text() == paper->paper.text()) {
          paper = old;
          break;
        }
      }
    }
    fresh->papers[school] = std::move(papers);
  }
  const std::lock_guard lock(mutex_);
  mark_ = mark;
  snapshot_ = std::move(fresh);
  return true;
}

std::shared_ptr<const RulesOut::Snapshot> RulesOut::Now() const {
  const std::lock_guard lock(mutex_);
  return snapshot_;
}

std::optional<v1::BundleOffer> RulesOut::OfferFor(
    const std::string& device, const std::string& school,
    const std::string& base) const {
  const auto snapshot = Now();
  auto found = snapshot->shelves.find(school);
  if (found == snapshot->shelves.end()) found = snapshot->shelves.find("");
  if (found == snapshot->shelves.end()) return std::nullopt;
  const Shelf& shelf = found->second;
  const bool has_turn =
      shelf.rollout && !shelf.rollout->paused && InRing(*shelf.rollout, device);
  const bool newer =
      has_turn && (!shelf.current ||
                   shelf.rollout->bundle.version > shelf.current->version);
  if (!newer && !shelf.current) return std::nullopt;
  const ShelvedBundle& bundle = newer ? shelf.rollout->bundle : *shelf.current;
  v1::BundleOffer offer;
  offer.set_version(bundle.version);
  offer.set_hash(bundle.hash);
  offer.set_size_bytes(bundle.size_bytes);
  offer.set_trial(newer && shelf.rollout->ring == Ring::kTrial);
  for (const ShelvedDelta& delta : shelf.deltas) {
    if (delta.to != bundle.hash || delta.from != base || base.empty()) continue;
    offer.set_delta_base(delta.from);
    offer.set_delta_hash(delta.hash);
    offer.set_delta_bytes(delta.size_bytes);
  }
  return offer;
}

std::vector<std::shared_ptr<const ShelvedPaper>> RulesOut::PapersFor(
    const std::string& school) const {
  const auto snapshot = Now();
  std::vector<std::shared_ptr<const ShelvedPaper>> papers;
  for (const std::string& whose : {std::string(), school}) {
    const auto found = snapshot->papers.find(whose);
    if (found == snapshot->papers.end()) continue;
    papers.insert(papers.end(), found->second.begin(), found->second.end());
    if (school.empty()) break;
  }
  return papers;
}

}  // namespace schoolgate::collector
