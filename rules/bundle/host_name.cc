#include "rules/bundle/host_name.h"

#include <arpa/inet.h>
#include <idn2.h>

#include <algorithm>
#include <cstring>

#include "rules/bundle/punycode.h"

namespace schoolgate::rules {
namespace {

// What each byte becomes: its lower case, '.', or 0 where it may not stand.
constexpr std::array<char, 256> MakeFolding() {
  std::array<char, 256> fold = {};
  for (char c = 'a'; c <= 'z'; ++c) {
    fold[static_cast<uint8_t>(c)] = c;
    fold[static_cast<uint8_t>(c - 'a' + 'A')] = c;
  }
  for (char c = '0'; c <= '9'; ++c) fold[static_cast<uint8_t>(c)] = c;
  for (const char c : {'-', '_', '.'}) fold[static_cast<uint8_t>(c)] = c;
  return fold;
}

constexpr std::array<char, 256> kFolding = MakeFolding();

// More than any host written in UTF-8 can need.
constexpr size_t kUnicodeLimit = 1024;

bool IsUnicode(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<uint8_t>(c) >= 0x80; });
}

bool MayBeAddress(std::string_view text) {
  return !text.empty() && (text.find(':') != std::string_view::npos ||
                           (text.back() >= '0' && text.back() <= '9'));
}

}  // namespace

std::optional<HostName> HostName::Parse(std::string_view text) {
  HostName host;
  if (text.empty() || text.size() > kUnicodeLimit) return std::nullopt;
  if (text.front() == '[' && text.back() == ']') {
    text = text.substr(1, text.size() - 2);
    if (text.find(':') == std::string_view::npos) return std::nullopt;
  }
  if (text.size() > 1 && text.back() == '.') text.remove_suffix(1);
  if (MayBeAddress(text) && host.ReadAddress(text)) return host;
  if (IsUnicode(text) ? host.ReadUnicode(text) : host.ReadAscii(text)) {
    return host;
  }
  return std::nullopt;
}

bool HostName::ReadAddress(std::string_view text) {
  char plain[INET6_ADDRSTRLEN + 1];
  if (text.size() >= sizeof plain) return false;
  std::memcpy(plain, text.data(), text.size());
  plain[text.size()] = '\0';
  uint8_t address[16];
  const int family =
      text.find(':') != std::string_view::npos ? AF_INET6 : AF_INET;
  if (inet_pton(family, plain, address) != 1) return false;
  if (inet_ntop(family, address, text_.data(), text_.size()) == nullptr) {
    return false;
  }
  length_ = static_cast<uint8_t>(std::strlen(text_.data()));
  is_address_ = true;
  return true;
}

bool HostName::ReadAscii(std::string_view text) {
  if (text.size() > kHostLimit) return false;
  size_t label = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char folded = kFolding[static_cast<uint8_t>(text[i])];
    if (folded == 0) return false;
    text_[i] = folded;
    if (folded == '.') {
      if (label == 0) return false;
      label = 0;
    } else if (++label > kLabelLimit) {
      return false;
    }
  }
  length_ = static_cast<uint8_t>(text.size());
  return label != 0;
}

bool HostName::ReadUnicode(std::string_view text) {
  const std::string plain(text);
  if (plain.find('\0') != std::string::npos) return false;
  char* ascii = nullptr;
  int result = idn2_to_ascii_8z(plain.c_str(), &ascii,
                                IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT);
  if (result != IDN2_OK) return false;
  const std::string converted(ascii);
  idn2_free(ascii);
  std::string_view folded = converted;
  if (folded.size() > 1 && folded.back() == '.') folded.remove_suffix(1);
  return ReadAscii(folded);
}

bool HostName::is_single_label() const {
  return !is_address_ && text().find('.') == std::string_view::npos;
}

bool IsAddress(std::string_view text) {
  if (!MayBeAddress(text)) return false;
  const auto host = HostName::Parse(text);
  return host.has_value() && host->is_address();
}

bool HasSoundPunycode(std::string_view text) {
  if (text.find("xn--") == std::string_view::npos) return true;
  char* unicode = nullptr;
  const bool sound =
      idn2_to_unicode_8z8z(std::string(text).c_str(), &unicode, 0) == IDN2_OK;
  idn2_free(unicode);
  return sound;
}

bool IsAtOrBelow(std::string_view name, std::string_view suffix) {
  if (!name.ends_with(suffix)) return false;
  return name.size() == suffix.size() ||
         name[name.size() - suffix.size() - 1] == '.';
}

std::string_view ParentOf(std::string_view name) {
  const size_t dot = name.find('.');
  return dot == std::string_view::npos ? std::string_view()
                                       : name.substr(dot + 1);
}

}  // namespace schoolgate::rules
