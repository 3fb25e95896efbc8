#include <algorithm>

#include "absl/strings/str_cat.h"
#include "collector/postgres/postgres_stores.h"
#include "collector/postgres/times.h"

namespace schoolgate::collector {
namespace {

#define SG_DEVICE_COLUMNS                                             \
  "id, school, group_name, hostname, inventory_number, hardware_id,"  \
  " signing_key, contact_nonce, state, enrolled_us, last_contact_us," \
  " heartbeat, heartbeat_us, certificate_expires_us, clock_offset_us"
#define SG_TOKEN_COLUMNS \
  "id, secret_hash, school, group_name, uses_left, expires_us, withdrawn"

Device DeviceFrom(const Rows& rows, int row) {
  Device device;
  device.id = rows.Bytes(row, 0);
  device.school = rows.Bytes(row, 1);
  device.group = rows.Bytes(row, 2);
  device.hostname = rows.Bytes(row, 3);
  device.inventory_number = rows.Bytes(row, 4);
  device.hardware_id = rows.Bytes(row, 5);
  device.signing_key = rows.Bytes(row, 6);
  device.contact_nonce = rows.Bytes(row, 7);
  device.state = static_cast<DeviceState>(rows.Int(row, 8));
  device.enrolled = FromMicros(rows.Int(row, 9));
  device.last_contact = FromMicros(rows.Int(row, 10));
  // A heartbeat that cannot be read is replaced within a minute.
  if (!device.heartbeat.ParseFromString(rows.Bytes(row, 11))) {
    device.heartbeat.Clear();
  }
  device.heartbeat_time = FromMicros(rows.Int(row, 12));
  device.certificate_expires = FromMicros(rows.Int(row, 13));
  device.clock_offset = absl::Microseconds(rows.Int(row, 14));
  return device;
}

EnrolToken TokenFrom(const Rows& rows, int row) {
  EnrolToken token;
  token.id = rows.Bytes(row, 0);
  token.secret_hash = rows.Bytes(row, 1);
  token.school = rows.Bytes(row, 2);
  token.group = rows.Bytes(row, 3);
  token.uses_left = static_cast<uint32_t>(rows.Int(row, 4));
  token.expires = FromMicros(rows.Int(row, 5));
  token.withdrawn = rows.Int(row, 6) != 0;
  return token;
}

constexpr char kPut[] =
    "INSERT INTO device(" SG_DEVICE_COLUMNS
    ") VALUES($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15)"
    " ON CONFLICT (id) DO UPDATE SET school=excluded.school,"
    " group_name=excluded.group_name, hostname=excluded.hostname,"
    " inventory_number=excluded.inventory_number,"
    " hardware_id=excluded.hardware_id, signing_key=excluded.signing_key,"
    " contact_nonce=excluded.contact_nonce, state=excluded.state,"
    " enrolled_us=excluded.enrolled_us,"
    " last_contact_us=excluded.last_contact_us, heartbeat=excluded.heartbeat,"
    " heartbeat_us=excluded.heartbeat_us,"
    " certificate_expires_us=excluded.certificate_expires_us,"
    " clock_offset_us=excluded.clock_offset_us";

constexpr char kContact[] =
    "UPDATE device SET"
    " contact_nonce=CASE $2::bigint WHEN 1 THEN $3 ELSE contact_nonce END,"
    " last_contact_us=CASE $4::bigint WHEN 1 THEN $5 ELSE last_contact_us END,"
    " clock_offset_us=CASE $6::bigint WHEN 1 THEN $7 ELSE clock_offset_us END,"
    " heartbeat=CASE $8::bigint WHEN 1 THEN $9 ELSE heartbeat END,"
    " heartbeat_us=CASE $8::bigint WHEN 1 THEN $10 ELSE heartbeat_us END,"
    " certificate_expires_us="
    "CASE $11::bigint WHEN 1 THEN $12 ELSE certificate_expires_us END"
    " WHERE id=$1";

Parameters ParametersOf(const DeviceContact& contact) {
  Parameters parameters;
  parameters.Bytes(contact.id)
      .Int(contact.contact_nonce.has_value())
      .Bytes(contact.contact_nonce.value_or(""))
      .Int(contact.last_contact.has_value())
      .Int(ToMicros(contact.last_contact.value_or(absl::UnixEpoch())))
      .Int(contact.clock_offset.has_value())
      .Int(absl::ToInt64Microseconds(
          contact.clock_offset.value_or(absl::Duration())))
      .Int(contact.heartbeat.has_value())
      .Bytes(contact.heartbeat ? contact.heartbeat->SerializeAsString() : "")
      .Int(ToMicros(contact.heartbeat_time))
      .Int(contact.certificate_expires.has_value())
      .Int(ToMicros(contact.certificate_expires.value_or(absl::UnixEpoch())));
  return parameters;
}

class PostgresDeviceStore : public DeviceStore {
 public:
  explicit PostgresDeviceStore(std::shared_ptr<Postgres> database)
      : database_(std::move(database)) {}

  absl::Status Put(const Device& device) override {
    return database_
        ->Run(kPut, Parameters()
                        .Bytes(device.id)
                        .Bytes(device.school)
                        .Bytes(device.group)
                        .Bytes(device.hostname)
                        .Bytes(device.inventory_number)
                        .Bytes(device.hardware_id)
                        .Bytes(device.signing_key)
                        .Bytes(device.contact_nonce)
                        .Int(static_cast<int64_t>(device.state))
                        .Int(ToMicros(device.enrolled))
                        .Int(ToMicros(device.last_contact))
                        .Bytes(device.heartbeat.SerializeAsString())
                        .Int(ToMicros(device.heartbeat_time))
                        .Int(ToMicros(device.certificate_expires))
                        .Int(absl::ToInt64Microseconds(device.clock_offset)))
        .status();
  }

  absl::StatusOr<Device> Get(const std::string& id) override {
    const absl::StatusOr<Rows> rows =
        database_->Run("SELECT " SG_DEVICE_COLUMNS " FROM device WHERE id=$1",
                       Parameters().Bytes(id));
    if (!rows.ok()) return rows.status();
    if (rows->size() == 0) {
      return absl::NotFoundError(absl::StrCat(id, ": no such device"));
    }
    return DeviceFrom(*rows, 0);
  }

  absl::StatusOr<std::vector<Device>> All(const std::string& school) override {
    const absl::StatusOr<Rows> rows = database_->Run(
        "SELECT " SG_DEVICE_COLUMNS
        " FROM device WHERE $1::bytea='' OR school=$1 ORDER BY id",
        Parameters().Bytes(school));
    if (!rows.ok()) return rows.status();
    std::vector<Device> devices;
    for (int row = 0; row < rows->size(); ++row) {
      devices.push_back(DeviceFrom(*rows, row));
    }
    return devices;
  }

  absl::Status RecordContacts(
      std::span<const DeviceContact> contacts) override {
    // Always in the same order, so that two collectors cannot block each
    // other; of one device in the order given.
    std::vector<const DeviceContact*> ordered;
    for (const DeviceContact& contact : contacts) ordered.push_back(&contact);
    std::stable_sort(
        ordered.begin(), ordered.end(),
        [](const auto* a, const auto* b) { return a->id < b->id; });
    return database_->Transact([&](Connection& connection) {
      for (const DeviceContact* contact : ordered) {
        const absl::Status status =
            connection.Run(kContact, ParametersOf(*contact)).status();
        if (!status.ok()) return status;
      }
      return absl::OkStatus();
    });
  }

  absl::Status SetState(const std::string& id, DeviceState state) override {
    const absl::StatusOr<Rows> rows =
        database_->Run("UPDATE device SET state=$1 WHERE id=$2",
                       Parameters().Int(static_cast<int64_t>(state)).Bytes(id));
    if (!rows.ok()) return rows.status();
    if (rows->affected() == 1) return absl::OkStatus();
    return absl::NotFoundError(absl::StrCat(id, ": no such device"));
  }

  absl::Status PutToken(const EnrolToken& token) override {
    return database_
        ->Run("INSERT INTO enrol_token(" SG_TOKEN_COLUMNS
              ") VALUES($1,$2,$3,$4,$5,$6,$7) ON CONFLICT (id) DO UPDATE SET"
              " secret_hash=excluded.secret_hash, school=excluded.school,"
              " group_name=excluded.group_name, uses_left=excluded.uses_left,"
              " expires_us=excluded.expires_us, withdrawn=excluded.withdrawn",
              Parameters()
                  .Bytes(token.id)
                  .Bytes(token.secret_hash)
                  .Bytes(token.school)
                  .Bytes(token.group)
                  .Int(token.uses_left)
                  .Int(ToMicros(token.expires))
                  .Int(token.withdrawn ? 1 : 0))
        .status();
  }

  absl::StatusOr<EnrolToken> GetToken(const std::string& id) override {
    const absl::StatusOr<Rows> rows = database_->Run(
        "SELECT " SG_TOKEN_COLUMNS " FROM enrol_token WHERE id=$1",
        Parameters().Bytes(id));
    if (!rows.ok()) return rows.status();
    if (rows->size() == 0) {
      return absl::NotFoundError(
          "enrolment token: not known to this collector");
    }
    return TokenFrom(*rows, 0);
  }

  absl::StatusOr<std::vector<EnrolToken>> AllTokens() override {
    const absl::StatusOr<Rows> rows = database_->Run(
        "SELECT " SG_TOKEN_COLUMNS " FROM enrol_token ORDER BY expires_us, id");
    if (!rows.ok()) return rows.status();
    std::vector<EnrolToken> tokens;
    for (int row = 0; row < rows->size(); ++row) {
      tokens.push_back(TokenFrom(*rows, row));
    }
    return tokens;
  }

  absl::Status UseToken(const std::string& id, absl::Time now) override {
    const absl::StatusOr<Rows> used = database_->Run(
        "UPDATE enrol_token SET uses_left=uses_left-1 WHERE id=$1 AND"
        " uses_left>0 AND withdrawn=0 AND expires_us>$2",
        Parameters().Bytes(id).Int(ToMicros(now)));
    if (!used.ok()) return used.status();
    if (used->affected() == 1) return absl::OkStatus();
    const absl::StatusOr<EnrolToken> token = GetToken(id);
    if (!token.ok()) return token.status();
    const char* why = token->withdrawn        ? "was withdrawn"
                      : token->expires <= now ? "has expired"
                                              : "has no uses left";
    return absl::FailedPreconditionError(absl::StrCat(
        "enrolment token ", id, ": ", why,
        ": make a new one with `schoolgate-collector enrol-token`"));
  }

 private:
  const std::shared_ptr<Postgres> database_;
};

}  // namespace

std::unique_ptr<DeviceStore> MakePostgresDeviceStore(
    std::shared_ptr<Postgres> database) {
  return std::make_unique<PostgresDeviceStore>(std::move(database));
}

}  // namespace schoolgate::collector
