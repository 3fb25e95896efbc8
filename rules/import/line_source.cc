#include "rules/import/line_source.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "absl/strings/str_cat.h"
#include "rules/bundle/new_file.h"

namespace schoolgate::rules {
namespace {

constexpr size_t kPieceBytes = 256 << 10;

class LineCutter {
 public:
  explicit LineCutter(const std::function<void(std::string_view, bool)>& visit)
      : visit_(visit) {}

  void Take(std::string_view bytes) {
    while (!bytes.empty()) {
      const size_t end = bytes.find('\n');
      if (end == std::string_view::npos) return Keep(bytes);
      if (pending_.empty() && end <= kLineLimit) {
        Give(bytes.substr(0, end), false);
      } else {
        Keep(bytes.substr(0, end));
        GivePending();
      }
      bytes.remove_prefix(end + 1);
    }
  }

  void Finish() {
    if (!pending_.empty()) GivePending();
  }

 private:
  void Keep(std::string_view bytes) {
    const size_t room = kLineLimit + 1 - pending_.size();
    pending_.append(bytes.substr(0, room));
  }

  void GivePending() {
    const bool cut = pending_.size() > kLineLimit;
    if (cut) pending_.resize(kLineLimit);
    Give(pending_, cut);
    pending_.clear();
  }

  void Give(std::string_view line, bool cut) {
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    visit_(line, cut);
  }

  const std::function<void(std::string_view, bool)>& visit_;
  std::string pending_;
};

// Turns pieces of the file into pieces of text. Error: why it cannot.
class Unpacker {
 public:
  virtual ~Unpacker() = default;
  using Sink = std::function<bool(std::string_view)>;  // false: stop
  virtual std::optional<std::string> Take(std::string_view packed,
                                          const Sink& sink) = 0;
  virtual bool whole() const = 0;
};

class PlainText : public Unpacker {
 public:
  std::optional<std::string> Take(std::string_view packed,
                                  const Sink& sink) override {
    sink(packed);
    return std::nullopt;
  }
  bool whole() const override { return true; }
};

class ZstdText : public Unpacker {
 public:
  ZstdText() : context_(ZSTD_createDCtx()), piece_(kPieceBytes) {}
  ~ZstdText() override { ZSTD_freeDCtx(context_); }

  std::optional<std::string> Take(std::string_view packed,
                                  const Sink& sink) override {
    ZSTD_inBuffer in = {packed.data(), packed.size(), 0};
    bool more = true;
    while (in.pos < in.size || more) {
      ZSTD_outBuffer out = {piece_.data(), piece_.size(), 0};
      left_ = ZSTD_decompressStream(context_, &out, &in);
      if (ZSTD_isError(left_)) return ZSTD_getErrorName(left_);
      if (out.pos > 0 && !sink({piece_.data(), out.pos})) break;
      more = out.pos == out.size;
    }
    return std::nullopt;
  }
  bool whole() const override { return left_ == 0; }

 private:
  ZSTD_DCtx* context_;
  std::vector<char> piece_;
  size_t left_ = 1;
};

class GzipText : public Unpacker {
 public:
  GzipText() : piece_(kPieceBytes) { inflateInit2(&stream_, 15 + 16); }
  ~GzipText() override { inflateEnd(&stream_); }

  std::optional<std::string> Take(std::string_view packed,
                                  const Sink& sink) override {
    stream_.next_in =
        reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    stream_.avail_in = static_cast<uInt>(packed.size());
    do {
      if (ended_) {  // another member may follow
        if (stream_.avail_in == 0) break;
        inflateReset(&stream_);
        ended_ = false;
      }
      stream_.next_out = reinterpret_cast<Bytef*>(piece_.data());
      stream_.avail_out = static_cast<uInt>(piece_.size());
      const int result = inflate(&stream_, Z_NO_FLUSH);
      const size_t got = piece_.size() - stream_.avail_out;
      if (got > 0 && !sink({piece_.data(), got})) break;
      if (result == Z_BUF_ERROR) break;
      if (result != Z_OK && result != Z_STREAM_END) {
        return stream_.msg != nullptr ? stream_.msg : "broken gzip data";
      }
      ended_ = result == Z_STREAM_END;
    } while (stream_.avail_in > 0 || stream_.avail_out == 0);
    return std::nullopt;
  }
  bool whole() const override { return ended_; }

 private:
  z_stream stream_ = {};
  std::vector<char> piece_;
  bool ended_ = false;
};

std::unique_ptr<Unpacker> ChooseUnpacker(std::string_view first) {
  if (first.starts_with("\x28\xb5\x2f\xfd")) {
    return std::make_unique<ZstdText>();
  }
  if (first.starts_with("\x1f\x8b")) return std::make_unique<GzipText>();
  return std::make_unique<PlainText>();
}

class OpenFile {
 public:
  explicit OpenFile(const std::string& path)
      : fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC)), error_(errno) {}
  ~OpenFile() {
    if (fd_ >= 0) close(fd_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  bool ok() const { return fd_ >= 0; }
  int error() const { return error_; }

  // Fills `piece` unless the file ends before. Negative: see error().
  ssize_t Read(std::span<char> piece) {
    size_t got = 0;
    while (got < piece.size()) {
      const ssize_t part = read(fd_, &piece[got], piece.size() - got);
      if (part < 0 && errno == EINTR) continue;
      if (part < 0) {
        error_ = errno;
        return -1;
      }
      if (part == 0) break;
      got += static_cast<size_t>(part);
    }
    return static_cast<ssize_t>(got);
  }

 private:
  int fd_;
  int error_;
};

}  // namespace

absl::Status ReadLines(
    const std::string& path,
    const std::function<void(std::string_view line, bool cut)>& visit) {
  OpenFile file(path);
  if (!file.ok()) return SystemError(path, "cannot be opened", file.error());
  LineCutter lines(visit);
  std::unique_ptr<Unpacker> unpacker;
  std::vector<char> piece(kPieceBytes);
  uint64_t unpacked = 0;
  const Unpacker::Sink sink = [&](std::string_view text) {
    unpacked += text.size();
    if (unpacked > kListBytesLimit) return false;
    lines.Take(text);
    return true;
  };
  while (true) {
    const ssize_t got = file.Read(piece);
    if (got < 0) return SystemError(path, "cannot be read", file.error());
    const std::string_view packed(piece.data(), static_cast<size_t>(got));
    if (unpacker == nullptr) unpacker = ChooseUnpacker(packed);
    if (packed.empty()) break;
    if (const auto why = unpacker->Take(packed, sink); why.has_value()) {
      return absl::DataLossError(absl::StrCat(
          path, ": cannot be unpacked: ", *why, ": fetch it again"));
    }
    if (unpacked > kListBytesLimit) {
      return absl::ResourceExhaustedError(
          absl::StrCat(path, ": unpacks to more than ", kListBytesLimit >> 30,
                       " GiB: check that it is a list"));
    }
  }
  if (!unpacker->whole()) {
    return absl::DataLossError(absl::StrCat(
        path, ": cannot be unpacked: it ends too early: fetch it again"));
  }
  lines.Finish();
  return absl::OkStatus();
}

}  // namespace schoolgate::rules
