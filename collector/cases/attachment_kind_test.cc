#include "collector/cases/attachment_kind.h"

#include <gtest/gtest.h>

namespace schoolgate::collector {
namespace {

using std::string_view_literals::operator""sv;

std::string TypeOf(std::string_view bytes) {
  const auto kind = KindOfAttachment(bytes);
  return kind ? kind->type : "none";
}

TEST(AttachmentKind, IsWhatTheBytesSay) {
  EXPECT_EQ(TypeOf("\x89PNG\r\n\x1a\n more"sv), "image/png");
  EXPECT_EQ(TypeOf("\xff\xd8\xff\xe0 more"sv), "image/jpeg");
  EXPECT_EQ(TypeOf("RIFF\1\2\3\4WEBPVP8L more"sv), "image/webp");
  EXPECT_EQ(TypeOf("%PDF-1.7\n"sv), "application/pdf");
  EXPECT_EQ(TypeOf("A note.\r\nIt was \xe2\x80\x9copen\xe2\x80\x9d.\n"sv),
            "text/plain; charset=utf-8");
  // Cut before it is a PDF, or a picture: words.
  EXPECT_EQ(TypeOf("%PD"sv), "text/plain; charset=utf-8");
  EXPECT_EQ(TypeOf("RIFF"sv), "text/plain; charset=utf-8");
}

TEST(AttachmentKind, WhatCouldRunOrCannotBeReadIsNone) {
  for (const std::string_view bytes :
       {""sv, "<!DOCTYPE html><p>x"sv, "<svg xmlns='x'/>"sv, "<?xml ?>"sv,
        "hello <SCRIPT>"sv, "#!/bin/sh\n"sv, "MZ\x90\0\3"sv, "PK\3\4"sv,
        "\x7f"
        "ELF"sv,
        "GIF89a\1\0"sv, "text\0more"sv, "bad \xc0\xaf utf-8"sv,
        "bad \xed\xa0\x80 utf-8"sv, "cut \xe2\x80"sv, "RIFF\1\2\3\4AVI LIST"sv,
        "\x1b[2J"sv, "RIFF\1\2\3"sv, "\x89PNX\r\n\x1a\n"sv}) {
    EXPECT_EQ(TypeOf(bytes), "none") << bytes;
  }
}

TEST(AttachmentName, IsSafeInAHeaderAndOnADisk) {
  const AttachmentKind png{"image/png", ".png"};
  EXPECT_EQ(AttachmentName("Screen shot 1.PNG", png), "Screen shot 1.png");
  EXPECT_EQ(AttachmentName("../../etc/passwd", png), "passwd.png");
  EXPECT_EQ(AttachmentName("C:\\x\\evil.exe", png), "evil.png");
  EXPECT_EQ(AttachmentName("a\"\r\nSet-Cookie: b.html", png),
            "a___Set-Cookie_ b.png");
  EXPECT_EQ(AttachmentName("caf\xc3\xa9.jpg", png), "caf_.png");
  EXPECT_EQ(AttachmentName(".htaccess", png), "htaccess.png");
  EXPECT_EQ(AttachmentName("", png), "file.png");
  EXPECT_EQ(AttachmentName("...", png), "file.png");
  EXPECT_LE(AttachmentName(std::string(500, 'a'), png).size(), 80u);
}

}  // namespace
}  // namespace schoolgate::collector
