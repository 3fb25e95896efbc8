#include "agent/decide/notice_board.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "agent/decide/episode_service.h"
#include "proto/seal/keys.h"

namespace schoolgate::agent {
namespace {

constexpr size_t kTokenBytes = 12;

std::string ServiceText(std::string_view host) {
  return std::string(ServiceOf(host));
}

}  // namespace

NoticeBoard::Person& NoticeBoard::PersonOf(uint32_t uid) {
  if (people_.size() >= kMostPeople && !people_.contains(uid)) {
    people_.erase(std::min_element(people_.begin(), people_.end(),
                                   [](const auto& one, const auto& other) {
                                     return one.second.used < other.second.used;
                                   }));
  }
  Person& person = people_[uid];
  person.used = ++uses_;
  return person;
}

void NoticeBoard::OnName(uint32_t uid, std::string_view host, int64_t now_us) {
  Person& person = PersonOf(uid);
  std::string site = ServiceText(host);
  if (site == person.sites[0]) {
    // After a pause it is asked for anew, whatever brought it in before.
    if (IsOlder(person.last_us[0], now_us, kBroughtInUs)) {
      person.since_us[0] = now_us;
    }
    person.last_us[0] = now_us;
    return;
  }
  person.sites[1] = std::move(person.sites[0]);
  person.since_us[1] = person.since_us[0];
  person.last_us[1] = person.last_us[0];
  person.sites[0] = std::move(site);
  person.since_us[0] = person.last_us[0] = now_us;
}

bool NoticeBoard::BroughtIn(const Person& person, std::string_view site,
                            int64_t now_us) const {
  const bool newest = person.sites[0] == site;
  const int64_t begun_us = newest ? person.since_us[0] : now_us;
  const int64_t before_us = newest ? person.last_us[1] : person.last_us[0];
  return begun_us >= before_us && begun_us - before_us < kBroughtInUs;
}

Notice& NoticeBoard::Put(uint32_t uid, std::string_view host,
                         const rules::Decision& decision, std::string help,
                         bool by_person, int64_t now_us) {
  Person& person = PersonOf(uid);
  const std::string site = ServiceText(host);
  const bool pops_up = by_person && !BroughtIn(person, site, now_us);
  for (auto known = person.notices.rbegin(); known != person.notices.rend();
       ++known) {
    if (!known->heading.empty()) continue;
    const bool same = decision.locked ? known->host.empty()
                                      : ServiceText(known->host) == site;
    const int64_t age_us = now_us - known->time_us;
    if (!same || age_us < 0 || age_us >= kQuietUs) continue;
    if (known->warn != (decision.action == rules::Action::kWarn)) continue;
    if (pops_up && !known->pops_up) {
      known->pops_up = true;
      known->id = ++last_id_;
    }
    return *known;
  }
  if (person.notices.size() >= kMostNotices) person.notices.pop_front();
  Notice& notice = person.notices.emplace_back();
  notice.id = ++last_id_;
  notice.time_us = now_us;
  if (!decision.locked) notice.host = std::string(host);
  notice.warn = decision.action == rules::Action::kWarn;
  notice.reason = decision.reason;
  notice.clause = decision.clause;
  notice.help = std::move(help);
  notice.token = absl::BytesToHexString(seal::RandomBytes(kTokenBytes));
  notice.pops_up = pops_up;
  return notice;
}

void NoticeBoard::Tell(uint32_t uid, std::string heading, std::string words,
                       int64_t now_us) {
  Person& person = PersonOf(uid);
  if (person.notices.size() >= kMostNotices) person.notices.pop_front();
  Notice& notice = person.notices.emplace_back();
  notice.id = ++last_id_;
  notice.time_us = now_us;
  notice.heading = std::move(heading);
  notice.reason = std::move(words);
  notice.pops_up = true;
}

std::vector<const Notice*> NoticeBoard::After(uint32_t uid, uint64_t id) const {
  std::vector<const Notice*> news;
  const auto person = people_.find(uid);
  if (person == people_.end()) return news;
  for (const Notice& notice : person->second.notices) {
    if (notice.pops_up && notice.id > id) news.push_back(&notice);
  }
  return news;
}

Notice* NoticeBoard::ByToken(uint32_t uid, std::string_view token) {
  const auto person = people_.find(uid);
  if (person == people_.end() || token.empty()) return nullptr;
  for (Notice& notice : person->second.notices) {
    if (notice.token == token) return &notice;
  }
  return nullptr;
}

}  // namespace schoolgate::agent
