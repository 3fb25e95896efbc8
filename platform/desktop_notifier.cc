#include "platform/desktop_notifier.h"

#include <systemd/sd-bus.h>

#include <cerrno>
#include <cstring>
#include <deque>

#include "absl/strings/str_cat.h"

namespace schoolgate::platform {
namespace {

constexpr char kOwnName[] = "org.schoolgate.Notices";
constexpr char kService[] = "org.freedesktop.Notifications";
constexpr char kPath[] = "/org/freedesktop/Notifications";
constexpr size_t kMostPressed = 32;  // not yet fetched; later ones are lost

struct CloseBus {
  void operator()(sd_bus* bus) const { sd_bus_flush_close_unref(bus); }
};
struct FreeMessage {
  void operator()(sd_bus_message* message) const {
    sd_bus_message_unref(message);
  }
};
using Message = std::unique_ptr<sd_bus_message, FreeMessage>;

absl::Status Unavailable(int error) {
  return absl::UnavailableError(
      absl::StrCat("desktop: no notices can be shown: ", std::strerror(-error),
                   ": run it inside a desktop session"));
}

// The bodies of notices may hold markup; ours is plain.
std::string Escaped(const std::string& text) {
  std::string safe;
  for (const char c : text) {
    safe += c == '&' ? "&amp;" : c == '<' ? "&lt;" : std::string(1, c);
  }
  return safe;
}

class SessionBus : public DesktopNotifier {
 public:
  absl::Status Open() {
    sd_bus* bus = nullptr;
    int error = sd_bus_open_user(&bus);
    bus_.reset(bus);
    if (error < 0) return Unavailable(error);
    // Held as long as we live. Where it may not be had, notices come twice.
    if (sd_bus_request_name(bus, kOwnName, 0) == -EEXIST) {
      return absl::AlreadyExistsError("desktop: notices are shown already");
    }
    error = sd_bus_match_signal(bus, nullptr, kService, kPath, kService,
                                "ActionInvoked", &OnAction, this);
    return error < 0 ? Unavailable(error) : absl::OkStatus();
  }

  absl::StatusOr<uint32_t> Show(const DesktopNotice& notice) override {
    sd_bus_message* raw = nullptr;
    int error = sd_bus_message_new_method_call(bus_.get(), &raw, kService,
                                               kPath, kService, "Notify");
    const Message call(raw);
    if (error < 0) return Unavailable(error);
    sd_bus_message_append(raw, "susss", "Schoolgate", 0u, "dialog-information",
                          notice.summary.c_str(), Escaped(notice.body).c_str());
    sd_bus_message_open_container(raw, 'a', "s");
    for (const auto& [key, words] : notice.buttons) {
      sd_bus_message_append(raw, "ss", key.c_str(), words.c_str());
    }
    sd_bus_message_close_container(raw);
    constexpr int32_t kDesktopDecides = -1;
    sd_bus_message_append(raw, "a{sv}i", 0, kDesktopDecides);
    sd_bus_message* answer = nullptr;
    error = sd_bus_call(bus_.get(), raw, 0, nullptr, &answer);
    const Message reply(answer);
    uint32_t number = 0;
    if (error >= 0) error = sd_bus_message_read(answer, "u", &number);
    if (error < 0) return Unavailable(error);
    return number;
  }

  absl::StatusOr<std::optional<Pressed>> NextPressed(
      absl::Duration patience) override {
    bool waited = false;
    while (pressed_.empty()) {
      const int done = sd_bus_process(bus_.get(), nullptr);
      if (done < 0) return Unavailable(done);
      if (done > 0) continue;
      if (waited) return std::optional<Pressed>();
      const int error = sd_bus_wait(
          bus_.get(),
          static_cast<uint64_t>(absl::ToInt64Microseconds(patience)));
      if (error < 0 && error != -EINTR) return Unavailable(error);
      waited = true;
    }
    std::optional<Pressed> first = std::move(pressed_.front());
    pressed_.pop_front();
    return first;
  }

 private:
  static int OnAction(sd_bus_message* message, void* self, sd_bus_error*) {
    Pressed pressed;
    const char* button = nullptr;
    if (sd_bus_message_read(message, "us", &pressed.notice, &button) < 0) {
      return 0;
    }
    pressed.button = button;
    auto& waiting = static_cast<SessionBus*>(self)->pressed_;
    if (waiting.size() < kMostPressed) waiting.push_back(std::move(pressed));
    return 0;
  }

  std::unique_ptr<sd_bus, CloseBus> bus_;
  std::deque<Pressed> pressed_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<DesktopNotifier>> OpenDesktopNotifier() {
  auto bus = std::make_unique<SessionBus>();
  if (absl::Status status = bus->Open(); !status.ok()) return status;
  return bus;
}

}  // namespace schoolgate::platform
