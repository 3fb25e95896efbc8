// What each person (or device, where identity is shared) did, by category;
// and the findings that follow. Rebuilt from the event store at start.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "collector/detect/act.h"
#include "collector/detect/class_events.h"
#include "collector/detect/finding.h"
#include "collector/detect/incident.h"
#include "collector/policy/school_policies.h"
#include "collector/store/event_store.h"

namespace schoolgate::collector {

// Not thread-safe. Adding the same event twice, or events in another order,
// leads to the same findings.
class Ledger {
 public:
  // Acts older than this on arrival of newer ones are forgotten, unless their
  // incident still goes on.
  static constexpr absl::Duration kKeep = absl::Hours(24 * 14);
  static constexpr size_t kMostActs = 512;  // a subject and category
  static constexpr size_t kMostSubjects = 100'000;
  static constexpr size_t kMostReports = 256;  // a device

  explicit Ledger(absl::TimeZone zone, const SchoolPolicies* policies = nullptr)
      : zone_(zone), policies_(policies), class_events_(zone) {}

  // Takes contacts, episodes and self-reports; other events are ignored.
  void Add(const StoredEvent& event);

  // Findings new or changed since the last call.
  std::vector<Finding> Settle(absl::Time now);

  // Events that a limit made it ignore.
  uint64_t refused() const { return refused_; }

 private:
  using Identity = std::tuple<SharedText, uint64_t, uint64_t>;
  using SubjectId = std::pair<std::string, std::string>;  // school, subject

  struct Told {
    absl::Time first, last;
    std::string words;  // what was told, to tell only what changed
  };
  struct Category {
    std::map<Identity, Act> acts;
    std::vector<Told> told;
    uint64_t told_under = 0;  // which policies held then
    absl::Time told_transfer = absl::InfinitePast();
  };
  struct Subject {
    bool is_person = false;
    std::map<std::string, Category> categories;
  };
  struct Report {
    absl::Time time;
    std::string host;
    uint64_t epoch = 0;
    uint64_t about_sequence = 0;
  };

  void AddContact(const StoredEvent& event);
  void AddEpisode(const StoredEvent& event);
  void AddReport(const StoredEvent& event);
  void Record(const StoredEvent& event, const std::string& category, Act act);
  void EpisodesSeenFrom(const std::string& school, const std::string& device);
  bool Reported(const Act& act) const;
  std::vector<Act> Countable(const SubjectId& id, const std::string& category,
                             const Category& kept) const;
  void SettleSubject(const SubjectId& id, Subject& subject,
                     std::vector<Finding>& out);
  void SettleCategory(const SubjectId& id, const Subject& subject,
                      const std::string& name, Category& category,
                      std::vector<Finding>& out);
  void SettleTransfer(const SubjectId& id, const Subject& subject,
                      const std::string& name, Category& category,
                      std::vector<Finding>& out) const;
  Finding MakeFinding(const SubjectId& id, const Subject& subject,
                      const std::string& category,
                      const Incident& incident) const;
  bool AfterBypass(const Subject& subject, const std::string& category,
                   absl::Time first) const;
  void Forget(absl::Time now);

  absl::TimeZone zone_;
  const SchoolPolicies* policies_;
  ClassEvents class_events_;
  std::map<SubjectId, Subject> subjects_;
  std::map<std::string, std::vector<Report>> reports_;    // by device
  std::map<std::string, std::set<SubjectId>> on_device_;  // who was seen where
  std::set<std::string> grading_devices_;  // send episodes: contacts alone
                                           // prove nothing there
  std::set<SubjectId> touched_;
  absl::Time last_forgot_ = absl::InfinitePast();
  uint64_t refused_ = 0;
};

}  // namespace schoolgate::collector
