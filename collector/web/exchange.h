// One request and its answer on one connection of libmicrohttpd.
#pragma once

#include <microhttpd.h>

#include <atomic>
#include <memory>
#include <string>

#include "collector/web/api.h"
#include "collector/web/http.h"
#include "collector/web/live.h"
#include "collector/web/static_files.h"
#include "collector/web/workers.h"

namespace schoolgate::collector {

// What the server consists of. Borrowed.
struct Site {
  const StaticFiles& files;
  Api& api;
  LiveFeed& feed;
  Worker& worker;
  Worker& slow_worker;    // passwords
  Worker& asking_worker;  // other servers
  std::atomic<bool> stopping{false};
  std::atomic<int> large_bodies{0};  // on their way
};

// Lives from the first header to the end of the answer. Touched by the
// server's thread, and while the connection sleeps by one worker.
class Exchange {
 public:
  // Callbacks of libmicrohttpd; `site` is a Site.
  static MHD_Result OnRequest(void* site, MHD_Connection* connection,
                              const char* path, const char* method,
                              const char* version, const char* upload,
                              size_t* upload_size, void** exchange);
  static void OnCompleted(void* site, MHD_Connection* connection,
                          void** exchange, MHD_RequestTerminationCode why);

 private:
  enum class Stage { kReading, kWaiting, kReady };

  Exchange(Site& site, MHD_Connection* connection)
      : site_(site), connection_(connection) {}
  ~Exchange();

  MHD_Result Begin(const char* path, const char* method);
  MHD_Result Read(const char* upload, size_t* upload_size);
  MHD_Result Handle();
  Worker& WorkerFor(const Request& request);
  MHD_Result AnswerInTurn(Worker& worker);
  MHD_Result Send();
  MHD_Result SendFile();
  MHD_Result SendLive();
  MHD_Result Queue(int status, MHD_Response* response);

  Site& site_;
  MHD_Connection* const connection_;
  Stage stage_ = Stage::kReading;
  size_t body_limit_ = 0;
  bool large_ = false;  // counted in the site's large_bodies
  bool busy_ = false;   // there were too many of those
  bool too_large_ = false;
  Request request_;
  Response response_;
  std::shared_ptr<LiveViewer> viewer_;
};

}  // namespace schoolgate::collector
