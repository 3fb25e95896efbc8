#include "platform/name_question.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"

namespace schoolgate::platform {

std::string FreshTestName() {
  uint64_t fresh = 0;
  if (getrandom(&fresh, sizeof(fresh), 0) != sizeof(fresh)) fresh = getpid();
  return absl::StrCat(
      absl::Hex(fresh, absl::kZeroPad16),
      absl::string_view(kTestNameSuffix.data(), kTestNameSuffix.size()));
}

void AskOnLoopback(const std::string& name) {
  std::string query("\x53\x47\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00", 12);
  for (const absl::string_view label : absl::StrSplit(name, '.')) {
    query.push_back(static_cast<char>(label.size()));
    query.append(label.data(), label.size());
  }
  query.append(std::string("\x00\x00\x01\x00\x01", 5));
  const int asker = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (asker < 0) return;
  sockaddr_in server{};
  server.sin_family = AF_INET;
  server.sin_port = htons(53);
  server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sendto(asker, query.data(), query.size(), 0,
         reinterpret_cast<const sockaddr*>(&server), sizeof(server));
  close(asker);
}

void Pause(absl::Duration how_long) { absl::SleepFor(how_long); }

}  // namespace schoolgate::platform
