#include "rules/cli/key_ring.h"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "platform/whole_file.h"
#include "rules/trust/refusal.h"
#include "rules/trust/roles.h"

namespace schoolgate::rules {
namespace {

constexpr size_t kMaxPassphraseBytes = 1024;

// The terminal with echo off; put right again when this goes.
class QuietTerminal {
 public:
  QuietTerminal() : fd_(open("/dev/tty", O_RDWR | O_CLOEXEC)) {
    if (fd_ < 0 || tcgetattr(fd_, &before_) != 0) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ready_ = tcsetattr(fd_, TCSAFLUSH, &quiet) == 0;
  }
  ~QuietTerminal() {
    if (ready_) tcsetattr(fd_, TCSAFLUSH, &before_);
    if (fd_ >= 0) close(fd_);
  }
  QuietTerminal(const QuietTerminal&) = delete;
  QuietTerminal& operator=(const QuietTerminal&) = delete;

  bool ready() const { return ready_; }

  absl::StatusOr<std::string> Ask(const std::string& question) {
    Say(question);
    std::string line;
    char c = 0;
    while (read(fd_, &c, 1) == 1 && c != '\n') {
      if (line.size() == kMaxPassphraseBytes) {
        return absl::InvalidArgumentError("passphrase: too long");
      }
      line.push_back(c);
    }
    Say("\n");
    return line;
  }

 private:
  void Say(const std::string& text) {
    // A terminal that takes no words still takes the answer.
    if (write(fd_, text.data(), text.size()) < 0) return;
  }

  int fd_;
  termios before_ = {};
  bool ready_ = false;
};

absl::StatusOr<std::string> FromFile(const std::string& path) {
  auto text = platform::ReadWholeFile(path, kMaxPassphraseBytes);
  if (!text.ok()) return text.status();
  text->resize(std::min(text->size(), text->find_first_of("\r\n")));
  if (text->empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": its first line is empty: put the passphrase there"));
  }
  return text;
}

}  // namespace

void PassphraseOption::AddTo(CLI::App* verb) {
  verb->add_option("--passphrase-file", file,
                   "File whose first line is the passphrase "
                   "(else $SCHOOLGATE_PASSPHRASE_FILE, else asked for)");
}

absl::StatusOr<std::string> AskPassphrase(const PassphraseOption& option,
                                          const std::string& what, bool twice) {
  if (!option.file.empty()) return FromFile(option.file);
  const char* named = std::getenv("SCHOOLGATE_PASSPHRASE_FILE");
  if (named != nullptr && *named != '\0') return FromFile(named);
  QuietTerminal terminal;
  if (!terminal.ready()) {
    return absl::FailedPreconditionError(
        absl::StrCat(what,
                     ": needs a passphrase and there is no terminal to "
                     "ask on: use --passphrase-file"));
  }
  auto first = terminal.Ask(absl::StrCat("Passphrase for ", what, ": "));
  if (!first.ok() || !twice) return first;
  const auto second = terminal.Ask("The same again: ");
  if (!second.ok()) return second.status();
  if (*first != *second) {
    return absl::InvalidArgumentError(
        "passphrase: the two differ: start again");
  }
  return first;
}

absl::StatusOr<NamedKey> LoadKey(const std::string& path,
                                 const PassphraseOption& option) {
  const auto text = platform::ReadWholeFile(path, kMaxKeyFileBytes);
  if (!text.ok()) return text.status();
  const auto sealed = NeedsPassphrase(*text);
  if (!sealed.ok()) return InFile(path, sealed.status());
  std::string passphrase;
  if (*sealed) {
    auto asked = AskPassphrase(option, path, false);
    if (!asked.ok()) return asked.status();
    passphrase = *std::move(asked);
  }
  auto key = OpenKeyFile(*text, passphrase);
  if (!key.ok()) return InFile(path, key.status());
  return key;
}

absl::StatusOr<std::vector<NamedKey>> LoadKeys(
    const std::vector<std::string>& paths, const PassphraseOption& option) {
  std::vector<NamedKey> keys;
  for (const std::string& path : paths) {
    auto key = LoadKey(path, option);
    if (!key.ok()) return key.status();
    keys.push_back(*std::move(key));
  }
  return keys;
}

absl::StatusOr<v1::PublicKeyFile> LoadPublicPart(const std::string& path) {
  const auto text = platform::ReadWholeFile(path, kMaxKeyFileBytes);
  if (!text.ok()) return text.status();
  auto part = ReadPublicPart(*text);
  if (!part.ok()) return InFile(path, part.status());
  return part;
}

absl::StatusOr<v1::RootChain> LoadRootFile(const std::string& path) {
  const auto text = platform::ReadWholeFile(path, kMaxRootFileBytes);
  if (!text.ok()) return text.status();
  auto chain = ParseRootFile(*text);
  if (!chain.ok()) return InFile(path, chain.status());
  return chain;
}

absl::StatusOr<TrustRoot> LoadRoot(const std::string& path) {
  const auto chain = LoadRootFile(path);
  if (!chain.ok()) return chain.status();
  auto root = StartFromRootFile(*chain);
  if (!root.ok()) return InFile(path, root.status());
  return root;
}

absl::StatusOr<v1::TrustRole> RoleFor(const NamedKey& key,
                                      const std::vector<v1::TrustRole>& fitting,
                                      const std::string& chosen) {
  std::vector<v1::TrustRole> held;
  for (const v1::TrustRole role : fitting) {
    if (!HasRole(key.about, role)) continue;
    if (chosen.empty() || RoleName(role) == chosen) held.push_back(role);
  }
  if (held.size() == 1) return held.front();
  if (held.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("key of ", key.about.key().name(),
                     ": was not made for this: use a key with the role ",
                     std::string(RoleName(fitting.front()))));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("key of ", key.about.key().name(),
                   ": has several roles here: choose one with --role"));
}

bool HasRole(const v1::PublicKeyFile& key, v1::TrustRole role) {
  return std::find(key.roles().begin(), key.roles().end(), role) !=
         key.roles().end();
}

absl::Status InFile(const std::string& path, const absl::Status& status) {
  absl::Status named(status.code(), absl::StrCat(path, ": ", status.message()));
  if (const auto cause = RefusalOf(status)) {
    return Refuse(*cause, std::string(named.message()));
  }
  return named;
}

}  // namespace schoolgate::rules
