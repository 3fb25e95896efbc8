#include "collector/cli/doctor.h"

#include "collector/cli/preflight.h"

namespace schoolgate::collector {

std::vector<Diagnosis> Examination::Run() {
  serving_ = IsServing(directory_);
  if (!Configuration()) return found_;
  Clock();
  Permissions();
  Certificates();
  Ports();
  Disk();
  Room();
  Store();
  Backup();
  Rules();
  TakeAway();
  if (has_main_) {
    Devices();
    Roles();
    Directory();
    Audit();
  }
  return found_;
}

void Examination::Add(std::string check, Verdict verdict, std::string finding,
                      std::string mend) {
  found_.push_back(
      {std::move(check), verdict, std::move(finding), std::move(mend)});
}

}  // namespace schoolgate::collector
