// What a store of events must do whose server is killed while it writes.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <thread>

#include "collector/store/event_store.h"
#include "collector/store/event_store_conformance_test.h"

namespace schoolgate::collector {
namespace {

// Kills the server, by `restart`, three times under load. What was acknowledged
// must be there, once, and what was not must not be seen twice when it is sent
// again. The store is empty at first.
void SurvivesItsServer(EventStore& store,
                       const std::function<void()>& restart) {
  uint64_t acknowledged = 0;
  std::atomic<int> batches{0};
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    while (!stop) {
      const auto stored =
          store.Append(Contacts("D-1", acknowledged + 1, acknowledged + 5));
      if (stored.ok()) acknowledged += 5;  // else it is sent again
      batches += stored.ok();
    }
  });
  for (int round = 1; round <= 3; ++round) {
    while (batches < round * 20) std::this_thread::yield();
    restart();
  }
  stop = true;
  writer.join();
  EXPECT_GT(acknowledged, 0u);
  const auto again = store.Append(Contacts("D-1", 1, acknowledged + 5));
  ASSERT_TRUE(again.ok()) << again.status();
  EventQuery query;
  query.limit = 1'000'000;
  EXPECT_EQ(store.Find(query)->size(), acknowledged + 5);
  uint64_t cursor = 0;
  EXPECT_EQ(store.ReadAfter(0, 1'000'000, &cursor)->size(), acknowledged + 5);
  EXPECT_EQ(store.DurableSequence("D-1", 7).value(), acknowledged + 5);
}

}  // namespace
}  // namespace schoolgate::collector
