// Each common mistake must be found, named and given a cure; a collector that
// is well must not be called ill.
#include "collector/cli/doctor.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "collector/cli/backup.h"
#include "collector/cli/setup.h"
#include "collector/fleet/secret_file.h"
#include "collector/store/account_store.h"
#include "collector/store/device_store.h"
#include "collector/store/scratch_test.h"
#include "collector/store/sqlite.h"
#include "platform/clock.h"

namespace schoolgate::collector {
namespace {

using testing::HasSubstr;

class DoctorTest : public testing::Test {
 protected:
  // A port that nobody has: held for the test, not listened on.
  DoctorTest() {
    sockaddr_in address = Loopback();
    socklen_t size = sizeof address;
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int yes = 1;
    setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    bind(listener_, reinterpret_cast<sockaddr*>(&address), size);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    taken_ = absl::StrCat("127.0.0.1:", ntohs(address.sin_port));
  }
  ~DoctorTest() override { close(listener_); }

  static sockaddr_in Loopback() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }

  void SetUp() override {
    SetupRequest request;
    request.directory = directory_;
    request.school = "Oak";
    request.listen = "127.0.0.1:0";
    request.web = "127.0.0.1:0";
    request.names = {"collector.oak.example", "192.0.2.7"};
    ASSERT_TRUE(collector::SetUp(request, now_).ok());
  }

  // The worst that is said of a check; a good one says kGood.
  Diagnosis Of(const std::string& check) {
    Diagnosis worst{check, Verdict::kGood, "", ""};
    bool found = false;
    for (Diagnosis& one : Examination(directory_, now_).Run()) {
      if (one.check != check) continue;
      if (!found || one.verdict == Verdict::kBad ||
          worst.verdict == Verdict::kGood) {
        worst = std::move(one);
      }
      found = true;
    }
    EXPECT_TRUE(found) << "nothing is said about " << check;
    return worst;
  }

  void ExpectBad(const std::string& check, const std::string& words) {
    const Diagnosis one = Of(check);
    EXPECT_EQ(one.verdict, Verdict::kBad) << check << ": " << one.finding;
    EXPECT_THAT(one.finding, HasSubstr(words));
    EXPECT_FALSE(one.mend.empty()) << "no cure for: " << one.finding;
  }

  void ExpectWarning(const std::string& check, const std::string& words) {
    const Diagnosis one = Of(check);
    EXPECT_EQ(one.verdict, Verdict::kWarning) << check << ": " << one.finding;
    EXPECT_THAT(one.finding, HasSubstr(words));
    EXPECT_FALSE(one.mend.empty()) << "no cure for: " << one.finding;
  }

  void ChangeConfig(const std::string& from, const std::string& to) {
    const std::string text = ReadSmallFile(directory_.Config()).value();
    ASSERT_THAT(text, HasSubstr(from));
    ASSERT_TRUE(WriteSecretFile(directory_.Config(),
                                absl::StrReplaceAll(text, {{from, to}}))
                    .ok());
  }

  Scratch scratch_;
  DataDirectory directory_{scratch_.path()};
  absl::Time now_ = platform::SystemClock().Now();
  int listener_ = -1;
  std::string taken_;
};

TEST_F(DoctorTest, AFreshCollectorHasNothingBad) {
  for (const Diagnosis& one : Examination(directory_, now_).Run()) {
    EXPECT_NE(one.verdict, Verdict::kBad) << one.check << ": " << one.finding;
    if (one.verdict == Verdict::kWarning) {
      EXPECT_FALSE(one.mend.empty());
    }
  }
  ExpectWarning("backup", "none was ever made");
  ExpectWarning("rules", "no root");
  ExpectWarning("keys to take away", "take-away/");
  ExpectWarning("devices", "none has enrolled");
  ExpectWarning("roles of oak", "has never logged in");
}

TEST_F(DoctorTest, AMistakeInTheConfigurationIsNamedWithItsLine) {
  ChangeConfig("time_zone: \"Europe/London\"", "time_zone: \"Europe/Londn\"");
  ExpectBad("configuration", "collector.yaml:");
  ExpectBad("configuration", "time_zone");
}

TEST_F(DoctorTest, NoCollectorThereIsSaid) {
  directory_.path = scratch_.File("elsewhere");
  ExpectBad("configuration", "no collector here");
}

TEST_F(DoctorTest, CertificatesThatEndedOrAreNotForTheNameAreFound) {
  ChangeConfig("collector.oak.example", "other.oak.example");
  ExpectBad("certificate for devices", "is not for other.oak.example");
  ChangeConfig("other.oak.example", "collector.oak.example");
  EXPECT_EQ(Of("certificate for devices").verdict, Verdict::kGood);
  now_ += absl::Hours(24 * 390);
  ExpectWarning("certificate for devices", "ends on");
  now_ += absl::Hours(24 * 20);
  ExpectBad("certificate for devices", "ended on");
  ExpectBad("certificate of the dashboard", "ended on");
}

TEST_F(DoctorTest, AKeyThatDoesNotBelongIsFound) {
  const std::string other = ReadSmallFile(directory_.Tls("web.key")).value();
  ASSERT_TRUE(WriteSecretFile(directory_.Tls("uplink.key"), other).ok());
  ExpectBad("certificate for devices", "is not the key of");
  const std::string sealing = ReadSmallFile(directory_.Tls("web.key")).value();
  ASSERT_TRUE(
      WriteSecretFile(directory_.Authority() + "/ca.key", sealing).ok());
  ExpectBad("authority", "not the key of ca.crt");
}

TEST_F(DoctorTest, KeysThatOthersCanReadAreFound) {
  EXPECT_EQ(Of("permissions").verdict, Verdict::kGood);
  ASSERT_EQ(chmod(directory_.SealingKey().c_str(), 0644), 0);
  ExpectBad("permissions", "keys/sealing.key");
  ASSERT_EQ(chmod(directory_.SealingKey().c_str(), 0600), 0);
  if (getuid() == 0) {
    ASSERT_EQ(chown(directory_.Main().c_str(), 4321, 4321), 0);
    ExpectBad("permissions", "main.sqlite");
  }
}

// Another in its place would open nothing that devices have sealed.
TEST_F(DoctorTest, AKeyThatWasLostIsSaidAndNotMadeAnew) {
  SetupRequest again;
  again.directory = directory_;
  again.school = "Oak";
  const std::string aliases = directory_.SchoolFile("oak", "pseudonym.key");
  for (const std::string& file : {directory_.SealingKey(), aliases}) {
    const std::string key = ReadSmallFile(file).value();
    std::filesystem::remove(file);
    ExpectBad("keys of schools", file);
    const absl::Status status = collector::SetUp(again, now_).status();
    EXPECT_THAT(status.message(), HasSubstr(file + ": missing, and "));
    EXPECT_FALSE(std::filesystem::exists(file));
    ASSERT_TRUE(WriteSecretFile(file, key).ok());
  }
  EXPECT_TRUE(collector::SetUp(again, now_).ok());
}

TEST_F(DoctorTest, ARootThatIsNoneIsFound) {
  ASSERT_TRUE(WriteSecretFile(directory_.RulesRoot(), "no root").ok());
  ExpectBad("rules", "rules-root");
}

TEST_F(DoctorTest, APortOfAnotherProgramIsFound) {
  ChangeConfig("listen: \"127.0.0.1:0\"", "listen: \"" + taken_ + "\"");
  EXPECT_EQ(Of("port of devices").verdict, Verdict::kGood) << "nobody listens";
  ASSERT_EQ(listen(listener_, 1), 0);
  ExpectBad("port of devices", "in use by another program");
  ChangeConfig("listen: \"" + taken_ + "\"", "listen: \"192.0.2.1:4780\"");
  ExpectBad("port of devices", "192.0.2.1:4780");
}

TEST_F(DoctorTest, AStoreOfANewerVersionOrADamagedOneIsFound) {
  {
    auto file =
        Database::Open(directory_.Events() + "/events-000001-2026-11-21.sqlite")
            .value();
    ASSERT_TRUE(
        file->Execute("CREATE TABLE t(x); PRAGMA user_version=99").ok());
  }
  ExpectBad("store", "newer version");
  std::filesystem::remove_all(directory_.Events());
  std::filesystem::create_directory(directory_.Events());
  EXPECT_EQ(Of("store").verdict, Verdict::kGood);
  for (const char* suffix : {"-wal", "-shm"}) {
    std::filesystem::remove(directory_.Main() + suffix);
  }
  std::ofstream(directory_.Main(), std::ios::binary) << std::string(8192, 'x');
  ExpectBad("store", "damaged");
}

TEST_F(DoctorTest, AnOldBackupIsSaid) {
  Scratch other;
  ASSERT_TRUE(BackUp(directory_, other.File("copy"), now_).ok());
  EXPECT_EQ(Of("backup").verdict, Verdict::kGood);
  now_ += absl::Hours(24 * 8);
  ExpectWarning("backup", "the last was made on");
}

TEST_F(DoctorTest, DevicesInTroubleAreCounted) {
  auto store = OpenSqliteDeviceStore(directory_.Main()).value();
  Device device;
  device.school = "oak";
  device.certificate_expires = now_ + absl::Hours(24 * 60);
  for (const char* id : {"D-1", "D-2", "D-3"}) {
    device.id = id;
    device.last_contact = now_;
    ASSERT_TRUE(store->Put(device).ok());
  }
  EXPECT_EQ(Of("devices").verdict, Verdict::kGood);
  device.last_contact = now_ - absl::Hours(100);
  ASSERT_TRUE(store->Put(device).ok());
  ExpectWarning("devices", "1 of 3 devices were not heard from");
  device.last_contact = now_;
  device.state = DeviceState::kQuarantined;
  ASSERT_TRUE(store->Put(device).ok());
  ExpectWarning("devices", "held back");
}

TEST_F(DoctorTest, ARoleWithoutAPersonIsFound) {
  {
    auto main = Database::Open(directory_.Main()).value();
    ASSERT_TRUE(main->Execute("UPDATE account SET must_change=0;"
                              "DELETE FROM account WHERE name='lead'")
                    .ok());
  }
  ExpectBad("roles of oak", "Safety lead: nobody");
}

TEST_F(DoctorTest, AChangedAuditLogIsFound) {
  {
    auto main = Database::Open(directory_.Main()).value();
    ASSERT_TRUE(main->Execute("DROP TRIGGER audit_no_update;"
                              "UPDATE audit SET who='nobody' WHERE number=1")
                    .ok());
  }
  ExpectBad("audit log", "the log was changed");
}

TEST_F(DoctorTest, AClockBeforeTheAuthorityIsFound) {
  now_ = absl::FromUnixSeconds(86400);
  ExpectBad("clock", "before its authority was made");
}

}  // namespace
}  // namespace schoolgate::collector
