#include "agent/uplink/uplink.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "agent/uplink/decommission.h"
#include "platform/machine.h"
#include "platform/wait.h"
#include "platform/whole_file.h"
#include "proto/seal/hash.h"
#include "proto/seal/keys.h"

namespace schoolgate::agent {
namespace {

constexpr absl::Duration kRefreshInterval = absl::Seconds(30);
// Without a watch on the spool it is looked at this often.
constexpr absl::Duration kPollInterval = absl::Seconds(1);
constexpr absl::Duration kStatusInterval = absl::Seconds(10);
constexpr absl::Duration kRefusedWait = Session::kRefusedWait;
// A candidate that failed this often takes turns with the old certificate.
constexpr int kCandidateTries = 3;
constexpr absl::Duration kFetchAgain = absl::Seconds(20);
// Between two files for rules that are damaged: a disk that damages each must
// not fetch for ever.
constexpr absl::Duration kFetchAnew = absl::Minutes(5);
constexpr absl::Duration kRenewAgain = absl::Hours(1);
// In STATE/rules, by the agent.
constexpr char kRulesWanted[] = "/rules/wanted";

uint64_t Seed() {
  const std::string bytes = seal::RandomBytes(8);
  uint64_t seed = 0;
  for (char c : bytes) seed = seed << 8 | static_cast<uint8_t>(c);
  return seed;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Uplink>> Uplink::Open(
    const UplinkConfig& config, const platform::Clock& clock) {
  for (const std::string& path :
       {config.state_directory, config.state_directory + "/incoming",
        config.state_directory + "/decommission"}) {
    auto made = platform::OpenDirectory(path);
    if (!made.ok()) return made.status();
  }
  auto identity = IdentityFolder::Open(config.state_directory + "/identity");
  if (!identity.ok()) return identity.status();
  auto spool = platform::OpenDirectory(config.spool_directory);
  if (!spool.ok()) return spool.status();
  return std::unique_ptr<Uplink>(
      new Uplink(config, clock, *std::move(identity), *std::move(spool)));
}

Uplink::Uplink(const UplinkConfig& config, const platform::Clock& clock,
               IdentityFolder identity,
               std::unique_ptr<platform::Directory> spool)
    : config_(config),
      clock_(clock),
      identity_(std::move(identity)),
      spool_(std::move(spool)),
      enrol_backoff_(Seed()),
      renew_backoff_(Seed()) {
  WatchSpool();
}

Uplink::~Uplink() {
  fetch_.reset();
  renewal_.reset();
  farewell_.reset();
  link_.reset();
  if (reader_ != nullptr) (void)reader_->Save();
  status_.connected = false;
  WriteStatusWhenDue(true);
}

void Uplink::WatchSpool() {
  auto watch = platform::FolderWatch::Open(config_.spool_directory);
  if (watch.ok()) watch_ = *std::move(watch);
  auto wishes =
      platform::FolderWatch::Open(config_.state_directory + "/decommission");
  if (wishes.ok()) wishes_ = *std::move(wishes);
  WatchRules();
}

// The agent makes the folder, perhaps after us.
void Uplink::WatchRules() {
  auto watch = platform::FolderWatch::Open(config_.state_directory + "/rules");
  if (watch.ok()) rules_watch_ = *std::move(watch);
}

void Uplink::Turn(absl::Duration patience, int extra_descriptor) {
  absl::Duration now = clock_.SinceBoot();
  if (!enrolled_ && now >= next_enrol_) TryToEnrol();
  absl::Duration wake = enrolled_ ? now + kStatusInterval : next_enrol_;
  if (session_ != nullptr) {
    RenewWhenDue();
    FetchWhenDue();
    Carry(session_->Step(clock_.SinceBoot()));
    wake = std::min({session_->next_wake(), next_refresh_, next_status_});
  }
  DecommissionWhenAsked();
  FetchAnewWhenAsked();
  WriteStatusWhenDue(false);
  now = clock_.SinceBoot();
  // A folder that is not there yet cannot be watched.
  if (rules_watch_ == nullptr) wake = std::min(wake, now + kPollInterval);
  const auto watched = [](const auto& watch) {
    return watch != nullptr ? watch->descriptor() : -1;
  };
  const std::array<int, 5> descriptors = {
      mailbox_.descriptor(), watched(watch_), watched(wishes_),
      watched(rules_watch_), extra_descriptor};
  platform::WaitReadable(
      descriptors, std::clamp(wake - now, absl::ZeroDuration(), patience));
  if (wishes_ != nullptr) (void)wishes_->Drain();
  if (rules_watch_ != nullptr) (void)rules_watch_->Drain();
  const bool changed = watch_ != nullptr && watch_->Drain();
  if (reader_ != nullptr && (changed || clock_.SinceBoot() >= next_refresh_)) {
    reader_->Refresh();
    next_refresh_ = clock_.SinceBoot() +
                    (watch_ != nullptr ? kRefreshInterval : kPollInterval);
  }
  mailbox_.RunAll();
}

void Uplink::TryToEnrol() {
  auto enrolled = identity_.LoadEnrolled();
  if (absl::IsNotFound(enrolled.status())) {
    Failure failure;
    absl::Status status;
    auto file = LoadEnrolmentFile(config_.enrolment_file);
    if (file.ok()) {
      status_.collector = file->collector;
      status = EnrolDevice(*file, identity_, clock_, &failure);
    } else {
      failure.ending = Ending::kLost;  // it may be laid down at any time
      status = file.status();
    }
    if (status.ok()) enrolled = identity_.LoadEnrolled();
    if (!status.ok()) {
      status_.problem = "not enrolled: " + std::string(status.message());
      next_enrol_ =
          clock_.SinceBoot() + (failure.ending == Ending::kRefused
                                    ? enrol_backoff_.Around(kRefusedWait)
                                    : enrol_backoff_.Next());
      WriteStatusWhenDue(true);
      return;
    }
  }
  if (!enrolled.ok()) {
    status_.problem = std::string(enrolled.status().message());
    next_enrol_ = clock_.SinceBoot() + enrol_backoff_.Around(kRefusedWait);
    WriteStatusWhenDue(true);
    return;
  }
  enrolled_ = *std::move(enrolled);
  BeginSession();
}

void Uplink::BeginSession() {
  status_.enrolled = true;
  status_.problem = "";
  status_.device = enrolled_->device;
  status_.school = enrolled_->school;
  status_.collector = enrolled_->collector;
  reader_ = SpoolReader::Open(*spool_);
  session_ = std::make_unique<Session>(*reader_, Seed(),
                                       config_.megabytes_a_day * 1'000'000);
  candidate_ = identity_.LoadCandidate();
  auto tls = identity_.LoadTls();
  if (tls.ok()) {
    tls_ = *std::move(tls);
  } else {
    // Lost or half-changed: the signing key buys a new one.
    renewal_wanted_ = true;
    status_.problem = std::string(tls.status().message());
  }
  WriteStatusWhenDue(true);
}

void Uplink::Carry(Actions actions) {
  for (Action& action : actions) {
    if (std::holds_alternative<Dial>(action)) {
      Connect();
    } else if (auto* send = std::get_if<SendMessage>(&action)) {
      if (send->message.has_hello()) {
        AddFacts(send->message.mutable_hello());
      }
      if (link_ != nullptr) link_->Send(std::move(send->message));
    } else if (auto* hang_up = std::get_if<HangUp>(&action)) {
      if (!hang_up->why.empty()) {
        status_.problem = enrolled_->collector + ": " + hang_up->why +
                          ": will try again; check the network";
      }
      if (link_ != nullptr) link_->HangUp();
    } else if (auto* greeted = std::get_if<Greeted>(&action)) {
      OnGreeted(greeted->welcome);
    } else if (auto* offered = std::get_if<Offered>(&action)) {
      OnOffer(offered->offer);
    } else if (auto* handed = std::get_if<Handed>(&action)) {
      const absl::Status laid =
          LayDownPaper(handed->paper, config_.state_directory + "/incoming");
      if (!laid.ok()) status_.problem = std::string(laid.message());
    }
  }
}

// The certificate for the next link: a candidate first, so that it is proven
// before it replaces anything.
const TlsIdentity* Uplink::ChooseIdentity() {
  // Its own failures: those of before, when nobody answered, say nothing.
  const int tries = candidate_ ? candidate_tries_++ : 0;
  const bool other = tries >= kCandidateTries && tries % 2 == 1;
  using_candidate_ = candidate_.has_value() && !(other && tls_.has_value());
  if (using_candidate_) return &*candidate_;
  return tls_.has_value() ? &*tls_ : nullptr;
}

void Uplink::Connect() {
  const TlsIdentity* chosen = ChooseIdentity();
  std::optional<TlsIdentity> tls;
  if (chosen != nullptr) {
    tls = *chosen;
    auto times = TimesOf(chosen->certificate_pem);
    if (times.ok()) certificate_times_ = *times;
    status_.certificate_ends = certificate_times_.not_after;
  }
  const absl::Time floor = identity_.time_floor();
  channel_ = OpenChannel(
      enrolled_->collector, {enrolled_->authority_pem, ""},
      [&clock = clock_, floor] {
        return TimeBelief{clock.Now(), floor};
      },
      tls);
  const uint64_t number = ++link_number_;
  const auto mine = [this, number](auto act) {
    mailbox_.Post([this, number, act = std::move(act)] {
      if (number == link_number_ && link_ != nullptr) act();
    });
  };
  LinkEvents events;
  events.on_message = [this, mine](v1::ToDevice message) {
    mine([this, message = std::move(message)] { OnMessage(message); });
  };
  events.on_written = [this, mine] {
    mine([this] { Carry(session_->Written(clock_.SinceBoot())); });
  };
  events.on_closed = [this, mine](grpc::Status status) {
    mine([this, status = std::move(status)] { OnClosed(status); });
  };
  link_ = std::make_unique<Link>(channel_.grpc, std::move(events));
}

void Uplink::AddFacts(v1::Hello* hello) {
  hello->set_agent_version(SCHOOLGATE_VERSION);
  hello->set_contact_nonce(identity_.contact_nonce());
  hello->set_time_unix_us(absl::ToUnixMicros(clock_.Now()));
  hello->set_boot_us(absl::ToInt64Microseconds(clock_.SinceBoot()));
  hello->set_boot_id(platform::BootId());
  // Of a damaged file nothing is said, also where the disk gives its bytes
  // again: the collector then offers a whole one.
  const std::string in_force =
      rules_damaged_
          ? ""
          : HashOfFile(config_.state_directory + "/rules/current.bundle");
  in_force_hash_ = in_force;
  seal::Hasher trusted;
  trusted.Add(using_candidate_ ? candidate_->authority_pem
                               : enrolled_->authority_pem);
  hello->set_authority_hash(trusted.Finish());
  hello->set_bundle_hash(in_force);
}

void Uplink::OnGreeted(const v1::Welcome& welcome) {
  status_.connected = true;
  status_.problem = "";
  const absl::Time server = absl::FromUnixMicros(welcome.server_time_unix_us());
  clock_offset_ = server - clock_.Now();
  status_.clock_error = -*clock_offset_;
  status_.last_contact = server;
  const auto judged = channel_.handshake->Get();
  status_.clock_wrong = judged && judged->trust == Trust::kGoodButClockWrong;
  if (server > identity_.time_floor() + absl::Hours(1)) {
    (void)identity_.SaveTimeFloor(server);
  }
  (void)identity_.SaveContactNonce(welcome.contact_nonce());
  (void)identity_.SaveAssigned(welcome.assigned());
  // Not at once again, whatever the collector says: what it gave has to help.
  if (welcome.renew() && clock_.SinceBoot() >= next_wish_to_renew_) {
    next_wish_to_renew_ = clock_.SinceBoot() + kRenewAgain;
    renewal_wanted_ = true;
  }
  if (using_candidate_) {
    if (identity_.PromoteCandidate().ok()) {
      tls_ = std::move(candidate_);
      candidate_.reset();
      using_candidate_ = false;
      auto enrolled = identity_.LoadEnrolled();
      if (enrolled.ok()) enrolled_ = *std::move(enrolled);
    }
  } else if (candidate_) {
    identity_.DropCandidate();  // the old one works and it did not
    candidate_.reset();
  }
  WriteStatusWhenDue(true);
}

void Uplink::OnMessage(const v1::ToDevice& message) {
  if (message.has_ack()) {
    status_.durable_epoch = message.ack().epoch();
    status_.durable_sequence = message.ack().durable_sequence();
    status_.last_contact =
        clock_.Now() + clock_offset_.value_or(absl::ZeroDuration());
  }
  Carry(session_->Received(message, clock_.SinceBoot()));
}

void Uplink::OnClosed(const grpc::Status& status) {
  const Failure failure =
      Explain(status, *channel_.handshake, enrolled_->collector);
  // Cancelled is our own doing, and told already.
  if (status.error_code() != grpc::StatusCode::CANCELLED) {
    status_.problem = failure.sentence;
  }
  if (failure.word == "no_certificate") renewal_wanted_ = true;
  const bool expired = BelievedNow() >= certificate_times_.not_after;
  if (!status_.connected && expired) renewal_wanted_ = true;
  status_.connected = false;
  link_.reset();
  Carry(session_->Closed(failure.ending, clock_.SinceBoot()));
  WriteStatusWhenDue(true);
}

// A name of its own for rules on trial: the same bundle may come for good.
std::string Uplink::NameOf(const v1::BundleOffer& offer) {
  return offer.hash() + (offer.trial() ? "t" : "");
}

void Uplink::OnOffer(const v1::BundleOffer& offer) {
  if (NameOf(offer) == fetched_ ||
      (!offer.trial() && offer.hash() == in_force_hash_)) {
    waiting_offer_.reset();
    return;
  }
  waiting_offer_ = offer;
  next_fetch_ = clock_.SinceBoot();
  FetchWhenDue();
}

void Uplink::FetchWhenDue() {
  if (!waiting_offer_ || fetch_ != nullptr || link_ == nullptr) return;
  if (clock_.SinceBoot() < next_fetch_) return;
  const std::string state = config_.state_directory;
  fetch_ = std::make_unique<Errand>(
      mailbox_, [this, grpc = channel_.grpc, offer = *waiting_offer_,
                 state](const NewContext& context) {
        bool by_delta = false;
        const absl::Status status =
            BringBundle(*grpc, offer, state + "/rules/current.bundle",
                        state + "/incoming", context, &by_delta);
        return [this, status, by_delta, offer] {
          fetch_.reset();
          OnFetched(offer, status, by_delta);
        };
      });
}

void Uplink::OnFetched(const v1::BundleOffer& offer, const absl::Status& status,
                       bool by_delta) {
  if (!status.ok()) {
    status_.problem = std::string(status.message());
    next_fetch_ = clock_.SinceBoot() + kFetchAgain;
    return;
  }
  fetched_ = NameOf(offer);
  ++(by_delta ? status_.fetched_by_delta : status_.fetched_whole);
  if (waiting_offer_ && NameOf(*waiting_offer_) == fetched_) {
    waiting_offer_.reset();
  }
}

absl::Time Uplink::BelievedNow() const {
  if (clock_offset_) return clock_.Now() + *clock_offset_;
  return std::max(clock_.Now(), identity_.time_floor());
}

void Uplink::RenewWhenDue() {
  const absl::Duration now = clock_.SinceBoot();
  if (renewal_ != nullptr || candidate_ || now < next_renewal_) return;
  if (!renewal_wanted_) {
    if (!tls_) return;
    const auto times = TimesOf(tls_->certificate_pem);
    if (!times.ok()) return;
    const absl::Duration life = times->not_after - times->not_before;
    if (BelievedNow() < times->not_before + life / 2) return;
  }
  next_renewal_ = now + renew_backoff_.Around(absl::Minutes(1));
  const absl::Time believed = BelievedNow();
  renewal_ = std::make_unique<Errand>(
      mailbox_, [this, believed](const NewContext& context) {
        Failure failure;
        absl::Time server_time = absl::InfinitePast();
        const absl::Status status = RenewCertificate(
            identity_, clock_, believed, context(), &failure, &server_time);
        return [this, status, failure, server_time] {
          OnRenewed(status, failure, server_time);
        };
      });
}

void Uplink::FetchAnewWhenAsked() {
  if (rules_watch_ == nullptr) WatchRules();
  std::error_code error;
  rules_damaged_ =
      std::filesystem::exists(config_.state_directory + kRulesWanted, error);
  const absl::Duration now = clock_.SinceBoot();
  if (!rules_damaged_ || now < next_anew_) return;
  // What is under way counts as fetched when it ends.
  if (fetch_ != nullptr) return;
  if (session_ == nullptr || !session_->connected()) return;
  next_anew_ = now + kFetchAnew;
  fetched_.clear();
  Carry(session_->Redial());
}

void Uplink::DecommissionWhenAsked() {
  if (farewell_ != nullptr) return;
  const auto wish = ReadRemovalWish(config_.state_directory);
  if (!wish) return;
  if (wish->stage == "end") {
    finished_ = true;
    return;
  }
  if (session_ == nullptr || !session_->connected()) return;
  // For good only when everything has been told.
  if (wish->stage == "final" && CountWaiting(*spool_) > 0) return;
  farewell_ = std::make_unique<Errand>(
      mailbox_,
      [this, wish = *wish, grpc = channel_.grpc, device = enrolled_->device,
       now = BelievedNow()](const NewContext& context) {
        std::string receipt;
        const absl::Status status = AskToDecommission(
            identity_, device, wish, now, *grpc, context(), &receipt);
        return [this, wish, status, receipt] {
          farewell_.reset();
          finished_ = status.ok() && wish.stage == "final";
          (void)AnswerRemovalWish(config_.state_directory, wish, status,
                                  receipt);
        };
      });
}

void Uplink::OnRenewed(const absl::Status& status, const Failure& failure,
                       absl::Time server_time) {
  renewal_.reset();
  const absl::Duration now = clock_.SinceBoot();
  if (server_time != absl::InfinitePast()) {
    clock_offset_ = server_time - clock_.Now();
  }
  if (status.ok()) {
    renew_backoff_.Reset();
    renewal_wanted_ = false;
    candidate_ = identity_.LoadCandidate();
    candidate_tries_ = 0;
    Carry(session_->Redial());
    return;
  }
  status_.problem = "certificate: " + std::string(status.message());
  if (failure.word == "clock_wrong" && clock_offset_) {
    next_renewal_ = now + renew_backoff_.Next();  // with the right time
  } else if (failure.ending == Ending::kRefused) {
    next_renewal_ = now + renew_backoff_.Around(kRefusedWait);
  } else {
    next_renewal_ = now + renew_backoff_.Next();
  }
  WriteStatusWhenDue(true);
}

void Uplink::WriteStatusWhenDue(bool at_once) {
  if (reader_ != nullptr) {
    status_.acknowledged = reader_->acknowledged();
    status_.segments_waiting = reader_->segments_left();
    status_.missing = reader_->losses().missing;
  }
  const absl::Duration now = clock_.SinceBoot();
  if (!at_once && now < next_status_) return;
  next_status_ = now + kStatusInterval;
  if (status_ == written_status_) return;
  if (WriteStatus(config_.state_directory, status_).ok()) {
    written_status_ = status_;
  }
}

}  // namespace schoolgate::agent
