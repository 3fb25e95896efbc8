// What a school decided, published or wrote down and must not change by itself:
// kinds of alerts that two people moved to the digest, figures of past months
// as governors were first shown them, and the pages of its books.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace schoolgate::collector {

// A kind of alert ("repeated_contacts/gambling") and whether it waits for the
// digest. In force when two different people have said so.
struct DigestAgreement {
  std::string school;
  std::string kind;
  bool in_digest = false;   // as it is now
  std::string proposed_by;  // account that wants the opposite; empty: nobody
  std::string changed_by;   // the two of the last change: "lead, head"
  absl::Time changed = absl::InfinitePast();
};

// A page of one of a school's books: whom to tell outside ("contacts"), what
// was approved ("approvals"), whose name was opened ("opened names").
struct BookPage {
  std::string school;
  std::string book;
  std::string key;         // one page for each in its book
  std::string text;        // JSON; whoever writes the book knows its form
  std::string changed_by;  // account
  absl::Time changed = absl::InfinitePast();
};

inline constexpr size_t kMostPageBytes = 16 << 10;
// Of one book of one school.
inline constexpr size_t kMostPages = 5000;

// Something that was published and stays as it was.
struct PublishedText {
  std::string period;
  std::string text;
};

// Thread-safe. Durable when OK.
class AgreementStore {
 public:
  virtual ~AgreementStore() = default;

  virtual absl::StatusOr<std::vector<DigestAgreement>> Agreements(
      const std::string& school) = 0;
  virtual absl::Status Put(const DigestAgreement& agreement) = 0;

  // The figures of a period as they were first published. The first text put
  // for (school, period) stays; the stored one is returned.
  virtual absl::StatusOr<std::string> Publish(const std::string& school,
                                              const std::string& period,
                                              const std::string& text) = 0;
  // NOT_FOUND: not published yet.
  virtual absl::StatusOr<std::string> Published(const std::string& school,
                                                const std::string& period) = 0;

  // By key.
  virtual absl::StatusOr<std::vector<BookPage>> Pages(
      const std::string& school, const std::string& book) = 0;
  // In the place of the one with its key. INVALID_ARGUMENT for too long a
  // text, RESOURCE_EXHAUSTED for one page too many.
  virtual absl::Status PutPage(const BookPage& page) = 0;
  // NOT_FOUND: there is none.
  virtual absl::Status RemovePage(const std::string& school,
                                  const std::string& book,
                                  const std::string& key) = 0;
  // Whose period begins with `prefix`, at most `limit` of them, the last in
  // the order of the alphabet first.
  virtual absl::StatusOr<std::vector<PublishedText>> AllPublished(
      const std::string& school, const std::string& prefix, size_t limit) = 0;
};

// OK, or why PutPage refuses: the same for every back end. `pages`: how many
// others the book has.
absl::Status PageFits(const BookPage& page, size_t pages);

absl::StatusOr<std::unique_ptr<AgreementStore>> OpenSqliteAgreementStore(
    const std::string& file);

}  // namespace schoolgate::collector
