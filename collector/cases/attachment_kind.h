// What a file is, by its bytes: what its sender calls it counts for nothing.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace schoolgate::collector {

struct AttachmentKind {
  const char* type;    // "image/png"
  const char* ending;  // ".png"
};

// Pictures (PNG, JPEG, WebP), PDF and plain text in UTF-8. nullopt: anything
// else, and text that a browser might take for a page or a program. A picture
// or a PDF is known by how it begins; what follows is not looked at.
std::optional<AttachmentKind> KindOfAttachment(std::string_view bytes);

// A name for a header and a file system: letters, digits, space, "-", "_" and
// "." alone, 80 characters at most, with the ending of what it is.
std::string AttachmentName(std::string_view name, const AttachmentKind& kind);

}  // namespace schoolgate::collector
