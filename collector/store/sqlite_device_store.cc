#include <mutex>

#include "absl/strings/str_cat.h"
#include "collector/store/device_store.h"
#include "collector/store/sqlite.h"

namespace schoolgate::collector {
namespace {

constexpr char kSchema[] =
    "CREATE TABLE IF NOT EXISTS device("
    "  id TEXT PRIMARY KEY, school TEXT NOT NULL, group_name TEXT NOT NULL,"
    "  hostname TEXT NOT NULL, inventory_number TEXT NOT NULL,"
    "  hardware_id TEXT NOT NULL, signing_key BLOB NOT NULL,"
    "  contact_nonce BLOB NOT NULL, state INTEGER NOT NULL,"
    "  enrolled_us INTEGER NOT NULL, last_contact_us INTEGER NOT NULL,"
    "  heartbeat BLOB NOT NULL, heartbeat_us INTEGER NOT NULL,"
    "  certificate_expires_us INTEGER NOT NULL,"
    "  clock_offset_us INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS enrol_token("
    "  id TEXT PRIMARY KEY, secret_hash BLOB NOT NULL, school TEXT NOT NULL,"
    "  group_name TEXT NOT NULL, uses_left INTEGER NOT NULL,"
    "  expires_us INTEGER NOT NULL, withdrawn INTEGER NOT NULL) WITHOUT ROWID";

constexpr char kDeviceColumns[] =
    "id, school, group_name, hostname, inventory_number, hardware_id,"
    "signing_key, contact_nonce, state, enrolled_us, last_contact_us,"
    "heartbeat, heartbeat_us, certificate_expires_us, clock_offset_us";

constexpr char kTokenColumns[] =
    "id, secret_hash, school, group_name, uses_left, expires_us, withdrawn";

int64_t ToMicros(absl::Time time) {
  if (time == absl::InfinitePast()) return INT64_MIN;
  if (time == absl::InfiniteFuture()) return INT64_MAX;
  return absl::ToUnixMicros(time);
}

absl::Time FromMicros(int64_t micros) {
  if (micros == INT64_MIN) return absl::InfinitePast();
  if (micros == INT64_MAX) return absl::InfiniteFuture();
  return absl::FromUnixMicros(micros);
}

Device DeviceFromRow(const Statement& row) {
  Device device;
  device.id = row.Bytes(0);
  device.school = row.Bytes(1);
  device.group = row.Bytes(2);
  device.hostname = row.Bytes(3);
  device.inventory_number = row.Bytes(4);
  device.hardware_id = row.Bytes(5);
  device.signing_key = row.Bytes(6);
  device.contact_nonce = row.Bytes(7);
  device.state = static_cast<DeviceState>(row.Int(8));
  device.enrolled = FromMicros(row.Int(9));
  device.last_contact = FromMicros(row.Int(10));
  // A heartbeat that cannot be read is replaced within a minute.
  if (!device.heartbeat.ParseFromString(row.Bytes(11))) {
    device.heartbeat.Clear();
  }
  device.heartbeat_time = FromMicros(row.Int(12));
  device.certificate_expires = FromMicros(row.Int(13));
  device.clock_offset = absl::Microseconds(row.Int(14));
  return device;
}

class SqliteDeviceStore : public DeviceStore {
 public:
  explicit SqliteDeviceStore(std::unique_ptr<Database> database)
      : database_(std::move(database)) {}

  absl::Status Put(const Device& device) override {
    const std::lock_guard lock(mutex_);
    absl::StatusOr<Statement> put = database_->Prepare(
        absl::StrCat("INSERT OR REPLACE INTO device(", kDeviceColumns,
                     ") VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"));
    if (!put.ok()) return put.status();
    const std::string heartbeat = device.heartbeat.SerializeAsString();
    return put->BindText(1, device.id)
        .BindText(2, device.school)
        .BindText(3, device.group)
        .BindText(4, device.hostname)
        .BindText(5, device.inventory_number)
        .BindText(6, device.hardware_id)
        .BindBlob(7, device.signing_key)
        .BindBlob(8, device.contact_nonce)
        .Bind(9, static_cast<int64_t>(device.state))
        .Bind(10, ToMicros(device.enrolled))
        .Bind(11, ToMicros(device.last_contact))
        .BindBlob(12, heartbeat)
        .Bind(13, ToMicros(device.heartbeat_time))
        .Bind(14, ToMicros(device.certificate_expires))
        .Bind(15, absl::ToInt64Microseconds(device.clock_offset))
        .Run();
  }

  absl::StatusOr<Device> Get(const std::string& id) override {
    const std::lock_guard lock(mutex_);
    absl::StatusOr<Statement> get = database_->Prepare(
        absl::StrCat("SELECT ", kDeviceColumns, " FROM device WHERE id=?"));
    if (!get.ok()) return get.status();
    const absl::StatusOr<bool> row = get->BindText(1, id).Step();
    if (!row.ok()) return row.status();
    if (!*row) return absl::NotFoundError(absl::StrCat(id, ": no such device"));
    return DeviceFromRow(*get);
  }

  absl::StatusOr<std::vector<Device>> All(const std::string& school) override {
    const std::lock_guard lock(mutex_);
    absl::StatusOr<Statement> all = database_->Prepare(
        absl::StrCat("SELECT ", kDeviceColumns,
                     " FROM device WHERE ?1='' OR school=?1 ORDER BY id"));
    if (!all.ok()) return all.status();
    all->BindText(1, school);
    std::vector<Device> devices;
    while (true) {
      const absl::StatusOr<bool> row = all->Step();
      if (!row.ok()) return row.status();
      if (!*row) return devices;
      devices.push_back(DeviceFromRow(*all));
    }
  }

  absl::Status PutToken(const EnrolToken& token) override {
    const std::lock_guard lock(mutex_);
    absl::StatusOr<Statement> put = database_->Prepare(
        absl::StrCat("INSERT OR REPLACE INTO enrol_token(", kTokenColumns,
                     ") VALUES(?,?,?,?,?,?,?)"));
    if (!put.ok()) return put.status();
    return put->BindText(1, token.id)
        .BindBlob(2, token.secret_hash)
        .BindText(3, token.school)
        .BindText(4, token.group)
        .Bind(5, token.uses_left)
        .Bind(6, ToMicros(token.expires))
        .Bind(7, token.withdrawn ? 1 : 0)
        .Run();
  }

  absl::StatusOr<EnrolToken> GetToken(const std::string& id) override {
    const std::lock_guard lock(mutex_);
    return TokenLocked(id);
  }

  absl::Status UseToken(const std::string& id, absl::Time now) override {
    const std::lock_guard lock(mutex_);
    absl::StatusOr<Statement> use = database_->Prepare(
        "UPDATE enrol_token SET uses_left=uses_left-1 WHERE id=? AND"
        " uses_left>0 AND withdrawn=0 AND expires_us>?");
    if (!use.ok()) return use.status();
    const absl::Status status =
        use->BindText(1, id).Bind(2, ToMicros(now)).Run();
    if (!status.ok()) return status;
    if (database_->Changes() == 1) return absl::OkStatus();
    const absl::StatusOr<EnrolToken> token = TokenLocked(id);
    if (!token.ok()) return token.status();
    const char* why = token->withdrawn        ? "was withdrawn"
                      : token->expires <= now ? "has expired"
                                              : "has no uses left";
    return absl::FailedPreconditionError(absl::StrCat(
        "enrolment token ", id, ": ", why,
        ": make a new one with `schoolgate-collector enrol-token`"));
  }

 private:
  absl::StatusOr<EnrolToken> TokenLocked(const std::string& id) {
    absl::StatusOr<Statement> get = database_->Prepare(
        absl::StrCat("SELECT ", kTokenColumns, " FROM enrol_token WHERE id=?"));
    if (!get.ok()) return get.status();
    const absl::StatusOr<bool> row = get->BindText(1, id).Step();
    if (!row.ok()) return row.status();
    if (!*row) {
      return absl::NotFoundError(
          "enrolment token: not known to this collector");
    }
    EnrolToken token;
    token.id = get->Bytes(0);
    token.secret_hash = get->Bytes(1);
    token.school = get->Bytes(2);
    token.group = get->Bytes(3);
    token.uses_left = static_cast<uint32_t>(get->Int(4));
    token.expires = FromMicros(get->Int(5));
    token.withdrawn = get->Int(6) != 0;
    return token;
  }

  std::mutex mutex_;
  const std::unique_ptr<Database> database_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<DeviceStore>> OpenSqliteDeviceStore(
    const std::string& file) {
  absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(file);
  if (!database.ok()) return database.status();
  const absl::Status status = (*database)->Execute(kSchema);
  if (!status.ok()) return status;
  return std::make_unique<SqliteDeviceStore>(*std::move(database));
}

}  // namespace schoolgate::collector
