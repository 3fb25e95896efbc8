#include "collector/cases/attachment_kind.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kNameLimit = 80;

// Length of the UTF-8 character that begins here (RFC 3629); 0: none.
size_t Utf8Length(std::string_view rest) {
  const auto byte = [&](size_t i) {
    return i < rest.size() ? static_cast<unsigned char>(rest[i]) : 0u;
  };
  const auto follows = [&](size_t i, unsigned low = 0x80,
                           unsigned high = 0xbf) {
    return byte(i) >= low && byte(i) <= high;
  };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const unsigned low = first == 0xe0 ? 0xa0 : 0x80;
    const unsigned high = first == 0xed ? 0x9f : 0xbf;
    return follows(1, low, high) && follows(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const unsigned low = first == 0xf0 ? 0x90 : 0x80;
    const unsigned high = first == 0xf4 ? 0x8f : 0xbf;
    return follows(1, low, high) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

bool IsPlainText(std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t length = Utf8Length(bytes);
    const auto first = static_cast<unsigned char>(bytes[0]);
    const bool control =
        first < 0x20 && first != '\n' && first != '\r' && first != '\t';
    if (length == 0 || control || first == 0x7f) return false;
    bytes.remove_prefix(length);
  }
  return true;
}

// A RIFF file (its size in bytes 4 to 7) whose first chunk is one of WebP's.
bool IsWebP(std::string_view bytes) {
  if (bytes.size() < 16 || !bytes.starts_with("RIFF")) return false;
  const std::string_view kind = bytes.substr(8, 8);
  return kind == "WEBPVP8 " || kind == "WEBPVP8L" || kind == "WEBPVP8X";
}

// What a browser might take for a page, whatever it is called.
bool LooksActive(std::string_view bytes) {
  const std::string head =
      absl::AsciiStrToLower(std::string(bytes.substr(0, 4096)));
  for (const char* mark : {"<html", "<!doctype", "<script", "<svg", "<?xml",
                           "<iframe", "<body", "<head", "<?php", "#!/"}) {
    if (absl::StrContains(head, mark)) return true;
  }
  return false;
}

}  // namespace

std::optional<AttachmentKind> KindOfAttachment(std::string_view bytes) {
  if (bytes.starts_with("\x89PNG\r\n\x1a\n")) {
    return AttachmentKind{"image/png", ".png"};
  }
  if (bytes.starts_with("\xff\xd8\xff")) {
    return AttachmentKind{"image/jpeg", ".jpg"};
  }
  if (IsWebP(bytes)) return AttachmentKind{"image/webp", ".webp"};
  if (bytes.starts_with("%PDF-")) {
    return AttachmentKind{"application/pdf", ".pdf"};
  }
  if (!bytes.empty() && IsPlainText(bytes) && !LooksActive(bytes)) {
    return AttachmentKind{"text/plain; charset=utf-8", ".txt"};
  }
  return std::nullopt;
}

std::string AttachmentName(std::string_view name, const AttachmentKind& kind) {
  const size_t slash = name.find_last_of("/\\");
  if (slash != name.npos) name.remove_prefix(slash + 1);
  const size_t dot = name.rfind('.');
  if (dot != name.npos && dot > 0) name = name.substr(0, dot);
  std::string plain;
  for (const char c : name) {
    const bool fine = absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                      absl::StrContains(" -_.", c);
    // One mark for a whole character of several bytes.
    if ((static_cast<unsigned char>(c) & 0xc0) == 0x80) continue;
    plain.push_back(fine ? c : '_');
  }
  plain.resize(std::min(plain.size(), kNameLimit - 5));
  plain = std::string(absl::StripAsciiWhitespace(plain));
  while (!plain.empty() && plain.front() == '.') plain.erase(0, 1);
  return absl::StrCat(plain.empty() ? "file" : plain, kind.ending);
}

}  // namespace schoolgate::collector
