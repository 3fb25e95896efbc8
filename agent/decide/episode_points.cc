#include "agent/decide/episode_points.h"

namespace schoolgate::agent {
namespace {

// Points times two, as fitted on labelled browsing.
constexpr int32_t kStart = -6;
constexpr int32_t kPause = 5;
constexpr int32_t kShortPause = 3;
constexpr int32_t kOneHop = 3;
constexpr int32_t kNoPause = -3;
constexpr int32_t kBusyPage = -5;
constexpr int32_t kCrowd = -3;
constexpr int32_t kFrontDoor = 2;
constexpr int32_t kInnerName = -3;
constexpr int32_t kUnembedded = 3;
constexpr int32_t kExplained = -3;
constexpr int32_t kParallelTwo = 2;
constexpr int32_t kParallelMore = 6;
constexpr int32_t kOneCompanion = 1;
constexpr int32_t kCompanions = 3;
constexpr int32_t kQuiet = 2;
constexpr int32_t kMuch = 5;
constexpr int32_t kSome = 2;
constexpr int32_t kFair = 1;
constexpr int32_t kLittle = -3;
constexpr int32_t kLookupOnly = -8;
constexpr int32_t kProgram = -24;
constexpr int32_t kRegular = -6;

constexpr uint32_t kCrowdSites = 3;
constexpr uint32_t kQuietSites = 1;
constexpr uint64_t kMuchBytes = 400'000;
constexpr uint64_t kSomeBytes = 120'000;
constexpr uint64_t kLittleBytes = 40'000;

class Sheet {
 public:
  explicit Sheet(v1::Episode* episode) : episode_(episode) {
    episode_->clear_evidence();
  }

  void Add(const char* fact, int32_t half_points) {
    sum_ += half_points;
    v1::Evidence* row = episode_->add_evidence();
    row->set_fact(fact);
    row->set_half_points(half_points);
  }

  int32_t sum() const { return sum_; }

 private:
  v1::Episode* episode_;
  int32_t sum_ = 0;
};

void AddBefore(const MomentFacts& facts, Sheet& sheet) {
  if (facts.silence_us > kLongSilenceUs)
    sheet.Add("pause", kPause);
  else if (facts.silence_us > kSilenceUs)
    sheet.Add("pause", kShortPause);
  else if (facts.one_hop)
    sheet.Add("hop", kOneHop);
  else
    sheet.Add("pause", kNoPause);
  if (facts.page_busy) sheet.Add("busy", kBusyPage);
  if (facts.crowd >= kCrowdSites) sheet.Add("crowd", kCrowd);
  if (facts.program) sheet.Add("process", kProgram);
  if (facts.regular) sheet.Add("regular", kRegular);
  if (facts.explained) sheet.Add("explained", kExplained);
}

void AddAfter(const MomentFacts& facts, Sheet& sheet) {
  // A page came, not only the connection that a hint opens.
  if (facts.unembedded && facts.front_door &&
      facts.received_bytes > kLittleBytes) {
    sheet.Add("unembedded", kUnembedded);
  }
  if (facts.parallel >= 3)
    sheet.Add("parallel", kParallelMore);
  else if (facts.parallel == 2)
    sheet.Add("parallel", kParallelTwo);
  if (facts.own_hosts >= 3)
    sheet.Add("companions", kCompanions);
  else if (facts.own_hosts == 2)
    sheet.Add("companions", kOneCompanion);
  if (facts.company <= kQuietSites && facts.silence_us > kSilenceUs) {
    sheet.Add("quiet", kQuiet);
  }
  if (!facts.connected) sheet.Add("lookup_only", kLookupOnly);
  if (facts.received_bytes > kMuchBytes)
    sheet.Add("received", kMuch);
  else if (facts.received_bytes > kSomeBytes)
    sheet.Add("received", kSome);
  else
    sheet.Add("received",
              facts.received_bytes > kLittleBytes ? kFair : kLittle);
}

// Nothing came back, so bytes and further hosts cannot tell: what is left is
// a front door asked for by itself, after a pause, with nothing around it.
bool IsAttempt(const MomentFacts& facts) {
  return !facts.connected && facts.front_door && !facts.program &&
         !facts.regular && !facts.page_busy && !facts.explained &&
         facts.silence_us > (facts.crowd >= kCrowdSites ? kAttemptSilenceUs
                                                        : kLongSilenceUs) &&
         facts.company <= kAttemptCompany;
}

void GradeAttempt(v1::Episode* episode) {
  Sheet sheet(episode);
  sheet.Add("start", kStart);
  sheet.Add("pause", kPause);
  sheet.Add("name", kFrontDoor);
  sheet.Add("quiet", 2 * kQuiet);
  episode->set_half_points(sheet.sum());
  episode->set_grade(v1::GRADE_ATTEMPT);
}

}  // namespace

void GradeMoment(const MomentFacts& facts, v1::Episode* episode) {
  if (IsAttempt(facts)) return GradeAttempt(episode);
  Sheet sheet(episode);
  sheet.Add("start", kStart);
  AddBefore(facts, sheet);
  sheet.Add("name", facts.front_door ? kFrontDoor : kInnerName);
  AddAfter(facts, sheet);
  const bool dwelt = facts.data_us >= kDwellUs;
  if (sheet.sum() >= kStrongHalfPoints) {
    sheet.Add("dwell", 0);
    episode->set_grade(dwelt ? v1::GRADE_OPENED : v1::GRADE_LANDED);
  } else {
    episode->set_grade(sheet.sum() >= kUnclearHalfPoints ? v1::GRADE_UNCLEAR
                                                         : v1::GRADE_AUTOMATIC);
  }
  episode->set_half_points(sheet.sum());
}

int Rank(v1::Grade grade) {
  switch (grade) {
    case v1::GRADE_OPENED:
      return 3;
    case v1::GRADE_ATTEMPT:
    case v1::GRADE_LANDED:
      return 2;
    case v1::GRADE_UNCLEAR:
      return 1;
    default:
      return 0;
  }
}

}  // namespace schoolgate::agent
