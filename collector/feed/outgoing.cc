#include "collector/feed/outgoing.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "collector/cases/alert_json.h"
#include "collector/cases/precision.h"
#include "collector/feed/mail_text.h"
#include "collector/fleet/journal.h"
#include "proto/seal/hmac.h"
#include "proto/seal/keys.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kPage = 100;
constexpr size_t kMostOpen = 100'000;
constexpr absl::Duration kPatience = absl::Seconds(1);
constexpr absl::Duration kFirstWait = absl::Seconds(5);
constexpr absl::Duration kLongestWait = absl::Hours(1);
// The first one goes out at once; what follows waits to be told together.
constexpr absl::Duration kBetweenMails = absl::Minutes(5);

int64_t DayOf(absl::Time time, absl::TimeZone zone) {
  return absl::ToCivilDay(time, zone) - absl::CivilDay(1970, 1, 1);
}

bool IsSchoolDay(absl::Time time, absl::TimeZone zone) {
  const absl::Weekday day = absl::GetWeekday(absl::ToCivilDay(time, zone));
  return day != absl::Weekday::saturday && day != absl::Weekday::sunday;
}

}  // namespace

absl::Duration WaitAfterAttempts(uint32_t attempts) {
  absl::Duration wait = kFirstWait;
  for (uint32_t i = 1; i < attempts && wait < kLongestWait; ++i) wait *= 2;
  return std::min(wait, kLongestWait);
}

OutgoingFeeds::OutgoingFeeds(OutgoingStores stores, OutgoingConfig config,
                             Wire wire, const platform::Clock& clock)
    : stores_(stores),
      config_(std::move(config)),
      wire_(std::move(wire)),
      clock_(clock) {}

OutgoingFeeds::~OutgoingFeeds() { Stop(); }

void OutgoingFeeds::Start() {
  thread_ = std::thread([this] { Run(); });
}

void OutgoingFeeds::Stop() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

void OutgoingFeeds::Run() {
  uint64_t seen = 0;
  while (!stopping_) {
    seen = stores_.alerts.WaitForChange(seen, kPatience);
    if (!stopping_) Step();
  }
}

void OutgoingFeeds::Step() {
  if (!stores_.feeds.TakeTurn()) return;
  for (const WebhookTarget& target : config_.webhooks) StepWebhook(target);
  if (!config_.mail) return;
  for (const MailRecipient& recipient : config_.recipients) {
    if (recipient.urgent) StepUrgent(recipient);
    if (recipient.digest) StepDigest(recipient);
  }
}

// nullopt: not due, or its progress cannot be read or written.
std::optional<FeedProgress> OutgoingFeeds::Begin(const std::string& name) {
  absl::StatusOr<FeedProgress> progress = stores_.feeds.Progress(name);
  if (absl::IsNotFound(progress.status())) {
    FeedProgress fresh;
    fresh.name = name;
    fresh.cursor = stores_.alerts.WaitForChange(0, absl::ZeroDuration());
    fresh.last_day = DayOf(clock_.Now(), config_.zone) - 1;
    if (!stores_.feeds.Put(fresh).ok()) return std::nullopt;
    return fresh;
  }
  if (!progress.ok() || progress->next_try > clock_.Now()) return std::nullopt;
  return *std::move(progress);
}

absl::Status OutgoingFeeds::Record(const std::string& action,
                                   const std::string& about,
                                   const std::string& detail) {
  AuditEntry entry;
  entry.time = clock_.Now();
  entry.who = "system";
  entry.action = action;
  entry.about = about;
  entry.detail = detail;
  return stores_.audit.Append(std::move(entry));
}

// Notes a failed try; true when it was the last one and the feed goes on.
bool OutgoingFeeds::Failed(const absl::Status& why, const v1::Alert* alert,
                           FeedProgress* progress) {
  progress->last_error = std::string(why.message());
  ++progress->attempts;
  const bool over = progress->attempts >= kMostAttempts;
  if (!over) {
    progress->next_try = clock_.Now() + WaitAfterAttempts(progress->attempts);
  } else {
    ++progress->dead;
    progress->attempts = 0;
    if (alert != nullptr) {
      progress->cursor = alert->revision();
      (void)stores_.feeds.Bury({.name = progress->name,
                                .alert = alert->id(),
                                .revision = alert->revision(),
                                .time = clock_.Now(),
                                .why = progress->last_error});
    }
  }
  Log(over ? Level::kError : Level::kWarning,
      over ? "feed_gave_up" : "feed_failed",
      {{"feed", progress->name}, {"why", progress->last_error}});
  (void)stores_.feeds.Put(*progress);
  return over;
}

bool OutgoingFeeds::Deliver(const v1::Alert& alert, const WebhookTarget& target,
                            const Account& reader, FeedProgress* progress) {
  const absl::StatusOr<std::vector<Account>> everybody = stores_.accounts.All();
  if (!everybody.ok()) return false;
  const Sight sight =
      SightOf(reader, alert, Readers(*everybody, stores_.policies));
  if (sight == Sight::kNothing) {
    progress->cursor = alert.revision();
    return true;
  }
  if (progress->attempts == 0 &&
      !Record("send_webhook", absl::StrCat(alert.id()), target.name).ok()) {
    return false;
  }
  nlohmann::json value = AlertJson(
      alert, sight, false, [](const std::string& name) { return name; });
  value["school"] = alert.school();
  const std::string body =
      nlohmann::json({{"type", "alert"}, {"alert", std::move(value)}})
          .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  const std::string time = absl::StrCat(absl::ToUnixSeconds(clock_.Now()));
  const std::string tag = seal::ToHex(
      seal::HmacSha256(target.secret, absl::StrCat(time, ".", body)));
  const absl::Status sent = wire_.post(
      target,
      {{"Schoolgate-Signature", absl::StrCat("t=", time, ",v1=", tag)},
       {"Schoolgate-Delivery",
        absl::StrCat(alert.school(), "/", alert.id(), "/", alert.revision())},
       {"Schoolgate-Attempt", absl::StrCat(progress->attempts + 1)}},
      body);
  if (!sent.ok()) return Failed(sent, &alert, progress);
  progress->cursor = alert.revision();
  progress->attempts = 0;
  progress->last_error.clear();
  progress->last_sent = clock_.Now();
  ++progress->sent;
  return stores_.feeds.Put(*progress).ok();
}

void OutgoingFeeds::StepWebhook(const WebhookTarget& target) {
  std::optional<FeedProgress> progress =
      Begin(absl::StrCat("webhook/", target.name));
  const absl::StatusOr<Account> reader = stores_.accounts.Get(target.account);
  if (!progress || !reader.ok()) return;
  while (!stopping_) {
    const auto changes = stores_.alerts.ChangesAfter(progress->cursor, kPage);
    if (!changes.ok() || changes->empty()) return;
    for (const v1::Alert& alert : *changes) {
      if (stopping_ || !Deliver(alert, target, *reader, &*progress)) return;
    }
    if (!stores_.feeds.Put(*progress).ok()) return;
  }
}

absl::Status OutgoingFeeds::Send(const MailRecipient& recipient,
                                 const std::string& subject,
                                 const std::string& text) {
  return wire_.mail(*config_.mail, recipient.address,
                    MailMessage(config_.mail->from, recipient.address, subject,
                                text, clock_.Now()));
}

// One mail for all serious alerts that are new since the last one.
void OutgoingFeeds::StepUrgent(const MailRecipient& recipient) {
  std::optional<FeedProgress> progress =
      Begin(absl::StrCat("mail/", recipient.account));
  const absl::StatusOr<Account> reader =
      stores_.accounts.Get(recipient.account);
  const absl::StatusOr<std::vector<Account>> everybody = stores_.accounts.All();
  if (!progress || !reader.ok() || !everybody.ok() ||
      clock_.Now() < progress->last_sent + kBetweenMails) {
    return;
  }
  const DigestKinds in_digest =
      KindsInDigest(stores_.agreements, reader->school);
  const std::string marks = absl::StrCat(progress->name, "/sent");
  std::vector<v1::Alert> urgent;
  while (true) {
    const auto changes = stores_.alerts.ChangesAfter(progress->cursor, kPage);
    if (!changes.ok()) return;
    if (changes->empty()) break;
    for (const v1::Alert& alert : *changes) {
      progress->cursor = alert.revision();
      if (!IsUrgent(alert) || WaitsForDigest(alert, in_digest) ||
          SightOf(*reader, alert, Readers(*everybody, stores_.policies)) ==
              Sight::kNothing) {
        continue;
      }
      const auto told = stores_.feeds.Marked(marks, UrgentMark(alert));
      if (!told.ok()) return;
      if (!*told) urgent.push_back(alert);
    }
  }
  if (!urgent.empty()) {
    // A line for each, which is hidden from whom the alert is.
    for (const v1::Alert& alert : urgent) {
      if (!Record("send_mail", absl::StrCat(alert.id()), recipient.account)
               .ok()) {
        return;
      }
    }
    const absl::Status sent = Send(recipient, UrgentSubject(urgent),
                                   UrgentText(urgent, config_.dashboard));
    if (!sent.ok()) {
      // Where it stood before, unless it has been tried often enough.
      FeedProgress retry = *progress;
      retry.cursor = urgent.front().revision() - 1;
      if (!Failed(sent, nullptr, &retry)) return;
      progress->dead = retry.dead;
      progress->attempts = 0;
      (void)stores_.feeds.Put(*progress);
      return;
    }
    for (const v1::Alert& alert : urgent) {
      (void)stores_.feeds.Mark(marks, UrgentMark(alert));
    }
    progress->attempts = 0;
    progress->last_error.clear();
    progress->last_sent = clock_.Now();
    ++progress->sent;
  }
  (void)stores_.feeds.Put(*progress);
}

// Every school day: also that there is nothing, or its silence would say that.
void OutgoingFeeds::StepDigest(const MailRecipient& recipient) {
  const absl::Time now = clock_.Now();
  const absl::CivilDay today = absl::ToCivilDay(now, config_.zone);
  if (!IsSchoolDay(now, config_.zone) ||
      now < absl::FromCivil(today, config_.zone) + config_.digest_at) {
    return;
  }
  std::optional<FeedProgress> progress =
      Begin(absl::StrCat("digest/", recipient.account));
  const absl::StatusOr<Account> reader =
      stores_.accounts.Get(recipient.account);
  const absl::StatusOr<std::vector<Account>> everybody = stores_.accounts.All();
  const int64_t day = DayOf(now, config_.zone);
  if (!progress || !reader.ok() || !everybody.ok() ||
      progress->last_day >= day) {
    return;
  }
  AlertQuery query;
  query.school = reader->school;
  query.open_only = true;
  query.limit = kMostOpen;
  absl::StatusOr<std::vector<v1::Alert>> open = stores_.alerts.Find(query);
  if (!open.ok()) return;
  std::erase_if(*open, [&](const v1::Alert& alert) {
    return SightOf(*reader, alert, Readers(*everybody, stores_.policies)) ==
           Sight::kNothing;
  });
  if (!Record("send_digest", "", recipient.account).ok()) return;
  const absl::Status sent =
      Send(recipient, DigestSubject(*open),
           DigestText(*open, now, config_.zone, config_.dashboard));
  if (!sent.ok() && !Failed(sent, nullptr, &*progress)) return;
  progress->last_day = day;
  progress->attempts = 0;
  progress->next_try = absl::InfinitePast();
  if (sent.ok()) {
    progress->last_error.clear();
    progress->last_sent = now;
    ++progress->sent;
  }
  (void)stores_.feeds.Put(*progress);
}

}  // namespace schoolgate::collector
