// What a disk or a peer may hold in place of a spool: segments, slots, names.
#include <cstddef>
#include <cstdint>
#include <string>

#include "agent/spool/layout.h"
#include "agent/spool/slot_file.h"
#include "agent/spool/spool_reader.h"
#include "platform/check.h"
#include "platform/sim/memory_directory.h"
#include "proto/seal/record.h"
#include "proto/seal/segment.h"

namespace {

using namespace schoolgate;  // NOLINT

void Put(platform::Directory& root, const std::string& name,
         const std::string& bytes) {
  auto file = root.Open(name, platform::OpenMode::kCreate);
  SG_CHECK(file.ok() && (*file)->WriteAt(0, bytes).ok());
}

// A reader meets the bytes as a finished segment, and as state and frontier.
void ReadAsSpool(const std::string& bytes) {
  platform::MemoryDisk disk;
  const auto root = disk.OpenRoot();
  agent::SegmentId id{6, 1};
  const auto header =
      seal::ParseSegmentHeader(bytes.substr(0, seal::kSegmentHeaderBytes));
  if (header.ok() && (header->epoch & 3) != 0) {
    id = {header->epoch, header->first_sequence};
  }
  Put(*root, agent::SegmentName(id), bytes);
  if (id.epoch < ~3ull) {
    Put(*root, agent::SegmentName({id.epoch + 4, 1}), "");
  }
  Put(*root, agent::kStateName, bytes);
  Put(*root, agent::kFrontierName, bytes);
  auto reader = agent::SpoolReader::Open(*root);
  for (int i = 0; i < 100; ++i) {
    auto batch = reader->Next(agent::BatchLimits{});
    if (!batch) break;
    SG_CHECK(!batch->records.empty());
    reader->Acknowledge(batch->epoch, batch->last_sequence());
  }
  (void)reader->Save();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  seal::Frame frame;
  if (seal::ParseFrame(bytes, &frame) == seal::FrameError::kNone) {
    SG_CHECK(frame.total_bytes <= bytes.size());
  }
  (void)agent::ParseSegmentName(bytes);
  (void)agent::DecodeState(bytes);
  (void)agent::DecodeFrontier(bytes);
  static const seal::BoxKey key = seal::BoxKey::Generate();
  static const seal::SigningKey device = seal::SigningKey::Generate();
  const seal::BoxKey* keys[] = {&key};
  (void)seal::SegmentOpener::Open(bytes.substr(0, seal::kSegmentHeaderBytes),
                                  "D-4KQ7X2M9", device.public_key(), keys);
  (void)seal::OpenBox(key, bytes);
  static const seal::SegmentSealer sealer = [] {
    seal::SegmentHeader header;
    header.device = "D-4KQ7X2M9";
    header.epoch = 6;
    return *seal::SegmentSealer::Make(header, key.public_key(), device);
  }();
  static const auto opener = *seal::SegmentOpener::Open(
      sealer.header(), "D-4KQ7X2M9", device.public_key(), keys);
  (void)opener.OpenRecord(1, bytes);
  ReadAsSpool(bytes);
  return 0;
}
