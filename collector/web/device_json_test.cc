#include "collector/web/device_json.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace schoolgate::collector {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1795338000);

Device Healthy() {
  Device device;
  device.id = "D-00000001";
  device.last_contact = kNow - absl::Seconds(30);
  device.heartbeat_time = device.last_contact;
  device.heartbeat.set_capturing(true);
  device.heartbeat.set_bundle_version(17);
  device.heartbeat.set_flows(1000);
  device.heartbeat.set_packets(100000);
  return device;
}

TEST(DeviceJson, AHealthyDeviceIsGood) {
  const Device healthy = Healthy();
  const auto json = DeviceJson(JudgeDevice(healthy, 17, kNow));
  EXPECT_EQ(json["state"], "good") << json;
  EXPECT_EQ(json["blind_percent"], 0);
}

// Somebody who looks for the ninth laptop would not find it beside the eighth.
TEST(DeviceJson, NamesWithNumbersStandInTheirOrder) {
  std::vector<Device> devices;
  for (const char* name : {"laptop-10", "laptop-9", "desk", "laptop-9b", "7"}) {
    devices.push_back(Healthy());
    devices.back().hostname = name;
  }
  std::string order;
  for (const JudgedDevice& one : ListOf(devices, "", kNow).found) {
    absl::StrAppend(&order, one.device->hostname, " ");
  }
  EXPECT_EQ(order, "7 desk laptop-9 laptop-9b laptop-10 ");
}

struct Fault {
  const char* state;
  const char* words;
  std::function<void(Device*)> make;
};

// A device that does not protect anybody would look fine on the screen.
TEST(DeviceJson, EachFaultIsSaidInWords) {
  const Fault faults[] = {
      {"problem", "Not heard from for 5 days.",
       [](Device* d) { d->last_contact = kNow - absl::Hours(120); }},
      {"check", "It may be switched off.",
       [](Device* d) { d->last_contact = kNow - absl::Hours(3); }},
      {"check", "Has not been in contact yet.",
       [](Device* d) { d->last_contact = absl::InfinitePast(); }},
      {"check", "Has not told yet whether it filters.",
       [](Device* d) { d->heartbeat_time = absl::InfinitePast(); }},
      {"problem", "Cannot see network contacts",
       [](Device* d) { d->heartbeat.set_capturing(false); }},
      {"problem", "Its own check of the filter failed.",
       [](Device* d) { d->heartbeat.set_selftest("fail: canary"); }},
      {"problem", "Has no rules yet.",
       [](Device* d) { d->heartbeat.set_bundle_version(0); }},
      {"check", "Uses rules version 16; the newest is 17.",
       [](Device* d) { d->heartbeat.set_bundle_version(16); }},
      {"check", "Could not name 23 of every 100 connections.",
       [](Device* d) { d->heartbeat.add_blindness()->set_flows(230); }},
      {"check", "started anew 2 times since the agent started.",
       [](Device* d) {
         d->heartbeat.mutable_label_worker()->set_wanted(true);
         d->heartbeat.mutable_label_worker()->set_starts(3);
       }},
      {"check", "Connections without a name are not labelled: killed.",
       [](Device* d) {
         d->heartbeat.mutable_label_worker()->set_wanted(true);
         d->heartbeat.mutable_label_worker()->set_trouble("killed");
       }},
      {"check", "Its clock is wrong.",
       [](Device* d) { d->clock_offset = absl::Hours(-2); }},
      {"problem", "another machine used its identity",
       [](Device* d) { d->state = DeviceState::kQuarantined; }},
      {"retired", "Retired.",
       [](Device* d) { d->state = DeviceState::kDecommissioned; }},
  };
  for (const Fault& fault : faults) {
    Device device = Healthy();
    fault.make(&device);
    const auto json = DeviceJson(JudgeDevice(device, 17, kNow));
    EXPECT_EQ(json["state"], fault.state) << json;
    EXPECT_NE(json["words"].get<std::string>().find(fault.words),
              std::string::npos)
        << json;
  }
}

// Of a thousand laptops the one that is blind would be on page ten.
TEST(DeviceList, TroubleComesFirstAndIsCountedWhateverIsLookedFor) {
  std::vector<Device> devices(3, Healthy());
  devices[0].hostname = "laptop-a";
  devices[1].hostname = "Laptop-B";
  devices[1].heartbeat.set_capturing(false);
  devices[2].hostname = "desk-c";
  devices[2].inventory_number = "INV-77";
  const DeviceList all = ListOf(devices, "", kNow);
  ASSERT_EQ(all.found.size(), 3u);
  EXPECT_EQ(all.found[0].device->hostname, "Laptop-B");
  EXPECT_EQ(all.found[1].device->hostname, "desk-c");
  const DeviceList some = ListOf(devices, "inv-7", kNow);
  ASSERT_EQ(some.found.size(), 1u);
  EXPECT_EQ(some.found[0].device->hostname, "desk-c");
  EXPECT_EQ(some.counts.at("problem"), 1u);
  EXPECT_EQ(some.counts.at("good"), 2u);
  EXPECT_EQ(ListOf(devices, "LAPTOP", kNow).found.size(), 2u);
}

}  // namespace
}  // namespace schoolgate::collector
