#include "rules/trust/armour.h"

#include <sodium.h>

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "platform/check.h"

namespace schoolgate::rules {
namespace {

constexpr std::string_view kBegin = "-----BEGIN SCHOOLGATE ";
constexpr std::string_view kEnd = "-----END SCHOOLGATE ";
constexpr std::string_view kDashes = "-----";
constexpr size_t kColumns = 64;

absl::string_view Absl(std::string_view text) {
  return {text.data(), text.size()};
}

std::string Mark(std::string_view start, std::string_view label) {
  std::string mark(start);
  mark.append(label);
  mark.append(kDashes);
  return mark;
}

absl::Status Broken(std::string_view label, std::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("not a Schoolgate ", Absl(label), " file: ", Absl(why)));
}

}  // namespace

std::string Armour(std::string_view label, std::string_view bytes) {
  SG_CHECK(sodium_init() >= 0);
  constexpr int kVariant = sodium_base64_VARIANT_ORIGINAL;
  std::string base64(sodium_base64_encoded_len(bytes.size(), kVariant), '\0');
  sodium_bin2base64(base64.data(), base64.size(),
                    reinterpret_cast<const uint8_t*>(bytes.data()),
                    bytes.size(), kVariant);
  base64.resize(base64.size() - 1);  // sodium counts the closing zero
  std::string text = Mark(kBegin, label) + "\n";
  for (size_t at = 0; at < base64.size(); at += kColumns) {
    text.append(base64, at, kColumns);
    text.push_back('\n');
  }
  text.append(Mark(kEnd, label));
  text.push_back('\n');
  return text;
}

absl::StatusOr<std::string> Unarmour(std::string_view label,
                                     std::string_view text) {
  SG_CHECK(sodium_init() >= 0);
  if (text.size() > kMaxArmourBytes) return Broken(label, "it is too long");
  const std::string begin = Mark(kBegin, label);
  const std::string end = Mark(kEnd, label);
  const size_t start = text.find(begin);
  if (start == std::string_view::npos) {
    return Broken(label, absl::StrCat("no line ", begin));
  }
  const std::string_view rest = text.substr(start + begin.size());
  const size_t stop = rest.find(end);
  if (stop == std::string_view::npos) {
    return Broken(label, absl::StrCat("no line ", end));
  }
  if (rest.find(kBegin) != std::string_view::npos) {
    return Broken(label, "it holds more than one block");
  }
  const std::string_view base64 = rest.substr(0, stop);
  std::string bytes(base64.size(), '\0');
  size_t size = 0;
  const char* last = nullptr;
  if (sodium_base642bin(reinterpret_cast<uint8_t*>(bytes.data()), bytes.size(),
                        base64.data(), base64.size(), "\r\n \t", &size, &last,
                        sodium_base64_VARIANT_ORIGINAL) != 0 ||
      last != base64.data() + base64.size()) {
    return Broken(label, "the text between the marks is damaged");
  }
  bytes.resize(size);
  return bytes;
}

std::string_view ArmourLabel(std::string_view text) {
  const size_t start = text.find(kBegin);
  if (start == std::string_view::npos) return {};
  const std::string_view rest = text.substr(start + kBegin.size());
  const size_t stop = rest.find(kDashes);
  if (stop == std::string_view::npos) return {};
  return rest.substr(0, stop);
}

}  // namespace schoolgate::rules
