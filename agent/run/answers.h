// Answers what people on this machine ask of the agent: how it is, why a host
// is blocked for them, and takes what they report. Questions and answers are
// JSON objects:
//   {"ask":"status"}
//   {"ask":"why","host":"www.example.org"}
//   {"ask":"rules"}               what holds for who asks now, all of it
//   {"ask":"record"}              what was told about who asks
//   {"ask":"canary"}              a name for a self-test, best a blocked one
//   {"ask":"seen","host":"..."}   whether a self-test's name was noticed, and
//                                 refused
//   {"ask":"notices","after":17}  what is to pop up for who asks, newer than 17
//   {"ask":"answer","token":"...","kind":"accident|wrong"}  to such a notice
//   {"ask":"report","kind":"accident|wrong|missed","host":"...","words":"..."}
//   {"ask":"notice"}              the school's notice; accepted or not yet
//   {"ask":"accept","version":"..."}
//   {"ask":"end","why":"..."}     root only: the device goes out of use
// An answer that could not be given is {"error":"what: why: what to do"}.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "agent/decide/attribution.h"
#include "agent/decide/contact_log.h"
#include "agent/decide/verdicts.h"
#include "agent/decide/watch.h"
#include "agent/run/notice_consents.h"
#include "agent/run/status.h"

namespace schoolgate::agent {

// Not thread-safe. Borrows what it is given for its own life.
class Answers {
 public:
  Answers(Attribution& attribution, Verdicts& verdicts, Watch& watch,
          const AgentStatus& status);

  // Null before enrolment: reports are then refused with the reason.
  void SetContacts(ContactLog* contacts) { contacts_ = contacts; }

  // Null: the notice is shown, and nobody is asked to accept them.
  // Borrows them for its own life and that of the attribution.
  void SetConsents(NoticeConsents* consents);

  // Called with why when root says that the device goes out of use.
  void SetEnd(std::function<void(const std::string& why)> end) {
    end_ = std::move(end);
  }

  // `uid` is who asks, by the kernel's word. The question is hostile.
  std::string Answer(uint32_t uid, std::string_view question, absl::Time now);

 private:
  // More reports than this within a minute are refused: a stuck key or a
  // prank must not fill the school's screen.
  static constexpr int kMaxReportsAMinute = 10;

  std::string Status(uint32_t uid, absl::Time now);
  std::string Canary(uint32_t uid, absl::Time now);
  std::string Rules(uint32_t uid, absl::Time now);
  std::string Record(uint32_t uid) const;
  std::string Notices(uint32_t uid, uint64_t after) const;
  std::string AnswerNotice(uint32_t uid, const std::string& token,
                           const std::string& kind, absl::Time now);
  std::string SchoolNotice(uint32_t uid) const;
  bool HasAccepted(uint32_t uid) const;
  std::string Accept(uint32_t uid, const std::string& version, absl::Time now);
  std::string Why(uint32_t uid, const std::string& host, absl::Time now);
  std::string Preview(uint32_t uid, const std::string& group, absl::Time now);
  std::string Report(uint32_t uid, const std::string& kind,
                     const std::string& host, const std::string& words,
                     absl::Time now);

  Attribution& attribution_;
  Verdicts& verdicts_;
  Watch& watch_;
  const AgentStatus& status_;
  ContactLog* contacts_ = nullptr;
  std::function<void(const std::string& why)> end_;
  NoticeConsents* consents_ = nullptr;
  std::map<uint32_t, std::pair<int64_t, int>> reports_;  // minute, count
};

}  // namespace schoolgate::agent
