#include "platform/capture_file_bytes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace schoolgate::platform {
namespace {

constexpr size_t kWindowBytes = 256 * 1024;
constexpr size_t kCompressedBytes = 64 * 1024;
constexpr size_t kMagicBytes = 4;

class PlainStream : public ByteStream {
 public:
  // `begun`: bytes that were read already, to be given first.
  PlainStream(std::string path, int fd, std::vector<uint8_t> begun)
      : path_(std::move(path)), fd_(fd), begun_(std::move(begun)) {}
  ~PlainStream() override { close(fd_); }

  size_t Read(uint8_t* into, size_t room) override {
    if (!begun_.empty()) {
      const size_t count = std::min(room, begun_.size());
      std::copy_n(begun_.begin(), count, into);
      begun_.erase(begun_.begin(), begun_.begin() + count);
      return count;
    }
    for (;;) {
      const ssize_t got = read(fd_, into, room);
      if (got >= 0) return static_cast<size_t>(got);
      if (errno == EINTR) continue;
      status_ = absl::DataLossError(
          absl::StrCat(path_, ": cannot be read further (",
                       std::strerror(errno), "): check the disk"));
      return 0;
    }
  }

  absl::Status status() const override { return status_; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  int fd_;
  std::vector<uint8_t> begun_;
  absl::Status status_;
};

absl::Status Broken(const std::string& path, std::string_view kind) {
  return absl::DataLossError(absl::StrCat(
      path, ": broken ", std::string(kind),
      " stream: what comes after the damage is lost; get a whole copy"));
}

// Input of a decompressor: a refilled block.
struct Block {
  explicit Block(std::unique_ptr<PlainStream> from)
      : source(std::move(from)), bytes(kCompressedBytes) {}

  bool Fill() {
    if (at < filled) return true;
    at = 0;
    filled = source->Read(bytes.data(), bytes.size());
    return filled > 0;
  }

  std::unique_ptr<PlainStream> source;
  std::vector<uint8_t> bytes;
  size_t at = 0;
  size_t filled = 0;
};

class GzipStream : public ByteStream {
 public:
  explicit GzipStream(std::unique_ptr<PlainStream> source)
      : in_(std::move(source)) {
    inflateInit2(&zlib_, 15 + 16);
  }
  ~GzipStream() override { inflateEnd(&zlib_); }

  size_t Read(uint8_t* into, size_t room) override {
    while (status_.ok()) {
      const bool more = in_.Fill();
      if (!in_.source->status().ok()) status_ = in_.source->status();
      if (!more) {
        if (inside_) status_ = Broken(in_.source->path(), "gzip");
        return 0;
      }
      const size_t got = Inflate(into, room);
      if (got > 0) return got;
    }
    return 0;
  }

  absl::Status status() const override { return status_; }

 private:
  size_t Inflate(uint8_t* into, size_t room) {
    zlib_.next_in = in_.bytes.data() + in_.at;
    zlib_.avail_in = static_cast<uInt>(in_.filled - in_.at);
    zlib_.next_out = into;
    zlib_.avail_out = static_cast<uInt>(room);
    inside_ = true;
    const int result = inflate(&zlib_, Z_NO_FLUSH);
    in_.at = in_.filled - zlib_.avail_in;
    if (result == Z_STREAM_END) {  // another member may follow
      inside_ = false;
      inflateReset(&zlib_);
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      status_ = Broken(in_.source->path(), "gzip");
    }
    return room - zlib_.avail_out;
  }

  Block in_;
  z_stream zlib_{};
  bool inside_ = false;
  absl::Status status_;
};

class ZstdStream : public ByteStream {
 public:
  explicit ZstdStream(std::unique_ptr<PlainStream> source)
      : in_(std::move(source)), zstd_(ZSTD_createDStream()) {}
  ~ZstdStream() override { ZSTD_freeDStream(zstd_); }

  size_t Read(uint8_t* into, size_t room) override {
    while (status_.ok()) {
      const bool more = in_.Fill();
      if (!in_.source->status().ok()) status_ = in_.source->status();
      if (!more && !flushing_) {
        if (inside_) status_ = Broken(in_.source->path(), "zstd");
        return 0;
      }
      ZSTD_inBuffer input{in_.bytes.data(), in_.filled, in_.at};
      ZSTD_outBuffer output{into, room, 0};
      const size_t left = ZSTD_decompressStream(zstd_, &output, &input);
      if (ZSTD_isError(left)) {
        status_ = Broken(in_.source->path(), "zstd");
      }
      // Asked at the end of a frame, it says what it wants of a next one.
      if (input.pos > in_.at || output.pos > 0) inside_ = left != 0;
      in_.at = input.pos;
      flushing_ = output.pos == output.size;
      if (output.pos > 0) return output.pos;
    }
    return 0;
  }

  absl::Status status() const override { return status_; }

 private:
  Block in_;
  ZSTD_DStream* zstd_;
  bool inside_ = false;
  bool flushing_ = false;
  absl::Status status_;
};

absl::Status OpenFailed(const std::string& path, int error) {
  const std::string what =
      absl::StrCat(path, ": cannot be opened (", std::strerror(error), "): ");
  if (error == ENOENT) {
    return absl::NotFoundError(absl::StrCat(what, "check the name"));
  }
  if (error == EACCES || error == EPERM) {
    return absl::PermissionDeniedError(
        absl::StrCat(what, "ask for read permission"));
  }
  return absl::InvalidArgumentError(
      absl::StrCat(what, "give a capture file that can be read"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<ByteStream>> OpenByteStream(
    const std::string& path) {
  const bool given = path == kStandardInput;
  const std::string name = given ? "standard input" : path;
  const int fd = given ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                       : open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return OpenFailed(name, errno);
  struct stat about {};
  if (fstat(fd, &about) == 0 && S_ISDIR(about.st_mode)) {
    close(fd);
    return OpenFailed(name, EISDIR);
  }
  posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
  // A pipe cannot be gone back in: what is looked at is given on.
  std::vector<uint8_t> magic(kMagicBytes);
  PlainStream start(name, fcntl(fd, F_DUPFD_CLOEXEC, 0), {});
  size_t count = 0;
  while (count < kMagicBytes) {
    const size_t got = start.Read(magic.data() + count, kMagicBytes - count);
    if (got == 0) break;
    count += got;
  }
  magic.resize(count);
  const auto begins_with = [&magic](std::initializer_list<uint8_t> bytes) {
    return magic.size() == kMagicBytes &&
           std::equal(bytes.begin(), bytes.end(), magic.begin());
  };
  const bool gzip = begins_with({0x1f, 0x8b});
  const bool zstd = begins_with({0x28, 0xb5, 0x2f, 0xfd});
  auto plain = std::make_unique<PlainStream>(name, fd, std::move(magic));
  if (gzip) return std::make_unique<GzipStream>(std::move(plain));
  if (zstd) return std::make_unique<ZstdStream>(std::move(plain));
  return plain;
}

ByteWindow::ByteWindow(std::unique_ptr<ByteStream> stream)
    : stream_(std::move(stream)), buffer_(kWindowBytes) {}

void ByteWindow::Refill(size_t count) {
  std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  if (buffer_.size() < count) buffer_.resize(count);
  while (end_ < count) {
    const size_t got =
        stream_->Read(buffer_.data() + end_, buffer_.size() - end_);
    if (got == 0) return;
    end_ += got;
  }
}

}  // namespace schoolgate::platform
