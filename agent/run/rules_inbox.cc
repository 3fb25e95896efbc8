#include "agent/run/rules_inbox.h"

#include <algorithm>
#include <filesystem>
#include <vector>

#include "absl/strings/str_cat.h"
#include "platform/whole_file.h"
#include "rules/trust/order.h"
#include "rules/trust/refusal.h"

namespace schoolgate::agent {
namespace {

// More than this at once is somebody's mistake; the rest has its turn later.
constexpr size_t kMaxCandidates = 256;

// Those with this ending. The uplink writes under another name and renames
// when a file is whole.
std::vector<std::string> FilesIn(const std::string& folder,
                                 std::string_view ending) {
  std::vector<std::string> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (!entry.path().native().ends_with(ending)) continue;
    if (!entry.is_regular_file(error)) continue;
    files.push_back(entry.path().string());
    if (files.size() >= kMaxCandidates) break;
  }
  std::sort(files.begin(), files.end());
  return files;
}

void Remove(const std::string& path) {
  std::error_code ignored;
  std::filesystem::remove(path, ignored);
}

// A pass or block that had its time comes again with each contact.
bool IsOldNews(const absl::Status& status) {
  const auto refusal = rules::RefusalOf(status);
  return refusal == rules::Refusal::kReplayedOrder ||
         refusal == rules::Refusal::kEnded ||
         refusal == rules::Refusal::kRollback;
}

}  // namespace

RulesInbox::RulesInbox(std::string state_directory)
    : state_directory_(std::move(state_directory)) {}

absl::Status RulesInbox::Open(const rules::Moment& moment) {
  const std::string folder = state_directory_ + "/rules";
  auto acceptance = rules::Acceptance::Open(folder);
  if (!acceptance.ok()) return acceptance.status();
  acceptance_ = std::move(*acceptance);
  auto book = rules::OrderBook::Open(folder);
  if (!book.ok()) return book.status();
  book_ = std::move(*book);
  KeepRoot();
  const auto current = acceptance_->OpenCurrent();
  if (!current.ok()) return absl::OkStatus();
  auto opened = rules::Ruleset::Open(current->path);
  if (!opened.ok()) {
    problem_ = std::string(opened.status().message());
    return absl::OkStatus();
  }
  if (!current->fallback.ok()) {
    problem_ = std::string(current->fallback.message());
  }
  bundle_ = *std::move(opened);
  hash_ = current->manifest_hash;
  (void)book_->Tick(moment);
  UseOverlays(moment);
  return absl::OkStatus();
}

bool RulesInbox::Turn(rules::Moment moment) {
  moment.signed_floor = signed_floor_;
  bool changed = false;
  if (judge_ != nullptr && judge_->done()) changed = TakeJudgement();
  if (judge_ == nullptr) {
    if (root_ == nullptr) TakeEnrolledRoot();
    TakeRoots();
    if (root_ != nullptr) TakeBundles(moment.wall);
  }
  changed |= TakeOrders(moment);
  if (book_->SomethingEnded(moment)) {
    const auto ended = book_->Tick(moment);
    if (!ended.ok()) order_problem_ = std::string(ended.status().message());
    changed = true;
  }
  if (changed) UseOverlays(moment);
  return changed;
}

// The first root comes with enrolment; later ones continue its chain.
void RulesInbox::TakeEnrolledRoot() {
  const auto text = platform::ReadWholeFile(
      state_directory_ + "/identity/rules_root", rules::kMaxRootFileBytes);
  if (!text.ok()) return;
  const absl::Status status = acceptance_->ConsiderRoot(*text);
  if (!status.ok()) problem_ = std::string(status.message());
  KeepRoot();
}

void RulesInbox::TakeRoots() {
  // Only one who was handed the first root by enrolment can follow a chain.
  if (root_ == nullptr) return;
  for (const std::string& path :
       FilesIn(state_directory_ + "/incoming", ".root")) {
    const auto text = platform::ReadWholeFile(path, rules::kMaxRootFileBytes);
    const absl::Status status =
        text.ok() ? acceptance_->ConsiderRoot(*text) : text.status();
    Remove(path);
    if (!status.ok() && !IsOldNews(status)) {
      ++counters_.roots_refused;
      order_problem_ = std::string(status.message());
    }
    KeepRoot();
  }
}

void RulesInbox::KeepRoot() {
  const rules::TrustRoot* root = acceptance_->root();
  if (root != nullptr && root_version() != root->version()) {
    root_ = std::make_unique<const rules::TrustRoot>(*root);
  }
  signed_floor_ = acceptance_->SignedTime();
  if (acceptance_->state().timestamp_serial() != 0) {
    stamped_ =
        absl::FromUnixSeconds(acceptance_->state().timestamp_issued_unix_s());
  }
}

bool RulesInbox::TakeBundles(absl::Time now) {
  const std::string folder = state_directory_ + "/incoming";
  std::vector<std::string> files = FilesIn(folder, ".bundle");
  if (files.empty()) files = FilesIn(folder, ".trial");
  if (files.empty()) return false;
  judge_ =
      std::make_unique<BundleJudge>(*acceptance_, bundle_, files.front(), now);
  return true;
}

bool RulesInbox::TakeJudgement() {
  Judgement judgement = judge_->Take();
  judge_.reset();
  if (judgement.trial) {
    trial_ = std::move(judgement.rules);
    if (!judgement.status.ok()) {
      problem_ = std::string(judgement.status.message());
    }
    return false;
  }
  problem_ =
      judgement.status.ok() ? "" : std::string(judgement.status.message());
  KeepRoot();
  if (judgement.rules == nullptr) return false;
  trial_ = nullptr;
  const bool changed = judgement.manifest_hash != hash_ || damaged();
  bundle_ = std::move(judgement.rules);
  hash_ = judgement.manifest_hash;
  return changed;
}

bool RulesInbox::damaged() const {
  return bundle_ != nullptr && (bundle_->file().lost_pages() > 0 ||
                                bundle_->index().damaged_pages() > 0);
}

// Passes and blocks wait for the rules that they are judged by, timestamps
// for a bundle that is being judged.
bool RulesInbox::TakeOrders(const rules::Moment& moment) {
  if (root_ == nullptr) return false;
  bool changed = false;
  for (const std::string& path :
       FilesIn(state_directory_ + "/incoming", ".order")) {
    const auto text = platform::ReadWholeFile(path, rules::kMaxOrderFileBytes);
    if (!text.ok()) {
      NoteOrder(text.status());
      Remove(path);
      continue;
    }
    const auto order = rules::ParseOrder(*text);
    if (!order.ok()) {
      NoteOrder(order.status());
      Remove(path);
      continue;
    }
    if (order->kind() == v1::ORDER_KIND_TIMESTAMP) {
      if (judge_ != nullptr) continue;
      NoteOrder(acceptance_->ConsiderTimestamp(*text, moment.wall));
      KeepRoot();
    } else {
      if (bundle_ == nullptr) continue;
      const absl::Status status = JudgeOrder(*text, moment);
      NoteOrder(status);
      changed |= status.ok();
    }
    Remove(path);
  }
  return changed;
}

absl::Status RulesInbox::JudgeOrder(const std::string& text,
                                    const rules::Moment& moment) {
  // What is listed below a host of the pass is judged when it is asked for:
  // Decide opens nothing that may not be passed.
  const rules::OrderGround ground{
      *root_, bundle_->tables(),
      [this](std::string_view host) { return bundle_->Categories(host); }};
  return book_->Consider(text, ground, moment);
}

void RulesInbox::NoteOrder(const absl::Status& status) {
  if (status.ok()) {
    ++counters_.orders_taken;
    order_problem_.clear();
  } else if (!IsOldNews(status)) {
    ++counters_.orders_refused;
    order_problem_ = std::string(status.message());
  }
}

void RulesInbox::UseOverlays(const rules::Moment& moment) {
  if (bundle_ == nullptr) return;
  rules_ = bundle_->WithOverlays(book_->InForce(moment));
}

rules::Freshness RulesInbox::FreshnessAt(absl::Time now) const {
  if (stamped_ == absl::InfinitePast()) return rules::Freshness::kUnknown;
  return rules::FreshnessOf(signed_floor_, now);
}

}  // namespace schoolgate::agent
