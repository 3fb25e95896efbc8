#include "collector/web/directory_log_ins.h"

#include "collector/web/sessions.h"

namespace schoolgate::collector {

void DirectoryLogIns::MakeRoom(const std::string& address, absl::Duration now) {
  std::erase_if(log_ins_, [&](const auto& entry) {
    return now - entry.second.begun >= limits_.longest;
  });
  auto oldest = log_ins_.end();
  auto oldest_own = log_ins_.end();
  size_t own = 0;
  for (auto i = log_ins_.begin(); i != log_ins_.end(); ++i) {
    const auto older = [&](auto than) {
      return than == log_ins_.end() || i->second.begun < than->second.begun;
    };
    if (older(oldest)) oldest = i;
    if (i->second.address != address) continue;
    ++own;
    if (older(oldest_own)) oldest_own = i;
  }
  if (own >= limits_.per_address) {
    log_ins_.erase(oldest_own);
  } else if (log_ins_.size() >= limits_.all) {
    log_ins_.erase(oldest);
  }
}

std::string DirectoryLogIns::Open(DirectoryLogIn log_in, absl::Duration now) {
  const std::string token = RandomToken();
  log_in.begun = now;
  const std::lock_guard lock(mutex_);
  MakeRoom(log_in.address, now);
  log_ins_.emplace(TokenHash(token), std::move(log_in));
  return token;
}

std::optional<DirectoryLogIn> DirectoryLogIns::Take(const std::string& token,
                                                    absl::Duration now) {
  const std::lock_guard lock(mutex_);
  auto found = log_ins_.find(TokenHash(token));
  if (found == log_ins_.end()) return std::nullopt;
  DirectoryLogIn log_in = std::move(found->second);
  log_ins_.erase(found);
  if (now - log_in.begun >= limits_.longest) return std::nullopt;
  return log_in;
}

void DirectoryLogIns::PutBack(const std::string& token, DirectoryLogIn log_in) {
  const std::lock_guard lock(mutex_);
  log_ins_.insert_or_assign(TokenHash(token), std::move(log_in));
}

}  // namespace schoolgate::collector
