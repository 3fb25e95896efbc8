#include "agent/run/notice_consents.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/numbers.h"
#include "platform/whole_file.h"

namespace schoolgate::agent {
namespace {

constexpr size_t kFileLimit = 4 << 20;
constexpr mode_t kMode = 0600;

}  // namespace

NoticeConsents::NoticeConsents(std::string file) : file_(std::move(file)) {
  const auto text = platform::ReadWholeFile(file_, kFileLimit);
  if (!text.ok()) return;
  const auto json = nlohmann::json::parse(*text, nullptr, false);
  if (!json.is_object()) return;
  for (const auto& [uid_text, entry] : json.items()) {
    uint32_t uid = 0;
    if (!absl::SimpleAtoi(uid_text, &uid) || !entry.is_object()) continue;
    const auto version = entry.find("version"), time = entry.find("time");
    if (version == entry.end() || !version->is_string() ||
        time == entry.end() || !time->is_number_integer()) {
      continue;
    }
    accepted_[uid] = {version->get<std::string>(), time->get<int64_t>()};
  }
}

bool NoticeConsents::Accepted(uint32_t uid, const std::string& version) const {
  const auto found = accepted_.find(uid);
  return found != accepted_.end() && found->second.version == version;
}

void NoticeConsents::Accept(uint32_t uid, const std::string& version,
                            absl::Time when) {
  if (!accepted_.contains(uid) && accepted_.size() >= kMostPeople) return;
  accepted_[uid] = {version, absl::ToUnixSeconds(when)};
  nlohmann::json json = nlohmann::json::object();
  for (const auto& [person, entry] : accepted_) {
    json[std::to_string(person)] = {{"version", entry.version},
                                    {"time", entry.time_unix}};
  }
  (void)platform::ReplaceFile(file_, json.dump() + "\n", kMode);
}

}  // namespace schoolgate::agent
