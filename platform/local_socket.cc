#include "platform/local_socket.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <deque>
#include <filesystem>
#include <vector>

#include "absl/strings/str_cat.h"
#include "platform/descriptor.h"

namespace schoolgate::platform {
namespace {

constexpr size_t kMaxWaiting = 32;
constexpr int kPatienceMs = 2000;

absl::StatusOr<sockaddr_un> AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": too long for a socket: choose a shorter state directory"));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

const sockaddr* Generic(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

// Where the disk takes no more files: the same name in the kernel's own space
// (unix(7), abstract), which anybody may have taken first.
struct Abstract {
  sockaddr_un address{};
  socklen_t length = 0;
};

Abstract WithoutDisk(const std::string& path) {
  Abstract made;
  made.address.sun_family = AF_UNIX;
  const size_t size = std::min(path.size(), sizeof(made.address.sun_path) - 1);
  std::memcpy(made.address.sun_path + 1, path.data(), size);
  made.length = offsetof(sockaddr_un, sun_path) + 1 + size;
  return made;
}

// Whether who listens is whose folder the socket's file would lie in.
bool OwnerAnswers(int socket, const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path();
  struct stat owner {};
  ucred peer{};
  socklen_t length = sizeof(peer);
  return stat(folder.empty() ? "." : folder.c_str(), &owner) == 0 &&
         getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 &&
         peer.uid == owner.st_uid;
}

absl::StatusOr<Descriptor> Connect(const std::string& path) {
  const auto address = AddressOf(path);
  if (!address.ok()) return address.status();
  Descriptor socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (connect(socket.get(), Generic(*address), sizeof(*address)) == 0) {
    return socket;
  }
  const int error = errno;
  const Abstract abstract = WithoutDisk(path);
  if (connect(socket.get(), Generic(abstract.address), abstract.length) == 0 &&
      OwnerAnswers(socket.get(), path)) {
    return socket;
  }
  return absl::UnavailableError(
      absl::StrCat(path, ": nobody answers: ", std::strerror(error),
                   ": is the agent running? ask your IT support"));
}

// Of two that start at once exactly one gets the lock; asking whether somebody
// answers yet would let the later one take the path away.
absl::StatusOr<Descriptor> Lock(const std::string& path) {
  const std::string lock_path = path + ".lock";
  int file = open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0 && errno == EROFS) {
    file = open(lock_path.c_str(), O_RDONLY | O_CLOEXEC);
  }
  Descriptor lock(file);
  if (lock.get() < 0) {
    return absl::UnavailableError(
        absl::StrCat(lock_path, ": cannot be made: ", std::strerror(errno),
                     ": check that its directory exists and is writable"));
  }
  if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return absl::AlreadyExistsError(
        absl::StrCat(path, ": another agent is running here: stop it first"));
  }
  return lock;
}

// Binds, on a disk that is read-only without it.
bool Bind(int listener, const std::string& path, const sockaddr_un& address) {
  if (unlink(path.c_str()) != 0 && errno == EROFS) {
    const Abstract abstract = WithoutDisk(path);
    return bind(listener, Generic(abstract.address), abstract.length) == 0;
  }
  return bind(listener, Generic(address), sizeof(address)) == 0 &&
         chmod(path.c_str(), 0666) == 0;
}

class SeqPacketSocket : public QuestionSocket {
 public:
  SeqPacketSocket(Descriptor listener, Descriptor lock, std::string path)
      : listener_(std::move(listener)),
        lock_(std::move(lock)),
        path_(std::move(path)) {}
  ~SeqPacketSocket() override { unlink(path_.c_str()); }

  void Serve(const Answerer& answer) override {
    while (true) {
      Descriptor caller(accept4(listener_.get(), nullptr, nullptr,
                                SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (caller.get() < 0) break;
      if (waiting_.size() >= kMaxWaiting) waiting_.pop_front();
      waiting_.push_back(std::move(caller));
    }
    std::deque<Descriptor> silent;
    for (Descriptor& caller : waiting_) {
      if (!AnswerOne(caller.get(), answer)) silent.push_back(std::move(caller));
    }
    waiting_ = std::move(silent);
  }

 private:
  // False when the caller has not asked yet.
  static bool AnswerOne(int caller, const Answerer& answer) {
    char question[kMaxQuestionBytes];
    const ssize_t size = recv(caller, question, sizeof(question), MSG_TRUNC);
    if (size < 0) return errno != EAGAIN && errno != EINTR;
    if (size == 0 || static_cast<size_t>(size) > sizeof(question)) return true;
    ucred peer{};
    socklen_t length = sizeof(peer);
    if (getsockopt(caller, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) {
      return true;
    }
    std::string reply = answer(peer.uid, {question, static_cast<size_t>(size)});
    if (reply.size() > kMaxAnswerBytes) reply.resize(kMaxAnswerBytes);
    send(caller, reply.data(), reply.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return true;
  }

  Descriptor listener_;
  Descriptor lock_;  // until our end the path is ours alone
  const std::string path_;
  std::deque<Descriptor> waiting_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<QuestionSocket>> ListenForQuestions(
    const std::string& path) {
  const auto address = AddressOf(path);
  if (!address.ok()) return address.status();
  auto lock = Lock(path);
  if (!lock.ok()) return lock.status();
  // For an agent of before there was a lock.
  if (Connect(path).ok()) {
    return absl::AlreadyExistsError(
        absl::StrCat(path, ": another agent is running here: stop it first"));
  }
  Descriptor listener(
      socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!Bind(listener.get(), path, *address) ||
      listen(listener.get(), 16) != 0) {
    return absl::UnavailableError(
        absl::StrCat(path, ": cannot listen: ", std::strerror(errno),
                     ": check that its directory exists and is writable"));
  }
  return std::make_unique<SeqPacketSocket>(std::move(listener),
                                           *std::move(lock), path);
}

absl::StatusOr<std::string> AskLocal(const std::string& path,
                                     std::string_view question) {
  auto socket = Connect(path);
  if (!socket.ok()) return socket.status();
  std::vector<char> reply(kMaxAnswerBytes);
  pollfd wait{.fd = socket->get(), .events = POLLIN, .revents = 0};
  if (send(socket->get(), question.data(), question.size(), MSG_NOSIGNAL) < 0 ||
      poll(&wait, 1, kPatienceMs) != 1) {
    return absl::UnavailableError(absl::StrCat(
        path,
        ": no answer within 2 s: ask your IT support to look at the "
        "agent"));
  }
  const ssize_t size = recv(socket->get(), reply.data(), reply.size(), 0);
  if (size <= 0) {
    return absl::UnavailableError(
        absl::StrCat(path, ": the agent hung up: try again"));
  }
  return std::string(reply.data(), size);
}

}  // namespace schoolgate::platform
