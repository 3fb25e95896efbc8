// Who has accepted which version of the school's monitoring notice.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/time/time.h"

namespace schoolgate::agent {

// Not thread-safe. Kept in a file, so that nobody is asked again after a
// restart; a damaged file asks everybody once more.
class NoticeConsents {
 public:
  explicit NoticeConsents(std::string file);

  bool Accepted(uint32_t uid, const std::string& version) const;

  // Keeps it as well as the disk allows.
  void Accept(uint32_t uid, const std::string& version, absl::Time when);

 private:
  struct Entry {
    std::string version;
    int64_t time_unix = 0;
  };
  static constexpr size_t kMostPeople = 10'000;

  const std::string file_;
  std::map<uint32_t, Entry> accepted_;
};

}  // namespace schoolgate::agent
