#include "platform/machine_end.h"

#include <systemd/sd-bus.h>

#include <chrono>
#include <cstdlib>
#include <future>
#include <memory>
#include <string_view>
#include <thread>

namespace schoolgate::platform {
namespace {

constexpr auto kBusPatience = std::chrono::seconds(1);

bool ServiceManagerStops() {
  sd_bus* bus = nullptr;
  char* state = nullptr;
  bool down = true;
  if (sd_bus_open_system(&bus) >= 0 &&
      sd_bus_get_property_string(bus, "org.freedesktop.systemd1",
                                 "/org/freedesktop/systemd1",
                                 "org.freedesktop.systemd1.Manager",
                                 "SystemState", nullptr, &state) >= 0) {
    down = std::string_view(state) == "stopping";
  }
  std::free(state);
  sd_bus_flush_close_unref(bus);
  return down;
}

}  // namespace

// On a thread of its own, for a bus that is going down may not answer at all.
bool MachineGoesDown() {
  auto answer = std::make_shared<std::promise<bool>>();
  std::future<bool> down = answer->get_future();
  std::thread([answer] { answer->set_value(ServiceManagerStops()); }).detach();
  return down.wait_for(kBusPatience) != std::future_status::ready || down.get();
}

}  // namespace schoolgate::platform
