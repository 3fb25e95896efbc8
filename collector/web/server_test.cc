#include "collector/web/server.h"

#include <curl/curl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "collector/fleet/authority.h"
#include "collector/web/test_school.h"
#include "platform/whole_file.h"

namespace schoolgate::collector {
namespace {

struct Answer {
  CURLcode error = CURLE_OK;
  long status = 0;
  std::string headers, body;
};

struct Call {
  std::string path, method = "GET", body, cookie, csrf;
  std::vector<std::string> headers;
  long tls_max = 0;
  std::string until;  // stop reading when the body holds this
};

struct Upload;

class ServerTest : public testing::Test {
 protected:
  ServerTest() {
    std::filesystem::create_directories(school_.directory() + "/authority");
    std::filesystem::create_directories(school_.directory() + "/files");
    Write("/files/index.html", "<!doctype html><title>page</title>");
    Write("/files/app.0123ABCD.js", "let script;");
    Write("/files/app.0123ABCD.js.gz", "squeezed");
    Write("/files/secret.key", "not for the web");
    const absl::Time now = platform::SystemClock().Now();
    auto authority =
        *Authority::Create(school_.directory() + "/authority", "test", now);
    auto made = *authority->MakeServer({"localhost", "127.0.0.1"}, now,
                                       Authority::kServerLifetime);
    Write("/web.crt", made.certificate_pem);
    Write("/web.key", made.key_pem);
    Write("/ca.crt", authority->certificates_pem());
    options_.certificate_file = school_.directory() + "/web.crt";
    options_.key_file = school_.directory() + "/web.key";
    options_.static_directory = school_.directory() + "/files";
  }

  void Write(const std::string& name, const std::string& bytes) {
    std::ofstream(school_.directory() + name, std::ios::binary) << bytes;
  }

  void Start() {
    auto server =
        StartWebServer(options_, school_.stores(), platform::SystemClock());
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    ASSERT_NE(server_->port(), 0);
  }

  // `upload`: the body in place of the call's, as the server asks for it.
  Answer Do(const Call& call, Upload* upload = nullptr);

  // Cookie and token of a fresh session.
  Call LoggedIn(const std::string& name) {
    Call call{.path = "/api/v1/login", .method = "POST"};
    call.body =
        nlohmann::json{{"name", name}, {"password", TestSchool::kPassword}}
            .dump();
    const Answer answer = Do(call);
    EXPECT_EQ(answer.status, 200) << answer.body;
    Call session;
    const size_t at = answer.headers.find("__Host-session=");
    EXPECT_NE(at, std::string::npos) << answer.headers;
    if (at == std::string::npos) return session;
    session.cookie =
        answer.headers.substr(at, answer.headers.find(';', at) - at);
    session.csrf = nlohmann::json::parse(answer.body)["csrf"];
    return session;
  }

  TestSchool school_;
  WebOptions options_;
  std::unique_ptr<WebServer> server_;
};

TEST_F(ServerTest, MuchIsTakenOfThoseAloneWhoAreLoggedIn) {
  Start();
  const uint64_t alert = school_.AddAlert("P-000001", v1::SEVERITY_SERIOUS);
  const std::string path =
      absl::StrCat("/api/v1/alerts/", alert, "/attachments");
  const std::string png = "\x89PNG\r\n\x1a\n" + std::string(3 << 20, 'x');
  Call call{.path = path, .method = "POST"};
  call.body =
      nlohmann::json{{"name", "a.png"}, {"base64", absl::Base64Escape(png)}}
          .dump();
  EXPECT_EQ(Do(call).status, 413);
  Call inside = LoggedIn("lead");
  call.cookie = inside.cookie;
  call.csrf = inside.csrf;
  const Answer stored = Do(call);
  ASSERT_EQ(stored.status, 200) << stored.body;
  const nlohmann::json files =
      nlohmann::json::parse(stored.body)["attachments"];
  inside.path =
      absl::StrCat("/api/v1/attachments/", files[0]["id"].get<uint64_t>());
  const Answer got = Do(inside);
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.body, png);
  for (const char* header :
       {"Content-Disposition: attachment; filename=\"a.png\"", "sandbox",
        "X-Content-Type-Options: nosniff", "Cache-Control: no-store"}) {
    EXPECT_TRUE(absl::StrContains(got.headers, header)) << header;
  }
}

// A file on its way: sent when it may be, counted.
struct Upload {
  std::string body;
  size_t sent = 0;
  std::atomic<int>* begun = nullptr;
  std::shared_future<void> go;
};

size_t ReadUpload(char* to, size_t size, size_t count, void* from) {
  auto& upload = *static_cast<Upload*>(from);
  if (upload.sent == 0 && upload.begun != nullptr) {
    ++*upload.begun;  // the server has said: continue
    upload.go.wait();
  }
  const size_t some = std::min(size * count, upload.body.size() - upload.sent);
  std::memcpy(to, upload.body.data() + upload.sent, some);
  upload.sent += some;
  return some;
}

std::string FileBody(size_t bytes) {
  const std::string png = "\x89PNG\r\n\x1a\n" + std::string(bytes, 'x');
  return nlohmann::json{{"name", "a.png"}, {"base64", absl::Base64Escape(png)}}
      .dump();
}

// What is sent while four others are on their way would fill the memory.
TEST_F(ServerTest, AFifthFileAtOnceIsAskedToComeAgain) {
  Start();
  const uint64_t alert = school_.AddAlert("P-000001", v1::SEVERITY_SERIOUS);
  Call call = LoggedIn("lead");
  call.path = absl::StrCat("/api/v1/alerts/", alert, "/attachments");
  call.method = "POST";
  std::atomic<int> begun{0};
  std::promise<void> go;
  const std::shared_future<void> may_go = go.get_future().share();
  std::vector<std::thread> senders;
  std::atomic<int> stored{0};
  for (int i = 0; i < 4; ++i) {
    senders.emplace_back([&] {
      Upload upload{FileBody(1 << 20), 0, &begun, may_go};
      if (Do(call, &upload).status == 200) ++stored;
    });
  }
  const auto late = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (begun < 4 && std::chrono::steady_clock::now() < late) {
    std::this_thread::yield();
  }
  ASSERT_EQ(begun, 4);
  Upload fifth{FileBody(1 << 20), 0, nullptr, {}};
  const Answer busy = Do(call, &fifth);
  EXPECT_EQ(busy.status, 503);
  EXPECT_TRUE(absl::StrContains(busy.body, "busy")) << busy.body;
  // Others are served meanwhile.
  EXPECT_EQ(Do({.path = "/health"}).status, 200);
  go.set_value();
  for (std::thread& one : senders) one.join();
  EXPECT_EQ(stored, 4);
  Upload again{FileBody(1 << 20), 0, nullptr, {}};
  EXPECT_EQ(Do(call, &again).status, 200) << "the room is free again";
}

// Seven megabytes of somebody who may not send one byte.
TEST_F(ServerTest, WhoMayAttachNothingSendsNothing) {
  Start();
  const uint64_t alert = school_.AddAlert("P-000001", v1::SEVERITY_SERIOUS);
  Call call = LoggedIn("governor");
  call.path = absl::StrCat("/api/v1/alerts/", alert, "/attachments");
  call.method = "POST";
  Upload upload{FileBody(4 << 20), 0, nullptr, {}};
  const Answer refused = Do(call, &upload);
  EXPECT_EQ(refused.status, 403);
  EXPECT_TRUE(absl::StrContains(refused.body, "not_your_role"));
  EXPECT_EQ(upload.sent, 0u) << "nothing was read";
  bool on_record = false;
  const auto late = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!on_record && std::chrono::steady_clock::now() < late) {
    for (const AuditEntry& entry : school_.Audit()) {
      on_record =
          on_record || (entry.who == "governor" && entry.action == "refused");
    }
  }
  EXPECT_TRUE(on_record);
  EXPECT_EQ(Do({.path = "/health"}).status, 200);
}

size_t Append(char* from, size_t size, size_t count, void* to) {
  static_cast<std::string*>(to)->append(from, size * count);
  return size * count;
}

struct Until {
  std::string* body;
  const std::string* word;
};

size_t AppendUntil(char* from, size_t size, size_t count, void* to) {
  auto& until = *static_cast<Until*>(to);
  until.body->append(from, size * count);
  const bool there =
      !until.word->empty() && absl::StrContains(*until.body, *until.word);
  return there ? 0 : size * count;  // 0 ends the transfer
}

Answer ServerTest::Do(const Call& call, Upload* upload) {
  Answer answer;
  CURL* curl = curl_easy_init();
  curl_slist* headers = nullptr;
  for (const std::string& header : call.headers) {
    headers = curl_slist_append(headers, header.c_str());
  }
  if (!call.csrf.empty()) {
    headers =
        curl_slist_append(headers, ("X-CSRF-Token: " + call.csrf).c_str());
  }
  if (call.method == "POST") {
    headers = curl_slist_append(headers, "Content-Type: application/json");
    if (upload != nullptr) {
      headers = curl_slist_append(headers, "Expect: 100-continue");
      curl_easy_setopt(curl, CURLOPT_POST, 1L);
      curl_easy_setopt(curl, CURLOPT_EXPECT_100_TIMEOUT_MS, 30000L);
      curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE,
                       static_cast<long>(upload->body.size()));
      curl_easy_setopt(curl, CURLOPT_READFUNCTION, &ReadUpload);
      curl_easy_setopt(curl, CURLOPT_READDATA, upload);
    } else {
      curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE,
                       static_cast<long>(call.body.size()));
      curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, call.body.c_str());
    }
  }
  const std::string address =
      absl::StrCat("https://127.0.0.1:", server_->port(), call.path);
  const std::string authority = school_.directory() + "/ca.crt";
  Until until{&answer.body, &call.until};
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call.method.c_str());
  curl_easy_setopt(curl, CURLOPT_URL, address.c_str());
  curl_easy_setopt(curl, CURLOPT_CAINFO, authority.c_str());
  curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(curl, CURLOPT_COOKIE, call.cookie.c_str());
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &AppendUntil);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &until);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &Append);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &answer.headers);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, 60L);
  curl_easy_setopt(curl, CURLOPT_SSLVERSION,
                   CURL_SSLVERSION_TLSv1 | call.tls_max);
  answer.error = curl_easy_perform(curl);
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer.status);
  curl_slist_free_all(headers);
  curl_easy_cleanup(curl);
  return answer;
}

TEST_F(ServerTest, SpeaksNewTlsOnlyAndItsCertificateHolds) {
  Start();
  EXPECT_EQ(Do({.path = "/health"}).status, 200);
  EXPECT_EQ(
      Do({.path = "/health", .tls_max = CURL_SSLVERSION_MAX_TLSv1_2}).status,
      200);
  EXPECT_EQ(
      Do({.path = "/health", .tls_max = CURL_SSLVERSION_MAX_TLSv1_1}).error,
      CURLE_SSL_CONNECT_ERROR);
}

TEST_F(ServerTest, HealthAndReadyNeedNoLogIn) {
  Start();
  EXPECT_EQ(Do({.path = "/health"}).body, R"({"status":"up"})");
  EXPECT_EQ(Do({.path = "/ready"}).body, R"({"status":"ready"})");
  EXPECT_EQ(Do({.path = "/healthz"}).status, 200);
  EXPECT_EQ(Do({.path = "/readyz"}).status, 200);
  EXPECT_EQ(Do({.path = "/api/v1/alerts"}).status, 401);
}

TEST_F(ServerTest, ARenewedCertificateIsShownAndNobodyIsLoggedOut) {
  Start();
  Call session = LoggedIn("lead");
  session.path = "/api/v1/session";
  ASSERT_EQ(Do(session).status, 200);
  // Signed by somebody else, so that the client can tell the two apart.
  std::filesystem::create_directories(school_.directory() + "/other");
  const absl::Time now = platform::SystemClock().Now();
  auto other = *Authority::Create(school_.directory() + "/other", "other", now);
  auto made = *other->MakeServer({"localhost", "127.0.0.1"}, now,
                                 Authority::kServerLifetime);
  Write("/new.crt", made.certificate_pem);
  Write("/new.key", made.key_pem);
  Write("/broken.crt", "rubbish");
  const std::string at = school_.directory();
  EXPECT_TRUE(absl::IsInvalidArgument(
      server_->RenewCertificate(at + "/broken.crt", at + "/new.key")));
  EXPECT_TRUE(absl::IsInvalidArgument(
      server_->RenewCertificate(at + "/new.crt", at + "/web.key")));
  EXPECT_EQ(Do(session).status, 200) << "a refused one changed something";
  ASSERT_TRUE(server_->RenewCertificate(at + "/new.crt", at + "/new.key").ok());
  EXPECT_NE(Do(session).error, CURLE_OK) << "the old one is still shown";
  Write("/ca.crt", other->certificates_pem());
  EXPECT_EQ(Do(session).status, 200);
}

TEST_F(ServerTest, EveryAnswerCarriesTheHeadersThatProtectIt) {
  Start();
  for (const char* path : {"/", "/alerts/1", "/app.0123ABCD.js", "/health",
                           "/api/v1/alerts", "/nothing.js"}) {
    const Answer answer = Do({.path = path});
    for (const char* header :
         {"Content-Security-Policy: default-src 'none'",
          "frame-ancestors 'none'", "Strict-Transport-Security: max-age=",
          "X-Content-Type-Options: nosniff", "Referrer-Policy: no-referrer"}) {
      EXPECT_TRUE(absl::StrContains(answer.headers, header))
          << path << " lacks " << header << "\n"
          << answer.headers;
    }
    EXPECT_FALSE(absl::StrContains(answer.headers, "unsafe-")) << path;
  }
}

TEST_F(ServerTest, TheCookieCannotBeReadOrSentElsewhere) {
  Start();
  Call call{.path = "/api/v1/login", .method = "POST"};
  call.body = R"({"name":"lead","password":"correct horse battery"})";
  const Answer answer = Do(call);
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_TRUE(absl::StrContains(answer.headers,
                                "; Path=/; Secure; HttpOnly; SameSite=Strict"))
      << answer.headers;
  EXPECT_TRUE(absl::StrContains(answer.headers, "Cache-Control: no-store"));
}

TEST_F(ServerTest, ServesTheDashboardsFilesAndNothingElse) {
  Start();
  EXPECT_TRUE(absl::StrContains(Do({.path = "/"}).body, "<title>page"));
  EXPECT_TRUE(absl::StrContains(Do({.path = "/devices"}).body, "<title>page"));
  EXPECT_EQ(Do({.path = "/app.0123ABCD.js"}).body, "let script;");
  const Answer packed =
      Do({.path = "/app.0123ABCD.js", .headers = {"Accept-Encoding: gzip"}});
  EXPECT_EQ(packed.body, "squeezed");
  EXPECT_TRUE(absl::StrContains(packed.headers, "immutable"));
  for (const char* path : {"/secret.key", "/../web.key", "/%2e%2e/web.key",
                           "/files/index.html", "/index.html.gz"}) {
    EXPECT_EQ(Do({.path = path}).status, 404) << path;
  }
  EXPECT_EQ(Do({.path = "/", .method = "PUT"}).status, 405);
}

TEST_F(ServerTest, TooMuchTextIsRefused) {
  Start();
  Call call{.path = "/api/v1/login", .method = "POST"};
  call.body = std::string(70000, 'x');
  EXPECT_EQ(Do(call).status, 413);
  // And the server lives on.
  EXPECT_EQ(Do({.path = "/health"}).status, 200);
  call.path = "/" + std::string(40000, 'x');
  call.method = "GET";
  Do(call);
  EXPECT_EQ(Do({.path = "/health"}).status, 200);
}

TEST_F(ServerTest, AnAlertIsPushedToWhoeverMaySeeIt) {
  Start();
  school_.AddAccount("deputy", Role::kDeputy, "oakfield", "P-SELF00");
  Call call = LoggedIn("deputy");
  const uint64_t before = school_.AddAlert("P-000001", v1::SEVERITY_SERIOUS);
  call.path = "/api/v1/live?after=0";
  call.until = "P-000003";
  std::thread others([&] {
    while (server_->live_viewers() == 0) std::this_thread::yield();
    school_.AddAlert("P-SELF00", v1::SEVERITY_SERIOUS);
    school_.AddAlert("P-000002", v1::SEVERITY_SERIOUS, "elsewhere");
    school_.AddAlert("P-000003", v1::SEVERITY_SERIOUS);
  });
  const Answer answer = Do(call);
  others.join();
  EXPECT_EQ(answer.error, CURLE_WRITE_ERROR) << "ended by `until`";
  EXPECT_TRUE(absl::StrContains(answer.headers, "text/event-stream"));
  EXPECT_TRUE(absl::StrContains(answer.body, "P-000001")) << "missed before";
  EXPECT_TRUE(absl::StrContains(answer.body, "event: alert\ndata: {"));
  EXPECT_FALSE(absl::StrContains(answer.body, "P-SELF00"));
  EXPECT_FALSE(absl::StrContains(answer.body, "P-000002"));
  // Resumed: what was seen is not sent again.
  call.headers = {absl::StrCat("Last-Event-ID: ", before)};
  const Answer resumed = Do(call);
  EXPECT_FALSE(absl::StrContains(resumed.body, "P-000001")) << resumed.body;
  EXPECT_TRUE(absl::StrContains(resumed.body, "P-000003"));
}

TEST_F(ServerTest, StoppingEndsOpenFeedsAtOnce) {
  Start();
  Call call = LoggedIn("lead");
  call.path = "/api/v1/live";
  std::thread stop([&] {
    while (server_->live_viewers() < 3) std::this_thread::yield();
    server_->Stop();
    server_->Stop();
  });
  std::vector<std::thread> viewers;
  std::atomic<int> ended{0};
  for (int i = 0; i < 3; ++i) {
    viewers.emplace_back([&] {
      Do(call);
      ++ended;
    });
  }
  for (std::thread& viewer : viewers) viewer.join();
  stop.join();
  EXPECT_EQ(ended, 3);
}

TEST_F(ServerTest, ManyAtOnceAreAllAnswered) {
  Start();
  const Call session = LoggedIn("lead");
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      Call call = session;
      call.path = "/api/v1/session";
      for (int j = 0; j < 5; ++j) good += Do(call).status == 200;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 40);
}

TEST_F(ServerTest, SaysWhatIsWrongInsteadOfStarting) {
  Start();
  const auto refused = [&](const WebOptions& options) {
    auto server =
        StartWebServer(options, school_.stores(), platform::SystemClock());
    EXPECT_FALSE(server.ok());
    return server.status();
  };
  WebOptions taken = options_;
  taken.port = server_->port();
  EXPECT_EQ(refused(taken).code(), absl::StatusCode::kUnavailable);
  WebOptions nowhere = options_;
  nowhere.static_directory = school_.directory() + "/nowhere";
  EXPECT_EQ(refused(nowhere).code(), absl::StatusCode::kNotFound);
  WebOptions keyless = options_;
  keyless.key_file = school_.directory() + "/nowhere";
  EXPECT_EQ(refused(keyless).code(), absl::StatusCode::kNotFound);
  Write("/bad.crt", "not a certificate");
  WebOptions bad = options_;
  bad.certificate_file = school_.directory() + "/bad.crt";
  EXPECT_EQ(refused(bad).code(), absl::StatusCode::kInvalidArgument);
  WebOptions named = options_;
  named.address = "school.example.test";
  EXPECT_EQ(refused(named).code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace schoolgate::collector
