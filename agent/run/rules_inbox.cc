#include "agent/run/rules_inbox.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "absl/strings/str_cat.h"

namespace schoolgate::agent {
namespace {

// More candidates than this at once are somebody's mistake.
constexpr size_t kMaxCandidates = 64;
constexpr uintmax_t kMaxRootBytes = 1 << 20;

std::vector<std::string> FilesIn(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (!entry.is_regular_file(error)) continue;
    files.push_back(entry.path().string());
    if (files.size() >= kMaxCandidates) break;
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

RulesInbox::RulesInbox(std::string state_directory)
    : state_directory_(std::move(state_directory)) {}

absl::Status RulesInbox::Open() {
  auto acceptance = rules::Acceptance::Open(state_directory_ + "/rules");
  if (!acceptance.ok()) return acceptance.status();
  acceptance_ = std::move(*acceptance);
  UseCurrent();
  return absl::OkStatus();
}

bool RulesInbox::TakeCandidates(absl::Time now) {
  if (acceptance_->root() == nullptr && !TakeRoot()) return false;
  bool changed = false;
  for (const std::string& path : FilesIn(state_directory_ + "/incoming")) {
    // The uplink writes under another name and renames when it is whole.
    if (!path.ends_with(".bundle")) continue;
    const absl::Status judged = acceptance_->Consider(path, now);
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
    problem_ = judged.ok() ? "" : std::string(judged.message());
    if (judged.ok()) changed |= UseCurrent();
  }
  return changed;
}

// The root of trust comes with enrolment, once; later ones continue its chain.
bool RulesInbox::TakeRoot() {
  const std::string path = state_directory_ + "/identity/rules_root";
  std::error_code error;
  const uintmax_t size = std::filesystem::file_size(path, error);
  if (error || size > kMaxRootBytes) return false;
  std::ifstream in(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  if (absl::Status status = acceptance_->ConsiderRoot(text); !status.ok()) {
    problem_ = std::string(status.message());
    return false;
  }
  return true;
}

bool RulesInbox::UseCurrent() {
  const auto current = acceptance_->OpenCurrent();
  if (!current.ok()) return false;
  auto opened = rules::Ruleset::Open(current->path);
  if (!opened.ok()) {
    problem_ = std::string(opened.status().message());
    return false;
  }
  const bool changed = current->manifest_hash != hash_;
  rules_ = std::move(*opened);
  hash_ = current->manifest_hash;
  return changed;
}

}  // namespace schoolgate::agent
