// Names that two people opened, so that the person is told afterwards: on their
// own record where they have an account, by a person where they have none.
#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "collector/store/agreement_store.h"

namespace schoolgate::collector {

inline constexpr char kOpenedNamesBook[] = "opened names";
// As long as two people may agree that telling waits.
inline constexpr int kLongestDeferDays = 90;

struct OpenedName {
  uint64_t number = 0;  // of its page
  uint64_t alert = 0;
  std::string subject;              // alias
  std::string requester, approver;  // accounts
  absl::Time opened;
  absl::Time tell_from;      // before it nobody tells
  std::string later_reason;  // why it waits; empty: it does not
  std::string told_by;       // account, or "record": they read it there
  absl::Time told = absl::InfinitePast();

  bool IsTold() const { return !told_by.empty(); }
};

BookPage PageOf(const OpenedName& one, const std::string& school);
// Number 0: it is no such page.
OpenedName OpenedNameOf(const BookPage& page);

}  // namespace schoolgate::collector
