// The uplink at work: carries out what the session decides, over gRPC.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/spool/spool_reader.h"
#include "agent/uplink/bundle_fetch.h"
#include "agent/uplink/calls.h"
#include "agent/uplink/channel.h"
#include "agent/uplink/config.h"
#include "agent/uplink/errand.h"
#include "agent/uplink/link.h"
#include "agent/uplink/mailbox.h"
#include "agent/uplink/session.h"
#include "agent/uplink/status_file.h"
#include "platform/clock.h"
#include "platform/directory.h"
#include "platform/folder_watch.h"

namespace schoolgate::agent {

// Used from one thread.
class Uplink {
 public:
  // Opens the folders. Borrows the clock for life.
  static absl::StatusOr<std::unique_ptr<Uplink>> Open(
      const UplinkConfig& config, const platform::Clock& clock);
  ~Uplink();

  // One round: acts on what is due, waits at most `patience` for more. Enrols
  // first where that was not done yet. `extra_descriptor` (or -1) also ends
  // the wait.
  void Turn(absl::Duration patience, int extra_descriptor);

  const UplinkStatus& status() const { return status_; }

  // The device was taken out of use: there is nothing left to do, ever.
  bool finished() const { return finished_; }

 private:
  Uplink(const UplinkConfig& config, const platform::Clock& clock,
         IdentityFolder identity, std::unique_ptr<platform::Directory> spool);

  void TryToEnrol();
  void BeginSession();
  void Carry(Actions actions);
  void Connect();
  void AddFacts(v1::Hello* hello);
  void OnGreeted(const v1::Welcome& welcome);
  void OnMessage(const v1::ToDevice& message);
  void OnClosed(const grpc::Status& status);
  static std::string NameOf(const v1::BundleOffer& offer);
  void OnOffer(const v1::BundleOffer& offer);
  void FetchWhenDue();
  void OnFetched(const v1::BundleOffer& offer, const absl::Status& status,
                 bool by_delta);
  void RenewWhenDue();
  void DecommissionWhenAsked();
  void FetchAnewWhenAsked();
  void OnRenewed(const absl::Status& status, const Failure& failure,
                 absl::Time server_time);
  const TlsIdentity* ChooseIdentity();
  absl::Time BelievedNow() const;
  void WatchSpool();
  void WatchRules();
  void WriteStatusWhenDue(bool at_once);

  const UplinkConfig config_;
  const platform::Clock& clock_;
  IdentityFolder identity_;
  const std::unique_ptr<platform::Directory> spool_;
  std::unique_ptr<platform::FolderWatch> watch_;
  Mailbox mailbox_;

  std::optional<Enrolled> enrolled_;
  std::optional<TlsIdentity> tls_;
  std::optional<TlsIdentity> candidate_;
  bool using_candidate_ = false;
  int candidate_tries_ = 0;  // links, also with the old one, since it is there
  CertificateTimes certificate_times_;

  std::unique_ptr<SpoolReader> reader_;
  std::unique_ptr<Session> session_;
  Channel channel_;
  uint64_t link_number_ = 0;  // tells a dead link's late words from the live's
  std::unique_ptr<Link> link_;

  platform::Backoff enrol_backoff_;
  absl::Duration next_enrol_ = absl::ZeroDuration();
  platform::Backoff renew_backoff_;
  absl::Duration next_renewal_ = absl::ZeroDuration();
  bool renewal_wanted_ = false;
  absl::Duration next_wish_to_renew_ = absl::ZeroDuration();  // collector's
  std::optional<absl::Duration> clock_offset_;  // collector minus device
  std::unique_ptr<Errand> renewal_;
  std::unique_ptr<Errand> fetch_;
  std::optional<v1::BundleOffer> waiting_offer_;
  absl::Duration next_fetch_ = absl::ZeroDuration();
  std::string fetched_;        // what was delivered last, whatever came of it
  std::string in_force_hash_;  // at the last contact
  std::unique_ptr<platform::FolderWatch> rules_watch_;
  bool rules_damaged_ = false;  // the agent asks for a fresh file
  absl::Duration next_anew_ = absl::ZeroDuration();
  std::unique_ptr<platform::FolderWatch> wishes_;  // to be taken out of use
  std::unique_ptr<Errand> farewell_;
  bool finished_ = false;

  absl::Duration next_refresh_ = absl::ZeroDuration();
  absl::Duration next_status_ = absl::ZeroDuration();
  UplinkStatus status_;
  UplinkStatus written_status_;
};

}  // namespace schoolgate::agent
