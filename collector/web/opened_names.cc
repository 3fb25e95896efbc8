#include "collector/web/opened_names.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"

namespace schoolgate::collector {

BookPage PageOf(const OpenedName& one, const std::string& school) {
  const nlohmann::json text = {
      {"alert", one.alert},
      {"subject", one.subject},
      {"requester", one.requester},
      {"approver", one.approver},
      {"opened_us", absl::ToUnixMicros(one.opened)},
      {"tell_from_us", absl::ToUnixMicros(one.tell_from)},
      {"later_reason", one.later_reason},
      {"told_by", one.told_by},
      {"told_us", one.IsTold() ? absl::ToUnixMicros(one.told) : 0}};
  return {.school = school,
          .book = kOpenedNamesBook,
          .key = absl::StrCat(one.number),
          .text = text.dump(),
          .changed_by = one.IsTold() ? one.told_by : one.requester,
          .changed = one.IsTold() ? one.told : one.opened};
}

OpenedName OpenedNameOf(const BookPage& page) {
  OpenedName one;
  const auto text = nlohmann::json::parse(page.text, nullptr, false);
  if (!text.is_object() || !absl::SimpleAtoi(page.key, &one.number)) return {};
  one.alert = text.value("alert", uint64_t{0});
  one.subject = text.value("subject", "");
  one.requester = text.value("requester", "");
  one.approver = text.value("approver", "");
  one.opened = absl::FromUnixMicros(text.value("opened_us", int64_t{0}));
  one.tell_from = absl::FromUnixMicros(text.value("tell_from_us", int64_t{0}));
  one.later_reason = text.value("later_reason", "");
  one.told_by = text.value("told_by", "");
  one.told = absl::FromUnixMicros(text.value("told_us", int64_t{0}));
  return one;
}

}  // namespace schoolgate::collector
