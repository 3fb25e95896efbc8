#include "collector/cli/load.h"

#include <algorithm>
#include <atomic>
#include <random>
#include <thread>

#include "absl/strings/str_cat.h"
#include "collector/cli/fleet_links.h"
#include "platform/backoff.h"
#include "platform/clock.h"

namespace schoolgate::collector {
namespace {

constexpr uint32_t kThreads = 4;
constexpr absl::Duration kPatience = absl::Minutes(10);
constexpr int64_t kSchoolDaySeconds = 8 * 3600;
constexpr uint64_t kEpoch = 4 | v1::LANE_NORMAL;

absl::Duration Now() { return platform::SystemClock().SinceBoot(); }

v1::Event Base(uint64_t sequence, absl::Time time) {
  v1::Event event;
  event.set_sequence(sequence);
  event.set_time_unix_us(absl::ToUnixMicros(time));
  event.set_boot_id("simulated");
  event.set_lane(v1::LANE_NORMAL);
  return event;
}

// Most people touch nothing much; one in fifty keeps trying one thing.
v1::Event ContactOf(std::mt19937_64& random, uint32_t device, uint64_t sequence,
                    absl::Time time) {
  static constexpr const char* kCategories[] = {"video", "social", "webmail",
                                                "shopping", "games"};
  const bool trier = device % 50 == 7;
  v1::Event event = Base(sequence, time);
  event.mutable_person()->set_pseudonym(absl::StrCat("P-", device));
  event.mutable_person()->set_confidence(v1::CONFIDENCE_CERTAIN);
  event.mutable_person()->set_group(device % 5 == 0 ? "staff" : "pupils");
  v1::Contact* contact = event.mutable_contact();
  const char* category = trier ? "gambling" : kCategories[random() % 5];
  contact->set_host(
      absl::StrCat("www", random() % 40, ".", category, ".example.test"));
  contact->add_categories(category);
  contact->set_action(trier ? v1::ACTION_BLOCK : v1::ACTION_RECORD);
  contact->set_enforced(trier);
  contact->set_rule(absl::StrCat("matrix/", category));
  contact->set_source(v1::NAME_SOURCE_TLS);
  contact->set_process(v1::PROCESS_KIND_BROWSER);
  contact->set_count(1);
  contact->set_place(v1::PLACE_ONSITE);
  return event;
}

// Calls `step` with 0 .. count-1 on several threads; the first error.
absl::Status InParallel(uint32_t count,
                        const std::function<absl::Status(uint32_t)>& step) {
  std::atomic<uint32_t> next{0};
  std::mutex mutex;
  absl::Status first;
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (uint32_t i = next++; i < count; i = next++) {
        const absl::Status status = step(i);
        if (status.ok()) continue;
        const std::lock_guard lock(mutex);
        if (first.ok()) first = status;
        return;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return first;
}

absl::Duration Percentile(std::vector<absl::Duration>& sorted, double share) {
  if (sorted.empty()) return absl::ZeroDuration();
  const size_t index =
      static_cast<size_t>(share * static_cast<double>(sorted.size() - 1));
  return sorted[index];
}

// Tried again while the collector is away or too busy: to enrol twice with one
// key is no harm.
absl::StatusOr<SimulatedIdentity> EnrolPatiently(const SimulatedHome& home,
                                                 const LoadPlan& plan,
                                                 uint32_t device) {
  platform::Backoff backoff(plan.seed + device);
  const absl::Duration until = Now() + kPatience;
  while (true) {
    absl::StatusOr<SimulatedIdentity> identity =
        EnrolSimulated(home, absl::StrCat("simulated-", device));
    const bool away = absl::IsUnavailable(identity.status()) ||
                      absl::IsDeadlineExceeded(identity.status());
    if (!away || Now() >= until) return identity;
    std::this_thread::sleep_for(absl::ToChronoMilliseconds(backoff.Next()));
  }
}

class Load {
 public:
  Load(const SimulatedHome& home, const LoadPlan& plan)
      : home_(home), plan_(plan), devices_(plan.devices) {}

  absl::StatusOr<LoadResult> Run(
      const std::function<absl::StatusOr<std::string>()>& blow) {
    absl::Duration start = Now();
    absl::Status status = InParallel(plan_.devices, [this](uint32_t i) {
      absl::StatusOr<SimulatedIdentity> identity =
          EnrolPatiently(home_, plan_, i);
      if (identity.ok()) devices_[i].identity = *std::move(identity);
      return identity.status();
    });
    if (!status.ok()) return status;
    result_.enrolling = Now() - start;
    start = Now();
    status = InParallel(plan_.devices, [this](uint32_t i) { return Seal(i); });
    if (!status.ok()) return status;
    result_.sealing = Now() - start;
    ConnectAndSend(blow);
    return result_;
  }

 private:
  absl::Status Seal(uint32_t device) {
    absl::StatusOr<std::vector<SealedBatch>> sealed =
        SealBatches(devices_[device].identity, kEpoch, EventsOf(plan_, device),
                    plan_.batch_events);
    if (sealed.ok()) devices_[device].batches = *std::move(sealed);
    return sealed.status();
  }

  void ConnectAndSend(
      const std::function<absl::StatusOr<std::string>()>& blow) {
    for (const FleetDevice& device : devices_) {
      result_.batches += device.batches.size();
      for (const SealedBatch& batch : device.batches) {
        result_.sealed_bytes += batch.bytes;
        result_.events +=
            static_cast<uint64_t>(batch.message.batch().records_size());
      }
    }
    FleetLinks links(home_, devices_,
                     {.epoch = kEpoch,
                      .seed = plan_.seed,
                      .batches_per_second = plan_.rate / plan_.batch_events,
                      .progress = plan_.progress,
                      .acknowledged = [this](absl::Duration latency) {
                        const std::lock_guard lock(mutex_);
                        latencies_.push_back(latency);
                      }});
    absl::Duration start = Now();
    (void)links.Connect(kPatience);  // who is late comes while others send
    result_.connecting = Now() - start;
    start = Now();
    // At a rate that was asked for it takes as long as it takes.
    const absl::Duration planned =
        plan_.rate > 0
            ? absl::Seconds(static_cast<double>(result_.events) / plan_.rate)
            : absl::ZeroDuration();
    (void)links.Send(planned + kPatience, blow);  // the counts tell
    result_.sending = Now() - start;
    result_.links_opened = links.counts().opened;
    result_.links_lost = links.counts().lost;
    result_.links_failed = links.counts().unfinished;
    result_.first_failure = links.counts().first_failure;
    result_.back = links.counts().back;
    const std::lock_guard lock(mutex_);
    std::sort(latencies_.begin(), latencies_.end());
    result_.ack_p50 = Percentile(latencies_, 0.5);
    result_.ack_p99 = Percentile(latencies_, 0.99);
    result_.ack_max = Percentile(latencies_, 1);
  }

  const SimulatedHome& home_;
  const LoadPlan& plan_;
  std::vector<FleetDevice> devices_;
  LoadResult result_;
  std::mutex mutex_;
  std::vector<absl::Duration> latencies_;
};

}  // namespace

std::vector<v1::Event> EventsOf(const LoadPlan& plan, uint32_t device) {
  std::mt19937_64 random(plan.seed * 1'000'003 + device);
  std::vector<v1::Event> events;
  const uint64_t count = uint64_t{plan.days} * plan.events_per_day;
  events.reserve(count);
  const absl::Time first = plan.end - absl::Hours(24) * plan.days;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t day = i / plan.events_per_day;
    const int64_t second = static_cast<int64_t>(i % plan.events_per_day) *
                           kSchoolDaySeconds / plan.events_per_day;
    events.push_back(ContactOf(
        random, device, i + 1,
        first + absl::Hours(24) * day + absl::Seconds(second + random() % 30)));
  }
  return events;
}

absl::StatusOr<LoadResult> RunLoad(
    const SimulatedHome& home, const LoadPlan& plan,
    const std::function<absl::StatusOr<std::string>()>& blow) {
  return Load(home, plan).Run(blow);
}

}  // namespace schoolgate::collector
