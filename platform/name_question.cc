#include "platform/name_question.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"

namespace schoolgate::platform {
namespace {

constexpr absl::string_view kTestLabel = ".selftest";
constexpr absl::string_view kTestDomain = ".check.schoolgate.test";
constexpr size_t kFreshDigits = 16;
constexpr size_t kMaxAnswerBytes = 1500;
constexpr ssize_t kHeaderBytes = 12;
constexpr uint8_t kNoSuchName = 3;

}  // namespace

std::string FreshTestName(std::string_view category) {
  uint64_t fresh = 0;
  if (getrandom(&fresh, sizeof(fresh), 0) != sizeof(fresh)) fresh = getpid();
  const absl::string_view under(category.data(), category.size());
  return absl::StrCat(absl::Hex(fresh, absl::kZeroPad16), kTestLabel,
                      under.empty() ? "" : ".", under, kTestDomain);
}

bool IsTestName(std::string_view name) {
  const absl::string_view all(name.data(), name.size());
  return all.size() > kFreshDigits && absl::EndsWith(all, kTestDomain) &&
         absl::StartsWith(all.substr(kFreshDigits), kTestLabel);
}

NameQuestion::NameQuestion(const std::string& name) {
  std::string query("\x53\x47\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00", 12);
  for (const absl::string_view label : absl::StrSplit(name, '.')) {
    query.push_back(static_cast<char>(label.size()));
    query.append(label.data(), label.size());
  }
  query.append(std::string("\x00\x00\x01\x00\x01", 5));
  socket_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket_ < 0) return;
  sockaddr_in server{};
  server.sin_family = AF_INET;
  server.sin_port = htons(53);
  server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sendto(socket_, query.data(), query.size(), 0,
         reinterpret_cast<const sockaddr*>(&server), sizeof(server));
}

NameQuestion::~NameQuestion() {
  if (socket_ >= 0) close(socket_);
}

bool NameQuestion::Refused() {
  uint8_t answer[kMaxAnswerBytes];
  ssize_t size;
  while ((size = recv(socket_, answer, sizeof(answer), 0)) >= kHeaderBytes) {
    const bool no_such_name = (answer[3] & 0x0f) == kNoSuchName;
    const int answers = answer[6] << 8 | answer[7];
    // The last four bytes of an answer with one address, before what EDNS
    // appends; we ask without EDNS.
    const bool nowhere = size >= 4 && answer[size - 4] == 0;
    refused_ |= no_such_name || answers == 0 || nowhere;
  }
  return refused_;
}

void Pause(absl::Duration how_long) { absl::SleepFor(how_long); }

}  // namespace schoolgate::platform
