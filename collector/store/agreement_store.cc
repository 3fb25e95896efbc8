#include "collector/store/agreement_store.h"

#include "absl/strings/str_cat.h"

namespace schoolgate::collector {

absl::Status PageFits(const BookPage& page, size_t pages) {
  if (page.text.size() > kMostPageBytes || page.key.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("A page holds ", kMostPageBytes, " bytes."));
  }
  if (pages >= kMostPages) {
    return absl::ResourceExhaustedError(
        absl::StrCat("The book holds ", kMostPages, " pages already."));
  }
  return absl::OkStatus();
}

}  // namespace schoolgate::collector
