// A hello whose pieces arrive in an unusual order would be read wrongly.
#include "agent/capture/byte_assembler.h"

#include <gtest/gtest.h>

#include <string>

namespace schoolgate::agent {
namespace {

std::string Unbroken(const ByteAssembler& assembler, size_t from = 0) {
  return std::string(AsText(assembler.From(from)));
}

TEST(ByteAssembler, AnyOrderGivesTheSameBytes) {
  ByteAssembler assembler;
  EXPECT_TRUE(assembler.Insert(6, AsBytes("ghi")));
  EXPECT_EQ(Unbroken(assembler), "");
  EXPECT_TRUE(assembler.Insert(0, AsBytes("abc")));
  EXPECT_EQ(Unbroken(assembler), "abc");
  EXPECT_EQ(Unbroken(assembler, 7), "hi");
  EXPECT_TRUE(assembler.Insert(2, AsBytes("cdefg")));
  EXPECT_EQ(Unbroken(assembler), "abcdefghi");
}

TEST(ByteAssembler, WhatCameFirstStays) {
  ByteAssembler assembler;
  assembler.Insert(2, AsBytes("CD"));
  assembler.Insert(0, AsBytes("abcdef"));
  assembler.Insert(0, AsBytes("XXXXXXXX"));
  EXPECT_EQ(Unbroken(assembler), "abCDefXX");
}

TEST(ByteAssembler, PrependAndConsumeShiftEverything) {
  ByteAssembler assembler(8);
  assembler.Insert(1, AsBytes("bc"));
  EXPECT_TRUE(assembler.Prepend(2));
  EXPECT_TRUE(assembler.Insert(0, AsBytes("123")));
  EXPECT_EQ(Unbroken(assembler), "123bc");
  assembler.Consume(3);
  EXPECT_EQ(Unbroken(assembler), "bc");
  EXPECT_FALSE(assembler.Prepend(7));
}

TEST(ByteAssembler, BytesUpToTheLimitAndNoFurther) {
  ByteAssembler assembler(4);
  EXPECT_TRUE(assembler.Insert(0, AsBytes("abcd")));
  EXPECT_FALSE(assembler.Insert(1, AsBytes("bcde")));
  EXPECT_FALSE(assembler.Insert(SIZE_MAX, AsBytes("x")));
  EXPECT_EQ(Unbroken(assembler), "abcd");
  for (const size_t bytes :
       {ByteAssembler::kMaxBytes - 1, ByteAssembler::kMaxBytes,
        ByteAssembler::kMaxBytes + 1}) {
    ByteAssembler usual;
    EXPECT_EQ(usual.Insert(bytes - 1, AsBytes("x")),
              bytes <= ByteAssembler::kMaxBytes);
  }
}

TEST(ByteAssembler, HolesUpToTheLimitAndNoFurther) {
  ByteAssembler assembler;
  for (size_t i = 0; i < ByteAssembler::kMaxHoles; ++i) {
    ASSERT_TRUE(assembler.Insert(2 * i, AsBytes("x")));
  }
  EXPECT_FALSE(assembler.Insert(60000, AsBytes("x")));
  EXPECT_TRUE(assembler.Insert(1, AsBytes("y")));  // closes a hole
  EXPECT_TRUE(assembler.Insert(60000, AsBytes("x")));
}

}  // namespace
}  // namespace schoolgate::agent
