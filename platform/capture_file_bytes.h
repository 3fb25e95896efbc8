// The bytes of a capture file, decompressed when they are compressed, as a
// window that moves forward. Knows nothing of packets.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace schoolgate::platform {

// One way to get more bytes. Not thread-safe.
class ByteStream {
 public:
  virtual ~ByteStream() = default;

  // Fills up to `room` bytes; 0 at the end or when the stream is broken,
  // which status() then says.
  virtual size_t Read(uint8_t* into, size_t room) = 0;
  virtual absl::Status status() const = 0;
};

// The path that means standard input.
inline constexpr char kStandardInput[] = "-";

// A plain, gzip or zstd file, a pipe, or standard input. NOT_FOUND,
// PERMISSION_DENIED or INVALID_ARGUMENT name the file.
absl::StatusOr<std::unique_ptr<ByteStream>> OpenByteStream(
    const std::string& path);

// Not thread-safe.
class ByteWindow {
 public:
  explicit ByteWindow(std::unique_ptr<ByteStream> stream);

  // At least `count` bytes from here, or all that are left. Valid until the
  // next call.
  std::span<const uint8_t> Peek(size_t count) {
    if (end_ - begin_ < count) [[unlikely]]
      Refill(count);
    return {buffer_.data() + begin_, end_ - begin_};
  }

  // What is at hand, without waiting for more.
  std::span<const uint8_t> at_hand() const {
    return {buffer_.data() + begin_, end_ - begin_};
  }

  // Precondition: Peek has shown at least `count` bytes.
  void Skip(size_t count) { begin_ += count; }

  absl::Status status() const { return stream_->status(); }

 private:
  void Refill(size_t count);

  std::unique_ptr<ByteStream> stream_;
  std::vector<uint8_t> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace schoolgate::platform
