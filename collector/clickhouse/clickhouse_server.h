// One ClickHouse server as this program uses it: statements over HTTP, errors
// as values. The only home of libcurl in this folder.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace schoolgate::collector {

struct ClickHouseLogin {
  std::string user, password;
  std::string ca_file;  // empty: the system's
};

// What a server said to one statement.
struct ClickHouseReply {
  absl::Status status;  // UNAVAILABLE, PERMISSION_DENIED, RESOURCE_EXHAUSTED,
                        // INTERNAL (a mistake of ours)
  // The server's own number of an error; 0: none was given.
  int code = 0;
  // Not OK, and yet it may have been done.
  bool unsure = false;
  std::string body;
};

// Settings of one statement: name and value.
using ClickHouseSettings = std::vector<std::pair<std::string, std::string>>;

// Thread-safe. Connections are kept and used again.
class ClickHouseServer {
 public:
  // An answer that is longer is refused.
  static constexpr size_t kMostAnswerBytes = size_t{1} << 30;

  ClickHouseServer(std::string url, ClickHouseLogin login);
  ~ClickHouseServer();
  ClickHouseServer(const ClickHouseServer&) = delete;
  ClickHouseServer& operator=(const ClickHouseServer&) = delete;

  // A statement whose answer is whole before it is sent (an error is then
  // told from an answer). `limit` is how long it may take.
  ClickHouseReply Ask(const std::string& sql,
                      const ClickHouseSettings& settings, absl::Duration limit);

  // INSERT ... FORMAT RowBinary, with its rows.
  ClickHouseReply Insert(const std::string& sql, std::string_view rows,
                         const ClickHouseSettings& settings,
                         absl::Duration limit);

  const std::string& url() const { return url_; }

 private:
  void* Take();
  void GiveBack(void* handle);
  // What is the same for every statement.
  void Prepare(void* handle, absl::Duration limit) const;
  ClickHouseReply Post(const std::string& query, std::string_view body,
                       const ClickHouseSettings& settings,
                       absl::Duration limit);

  const std::string url_;
  const ClickHouseLogin login_;
  std::mutex mutex_;
  std::vector<void*> idle_;  // CURL*
};

}  // namespace schoolgate::collector
