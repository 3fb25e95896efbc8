#include "platform/sessions.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

namespace schoolgate::platform {
namespace {

struct Session {
  uint32_t uid = 0;
  std::string path;
  bool active = false;
  bool locked = false;
  bool idle = false;
};

// A message bus of the test's own, and on it a session service that tells what
// stands in `sessions`.
class SessionService {
 public:
  explicit SessionService(std::vector<Session> sessions)
      : sessions_(std::move(sessions)) {
    const std::string config =
        testing::TempDir() + "/bus-" + std::to_string(getpid()) + ".conf";
    std::ofstream(config)
        << "<busconfig><listen>unix:tmpdir=/tmp</listen><auth>EXTERNAL</auth>"
           "<policy context='default'><allow own='*'/><allow send_destination="
           "'*'/><allow receive_sender='*'/></policy></busconfig>";
    int address[2];
    if (pipe(address) != 0) return;
    daemon_ = fork();
    if (daemon_ == 0) {
      const std::string to = "--print-address=" + std::to_string(address[1]);
      execlp("dbus-daemon", "dbus-daemon", ("--config-file=" + config).c_str(),
             to.c_str(), "--nofork", nullptr);
      _exit(127);
    }
    close(address[1]);
    char text[256];
    const ssize_t size = read(address[0], text, sizeof(text));
    close(address[0]);
    unlink(config.c_str());
    if (size <= 0) return;
    address_.assign(text, static_cast<size_t>(size) - 1);
    setenv("DBUS_SYSTEM_BUS_ADDRESS", address_.c_str(), 1);
    Serve();
  }

  ~SessionService() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
    if (bus_ != nullptr) sd_bus_close_unref(bus_);
    if (daemon_ > 0) {
      kill(daemon_, SIGTERM);
      waitpid(daemon_, nullptr, 0);
    }
    unsetenv("DBUS_SYSTEM_BUS_ADDRESS");
  }

  bool runs() const { return thread_.joinable(); }

 private:
  static int List(sd_bus_message* call, void* self, sd_bus_error*) {
    sd_bus_message* reply = nullptr;
    sd_bus_message_new_method_return(call, &reply);
    sd_bus_message_open_container(reply, 'a', "(susso)");
    for (const Session& session :
         static_cast<SessionService*>(self)->sessions_) {
      sd_bus_message_append(reply, "(susso)", "1", session.uid, "somebody",
                            "seat0", session.path.c_str());
    }
    sd_bus_message_close_container(reply);
    const int sent = sd_bus_send(nullptr, reply, nullptr);
    sd_bus_message_unref(reply);
    return sent;
  }

  static int Flag(sd_bus*, const char*, const char*, const char* property,
                  sd_bus_message* reply, void* session, sd_bus_error*) {
    const auto* of = static_cast<Session*>(session);
    const std::string name = property;
    const int value = name == "Active"       ? of->active
                      : name == "LockedHint" ? of->locked
                                             : of->idle;
    return sd_bus_message_append(reply, "b", value);
  }

  void Serve() {
    static const sd_bus_vtable kManager[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("ListSessions", "", "a(susso)", List,
                      SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END};
    static const sd_bus_vtable kSession[] = {
        SD_BUS_VTABLE_START(0), SD_BUS_PROPERTY("Active", "b", Flag, 0, 0),
        SD_BUS_PROPERTY("LockedHint", "b", Flag, 0, 0),
        SD_BUS_PROPERTY("IdleHint", "b", Flag, 0, 0), SD_BUS_VTABLE_END};
    if (sd_bus_open_system(&bus_) < 0) return;
    sd_bus_add_object_vtable(bus_, nullptr, "/org/freedesktop/login1",
                             "org.freedesktop.login1.Manager", kManager, this);
    for (Session& session : sessions_) {
      sd_bus_add_object_vtable(bus_, nullptr, session.path.c_str(),
                               "org.freedesktop.login1.Session", kSession,
                               &session);
    }
    if (sd_bus_request_name(bus_, "org.freedesktop.login1", 0) < 0) return;
    thread_ = std::thread([this] {
      while (!stop_) {
        while (sd_bus_process(bus_, nullptr) > 0) {
        }
        sd_bus_wait(bus_, 20'000);
      }
    });
  }

  std::vector<Session> sessions_;
  std::string address_;
  pid_t daemon_ = -1;
  sd_bus* bus_ = nullptr;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

// Otherwise what a machine does behind a locked screen looks meant, or a person
// who sits at a second session looks absent.
TEST(SessionsTest, APersonIsThereIfOneOfTheirSessionsSaysSo) {
  SessionService service(
      {{.uid = 1001, .path = "/s/a", .active = true, .locked = true},
       {.uid = 1002, .path = "/s/b", .locked = true, .idle = true},
       {.uid = 1002, .path = "/s/c", .active = true, .idle = true}});
  ASSERT_TRUE(service.runs());
  auto sessions = SystemSessions();
  EXPECT_EQ(sessions->Of(1001), (Presence{.active = true, .locked = true}));
  EXPECT_EQ(sessions->Of(1002), (Presence{.active = true, .idle = true}));
  EXPECT_EQ(sessions->Of(1003), std::nullopt);
  EXPECT_TRUE(sessions->answers());
}

// A guest on a machine with many would count as logged out, and have their hour
// anew.
TEST(SessionsTest, HoweverManyAreLoggedInEachIsThere) {
  std::vector<Session> many;
  for (uint32_t i = 0; i < 80; ++i) {
    many.push_back({.uid = 1000 + i, .path = "/s/" + std::to_string(i)});
  }
  SessionService service(std::move(many));
  ASSERT_TRUE(service.runs());
  auto sessions = SystemSessions();
  EXPECT_TRUE(sessions->Of(1000).has_value());
  EXPECT_TRUE(sessions->Of(1079).has_value());
  EXPECT_EQ(sessions->Of(1080), std::nullopt);
  EXPECT_TRUE(sessions->answers());
}

// Otherwise a machine without the service would have no agent.
TEST(SessionsTest, WorksWithoutTheService) {
  setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus", 1);
  auto sessions = SystemSessions();
  EXPECT_EQ(sessions->Of(getuid()), std::nullopt);
  EXPECT_FALSE(sessions->answers());
  unsetenv("DBUS_SYSTEM_BUS_ADDRESS");
}

}  // namespace
}  // namespace schoolgate::platform
