#include "agent/cli/notify.h"

#include <cctype>

namespace schoolgate::agent {
namespace {

using Json = nlohmann::json;

constexpr absl::Duration kTurn = absl::Seconds(1);

std::string Text(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>()
                                                   : std::string();
}

uint64_t Number(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_number() ? found->get<uint64_t>() : 0;
}

std::string Sentence(std::string text) {
  if (!text.empty() && !std::ispunct(static_cast<unsigned char>(text.back()))) {
    text += '.';
  }
  return text;
}

}  // namespace

platform::DesktopNotice NoticeInWords(const Json& notice) {
  platform::DesktopNotice words;
  const std::string host = Text(notice, "host");
  if (const std::string heading = Text(notice, "heading"); !heading.empty()) {
    words.summary = heading;
    words.body = Text(notice, "reason");
    return words;
  }
  if (host.empty()) {
    words.summary = "Stop. This is blocked.";
    words.body =
        "Do not try again and do not look for it. Leave the screen as it is "
        "and tell a member of staff now.";
    return words;
  }
  const auto flag = notice.find("warn");
  const bool warn = flag != notice.end() && flag->is_boolean() && *flag;
  words.summary =
      warn ? "Take care with " + host : host + " is blocked at school";
  words.body = Sentence(Text(notice, "reason"));
  if (warn) {
    words.body += " The school keeps a record that it was contacted.";
  }
  if (const std::string clause = Text(notice, "clause"); !clause.empty()) {
    words.body += "\nThe school's policy says so: " + clause;
  }
  const std::string help = Sentence(Text(notice, "help"));
  words.body += "\n" + (help.empty() ? "If you need it, ask a member of staff. "
                                       "If something upset you, tell an adult "
                                       "you trust."
                                     : help);
  words.buttons = {{"accident", "I landed here by accident"},
                   {"wrong", "This is wrong"}};
  return words;
}

platform::DesktopNotice SchoolNoticeForDesktop(const Json& answer) {
  platform::DesktopNotice words;
  words.summary = "This computer is monitored by your school";
  words.body = Text(answer, "notice");
  words.buttons = {{"read", "I have read this"}};
  return words;
}

absl::Status NotifyLoop::Turn() {
  ShowSchoolNotice();
  ShowNews();
  auto pressed = desktop_.NextPressed(kTurn);
  if (!pressed.ok()) return pressed.status();
  if (*pressed) Say((*pressed)->notice, (*pressed)->button);
  return absl::OkStatus();
}

// Once a session and version, and again in the next session until it is read.
void NotifyLoop::ShowSchoolNotice() {
  if (until_notice_-- > 0) return;
  until_notice_ = 0;
  const auto answer = ask_({{"ask", "notice"}});
  if (!answer.ok()) return;
  const std::string version = Text(*answer, "version");
  const auto accepted = answer->find("accepted");
  const bool open = accepted != answer->end() && accepted->is_boolean() &&
                    !accepted->get<bool>();
  if (open && version != notice_version_ && !Text(*answer, "notice").empty()) {
    const auto shown = desktop_.Show(SchoolNoticeForDesktop(*answer));
    if (!shown.ok()) return;
    notice_ = *shown;
    notice_version_ = version;
  }
  until_notice_ = kNoticeEvery;
}

void NotifyLoop::ShowNews() {
  const auto answer = ask_({{"ask", "notices"}, {"after", last_id_}});
  if (!answer.ok()) return;
  const auto notices = answer->find("notices");
  if (notices == answer->end() || !notices->is_array()) return;
  for (const Json& notice : *notices) {
    const auto shown = desktop_.Show(NoticeInWords(notice));
    if (!shown.ok()) return;
    if (tokens_.size() >= kMostShown) tokens_.erase(tokens_.begin());
    tokens_[*shown] = Text(notice, "token");
    last_id_ = std::max(last_id_, Number(notice, "id"));
  }
  // An agent that was started anew counts from the beginning.
  if (Number(*answer, "last") < last_id_) last_id_ = 0;
}

void NotifyLoop::Say(uint32_t shown, const std::string& button) {
  if (notice_ == shown) {
    if (button == "read") {
      (void)ask_({{"ask", "accept"}, {"version", notice_version_}});
    }
    notice_.reset();
    return;
  }
  const auto token = tokens_.find(shown);
  if (token == tokens_.end()) return;
  (void)ask_({{"ask", "answer"}, {"token", token->second}, {"kind", button}});
  tokens_.erase(token);
}

}  // namespace schoolgate::agent
