// Text that many hold: devices, hosts and groups stand in thousands of acts.
// All with the same text share one copy, which goes with the last of them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace schoolgate::collector {

// A pointer in size. Copies are cheap and may be used from any thread, as
// with std::shared_ptr; making one from text looks it up under a lock.
class SharedText {
 public:
  SharedText() = default;  // empty: holds nothing
  // From text, wherever text is given.
  SharedText(std::string_view text);    // NOLINT(google-explicit-constructor)
  SharedText(const std::string& text);  // NOLINT(google-explicit-constructor)
  SharedText(const char* text);         // NOLINT(google-explicit-constructor)
  SharedText(const SharedText& other);
  SharedText(SharedText&& other) noexcept;
  SharedText& operator=(SharedText other) noexcept;
  ~SharedText();

  const std::string& str() const;
  // NOLINTNEXTLINE(google-explicit-constructor): to be given as text
  operator const std::string&() const { return str(); }
  bool empty() const { return shared_ == nullptr; }

  // As the texts compare.
  friend bool operator==(const SharedText& a, const SharedText& b) {
    return a.shared_ == b.shared_;
  }
  friend bool operator<(const SharedText& a, const SharedText& b) {
    return a.shared_ != b.shared_ && a.str() < b.str();
  }
  friend bool operator==(const SharedText& a, const std::string& b) {
    return a.str() == b;
  }

  // Different texts held now, by anybody.
  static size_t held();

 private:
  struct Shared;
  struct Pool;
  static Pool& ThePool();

  Shared* shared_ = nullptr;
};

}  // namespace schoolgate::collector
