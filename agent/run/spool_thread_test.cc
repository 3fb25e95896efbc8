#include "agent/run/spool_thread.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "agent/spool/model_collector.h"
#include "agent/spool/spool_reader.h"
#include "platform/sim/memory_directory.h"

namespace schoolgate::agent {
namespace {

// Otherwise "I landed here by accident" would speak of no event, or of another
// one.
TEST(SpoolThread, AReportSpeaksOfItsContactByTheSequenceItGot) {
  platform::MemoryDisk disk;
  const seal::SigningKey device = seal::SigningKey::Generate();
  const seal::BoxKey key = seal::BoxKey::Generate();
  auto directory = disk.OpenRoot();
  auto writer = SpoolWriter::Start(*directory,
                                   {.device = "D-4KQ7X2M9",
                                    .collector_key = key.public_key(),
                                    .boot_id = "boot"},
                                   device, absl::FromUnixSeconds(1));
  ASSERT_TRUE(writer.ok());
  {
    SpoolThread spool(disk.OpenRoot(), *std::move(writer),
                      platform::SystemClock());
    v1::Event event;
    event.set_lane(v1::LANE_NORMAL);
    event.mutable_person_seen();  // has no number
    spool.Emit(event);
    event.set_sequence(17);
    event.mutable_contact()->set_host("bet.example");
    spool.Emit(event);
    event.clear_sequence();
    for (const uint64_t about : {17, 18}) {
      event.mutable_self_report()->set_about_sequence(about);
      spool.Emit(event);
    }
  }
  ModelCollector collector(key, "D-4KQ7X2M9", device.public_key());
  auto reader = SpoolReader::Open(*directory);
  reader->Refresh();
  while (auto batch = reader->Next(BatchLimits{})) {
    ASSERT_EQ(collector.Receive(*batch), "");
  }
  const auto& arrived = collector.arrived();
  ASSERT_EQ(arrived.size(), 4u);
  EXPECT_EQ(arrived[1].contact().host(), "bet.example");
  EXPECT_EQ(arrived[2].self_report().about_sequence(), arrived[1].sequence());
  EXPECT_EQ(arrived[3].self_report().about_sequence(), 0u);
}

// Another key in its place would sign what the school can only put aside.
TEST(SpoolThread, AKeyThatWasLostIsNotMadeAnew) {
  std::string state = testing::TempDir() + "spool-thread.XXXXXX";
  ASSERT_NE(mkdtemp(state.data()), nullptr);
  const std::string key = state + "/identity/signing.key";
  std::filesystem::create_directory(state + "/identity");
  Identity identity;
  identity.device = "D-4KQ7X2M9";
  identity.sealing_key = seal::BoxKey::Generate().public_key();
  const auto open = [&] {
    return OpenSpool(state, state + "/spool", identity, "boot",
                     platform::SystemClock())
        .status();
  };
  ASSERT_TRUE(open().ok()) << "the first time: " << open();
  ASSERT_TRUE(std::filesystem::remove(key));
  EXPECT_EQ(open().message(),
            key +
                ": missing: the school could read nothing: restore it, or "
                "enrol anew with `schoolgate-uplink enrol --anew`");
  EXPECT_FALSE(std::filesystem::exists(key));
  identity.device = "D-ANOTHER1";  // enrolled anew
  EXPECT_TRUE(open().ok());
  std::filesystem::remove_all(state);
}

}  // namespace
}  // namespace schoolgate::agent
