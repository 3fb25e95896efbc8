// A file descriptor of this process that is closed when its owner goes.
#pragma once

#include <unistd.h>

#include <utility>

namespace schoolgate::platform {

// One thread at a time. May be empty (negative), as after a failed open(2) or
// a move.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  Descriptor(Descriptor&& other) noexcept
      : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }

  int get() const { return number_; }

 private:
  int number_;
};

}  // namespace schoolgate::platform
