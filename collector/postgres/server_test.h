// A PostgreSQL server of one's own, for tests: Debian's programs, a directory
// that goes with it, a socket in that directory, no port.
#pragma once

#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cctype>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "collector/postgres/postgres.h"

namespace schoolgate::collector {

class TestServer {
 public:
  // Null where PostgreSQL is not installed, or would have to run as root and
  // there is no account "postgres".
  static std::unique_ptr<TestServer> Start() {
    std::unique_ptr<TestServer> server(new TestServer);
    if (!server->FindPrograms() || !server->MakeDirectory() ||
        server->Wait(server->Launch({server->Program("initdb"), "-D",
                                     server->data_, "-A", "trust", "-U", "test",
                                     "-E", "UTF8", "--locale=C"})) != 0) {
      return nullptr;
    }
    server->Begin();
    return server;
  }

  ~TestServer() {
    End(SIGINT);
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  // Waits until it answers. It ends with the thread that calls this.
  void Begin() {
    pid_ = Launch({Program("postgres"), "-D", data_, "-k", directory_, "-c",
                   "listen_addresses=", "-c", "max_connections=120", "-c",
                   "shared_buffers=64MB"});
    while (!Connection::Open(Conninfo("postgres", "")).ok() &&
           waitpid(pid_, nullptr, WNOHANG) == 0) {
      usleep(20'000);  // its log is the only other sign
    }
  }

  // SIGQUIT: as a crash. SIGINT: at once, tidily.
  void End(int signal) {
    if (pid_ > 0) kill(pid_, signal);
    if (pid_ > 0) waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

  // What a scratch directory is to SQLite, a schema is here: of the same name.
  static std::string SchemaOf(const std::string& place) {
    std::string schema = "s";
    for (const char c : place.substr(place.rfind('/') + 1)) {
      const auto byte = static_cast<unsigned char>(c);
      if (std::isalnum(byte) != 0) {
        schema += static_cast<char>(std::tolower(byte));
      }
      if (std::isupper(byte) != 0) schema += '_';
    }
    return schema;
  }

  // A schema of its own, made when it is not there: as a database.
  std::string Place(const std::string& schema) {
    const std::string conninfo = Conninfo("postgres", schema);
    auto connection = Connection::Open(conninfo).value();
    const absl::Status made = connection->Execute(
        "SELECT pg_advisory_lock(1); CREATE SCHEMA IF NOT EXISTS " + schema);
    return made.ok() ? conninfo : "";
  }

 private:
  TestServer() = default;

  std::string Conninfo(const std::string& database,
                       const std::string& schema) const {
    std::string text = "host=" + directory_ + " user=test dbname=" + database;
    if (!schema.empty()) text += " options='-c search_path=" + schema + "'";
    return text;
  }

  std::string Program(const std::string& name) const {
    return programs_ + "/" + name;
  }

  bool FindPrograms() {
    std::error_code error;
    const std::filesystem::path versions = "/usr/lib/postgresql";
    for (std::filesystem::directory_iterator entry(versions, error), end;
         !error && entry != end; entry.increment(error)) {
      const std::string bin = entry->path().string() + "/bin";
      if (std::filesystem::exists(bin + "/initdb")) programs_ = bin;
    }
    if (getuid() == 0) account_ = getpwnam("postgres");
    return !programs_.empty() && (getuid() != 0 || account_ != nullptr);
  }

  bool MakeDirectory() {
    // A socket's path must be short.
    std::string pattern = "/tmp/sg-pg-XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) return false;
    directory_ = pattern;
    data_ = directory_ + "/data";
    return account_ == nullptr ||
           chown(directory_.c_str(), account_->pw_uid, account_->pw_gid) == 0;
  }

  pid_t Launch(const std::vector<std::string>& words) const {
    std::vector<char*> arguments;
    for (const std::string& word : words) {
      arguments.push_back(const_cast<char*>(word.c_str()));
    }
    arguments.push_back(nullptr);
    fflush(nullptr);
    const pid_t child = fork();
    if (child != 0) return child;
    if (account_ != nullptr &&
        (setgid(account_->pw_gid) != 0 || setuid(account_->pw_uid) != 0)) {
      _exit(126);
    }
    prctl(PR_SET_PDEATHSIG, SIGQUIT);  // it is of no use without us
    if (chdir(directory_.c_str()) != 0 ||
        freopen("log", "a", stdout) == nullptr ||
        freopen("log", "a", stderr) == nullptr) {
      _exit(126);
    }
    execv(arguments[0], arguments.data());
    _exit(127);
  }

  static int Wait(pid_t child) {
    int status = -1;
    waitpid(child, &status, 0);
    return status;
  }

  std::string programs_, directory_, data_;
  const passwd* account_ = nullptr;
  pid_t pid_ = -1;
};

}  // namespace schoolgate::collector
