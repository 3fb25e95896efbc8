#include "platform/sessions.h"

#include <systemd/sd-bus.h>

#include <cerrno>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "platform/clock.h"

namespace schoolgate::platform {
namespace {

constexpr char kService[] = "org.freedesktop.login1";
constexpr char kObject[] = "/org/freedesktop/login1";
constexpr char kManagerInterface[] = "org.freedesktop.login1.Manager";
constexpr char kSessionInterface[] = "org.freedesktop.login1.Session";
constexpr uint64_t kPatienceUs = 200'000;
// A screen locks and unlocks by hand: a second is soon enough.
constexpr absl::Duration kRemember = absl::Seconds(1);
constexpr absl::Duration kLeaveAlone = absl::Minutes(1);
constexpr size_t kMaxSessions = 64;  // that are asked about their screens

struct CloseBus {
  void operator()(sd_bus* bus) const { sd_bus_close_unref(bus); }
};
struct FreeMessage {
  void operator()(sd_bus_message* message) const {
    sd_bus_message_unref(message);
  }
};
using Message = std::unique_ptr<sd_bus_message, FreeMessage>;

class Logind : public Sessions {
 public:
  std::optional<Presence> Of(uint32_t uid) override {
    const absl::Duration now = SystemClock().SinceBoot();
    if (now >= next_look_) Look(now);
    const auto found = present_.find(uid);
    if (found == present_.end()) return std::nullopt;
    return found->second;
  }

  bool answers() const override { return answers_; }

 private:
  void Look(absl::Duration now) {
    present_.clear();
    answers_ = Connect() && ReadAll();
    next_look_ = now + (answers_ ? kRemember : kLeaveAlone);
    if (!answers_) bus_.reset();
  }

  bool Connect() {
    if (bus_ != nullptr) return true;
    sd_bus* bus = nullptr;
    if (sd_bus_open_system(&bus) < 0) return false;
    bus_.reset(bus);
    return sd_bus_set_method_call_timeout(bus, kPatienceUs) >= 0;
  }

  bool ReadAll() {
    sd_bus_message* reply = nullptr;
    if (sd_bus_call_method(bus_.get(), kService, kObject, kManagerInterface,
                           "ListSessions", nullptr, &reply, "") < 0) {
      return false;
    }
    const Message message(reply);
    if (sd_bus_message_enter_container(reply, 'a', "(susso)") < 0) return false;
    struct Listed {
      uint32_t uid;
      std::string path;
    };
    std::vector<Listed> sessions;
    const char* id = nullptr;
    const char* user = nullptr;
    const char* seat = nullptr;
    const char* path = nullptr;
    uint32_t uid = 0;
    while (sd_bus_message_read(reply, "(susso)", &id, &uid, &user, &seat,
                               &path) > 0) {
      // Who is there is known of all.
      if (sessions.size() == kMaxSessions) {
        present_.try_emplace(uid);
      } else {
        sessions.push_back({uid, path});
      }
    }
    for (const Listed& session : sessions) {
      if (!ReadOne(session.uid, session.path)) return false;
    }
    return true;
  }

  // False when the service has stopped answering.
  bool ReadOne(uint32_t uid, const std::string& path) {
    bool active = false;
    bool locked = false;
    bool idle = false;
    for (const auto& [property, flag] :
         {std::pair("Active", &active), std::pair("LockedHint", &locked),
          std::pair("IdleHint", &idle)}) {
      const int outcome = Flag(path, property, flag);
      if (outcome == -ETIMEDOUT || sd_bus_is_open(bus_.get()) <= 0) {
        return false;
      }
      if (outcome < 0) return true;  // the session has just ended
    }
    const auto [at, fresh] = present_.try_emplace(
        uid, Presence{.active = active, .locked = locked, .idle = idle});
    if (fresh) return true;
    at->second.active |= active;
    at->second.locked &= locked;
    at->second.idle &= idle;
    return true;
  }

  int Flag(const std::string& path, const char* property, bool* flag) {
    int value = 0;
    const int outcome = sd_bus_get_property_trivial(
        bus_.get(), kService, path.c_str(), kSessionInterface, property,
        nullptr, 'b', &value);
    *flag = value != 0;
    return outcome;
  }

  std::unique_ptr<sd_bus, CloseBus> bus_;
  std::map<uint32_t, Presence> present_;
  absl::Duration next_look_;
  bool answers_ = false;
};

}  // namespace

std::unique_ptr<Sessions> SystemSessions() {
  return std::make_unique<Logind>();
}

}  // namespace schoolgate::platform
