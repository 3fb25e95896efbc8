#include "collector/postgres/schema.h"

#include "absl/strings/str_cat.h"

namespace schoolgate::collector {
namespace {

// 2: holds, feeds, second factors, agreements. 3: blocks of ClickHouse, what
// may be erased within a day. 4: when alerts were raised. 5: identities.
// 6: attachments. 7: what passes. 8: pages of a school's books. 9: what reports
// count of an alert. 10: heads of the audit log.
constexpr int64_t kVersion = 10;

// Text that a device or a person wrote is kept as bytes: PostgreSQL's text
// takes neither every byte nor every order that SQLite does.
constexpr char kTables[] = R"sql(
CREATE TABLE IF NOT EXISTS sg_version(
  one bigint PRIMARY KEY CHECK(one=1), version bigint NOT NULL);

CREATE TABLE IF NOT EXISTS device(
  id bytea PRIMARY KEY, school bytea NOT NULL, group_name bytea NOT NULL,
  hostname bytea NOT NULL, inventory_number bytea NOT NULL,
  hardware_id bytea NOT NULL, signing_key bytea NOT NULL,
  contact_nonce bytea NOT NULL, state bigint NOT NULL,
  enrolled_us bigint NOT NULL, last_contact_us bigint NOT NULL,
  heartbeat bytea NOT NULL, heartbeat_us bigint NOT NULL,
  certificate_expires_us bigint NOT NULL, clock_offset_us bigint NOT NULL)
  WITH (fillfactor=70);
CREATE TABLE IF NOT EXISTS enrol_token(
  id bytea PRIMARY KEY, secret_hash bytea NOT NULL, school bytea NOT NULL,
  group_name bytea NOT NULL, uses_left bigint NOT NULL,
  expires_us bigint NOT NULL, withdrawn bigint NOT NULL);

CREATE TABLE IF NOT EXISTS account(
  name bytea PRIMARY KEY, display_name bytea NOT NULL, role bigint NOT NULL,
  school bytea NOT NULL, password_hash bytea NOT NULL,
  must_change bigint NOT NULL, failures bigint NOT NULL,
  locked_until_us bigint NOT NULL, own_pseudonym bytea NOT NULL);

CREATE TABLE IF NOT EXISTS alert(
  id bigint PRIMARY KEY, revision bigint NOT NULL UNIQUE,
  school bytea NOT NULL, severity bigint NOT NULL, state bigint NOT NULL,
  subject bytea NOT NULL, last_us bigint NOT NULL, body bytea NOT NULL);
CREATE INDEX IF NOT EXISTS alert_order ON
  alert(severity DESC, last_us DESC, id DESC);
CREATE INDEX IF NOT EXISTS alert_subject ON alert(subject);
ALTER TABLE alert ADD COLUMN IF NOT EXISTS held bigint NOT NULL DEFAULT 0;
ALTER TABLE alert ADD COLUMN IF NOT EXISTS
  raised_us bigint NOT NULL DEFAULT -1;
ALTER TABLE alert ADD COLUMN IF NOT EXISTS brief bytea;
CREATE INDEX IF NOT EXISTS alert_raised ON alert(school, raised_us);
CREATE INDEX IF NOT EXISTS alert_school ON
  alert(school, severity DESC, last_us DESC, id DESC);
CREATE INDEX IF NOT EXISTS alert_open ON
  alert(school, severity DESC, last_us DESC, id DESC) WHERE state<>5;
CREATE TABLE IF NOT EXISTS alert_counter(
  one bigint PRIMARY KEY CHECK(one=1), revision bigint NOT NULL,
  last_id bigint NOT NULL);
INSERT INTO alert_counter VALUES(1, 0, 0) ON CONFLICT DO NOTHING;

CREATE TABLE IF NOT EXISTS held_event(
  alert bigint NOT NULL, device bytea NOT NULL, epoch bigint NOT NULL,
  sequence bigint NOT NULL, school bytea NOT NULL, received_us bigint NOT NULL,
  happened_us bigint NOT NULL, body bytea NOT NULL,
  PRIMARY KEY(alert, device, epoch, sequence));

CREATE TABLE IF NOT EXISTS feed(
  name bytea PRIMARY KEY, cursor bigint NOT NULL, attempts bigint NOT NULL,
  next_us bigint NOT NULL, sent bigint NOT NULL, dead bigint NOT NULL,
  last_us bigint NOT NULL, error bytea NOT NULL, day bigint NOT NULL);
CREATE TABLE IF NOT EXISTS feed_dead(
  name bytea NOT NULL, alert bigint NOT NULL, revision bigint NOT NULL,
  time_us bigint NOT NULL, why bytea NOT NULL, PRIMARY KEY(name, revision));
CREATE TABLE IF NOT EXISTS feed_mark(
  name bytea NOT NULL, key bytea NOT NULL, PRIMARY KEY(name, key));
CREATE TABLE IF NOT EXISTS feed_token(
  id bytea PRIMARY KEY, hash bytea NOT NULL, account bytea NOT NULL,
  made_us bigint NOT NULL, withdrawn bigint NOT NULL);

CREATE TABLE IF NOT EXISTS second_factor(
  account bytea PRIMARY KEY, secret bytea NOT NULL, last_step bigint NOT NULL,
  recovery bytea NOT NULL);

CREATE TABLE IF NOT EXISTS identity(
  account bytea PRIMARY KEY, email bytea NOT NULL, issuer bytea NOT NULL,
  subject bytea NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS identity_email ON identity(email)
  WHERE email<>'';
CREATE UNIQUE INDEX IF NOT EXISTS identity_subject
  ON identity(issuer, subject) WHERE subject<>'';

CREATE TABLE IF NOT EXISTS attachment(
  id bigint PRIMARY KEY, alert bigint NOT NULL, name bytea NOT NULL,
  type bytea NOT NULL, bytes bigint NOT NULL, hash bytea NOT NULL,
  added_by bytea NOT NULL, added_us bigint NOT NULL, sealed bytea NOT NULL);
CREATE INDEX IF NOT EXISTS attachment_alert ON attachment(alert);

CREATE TABLE IF NOT EXISTS passing(
  kind bytea NOT NULL, key bytea NOT NULL, owner bytea NOT NULL,
  body bytea NOT NULL, begun_us bigint NOT NULL, used_us bigint NOT NULL,
  PRIMARY KEY(kind, key)) WITH (fillfactor=70);

CREATE TABLE IF NOT EXISTS digest_agreement(
  school bytea NOT NULL, kind bytea NOT NULL, in_digest bigint NOT NULL,
  proposed_by bytea NOT NULL, changed_by bytea NOT NULL,
  changed_us bigint NOT NULL, PRIMARY KEY(school, kind));
CREATE TABLE IF NOT EXISTS published_report(
  school bytea NOT NULL, period bytea NOT NULL, body bytea NOT NULL,
  PRIMARY KEY(school, period));
CREATE TABLE IF NOT EXISTS book_page(
  school bytea NOT NULL, book bytea NOT NULL, name bytea NOT NULL,
  body bytea NOT NULL, changed_by bytea NOT NULL, changed_us bigint NOT NULL,
  PRIMARY KEY(school, book, name));

CREATE TABLE IF NOT EXISTS audit(
  number bigint PRIMARY KEY, time_us bigint NOT NULL, who bytea NOT NULL,
  action bytea NOT NULL, about bytea NOT NULL, detail bytea NOT NULL,
  hash bytea NOT NULL);
CREATE TABLE IF NOT EXISTS audit_head(
  one bigint PRIMARY KEY CHECK(one=1), number bigint NOT NULL,
  hash bytea NOT NULL, time_us bigint NOT NULL, key bytea NOT NULL,
  signature bytea NOT NULL) WITH (fillfactor=50);
CREATE OR REPLACE FUNCTION audit_is_append_only() RETURNS trigger AS
  $$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$
  LANGUAGE plpgsql;
DROP TRIGGER IF EXISTS audit_no_change ON audit;
CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
  EXECUTE FUNCTION audit_is_append_only();
CREATE OR REPLACE FUNCTION audit_is_signed() RETURNS trigger AS
  $$ BEGIN
    IF NEW.number IS DISTINCT FROM (SELECT number FROM audit_head) THEN
      RAISE EXCEPTION 'the audit log takes signed entries alone';
    END IF;
    RETURN NEW;
  END $$ LANGUAGE plpgsql;
DROP TRIGGER IF EXISTS audit_signed ON audit;
CREATE TRIGGER audit_signed BEFORE INSERT ON audit FOR EACH ROW
  EXECUTE FUNCTION audit_is_signed();

CREATE SEQUENCE IF NOT EXISTS event_id CACHE 1;
CREATE TABLE IF NOT EXISTS event(
  id bigint NOT NULL DEFAULT nextval('event_id'), day bigint NOT NULL,
  happened_us bigint NOT NULL, received_us bigint NOT NULL,
  school bytea NOT NULL, device bytea NOT NULL, subject bytea NOT NULL,
  epoch bigint NOT NULL, body bytea NOT NULL) PARTITION BY RANGE (day);
ALTER TABLE event ADD COLUMN IF NOT EXISTS health bigint NOT NULL DEFAULT 0;
CREATE TABLE IF NOT EXISTS event_sweep(
  day bigint PRIMARY KEY, mark bytea NOT NULL);
CREATE INDEX IF NOT EXISTS event_order ON event(id);
CREATE INDEX IF NOT EXISTS event_school ON event(school, happened_us);
CREATE INDEX IF NOT EXISTS event_device ON event(device, happened_us);
CREATE INDEX IF NOT EXISTS event_subject ON event(subject, happened_us)
  WHERE subject<>'';
CREATE TABLE IF NOT EXISTS event_stream(
  device bytea NOT NULL, epoch bigint NOT NULL, durable bigint NOT NULL,
  above bytea NOT NULL, PRIMARY KEY(device, epoch)) WITH (fillfactor=70);
CREATE TABLE IF NOT EXISTS hour_count(
  hour bigint NOT NULL, school bytea NOT NULL, grp bytea NOT NULL,
  category bytea NOT NULL, action bigint NOT NULL, contacts bigint NOT NULL,
  PRIMARY KEY(hour, school, grp, category, action));

CREATE SEQUENCE IF NOT EXISTS event_block_number CACHE 1;
CREATE SEQUENCE IF NOT EXISTS event_block_position CACHE 1;
CREATE TABLE IF NOT EXISTS event_block(
  position bigint PRIMARY KEY, number bigint NOT NULL UNIQUE,
  day bigint NOT NULL, first_hour bigint NOT NULL, last_hour bigint NOT NULL,
  events bigint NOT NULL);
CREATE INDEX IF NOT EXISTS event_block_day ON event_block(day);
CREATE INDEX IF NOT EXISTS event_block_hour ON event_block(last_hour);
CREATE TABLE IF NOT EXISTS event_block_open(
  number bigint PRIMARY KEY, day bigint NOT NULL);
)sql";

}  // namespace

absl::Status MakeTables(Connection& connection) {
  // "IF NOT EXISTS" of two that start at once would still collide.
  absl::Status status =
      connection.Execute("SELECT pg_advisory_xact_lock(7305431, 1)");
  if (!status.ok()) return status;
  const absl::StatusOr<Rows> there = connection.Run(
      "SELECT count(*) FROM pg_class WHERE relname='sg_version' AND"
      " relnamespace=current_schema()::regnamespace");
  if (!there.ok()) return there.status();
  if (there->Int(0, 0) > 0) {
    const absl::StatusOr<Rows> version =
        connection.Run("SELECT version FROM sg_version");
    if (!version.ok()) return version.status();
    if (version->size() == 1 && version->Int(0, 0) == kVersion) {
      return absl::OkStatus();
    }
    if (version->size() == 1 && version->Int(0, 0) > kVersion) {
      return absl::FailedPreconditionError(
          absl::StrCat("PostgreSQL: tables of format ", version->Int(0, 0),
                       ": made by a newer version: start that version"));
    }
  }
  status = connection.Execute(kTables);
  if (status.ok()) status = FillNewColumns(connection);
  if (!status.ok()) return status;
  return connection
      .Run(
          "INSERT INTO sg_version VALUES(1, $1::bigint)"
          " ON CONFLICT (one) DO UPDATE SET version=excluded.version",
          Parameters().Int(kVersion))
      .status();
}

}  // namespace schoolgate::collector
