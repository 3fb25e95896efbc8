#include "collector/postgres/postgres_stores.h"

namespace schoolgate::collector {
namespace {

#define SG_ATTACHMENT_LISTED \
  "id, alert, name, type, bytes, hash, added_by, added_us"

Attachment From(const Rows& rows, int row) {
  return {.id = static_cast<uint64_t>(rows.Int(row, 0)),
          .alert = static_cast<uint64_t>(rows.Int(row, 1)),
          .name = rows.Bytes(row, 2),
          .type = rows.Bytes(row, 3),
          .bytes = static_cast<uint64_t>(rows.Int(row, 4)),
          .hash = rows.Bytes(row, 5),
          .added_by = rows.Bytes(row, 6),
          .added = absl::FromUnixMicros(rows.Int(row, 7))};
}

class PostgresAttachmentStore : public AttachmentStore {
 public:
  explicit PostgresAttachmentStore(std::shared_ptr<Postgres> database)
      : database_(std::move(database)) {}

  absl::Status Put(const Attachment& one) override {
    return database_
        ->Run("INSERT INTO attachment VALUES($1,$2,$3,$4,$5,$6,$7,$8,$9)",
              Parameters()
                  .Int(static_cast<int64_t>(one.id))
                  .Int(static_cast<int64_t>(one.alert))
                  .Bytes(one.name)
                  .Bytes(one.type)
                  .Int(static_cast<int64_t>(one.bytes))
                  .Bytes(one.hash)
                  .Bytes(one.added_by)
                  .Int(absl::ToUnixMicros(one.added))
                  .Bytes(one.sealed))
        .status();
  }

  absl::StatusOr<Attachment> Get(uint64_t id) override {
    const absl::StatusOr<Rows> rows = database_->Run(
        "SELECT " SG_ATTACHMENT_LISTED ", sealed FROM attachment WHERE id=$1",
        Parameters().Int(static_cast<int64_t>(id)));
    if (!rows.ok()) return rows.status();
    if (rows->size() == 0) return absl::NotFoundError("no such attachment");
    Attachment one = From(*rows, 0);
    one.sealed = rows->Bytes(0, 8);
    return one;
  }

  absl::StatusOr<std::vector<Attachment>> Of(uint64_t alert) override {
    const absl::StatusOr<Rows> rows =
        database_->Run("SELECT " SG_ATTACHMENT_LISTED
                       " FROM attachment WHERE alert=$1 ORDER BY added_us, id",
                       Parameters().Int(static_cast<int64_t>(alert)));
    if (!rows.ok()) return rows.status();
    std::vector<Attachment> all;
    for (int row = 0; row < rows->size(); ++row) {
      all.push_back(From(*rows, row));
    }
    return all;
  }

  absl::Status Remove(uint64_t id) override {
    return database_
        ->Run("DELETE FROM attachment WHERE id=$1",
              Parameters().Int(static_cast<int64_t>(id)))
        .status();
  }

  absl::StatusOr<uint64_t> DropOrphans() override {
    const absl::StatusOr<Rows> rows = database_->Run(
        "DELETE FROM attachment WHERE alert NOT IN (SELECT id FROM alert)");
    if (!rows.ok()) return rows.status();
    return static_cast<uint64_t>(rows->affected());
  }

 private:
  const std::shared_ptr<Postgres> database_;
};

}  // namespace

std::unique_ptr<AttachmentStore> MakePostgresAttachmentStore(
    std::shared_ptr<Postgres> database) {
  return std::make_unique<PostgresAttachmentStore>(std::move(database));
}

}  // namespace schoolgate::collector
