#include "collector/cli/doctor.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace schoolgate::collector {
namespace {

// Whether somebody holds the lock that `serve` holds.
bool IsServing(const std::string& lock) {
  const int file = open(lock.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool held = flock(file, LOCK_SH | LOCK_NB) != 0;
  close(file);
  return held;
}

}  // namespace

std::vector<Diagnosis> Examination::Run() {
  serving_ = IsServing(directory_.Lock());
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
