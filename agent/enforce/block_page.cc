#include "agent/enforce/block_page.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace schoolgate::agent {
namespace {

// Nothing is loaded from anywhere; works without colours, pointer or pictures.
constexpr char kStyle[] =
    "body{font:1.125rem/1.6 system-ui,sans-serif;max-width:38rem;margin:10vh "
    "auto;padding:0 1rem;color:#1b1b1f;background:#fff}"
    "h1{font-size:1.6rem;line-height:1.25}"
    "button{font:inherit;padding:.6rem 1rem;margin:.25rem .5rem .25rem 0;"
    "border:2px solid #1d4ed8;border-radius:.4rem;background:#fff;"
    "color:#1d4ed8;cursor:pointer}"
    "button:focus-visible{outline:3px solid #f59e0b;outline-offset:2px}"
    "@media(prefers-color-scheme:dark){body{color:#eee;background:#17171a}"
    "button{background:#17171a;color:#93b4ff;border-color:#93b4ff}}";

std::string Escaped(const std::string& text) {
  std::string safe;
  for (const char c : text) {
    switch (c) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      default:
        safe += c;
    }
  }
  return safe;
}

std::string Sentence(const std::string& text) {
  if (text.empty()) return text;
  const char last = text.back();
  const bool ended = last == '.' || last == '!' || last == '?';
  return absl::StrCat(Escaped(text), ended ? "" : ".");
}

std::vector<uint8_t> Response(absl::string_view status,
                              const std::string& title,
                              const std::string& body) {
  const std::string page = absl::StrCat(
      "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width\"><title>",
      title, "</title><style>", kStyle, "</style><main><h1>", title, "</h1>",
      body, "</main></html>\n");
  const std::string whole = absl::StrCat(
      "HTTP/1.1 ", status,
      "\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: ",
      page.size(),
      "\r\nCache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n"
      "Content-Security-Policy: default-src 'none'; style-src "
      "'unsafe-inline'; form-action 'self'\r\nConnection: close\r\n\r\n",
      page);
  return {whole.begin(), whole.end()};
}

std::string Button(const std::string& token, absl::string_view kind,
                   absl::string_view words) {
  return absl::StrCat("<form method=\"post\" action=\"/.schoolgate/",
                      Escaped(token), "/", kind, "\"><button>", words,
                      "</button></form>");
}

}  // namespace

std::vector<uint8_t> BlockPage(const BlockedPlace& place) {
  if (place.host.empty()) {
    return Response(
        "403 Forbidden", "Stop. This is blocked.",
        "<p>Do not try again and do not look for it. Leave the screen as it "
        "is and tell a member of staff now.</p>");
  }
  std::string body = absl::StrCat("<p>", Sentence(place.reason), "</p>");
  if (!place.clause.empty()) {
    absl::StrAppend(&body,
                    "<p>The school's policy says so: ", Escaped(place.clause),
                    "</p>");
  }
  absl::StrAppend(&body, "<p>",
                  place.help.empty()
                      ? "If you need it, ask a member of staff. If something "
                        "upset you, tell an adult you trust."
                      : Sentence(place.help),
                  "</p>");
  if (!place.token.empty()) {
    absl::StrAppend(
        &body, Button(place.token, "accident", "I landed here by accident"),
        Button(place.token, "wrong", "This is wrong: I need this"));
  }
  return Response("403 Forbidden",
                  absl::StrCat(Escaped(place.host), " is blocked at school"),
                  body);
}

std::vector<uint8_t> ThanksPage(bool taken) {
  if (taken) {
    return Response("200 OK", "Thank you",
                    "<p>The school has been told that you said so. You can "
                    "close this page.</p>");
  }
  return Response("200 OK", "That did not work",
                  "<p>Please tell a member of staff in person.</p>");
}

std::vector<uint8_t> AccessDeniedAlert() {
  constexpr uint8_t kAlert = 21;
  constexpr uint8_t kFatal = 2;
  constexpr uint8_t kAccessDenied = 49;
  return {kAlert, 3, 3, 0, 2, kFatal, kAccessDenied};
}

}  // namespace schoolgate::agent
