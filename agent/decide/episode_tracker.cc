#include "agent/decide/episode_tracker.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "agent/decide/episode_service.h"
#include "rules/ruleset.h"

namespace schoolgate::agent {
namespace {

constexpr int64_t kMomentGapUs = 300'000;
constexpr int64_t kOwnHostsUs = 8'000'000;
constexpr int64_t kCrowdUs = 3'000'000;
constexpr int64_t kParallelUs = 400'000;
constexpr int64_t kParallelWithinUs = 3'000'000;
constexpr int64_t kDecideEveryUs = 500'000;
constexpr uint64_t kAnswer = 200;
constexpr uint64_t kAnyData = 600;  // of a span; less is a farewell
// More than refusals come to: it was not stopped after all.
constexpr uint64_t kLeakBytes = 8'000;
// What arrives is summed over such spans, so that a fast transfer is
// remembered as long as a slow one.
constexpr int64_t kSpanUs = 250'000;
constexpr size_t kMostSpans = 640;
constexpr size_t kRegularNeeds = 4;
constexpr double kRegularSpread = 0.2;

constexpr auto kSerious = std::to_array<std::string_view>(
    {"adult", "hate", "violence", "self-harm", "suicide", "eating-disorder"});
constexpr auto kRuleBreak = std::to_array<std::string_view>(
    {"gambling", "bypass", "file-sharing", "piracy", "weapons", "drugs",
     "dating", "anonymous-messaging", "remote-access"});

int Gravity(std::string_view category) {
  const auto in = [&](const auto& ids) {
    return std::find(ids.begin(), ids.end(), category) != ids.end();
  };
  if (in(kSerious)) return 2;
  return in(kRuleBreak) ? 1 : 0;
}

bool IsConnection(NameSource source) {
  return source == NameSource::kTls || source == NameSource::kQuic ||
         source == NameSource::kHttp;
}

}  // namespace

struct EpisodeTracker::Moment {
  int64_t time_us = 0;
  NameHash name = 0;
  // What was around it, once enough of what follows is known.
  bool settled = false;
  MomentFacts around;
};

struct EpisodeTracker::Open {
  struct Name {
    int64_t time_us;
    NameHash name;
    bool connection;
    bool front_door;
  };
  struct Span {
    int64_t first_us = 0, last_us = 0;
    uint64_t received = 0;

    void Add(int64_t time_us, uint64_t bytes) {
      if (received == 0) first_us = last_us = time_us;
      first_us = std::min(first_us, time_us);
      last_us = std::max(last_us, time_us);
      received += bytes;
    }
  };
  void AddData(int64_t time_us, uint64_t bytes) {
    if (bytes == 0) return;
    data[time_us / kSpanUs].Add(time_us, bytes);
    if (data.size() > kMostSpans) data.erase(data.begin());
  }

  v1::Episode episode;
  v1::Person person;
  std::string first_host;
  NameHash service = 0;
  uint64_t site = 0;      // the service, as PageKnowledge numbers it
  bool embedded = false;  // a name of it is one that other pages bring in
  bool urgent = false;    // serious: told as soon as it is certain
  bool enforced = false;  // stopped by us: a connection leads nowhere
  bool told = false;
  bool changed = true;  // since it was last graded
  std::vector<Moment> moments;
  std::deque<Name> names;
  std::map<int64_t, Span> data;  // by the number of the span
  int64_t last_us = 0;           // last name
  int64_t best_us = 0;           // the moment that the grade is about
};

struct EpisodeTracker::Desk {
  explicit Desk(uint64_t key) : scene(key) {}

  Scene scene;
  std::unordered_map<NameHash, std::unique_ptr<Open>> open;
  // When a name was lately contacted: programs call at equal intervals.
  RecentMap<NameHash, std::deque<int64_t>> starts{1'800'000'000, 1024};
  int64_t last_us = 0;

  void NoteStart(NameHash name, int64_t now_us) {
    std::deque<int64_t> times;
    if (auto* known = starts.Find(name, now_us)) times = *known;
    times.push_back(now_us);
    if (times.size() > 2 * kRegularNeeds) times.pop_front();
    starts.Put(name, std::move(times), now_us);
  }

  bool IsRegular(NameHash name, int64_t now_us) {
    std::deque<int64_t>* times = starts.Find(name, now_us);
    if (times == nullptr || times->size() <= kRegularNeeds) return false;
    double sum = 0, squares = 0;
    const size_t n = times->size() - 1;
    for (size_t i = 0; i < n; ++i) {
      const double gap = static_cast<double>((*times)[i + 1] - (*times)[i]);
      sum += gap;
      squares += gap * gap;
    }
    const double mean = sum / n;
    const double variance = squares / n - mean * mean;
    return mean > 0 && variance < kRegularSpread * kRegularSpread * mean * mean;
  }
};

EpisodeTracker::EpisodeTracker(EpisodeOptions options, EventSink& sink)
    : options_(std::move(options)), sink_(sink) {}

EpisodeTracker::~EpisodeTracker() = default;

EpisodeTracker::Desk& EpisodeTracker::DeskOf(const Endpoint& source) {
  std::array<uint8_t, 16> key{};
  if (options_.by_source) key = source.address;
  auto found = desks_.find(key);
  if (found != desks_.end()) return *found->second;
  if (desks_.size() >= kMostScenes) {
    auto oldest = std::min_element(
        desks_.begin(), desks_.end(), [](const auto& a, const auto& b) {
          return a.second->last_us < b.second->last_us;
        });
    Decide(*oldest->second, oldest->second->last_us, /*all=*/true);
    desks_.erase(oldest);
  }
  auto& desk = desks_[key];
  desk = std::make_unique<Desk>(options_.hash_key);
  return *desk;
}

void EpisodeTracker::OnName(const Observation& observation,
                            const rules::Decision& decision,
                            v1::ProcessKind process, const v1::Person& person,
                            v1::Place place, bool enforced) {
  const int64_t now_us = observation.time_us;
  OnTime(now_us);
  if (observation.source == NameSource::kFlow) return;
  Desk& desk = DeskOf(observation.src);
  desk.last_us = now_us;
  const bool relevant =
      !decision.never_log &&
      (decision.locked || decision.action != rules::Action::kAllow) &&
      process != v1::PROCESS_KIND_RESOLVER;
  const NameHash name = desk.scene.Hash(observation.name);
  const NameHash service = desk.scene.Hash(ServiceOf(observation.name));
  desk.scene.OnName(observation, name, service, process, relevant);
  if (!relevant) return;
  ++counters_.contacts;
  auto found = desk.open.find(service);
  if (found != desk.open.end()) {
    Open& open = *found->second;
    const bool over = now_us - open.last_us > kGapUs ||
                      (open.told && Rank(open.episode.grade()) == 0);
    if (!over) return Extend(desk, open, observation, name);
    Tell(open, now_us);
    desk.open.erase(found);
  }
  if (desk.open.size() >= kMostOpen) {
    ++counters_.refused;
    return;
  }
  auto open = Begin(observation, decision, process, person, place);
  open->service = service;
  open->site = rules::PageKnowledge::Id(ServiceOf(observation.name));
  open->enforced = enforced;
  Extend(desk, *open, observation, name);
  desk.open[service] = std::move(open);
}

std::unique_ptr<EpisodeTracker::Open> EpisodeTracker::Begin(
    const Observation& observation, const rules::Decision& decision,
    v1::ProcessKind process, const v1::Person& person, v1::Place place) const {
  auto open = std::make_unique<Open>();
  v1::Episode& episode = open->episode;
  open->person = person;
  open->first_host = std::string(observation.name);
  const std::string service(ServiceOf(observation.name));
  if (!decision.locked)
    episode.set_service(service);
  else if (options_.seal)
    episode.set_sealed_service(options_.seal(service));
  episode.set_category(GravestCategory(decision));
  episode.set_start_unix_us(observation.time_us);
  episode.set_action(static_cast<v1::Action>(decision.action));
  episode.set_locked(decision.locked);
  episode.set_rule(decision.rule);
  episode.set_clause(decision.clause);
  episode.set_process(process);
  episode.set_place(place);
  episode.set_grade(v1::GRADE_AUTOMATIC);
  open->urgent = decision.locked || Gravity(episode.category()) >= 1;
  return open;
}

void EpisodeTracker::Extend(Desk& desk, Open& open,
                            const Observation& observation, NameHash name) {
  const int64_t now_us = observation.time_us;
  const bool question = observation.source == NameSource::kDns;
  // The address and HTTPS questions of one look-up are one contact.
  const bool repeat = !open.names.empty() && question &&
                      open.names.back().name == name &&
                      !open.names.back().connection &&
                      now_us - open.names.back().time_us < kMomentGapUs;
  const int64_t quiet_us = now_us - open.last_us;
  open.last_us = std::max(open.last_us, now_us);
  if (repeat) return;
  open.changed = true;
  open.episode.set_contacts(open.episode.contacts() + 1);
  const bool front_door = IsFrontDoor(observation.name);
  if (pages_ != nullptr) {
    open.embedded |= pages_->IsEmbedded(SiteOf(observation.name)) ||
                     pages_->IsEmbedded(ServiceOf(observation.name));
  }
  if (open.names.size() >= kMostNames) open.names.pop_front();
  open.names.push_back(
      {now_us, name, IsConnection(observation.source), front_door});
  if (front_door && open.episode.front_host().empty() &&
      !open.episode.locked()) {
    open.episode.set_front_host(std::string(observation.name));
  }
  if (open.moments.empty() || quiet_us > kMomentGapUs) {
    if (open.moments.size() < kMostMoments) {
      open.moments.push_back({now_us, name});
      desk.NoteStart(name, now_us);
    } else {
      ++counters_.refused;
    }
  }
}

void EpisodeTracker::OnRepeat(const Observation& observation) {
  if (observation.flow == 0 || observation.source == NameSource::kDns) return;
  Scene& scene = DeskOf(observation.src).scene;
  scene.NameFlow(observation.flow, scene.Hash(ServiceOf(observation.name)));
}

void EpisodeTracker::OnFlow(const FlowProgress& progress) {
  OnTime(progress.time_us);
  Desk& desk = DeskOf(progress.client);
  Scene::FlowChange change = desk.scene.OnFlow(progress);
  if (change.service == 0 || change.received_bytes() == 0) return;
  auto found = desk.open.find(change.service);
  if (found == desk.open.end()) return;
  Open& open = *found->second;
  // A page that stays open in another tab goes on loading over connections
  // of its own: what counts is what this contact brought. A connection that
  // the browser made ahead and did not use yet is no other page's.
  if (change.begun_us < open.episode.start_unix_us()) return;
  open.changed = true;
  open.AddData(change.earlier_us, change.earlier_bytes);
  open.AddData(progress.time_us, change.now_bytes);
  open.episode.set_received_bytes(open.episode.received_bytes() +
                                  change.received_bytes());
}

void EpisodeTracker::Settle(Desk& desk, const Open& open, Moment& moment) {
  const int64_t at_us = moment.time_us;
  Scene& scene = desk.scene;
  MomentFacts& facts = moment.around;
  facts.silence_us = scene.SilenceBefore(at_us, open.service);
  facts.one_hop = scene.OneHopBefore(at_us, open.service);
  facts.page_busy = scene.PageBusyBefore(at_us, open.service);
  facts.crowd = scene.SitesBetween(at_us - kCrowdUs, at_us - 1, open.service);
  facts.company = scene.SitesBetween(at_us, at_us + kLookAheadUs, open.service);
  facts.program = open.episode.process() == v1::PROCESS_KIND_OTHER ||
                  scene.IsProgram(moment.name);
  facts.regular = desk.IsRegular(moment.name, desk.last_us);
  if (pages_ != nullptr) {
    facts.unembedded = pages_->knows_embeds() && !open.embedded;
    facts.explained =
        pages_->knows_pairs() &&
        scene.BroughtInBefore(at_us, open.service, [&](uint64_t page) {
          return pages_->BringsIn(page, open.site);
        });
  }
  moment.settled = true;
}

MomentFacts EpisodeTracker::FactsOf(const Open& open,
                                    const Moment& moment) const {
  MomentFacts facts = moment.around;
  const int64_t at_us = moment.time_us;
  std::set<NameHash> own;
  for (const Open::Name& name : open.names) {
    if (name.front_door && name.time_us <= at_us + 1'000'000) {
      facts.front_door = true;
    }
    facts.connected |= name.connection;
    const int64_t after_us = name.time_us - at_us;
    if (after_us < 0) continue;
    if (after_us < kOwnHostsUs) own.insert(name.name);
    if (!name.connection || after_us >= kParallelWithinUs) continue;
    uint32_t together = 0;
    for (const Open::Name& other : open.names) {
      together += other.connection && other.name == name.name &&
                  other.time_us >= name.time_us &&
                  other.time_us - name.time_us <= kParallelUs;
    }
    facts.parallel = std::max(facts.parallel, together);
  }
  facts.own_hosts = static_cast<uint32_t>(own.size());
  int64_t first_us = 0, last_us = 0;
  for (const auto& [number, span] : open.data) {
    if (span.last_us < at_us || span.last_us >= at_us + kDataUs) continue;
    facts.received_bytes += span.received;
    if (span.received <= kAnyData) continue;
    if (first_us == 0) first_us = std::max(span.first_us, at_us);
    last_us = span.last_us;
  }
  facts.data_us = last_us - first_us;
  facts.connected |= facts.received_bytes > kAnswer;
  if (open.enforced) facts.connected = facts.received_bytes > kLeakBytes;
  return facts;
}

// Grades the episode by the best of its moments.
void EpisodeTracker::Regrade(Desk& desk, Open& open, int64_t now_us) {
  const bool ripe = std::any_of(
      open.moments.begin(), open.moments.end(), [&](const Moment& moment) {
        return !moment.settled && now_us - moment.time_us >= kLookAheadUs;
      });
  if (!ripe && !std::exchange(open.changed, false)) return;
  open.changed = false;
  bool first = true;
  v1::Episode best;
  for (Moment& moment : open.moments) {
    // What comes right after belongs to the picture.
    if (now_us - moment.time_us < kLookAheadUs) continue;
    if (!moment.settled) Settle(desk, open, moment);
    v1::Episode graded;
    GradeMoment(FactsOf(open, moment), &graded);
    const auto order = [](const v1::Episode& e) {
      return std::make_pair(Rank(e.grade()), e.half_points());
    };
    if (!first && order(graded) <= order(best)) continue;
    first = false;
    best = std::move(graded);
    open.best_us = moment.time_us;
  }
  if (first) return;
  open.episode.set_grade(best.grade());
  open.episode.set_half_points(best.half_points());
  *open.episode.mutable_evidence() = best.evidence();
}

bool EpisodeTracker::IsDue(const Open& open, int64_t now_us) const {
  const int64_t age_us = now_us - open.episode.start_unix_us();
  const bool over = now_us - open.last_us > kGapUs;
  const v1::Grade grade = open.episode.grade();
  if (grade == v1::GRADE_ATTEMPT) return true;
  if (age_us >= kLongestUs) return true;
  if (open.urgent) {
    if (grade == v1::GRADE_OPENED) return true;
    if (age_us >= kSeriousUs) return true;
  }
  // Data may follow for a while after the last name.
  if (!over) return false;
  if (Rank(grade) == 0 && open.data.empty()) return true;
  return now_us - open.last_us > kDataUs;
}

void EpisodeTracker::Tell(Open& open, int64_t now_us) {
  if (std::exchange(open.told, true)) return;
  v1::Episode& episode = open.episode;
  int64_t end_us = open.last_us;
  if (!open.data.empty()) {
    end_us = std::max(end_us, open.data.rbegin()->second.last_us);
  }
  if (open.best_us != 0 && Rank(episode.grade()) >= 2) {
    episode.set_start_unix_us(open.best_us);
  }
  episode.set_end_unix_us(std::max(end_us, episode.start_unix_us()));
  if (episode.front_host().empty() && !episode.locked()) {
    episode.set_front_host(open.first_host);
  }
  v1::Event event;
  event.set_time_unix_us(now_us);
  event.set_lane(episode.locked() ? v1::LANE_URGENT : v1::LANE_NORMAL);
  *event.mutable_person() = open.person;
  *event.mutable_episode() = episode;
  ++counters_.episodes;
  sink_.Emit(std::move(event));
}

void EpisodeTracker::Decide(Desk& desk, int64_t now_us, bool all) {
  // Told in the order in which they began, so that a replay repeats exactly.
  std::vector<Open*> open;
  for (auto& [service, one] : desk.open) open.push_back(one.get());
  std::sort(open.begin(), open.end(), [](const Open* a, const Open* b) {
    return std::make_pair(a->episode.start_unix_us(), a->service) <
           std::make_pair(b->episode.start_unix_us(), b->service);
  });
  for (Open* one : open) {
    // The clock was set back: its times say nothing beside those to come.
    const bool ends = all || one->last_us > now_us + kOutOfOrderUs;
    if (!one->told) {
      const int64_t last_us = std::max(now_us, one->last_us);
      Regrade(desk, *one, ends ? last_us + kLookAheadUs : now_us);
      if (ends || IsDue(*one, now_us)) Tell(*one, now_us);
    }
    const bool over = one->told && now_us - one->last_us > kGapUs;
    if (over || ends) desk.open.erase(NameHash{one->service});
  }
}

void EpisodeTracker::OnTime(int64_t now_us) {
  if (!IsOlder(decided_us_, now_us, kDecideEveryUs)) return;
  decided_us_ = now_us;
  for (auto& [source, desk] : desks_) {
    Decide(*desk, now_us, /*all=*/false);
    desk->scene.Forget(now_us);
  }
}

void EpisodeTracker::Finish(int64_t now_us) {
  for (auto& [source, desk] : desks_) Decide(*desk, now_us, /*all=*/true);
}

std::shared_ptr<const rules::PageKnowledge> PagesOf(
    const std::shared_ptr<const rules::Ruleset>& rules) {
  if (rules == nullptr) return nullptr;
  return {rules, &rules->tables().pages()};
}

std::string GravestCategory(const rules::Decision& decision) {
  std::string gravest;
  for (const std::string& category : decision.categories) {
    if (gravest.empty() || Gravity(category) > Gravity(gravest)) {
      gravest = category;
    }
  }
  return gravest;
}

}  // namespace schoolgate::agent
