// The rings between agent and schoolgate-dpi, of which the other side writes
// what it likes where it likes, between any two steps of ours: nothing is read
// or written outside, nothing that is taken is nonsense, and once nonsense was
// noticed nothing goes on.
#include <algorithm>
#include <array>
#include <cstring>

#include "agent/labels/wire.h"
#include "platform/check.h"
#include "tests/fuzz/choices.h"

using namespace schoolgate;
using namespace schoolgate::agent;

namespace {

constexpr RingShape kShape{.slots = 4, .slot_bytes = 128};

struct alignas(64) Memory {
  std::array<std::byte, sizeof(RingHead) + 4 * 128> bytes{};
};

// The other side: some bytes anywhere, mostly where they matter.
void Meddle(fuzz::Choices& choices, Memory& memory) {
  static constexpr size_t kPlaces[] = {
      offsetof(RingHead, written), offsetof(RingHead, taken), sizeof(RingHead)};
  const size_t place = choices.Byte() & 1
                           ? kPlaces[choices.Below(std::size(kPlaces))]
                           : choices.Below(memory.bytes.size());
  const Bytes some =
      choices.Some(std::min<size_t>(100, memory.bytes.size() - place));
  std::memcpy(memory.bytes.data() + place, some.data(), some.size());
}

void CheckRecord(std::span<const std::byte> bytes) {
  if (const auto label = ReadLabelRecord(bytes)) {
    SG_CHECK(label->length <= LabelRecord::kMostLabel ||
             label->kind != AnswerKind::kLabel);
    if (label->kind == AnswerKind::kLabel) {
      for (char c : label->text()) SG_CHECK(c >= ' ' && c < 0x7f);
    }
  }
  if (const auto tap = ReadTapRecord(bytes)) {
    SG_CHECK(tap->kind == TapKind::kPacket ||
             bytes.size() == sizeof(TapRecord));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  fuzz::Choices choices(Bytes(bytes, size));
  Memory memory;
  RingWriter writer(memory.bytes, kShape);
  RingReader reader(memory.bytes, kShape);
  std::array<std::byte, 128> room;
  CheckRecord(std::as_bytes(std::span(bytes, size)));
  while (choices.any()) {
    const bool writer_broke = writer.broken();
    const bool reader_broke = reader.broken();
    switch (choices.Below(4)) {
      case 0: {
        const Bytes record = choices.Some(130);
        const bool pushed = writer.Push(std::as_bytes(record), {});
        SG_CHECK(!pushed || (!writer_broke && record.size() <= 124));
        break;
      }
      case 1: {
        const auto taken = reader.Pop(room);
        SG_CHECK(taken.empty() || !reader_broke);
        SG_CHECK(taken.size() <= kShape.most_record_bytes());
        if (!taken.empty()) CheckRecord(taken);
        break;
      }
      case 2:
        (void)writer.ReaderSleeps();
        (void)writer.MaySleep();
        (void)reader.MaySleep();
        (void)reader.WriterSleeps();
        break;
      default:
        Meddle(choices, memory);
        break;
    }
    SG_CHECK(!writer_broke || writer.broken());
    SG_CHECK(!reader_broke || reader.broken());
  }
  return 0;
}
