#include "absl/strings/str_cat.h"
#include "collector/postgres/postgres_stores.h"
#include "collector/postgres/times.h"

namespace schoolgate::collector {
namespace {

class PostgresHeldEvents : public HeldEvents {
 public:
  explicit PostgresHeldEvents(std::shared_ptr<Postgres> database)
      : database_(std::move(database)) {}

  absl::Status Keep(uint64_t alert,
                    std::span<const StoredEvent> events) override {
    return database_->Transact([&](Connection& connection) {
      for (const StoredEvent& one : events) {
        const absl::Status put =
            connection
                .Run(
                    "INSERT INTO held_event VALUES($1,$2,$3,$4,$5,$6,$7,$8)"
                    " ON CONFLICT DO NOTHING",
                    Parameters()
                        .Int(static_cast<int64_t>(alert))
                        .Bytes(one.device)
                        .Int(static_cast<int64_t>(one.epoch))
                        .Int(static_cast<int64_t>(one.event.sequence()))
                        .Bytes(one.school)
                        .Int(ToMicros(one.received))
                        .Int(ToMicros(one.happened))
                        .Bytes(one.event.SerializeAsString()))
                .status();
        if (!put.ok()) return put;
      }
      return absl::OkStatus();
    });
  }

  absl::StatusOr<std::vector<StoredEvent>> Of(uint64_t alert) override {
    const absl::StatusOr<Rows> rows = database_->Run(
        "SELECT school, device, epoch, received_us, happened_us, body"
        " FROM held_event WHERE alert=$1 ORDER BY device, epoch, sequence",
        Parameters().Int(static_cast<int64_t>(alert)));
    if (!rows.ok()) return rows.status();
    std::vector<StoredEvent> events(static_cast<size_t>(rows->size()));
    for (int row = 0; row < rows->size(); ++row) {
      StoredEvent& one = events[static_cast<size_t>(row)];
      one.school = rows->Bytes(row, 0);
      one.device = rows->Bytes(row, 1);
      one.epoch = static_cast<uint64_t>(rows->Int(row, 2));
      one.received = FromMicros(rows->Int(row, 3));
      one.happened = FromMicros(rows->Int(row, 4));
      if (!one.event.ParseFromString(rows->Bytes(row, 5))) {
        return absl::DataLossError(
            absl::StrCat("held event of alert ", alert, ": cannot be read"));
      }
    }
    return events;
  }

  absl::Status Drop(uint64_t alert) override {
    return database_
        ->Run("DELETE FROM held_event WHERE alert=$1",
              Parameters().Int(static_cast<int64_t>(alert)))
        .status();
  }

 private:
  const std::shared_ptr<Postgres> database_;
};

}  // namespace

std::unique_ptr<HeldEvents> MakePostgresHeldEvents(
    std::shared_ptr<Postgres> database) {
  return std::make_unique<PostgresHeldEvents>(std::move(database));
}

}  // namespace schoolgate::collector
