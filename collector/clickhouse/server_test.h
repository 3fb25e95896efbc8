// A ClickHouse server of one's own, for tests: Debian's program on loopback,
// a directory that goes with it. Or the one that SG_CLICKHOUSE names, which
// takes any password and is not killed (tests/scale/chdb).
#pragma once

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "collector/clickhouse/clickhouse_config.h"
#include "collector/clickhouse/clickhouse_server.h"
#include "platform/free_port_test.h"

namespace schoolgate::collector {

class TestClickHouse {
 public:
  static constexpr char kUser[] = "gate";
  static constexpr char kPassword[] = "a password & 'more'";

  // Null where ClickHouse is not installed.
  static std::unique_ptr<TestClickHouse> Start() {
    const char* const other = getenv("SG_CLICKHOUSE");
    if (other == nullptr && !std::filesystem::exists(kProgram)) return nullptr;
    std::unique_ptr<TestClickHouse> server(new TestClickHouse);
    if (other != nullptr) server->other_ = other;
    std::string pattern = "/tmp/sg-ch-XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) return nullptr;
    server->directory_ = pattern;
    server->http_ = platform::FreePort();
    server->https_ = platform::FreePort();
    if (server->own() && !server->MakeCertificate()) return nullptr;
    server->WriteFiles();
    if (!server->own()) return server;
    return server->Begin() ? std::move(server) : nullptr;
  }

  ~TestClickHouse() {
    End(SIGKILL);
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  // Waits until it answers. It ends with the thread that calls this.
  bool Begin() {
    fflush(nullptr);
    pid_ = fork();
    if (pid_ == 0) Become();
    ClickHouseServer server(url(), {kUser, kPassword, ""});
    while (!server.Ask("SELECT 1", {}, absl::Seconds(5)).status.ok()) {
      if (waitpid(pid_, nullptr, WNOHANG) != 0) return false;
      usleep(20'000);  // its log is the only other sign
    }
    return true;
  }

  void End(int signal) {
    if (pid_ > 0) kill(pid_, signal);
    if (pid_ > 0) waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

  void Signal(int signal) const { kill(pid_, signal); }

  std::string url() const {
    return own() ? absl::StrCat("http://127.0.0.1:", http_) : other_;
  }
  bool own() const { return other_.empty(); }

  // Over TLS, with a certificate for 127.0.0.1 that is its own authority. Of a
  // server of our own.
  std::string safe_url() const {
    return absl::StrCat("https://127.0.0.1:", https_);
  }
  std::string certificate() const { return directory_ + "/server.crt"; }

  // A database of its own.
  ClickHouseConfig Place(const std::string& database) const {
    ClickHouseConfig config;
    config.shards = {{url()}};
    config.database = database;
    config.user = kUser;
    config.password_file = directory_ + "/password";
    return config;
  }

  std::string directory() const { return directory_; }

 private:
  static constexpr char kProgram[] = "/usr/sbin/clickhouse-server";

  TestClickHouse() = default;

  bool MakeCertificate() const {
    const std::string make = absl::StrCat(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes",
        " -days 2 -subj /CN=events -addext subjectAltName=IP:127.0.0.1",
        " -keyout ", directory_, "/server.key -out ", certificate(),
        " 2>/dev/null");
    return system(make.c_str()) == 0;  // words of this file only
  }

  void WriteFiles() const {
    std::ofstream(directory_ + "/password") << kPassword << "\n";
    std::ofstream(directory_ + "/config.xml")
        << "<yandex><logger><level>warning</level><log>" << directory_
        << "/log</log><errorlog>" << directory_
        << "/errors</errorlog></logger><http_port>" << http_
        << "</http_port><tcp_port>" << platform::FreePort()
        << "</tcp_port><https_port>" << https_
        << "</https_port><openSSL><server><certificateFile>" << certificate()
        << "</certificateFile><privateKeyFile>" << directory_
        << "/server.key</privateKeyFile><verificationMode>none"
           "</verificationMode><loadDefaultCAFile>false</loadDefaultCAFile>"
           "</server></openSSL><listen_host>127.0.0.1</listen_host><path>"
        << directory_ << "/data/</path><tmp_path>" << directory_
        << "/tmp/</tmp_path><users_config>users.xml</users_config>"
           "<default_profile>default</default_profile>"
           "<default_database>default</default_database>"
           "<mark_cache_size>67108864</mark_cache_size></yandex>";
    std::ofstream(directory_ + "/users.xml")
        << "<yandex><profiles><default/></profiles><users><" << kUser
        << "><password><![CDATA[" << kPassword
        << "]]></password><networks><ip>127.0.0.1</ip></networks>"
           "<profile>default</profile><quota>default</quota></"
        << kUser << "></users><quotas><default/></quotas></yandex>";
  }

  [[noreturn]] void Become() const {
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // it is of no use without us
    const std::string config = "--config-file=" + directory_ + "/config.xml";
    if (chdir(directory_.c_str()) != 0 ||
        freopen("out", "a", stdout) == nullptr ||
        freopen("out", "a", stderr) == nullptr) {
      _exit(126);
    }
    execl(kProgram, "clickhouse-server", config.c_str(),
          static_cast<char*>(nullptr));
    _exit(127);
  }

  std::string directory_, other_;
  uint16_t http_ = 0, https_ = 0;
  pid_t pid_ = -1;
};

}  // namespace schoolgate::collector
