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

EnrolToken TokenFromRow(const Statement& row) {
  EnrolToken token;
  token.id = row.Bytes(0);
  token.secret_hash = row.Bytes(1);
  token.school = row.Bytes(2);
  token.group = row.Bytes(3);
  token.uses_left = static_cast<uint32_t>(row.Int(4));
  token.expires = FromMicros(row.Int(5));
  token.withdrawn = row.Int(6) != 0;
  return token;
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

  absl::Status RecordContacts(
      std::span<const DeviceContact> contacts) override {
    const std::lock_guard lock(mutex_);
    Transaction transaction(*database_);
    absl::Status status = transaction.Begin();
    if (!status.ok()) return status;
    absl::StatusOr<Statement> update = database_->Prepare(
        "UPDATE device SET"
        " contact_nonce=CASE ?2 WHEN 1 THEN ?3 ELSE contact_nonce END,"
        " last_contact_us=CASE ?4 WHEN 1 THEN ?5 ELSE last_contact_us END,"
        " clock_offset_us=CASE ?6 WHEN 1 THEN ?7 ELSE clock_offset_us END,"
        " heartbeat=CASE ?8 WHEN 1 THEN ?9 ELSE heartbeat END,"
        " heartbeat_us=CASE ?8 WHEN 1 THEN ?10 ELSE heartbeat_us END,"
        " certificate_expires_us="
        "CASE ?11 WHEN 1 THEN ?12 ELSE certificate_expires_us END"
        " WHERE id=?1");
    if (!update.ok()) return update.status();
    for (const DeviceContact& contact : contacts) {
      const std::string nonce = contact.contact_nonce.value_or("");
      const std::string heartbeat =
          contact.heartbeat ? contact.heartbeat->SerializeAsString() : "";
      status =
          update->BindText(1, contact.id)
              .Bind(2, contact.contact_nonce.has_value())
              .BindBlob(3, nonce)
              .Bind(4, contact.last_contact.has_value())
              .Bind(5,
                    ToMicros(contact.last_contact.value_or(absl::UnixEpoch())))
              .Bind(6, contact.clock_offset.has_value())
              .Bind(7, absl::ToInt64Microseconds(
                           contact.clock_offset.value_or(absl::Duration())))
              .Bind(8, contact.heartbeat.has_value())
              .BindBlob(9, heartbeat)
              .Bind(10, ToMicros(contact.heartbeat_time))
              .Bind(11, contact.certificate_expires.has_value())
              .Bind(12, ToMicros(contact.certificate_expires.value_or(
                            absl::UnixEpoch())))
              .Run();
      if (!status.ok()) return status;
    }
    return transaction.Commit();
  }

  absl::Status SetState(const std::string& id, DeviceState state) override {
    const std::lock_guard lock(mutex_);
    absl::StatusOr<Statement> set =
        database_->Prepare("UPDATE device SET state=? WHERE id=?");
    if (!set.ok()) return set.status();
    const absl::Status status =
        set->Bind(1, static_cast<int64_t>(state)).BindText(2, id).Run();
    if (!status.ok()) return status;
    if (database_->Changes() == 1) return absl::OkStatus();
    return absl::NotFoundError(absl::StrCat(id, ": no such device"));
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

  absl::StatusOr<std::vector<EnrolToken>> AllTokens() override {
    const std::lock_guard lock(mutex_);
    absl::StatusOr<Statement> all = database_->Prepare(absl::StrCat(
        "SELECT ", kTokenColumns, " FROM enrol_token ORDER BY expires_us"));
    if (!all.ok()) return all.status();
    std::vector<EnrolToken> tokens;
    while (true) {
      const absl::StatusOr<bool> row = all->Step();
      if (!row.ok()) return row.status();
      if (!*row) return tokens;
      tokens.push_back(TokenFromRow(*all));
    }
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
    return TokenFromRow(*get);
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
