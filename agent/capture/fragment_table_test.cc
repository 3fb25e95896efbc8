// A name in a fragmented datagram would be missed, or fragments that never
// complete would pile up.
#include "agent/capture/fragment_table.h"

#include <gtest/gtest.h>

namespace schoolgate::agent {
namespace {

Fragment Piece(uint32_t id, uint32_t offset, bool more, Bytes bytes) {
  Fragment piece;
  piece.id = id;
  piece.protocol = kProtocolUdp;
  piece.offset = offset;
  piece.more = more;
  piece.bytes = bytes;
  return piece;
}

TEST(FragmentTable, PutsTogetherInAnyOrder) {
  FragmentTable table;
  EXPECT_TRUE(table.Add(Piece(1, 8, false, AsBytes("end")), 0).empty());
  const Bytes whole = table.Add(Piece(1, 0, true, AsBytes("12345678")), 5);
  EXPECT_EQ(AsText(whole), "12345678end");
  EXPECT_EQ(table.waiting(), 0u);
}

TEST(FragmentTable, TheOldestGoesWhenThereAreTooMany) {
  FragmentTable table;
  for (uint32_t id = 0; id <= FragmentTable::kMaxDatagrams; ++id) {
    table.Add(Piece(id, 0, true, AsBytes("12345678")), 0);
    EXPECT_EQ(table.lost(), id < FragmentTable::kMaxDatagrams ? 0u : 1u);
  }
  EXPECT_TRUE(table.Add(Piece(0, 8, false, AsBytes("x")), 0).empty());
  EXPECT_FALSE(table.Add(Piece(50, 8, false, AsBytes("x")), 0).empty());
}

TEST(FragmentTable, PatienceEnds) {
  FragmentTable table;
  for (const int64_t age :
       {FragmentTable::kPatienceUs - 1, FragmentTable::kPatienceUs}) {
    table.Add(Piece(1, 0, true, AsBytes("12345678")), 0);
    EXPECT_FALSE(table.Add(Piece(1, 8, false, AsBytes("x")), age).empty());
  }
  EXPECT_EQ(table.lost(), 0u);
  table.Add(Piece(1, 0, true, AsBytes("12345678")), 0);
  const int64_t late = FragmentTable::kPatienceUs + 1;
  EXPECT_TRUE(table.Add(Piece(1, 8, false, AsBytes("x")), late).empty());
  EXPECT_EQ(table.lost(), 1u);
}

TEST(FragmentTable, WhatIsGivenUpIsCountedAndMakesRoom) {
  FragmentTable table;
  table.Add(Piece(1, 0, true, AsBytes("12345678")), 0);
  table.Add(Piece(2, 0, true, AsBytes("12345678")), 0);
  table.GiveUp(Piece(1, 0, true, {}));
  table.GiveUp(Piece(3, 0, true, {}));
  EXPECT_EQ(table.lost(), 1u);
  EXPECT_EQ(table.waiting(), 1u);
  EXPECT_FALSE(table.Add(Piece(2, 8, false, AsBytes("x")), 0).empty());
}

TEST(FragmentTable, ADatagramCannotBeLongerThanIpAllows) {
  FragmentTable table;
  EXPECT_TRUE(
      table.Add(Piece(1, 65528, false, AsBytes("12345678")), 0).empty());
  EXPECT_EQ(table.lost(), 1u);
  EXPECT_TRUE(table.Add(Piece(3, 65528, false, AsBytes("123456")), 0).empty());
  EXPECT_TRUE(table.Add(Piece(2, 65528, false, AsBytes("1234567")), 0).empty());
  EXPECT_EQ(table.lost(), 1u);
}

// Otherwise a datagram of IPv6 would be lost here that its receiver reads
// (RFC 8200, 4.5).
TEST(FragmentTable, WhatTheFirstFragmentSaysOfTheProtocolCounts) {
  const std::vector<uint8_t> part(8, 'x');
  for (const bool first_says : {false, true}) {
    FragmentTable table;
    Fragment fragment{.id = 7, .protocol = 59, .offset = 8, .bytes = part};
    fragment.first_says = first_says;
    EXPECT_TRUE(table.Add(fragment, 0).empty());
    fragment.protocol = 17;
    fragment.offset = 0;
    fragment.more = true;
    EXPECT_EQ(table.Add(fragment, 0).size(), first_says ? 16u : 0u);
    EXPECT_EQ(table.protocol(), first_says ? 17 : 0);
  }
}

}  // namespace
}  // namespace schoolgate::agent
