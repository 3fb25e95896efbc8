#include "platform/service_notice.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace schoolgate::platform {
namespace {

constexpr size_t kMaxTextBytes = 4096;
constexpr size_t kMaxDescriptors = 16;
constexpr int kFirstKept = 3;  // SD_LISTEN_FDS_START
constexpr std::string_view kFileName = "/keeper-notices";

absl::string_view View(std::string_view text) {
  return {text.data(), text.size()};
}

// "@name" means the abstract name space. Zero for what does not fit.
socklen_t FillAddress(const std::string& address, sockaddr_un* to) {
  *to = sockaddr_un{};
  to->sun_family = AF_UNIX;
  if (address.empty() || address.size() >= sizeof(to->sun_path)) return 0;
  std::memcpy(to->sun_path, address.data(), address.size());
  if (address.front() == '@') to->sun_path[0] = '\0';
  return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) +
                                address.size());
}

std::string PathIn(const std::string& directory) {
  std::error_code error;
  return absl::StrCat(std::filesystem::absolute(directory, error).string(),
                      View(kFileName));
}

bool BindIn(const std::string& directory, int descriptor) {
  if (directory.empty() || NoticeSocket::IsTaken(directory)) return false;
  const std::string path = PathIn(directory);
  sockaddr_un own;
  const socklen_t length = FillAddress(path, &own);
  if (length == 0) return false;
  unlink(path.c_str());
  // The file gets the mode that the socket has.
  return fchmod(descriptor, S_IRUSR | S_IWUSR) == 0 &&
         bind(descriptor, reinterpret_cast<const sockaddr*>(&own), length) == 0;
}

// With the family alone, the kernel chooses a free abstract name.
bool BindAnywhere(int descriptor) {
  sockaddr_un any{};
  any.sun_family = AF_UNIX;
  return bind(descriptor, reinterpret_cast<const sockaddr*>(&any),
              sizeof(sa_family_t)) == 0;
}

}  // namespace

bool Notice::Says(std::string_view line) const {
  for (const absl::string_view each : absl::StrSplit(text, '\n')) {
    if (each == View(line)) return true;
  }
  return false;
}

std::string Notice::ValueOf(std::string_view key) const {
  for (const absl::string_view each : absl::StrSplit(text, '\n')) {
    const size_t equals = each.find('=');
    if (equals != absl::string_view::npos &&
        each.substr(0, equals) == View(key)) {
      return std::string(each.substr(equals + 1));
    }
  }
  return "";
}

bool NoticeSocket::IsTaken(const std::string& directory) {
  sockaddr_un there;
  const socklen_t length = FillAddress(PathIn(directory), &there);
  const int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (length == 0 || descriptor < 0) {
    if (descriptor >= 0) close(descriptor);
    return false;
  }
  // What a keeper left behind refuses; another user's we may not even ask.
  const bool taken =
      connect(descriptor, reinterpret_cast<const sockaddr*>(&there), length) ==
          0 ||
      errno == EACCES;
  close(descriptor);
  return taken;
}

absl::StatusOr<std::unique_ptr<NoticeSocket>> NoticeSocket::Open(
    const std::string& directory) {
  const int descriptor =
      socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int one = 1;
  if (descriptor < 0 ||
      setsockopt(descriptor, SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)) != 0 ||
      (!BindIn(directory, descriptor) && !BindAnywhere(descriptor))) {
    const int error = errno;
    if (descriptor >= 0) close(descriptor);
    return absl::ErrnoToStatus(error, "notices: no socket to hear them on");
  }
  return Adopt(descriptor);
}

std::unique_ptr<NoticeSocket> NoticeSocket::Adopt(int descriptor) {
  fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  return std::unique_ptr<NoticeSocket>(new NoticeSocket(descriptor));
}

NoticeSocket::~NoticeSocket() { close(descriptor_); }

std::string NoticeSocket::address() const {
  sockaddr_un own{};
  socklen_t size = sizeof(own);
  if (getsockname(descriptor_, reinterpret_cast<sockaddr*>(&own), &size) != 0) {
    return "";
  }
  std::string name(own.sun_path, size - offsetof(sockaddr_un, sun_path));
  if (name.empty()) return name;
  if (name[0] != '\0') return name.c_str();  // a path ends with a zero
  name[0] = '@';
  return name;
}

void NoticeSocket::Remove() const {
  const std::string name = address();
  if (!name.empty() && name.front() != '@') unlink(name.c_str());
}

bool IsOwnNoticeAddress(std::string_view address) {
  return !address.empty() &&
         (address.front() == '@' || address.ends_with(kFileName));
}

bool NoticeSocket::Receive(Notice* notice) {
  std::array<char, kMaxTextBytes> text;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMaxDescriptors) +
                                        CMSG_SPACE(sizeof(ucred))>
      control;
  iovec part{.iov_base = text.data(), .iov_len = text.size()};
  msghdr message{.msg_name = nullptr,
                 .msg_namelen = 0,
                 .msg_iov = &part,
                 .msg_iovlen = 1,
                 .msg_control = control.data(),
                 .msg_controllen = control.size(),
                 .msg_flags = 0};
  const ssize_t size =
      recvmsg(descriptor_, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (size < 0) return false;
  *notice = Notice{};
  notice->text.assign(text.data(), static_cast<size_t>(size));
  for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr;
       head = CMSG_NXTHDR(&message, head)) {
    if (head->cmsg_level != SOL_SOCKET) continue;
    if (head->cmsg_type == SCM_RIGHTS) {
      const size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      notice->descriptors.resize(count);
      std::memcpy(notice->descriptors.data(), CMSG_DATA(head),
                  count * sizeof(int));
    } else if (head->cmsg_type == SCM_CREDENTIALS) {
      ucred sender;
      std::memcpy(&sender, CMSG_DATA(head), sizeof(sender));
      notice->from = sender.pid;
      notice->uid = sender.uid;
    }
  }
  return true;
}

absl::Status SendNotice(const std::string& address, std::string_view text,
                        std::span<const int> descriptors) {
  sockaddr_un to;
  const socklen_t length = FillAddress(address, &to);
  if (length == 0 || descriptors.size() > kMaxDescriptors) {
    return absl::InvalidArgumentError("notices: no such address");
  }
  const int sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (sender < 0) return absl::ErrnoToStatus(errno, "notices: no socket");
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMaxDescriptors)>
      control{};
  iovec part{.iov_base = const_cast<char*>(text.data()),
             .iov_len = text.size()};
  msghdr message{.msg_name = &to,
                 .msg_namelen = length,
                 .msg_iov = &part,
                 .msg_iovlen = 1,
                 .msg_control = nullptr,
                 .msg_controllen = 0,
                 .msg_flags = 0};
  if (!descriptors.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(head), descriptors.data(), descriptors.size_bytes());
  }
  const bool sent = sendmsg(sender, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
  const int error = errno;
  close(sender);
  if (sent) return absl::OkStatus();
  if (error == EAGAIN) return absl::ResourceExhaustedError("notices: full");
  return absl::UnavailableError(
      absl::StrCat("notices: nobody listens: ", std::strerror(error)));
}

std::multimap<std::string, int> TakeKeptDescriptors() {
  std::multimap<std::string, int> kept;
  const char* pid = std::getenv("LISTEN_PID");
  const char* count = std::getenv("LISTEN_FDS");
  const char* names = std::getenv("LISTEN_FDNAMES");
  int ours = 0, number = 0;
  if (pid != nullptr && count != nullptr && absl::SimpleAtoi(pid, &ours) &&
      absl::SimpleAtoi(count, &number) && ours == getpid() && number > 0) {
    const std::vector<std::string> named =
        absl::StrSplit(names != nullptr ? names : "", ':');
    for (int at = 0; at < number; ++at) {
      const int descriptor = kFirstKept + at;
      if (fcntl(descriptor, F_SETFD, FD_CLOEXEC) != 0) continue;
      kept.emplace(static_cast<size_t>(at) < named.size()
                       ? named[static_cast<size_t>(at)]
                       : "unknown",
                   descriptor);
    }
  }
  for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) {
    unsetenv(name);
  }
  return kept;
}

}  // namespace schoolgate::platform
