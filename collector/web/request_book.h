// Requests that a second person has to agree to, each of which ends by itself:
// what NameRequests and RecordRequests have in common. They are kept where log-
// ins are: the two may be at different collectors.
#pragma once

#include <charconv>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "collector/store/passing_store.h"

namespace schoolgate::collector {

// All requests of a kind at one moment. Not thread-safe. Times are since boot.
// `Request` has an id and an `until`; IsOpen(request) finds whether it can
// still be answered, Written(request) makes an object of it, and
// ReadWritten(object, &request) the request again, both without those two.
template <typename Request>
class RequestBook {
 public:
  RequestBook(const std::vector<Passing>& kept, absl::Duration now) {
    for (const Passing& one : kept) Read(one, now);
  }

  std::vector<Passing> Kept(absl::Duration now) const {
    std::vector<Passing> kept;
    for (const auto& [id, page] : pages_) {
      nlohmann::json written = Written(page.request);
      written["lasts_us"] =
          absl::ToInt64Microseconds(page.request.until - page.begun);
      kept.push_back({.key = absl::StrCat(id),
                      .body = Text(written),
                      .age = now - page.begun,
                      .quiet = now - page.begun});
    }
    // No id comes again: a page that was left open would answer another
    // request. It is as old as the first, for it is never due.
    kept.push_back({.key = kLast,
                    .body = absl::StrCat(last_id_),
                    .age = now - first_,
                    .quiet = now - first_});
    return kept;
  }

  // Open requests whose time is over, to be closed; what `close` says yes to
  // is told by swept(). Ended ones are forgotten after an hour.
  void Sweep(absl::Duration now, absl::FunctionRef<bool(Request&)> close) {
    for (auto& [id, page] : pages_) {
      if (!IsOpen(page.request) || now < page.request.until) continue;
      if (close(page.request)) swept_.push_back(page.request);
    }
    std::erase_if(pages_, [&](const auto& one) {
      const Request& request = one.second.request;
      return !IsOpen(request) && now - request.until >= absl::Hours(1);
    });
  }
  const std::vector<Request>& swept() const { return swept_; }

  // With the next id.
  Request& Add(Request request, absl::Duration now) {
    request.id = ++last_id_;
    Page& page = pages_[request.id];
    page = {std::move(request), now};
    return page.request;
  }

  // NOT_FOUND; or nullptr never.
  absl::StatusOr<Request*> Find(uint64_t id) {
    const auto found = pages_.find(id);
    if (found == pages_.end()) return absl::NotFoundError("no such request");
    return &found->second.request;
  }

  // By id, which is by age.
  std::vector<Request> Copy() const {
    std::vector<Request> copy;
    for (const auto& [id, page] : pages_) copy.push_back(page.request);
    return copy;
  }

 private:
  static constexpr char kLast[] = "last";
  struct Page {
    Request request;
    absl::Duration begun;
  };

  static uint64_t Number(const std::string& text) {
    uint64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
  }

  static std::string Text(const nlohmann::json& written) {
    return written.dump(-1, ' ', false,
                        nlohmann::json::error_handler_t::replace);
  }

  void Read(const Passing& one, absl::Duration now) {
    if (one.key == kLast) {
      last_id_ = Number(one.body);
      first_ = now - one.age;
      return;
    }
    const nlohmann::json written =
        nlohmann::json::parse(one.body, nullptr, false);
    if (!written.is_object()) return;
    Page page;
    page.begun = now - one.age;
    page.request.id = Number(one.key);
    page.request.until =
        page.begun + absl::Microseconds(written.value("lasts_us", int64_t{0}));
    ReadWritten(written, &page.request);
    pages_[page.request.id] = std::move(page);
  }

  uint64_t last_id_ = 0;
  absl::Duration first_;
  std::map<uint64_t, Page> pages_;
  std::vector<Request> swept_;
};

// Where a book is opened and closed again. Not thread-safe.
template <typename Request>
class RequestShelf {
 public:
  // Borrows the store for life.
  RequestShelf(const char* kind, PassingStore& store)
      : kind_(kind), store_(store) {}

  // `work` alone with the book. UNAVAILABLE, and nothing has changed, when it
  // cannot be had; else what `work` says.
  template <typename Result>
  Result With(absl::Duration now,
              absl::FunctionRef<Result(RequestBook<Request>&)> work) {
    Result result = absl::UnknownError("");
    std::vector<Request> swept;
    const absl::Status done =
        store_.Change(kind_, now, [&](std::vector<Passing>& kept) {
          RequestBook<Request> book(kept, now);
          result = work(book);
          kept = book.Kept(now);
          swept = book.swept();
        });
    if (!done.ok()) return absl::UnavailableError(done.message());
    for (Request& one : swept) swept_.push_back(std::move(one));
    return result;
  }

  // What this collector found to be over since the last call.
  std::vector<Request> TakeSwept() { return std::exchange(swept_, {}); }

 private:
  const char* const kind_;
  PassingStore& store_;
  std::vector<Request> swept_;
};

}  // namespace schoolgate::collector
