#include "agent/labels/wire.h"

#include <algorithm>
#include <cstring>

namespace schoolgate::agent {
namespace {

// Letters, digits and what nDPI's names are joined with: nothing that means
// something to a terminal, a log or JSON.
bool IsLabelByte(char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
         (byte >= '0' && byte <= '9') || byte == '.' || byte == '_' ||
         byte == '-' || byte == '/' || byte == '+' || byte == ' ' ||
         byte == '(' || byte == ')';
}

}  // namespace

std::optional<TapRecord> ReadTapRecord(std::span<const std::byte> bytes) {
  TapRecord record;
  if (bytes.size() < sizeof record) return std::nullopt;
  std::memcpy(&record, bytes.data(), sizeof record);
  const bool bare = bytes.size() == sizeof record;
  switch (record.kind) {
    case TapKind::kPacket:
      if (bare || (record.protocol != kProtocolTcp &&
                   record.protocol != kProtocolUdp)) {
        return std::nullopt;
      }
      return record;
    case TapKind::kEnd:
    case TapKind::kSync:
      if (!bare) return std::nullopt;
      return record;
  }
  return std::nullopt;
}

std::optional<LabelRecord> ReadLabelRecord(std::span<const std::byte> bytes) {
  LabelRecord record;
  if (bytes.size() != sizeof record) return std::nullopt;
  std::memcpy(&record, bytes.data(), sizeof record);
  if (record.given_up > GivenUp::kAfterSoMany) return std::nullopt;
  switch (record.kind) {
    case AnswerKind::kLabel:
      if (record.length == 0 || record.length > LabelRecord::kMostLabel ||
          !std::all_of(record.text().begin(), record.text().end(),
                       IsLabelByte)) {
        return std::nullopt;
      }
      return record;
    case AnswerKind::kNone:
    case AnswerKind::kSynced:
      return record;
  }
  return std::nullopt;
}

}  // namespace schoolgate::agent
