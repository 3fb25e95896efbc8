// Finds what commonly goes wrong with a collector, and says how to mend it.
// Looks only: nothing is changed, and a collector that runs is not disturbed.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "collector/cli/data_directory.h"

namespace schoolgate::collector {

enum class Verdict { kGood, kWarning, kBad, kSkipped };

struct Diagnosis {
  std::string check;  // "clock"
  Verdict verdict = Verdict::kGood;
  std::string finding;
  std::string mend;  // what to do; empty when it is good
};

// Whether the school's directory that `oidc` names answers and fits. Asks it.
absl::Status AskDirectory(const CollectorConfig& config);

// One patient: what its checks find is added up here.
class Examination {
 public:
  Examination(DataDirectory directory, absl::Time now)
      : directory_(std::move(directory)), now_(now) {}

  // Every check in turn; what cannot be looked at is said to be skipped.
  std::vector<Diagnosis> Run();

 private:
  void Add(std::string check, Verdict verdict, std::string finding,
           std::string mend = "");
  void Good(std::string check, std::string finding) {
    Add(std::move(check), Verdict::kGood, std::move(finding));
  }
  // `bad` tells bad from a warning.
  void Fault(std::string check, bool bad, std::string finding,
             std::string mend) {
    Add(std::move(check), bad ? Verdict::kBad : Verdict::kWarning,
        std::move(finding), std::move(mend));
  }

  // checkup_machine.cc
  void Clock();
  void Ports();
  void Port(const std::string& check, const std::string& address);
  void Disk();
  void Room();

  // checkup_files.cc
  bool Configuration();
  void Permissions();
  void Certificates();
  void ServerCertificate(const std::string& check, const std::string& file,
                         const std::string& key_file, bool ours);
  void Store();
  void SharedStore();
  void EventServers();
  void Backup();

  // checkup_people.cc
  void Devices();
  void Roles();
  void SchoolRoles(const School& school);
  void Directory();
  void Rules();
  void TakeAway();
  void Audit();

  const DataDirectory directory_;
  const absl::Time now_;
  CollectorConfig config_;
  bool serving_ = false;   // a collector runs on this directory
  bool has_main_ = false;  // the file of devices, people and cases
  std::vector<Diagnosis> found_;
};

}  // namespace schoolgate::collector
