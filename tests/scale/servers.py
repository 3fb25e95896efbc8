"""The servers of a scaled-out installation, each started, killed and started
again on loopback, in a directory that goes with them. Debian's programs."""
import glob
import http.client
import json
import os
import pwd
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

PATIENCE = 180
PASSWORD = "a password & 'more'"


def free_ports(count):
    held = []
    for _ in range(count):
        one = socket.socket()
        one.bind(("127.0.0.1", 0))
        held.append(one)
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


def get(url, headers=None, body=None, seconds=5):
    """The answer's text; None when there is none."""
    try:
        request = urllib.request.Request(url, data=body, headers=headers or {})
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            return answer.read().decode()
    except (OSError, ValueError):
        return None


def end_when_stopped():
    """A stop from outside ends the servers as well; a second one does not
    interrupt that."""
    def stop(*_):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise SystemExit("stopped")
    signal.signal(signal.SIGTERM, stop)


def await_true(what, condition, patience=PATIENCE):
    start = time.monotonic()
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() - start > patience:
            raise SystemExit(f"cluster: {what}: not within {patience} s")
        time.sleep(0.1)


def as_account(account, directory):
    """For subprocess: run as that account, which gets the directory."""
    if not account or os.getuid() != 0:
        return {}
    entry = pwd.getpwnam(account)
    os.chown(directory, entry.pw_uid, entry.pw_gid)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


class Server:
    """One server. `command` is a list; `ready` is asked until it is true."""
    account = None  # who runs it; None: whoever runs this
    kept = ("data",)
    environment = {}

    def __init__(self, name, directory):
        self.name = name
        self.directory = os.path.join(directory, name)
        os.makedirs(self.directory)
        self.process = None
        self.stop_signal = signal.SIGTERM

    def command(self):
        raise NotImplementedError

    def ready(self):
        raise NotImplementedError

    def start(self, wait=True):
        who = as_account(self.account, self.directory)
        with open(os.path.join(self.directory, "out"), "ab") as out:
            self.process = subprocess.Popen(
                self.command(), cwd=self.directory, stdout=out, stderr=out,
                stdin=subprocess.DEVNULL, start_new_session=True,
                env={**os.environ, **self.environment}, **who)
        if wait:
            await_true(f"{self.name} is ready",
                       lambda: self.alive() and self.ready())

    def alive(self):
        """True; ends everything with what it said when it has ended."""
        if self.process.poll() is None:
            return True
        with open(os.path.join(self.directory, "out"), encoding="utf-8",
                  errors="replace") as file:
            raise SystemExit(f"cluster: {self.name} ended: {file.read()}")

    def kill(self, number=signal.SIGKILL):
        """The whole group at once, as a machine that loses its power."""
        if self.process is None:
            return
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.process = None

    def lose_disk(self):
        """What it kept is gone; it is to be started again, as operating.md
        says."""
        self.kill()
        for name in self.kept:
            # Removing many files takes longer than the rest of it.
            path = os.path.join(self.directory, name)
            if os.path.exists(path):
                os.rename(path, tempfile.mkdtemp(dir=self.directory) + "/lost")

    def end(self):
        self.kill()


def make_authority(directory):
    """An authority, and below it a certificate for 127.0.0.1."""
    def openssl(*words):
        subprocess.run(["openssl", *words], check=True, cwd=directory,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
               "-nodes")
    openssl("req", "-x509", *new_key, "-keyout", "authority.key", "-out",
            "authority.crt", "-subj", "/CN=events", "-days", "2")
    with open(os.path.join(directory, "names"), "w", encoding="ascii") as file:
        file.write("subjectAltName=IP:127.0.0.1\n")
    openssl("req", *new_key, "-keyout", "events.key", "-out", "events.csr",
            "-subj", "/CN=events server")
    openssl("x509", "-req", "-in", "events.csr", "-CA", "authority.crt",
            "-CAkey", "authority.key", "-CAcreateserial", "-days", "2",
            "-extfile", "names", "-out", "events.crt")
    return os.path.join(directory, "authority.crt")


class ClickHouse(Server):
    def __init__(self, name, directory, shard, ports, all_ports, keepers):
        """`ports`: (http, tcp, interserver) and, where collectors speak TLS
        with it, https, with what make_authority left in `directory`;
        `all_ports`: of each shard its servers' ports; `keepers`: ZooKeeper's
        ports, none for one server alone."""
        super().__init__(name, directory)
        self.shard, self.http = shard, ports[0]
        self.https = ports[3] if len(ports) > 3 else None
        config = [
            "<yandex><logger><level>warning</level><log>log</log>"
            "<errorlog>errors</errorlog><size>10M</size></logger>"
            f"<http_port>{ports[0]}</http_port><tcp_port>{ports[1]}</tcp_port>"
            f"<interserver_http_port>{ports[2]}</interserver_http_port>"
            "<interserver_http_host>127.0.0.1</interserver_http_host>"
            "<listen_host>127.0.0.1</listen_host>"
            f"<path>{self.directory}/data/</path>"
            f"<tmp_path>{self.directory}/tmp/</tmp_path>"
            "<users_config>users.xml</users_config>"
            "<default_profile>default</default_profile>"
            "<default_database>default</default_database>"
            "<mark_cache_size>134217728</mark_cache_size>"
            "<max_partition_size_to_drop>0</max_partition_size_to_drop>"
            f"<macros><shard>{shard}</shard><replica>{name}</replica></macros>"]
        if self.https:
            config.append(
                f"<https_port>{self.https}</https_port><openSSL><server>"
                f"<certificateFile>{directory}/events.crt</certificateFile>"
                f"<privateKeyFile>{directory}/events.key</privateKeyFile>"
                "<verificationMode>none</verificationMode><loadDefaultCAFile>"
                "false</loadDefaultCAFile></server></openSSL>")
        if keepers:
            config.append("<zookeeper><session_timeout_ms>6000"
                          "</session_timeout_ms>")
            config += [f"<node><host>127.0.0.1</host><port>{port}</port>"
                       "</node>" for port in keepers]
            config.append("</zookeeper>")
        if all_ports:
            config.append(self.cluster(all_ports))
        config.append("</yandex>")
        self.write("config.xml", "".join(config))
        self.write("users.xml", (
            "<yandex><profiles><default/></profiles><users><gate><password>"
            f"<![CDATA[{PASSWORD}]]></password><networks><ip>127.0.0.1</ip>"
            "</networks><profile>default</profile><quota>default</quota>"
            "</gate></users><quotas><default/></quotas></yandex>"))

    @staticmethod
    def cluster(all_ports):
        shards = []
        for of_shard in all_ports:
            shards.append("<shard><internal_replication>true"
                          "</internal_replication>")
            shards += [f"<replica><host>127.0.0.1</host><port>{tcp}</port>"
                       f"<user>gate</user><password><![CDATA[{PASSWORD}]]>"
                       "</password></replica>" for _, tcp, *_ in of_shard]
            shards.append("</shard>")
        return ("<remote_servers><schoolgate>" + "".join(shards) +
                "</schoolgate></remote_servers>")

    def write(self, name, text):
        with open(os.path.join(self.directory, name), "w",
                  encoding="ascii") as file:
            file.write(text)

    def command(self):
        return ["/usr/sbin/clickhouse-server",
                f"--config-file={self.directory}/config.xml"]

    def place(self):
        """What ZooKeeper knows of its table."""
        return f"/schoolgate/events/{self.shard}/event/replicas/{self.name}"

    def events(self):
        """Rows that it has itself; None while it has no table."""
        answer = self.ask("SELECT count() FROM events.event")
        return int(answer) if answer else None

    def ask(self, sql):
        return get(f"http://127.0.0.1:{self.http}/",
                   {"X-ClickHouse-User": "gate", "X-ClickHouse-Key": PASSWORD},
                   sql.encode(), 30)

    def writable(self):
        return self.ask("SELECT count() FROM system.replicas WHERE is_readonly"
                        " OR is_session_expired") == "0\n"

    def ready(self):
        """It answers, and no table of its waits for ZooKeeper or for the
        other server of its shard."""
        return self.ask("SELECT count() FROM system.replicas WHERE is_readonly"
                        " OR is_session_expired OR queue_size > 0 OR"
                        " active_replicas < total_replicas") == "0\n"


class Patroni(Server):
    """A PostgreSQL with its Patroni."""
    account = "postgres"

    def __init__(self, name, directory, ports, etcds):
        """`ports`: (PostgreSQL, Patroni's REST); `etcds`: client ports."""
        super().__init__(name, directory)
        self.port, self.rest = ports
        hosts = "".join(f"    - 127.0.0.1:{port}\n" for port in etcds)
        programs = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
        self.psql = programs + "/psql"
        self.file = os.path.join(self.directory, "patroni.yml")
        with open(self.file, "w", encoding="ascii") as file:
            file.write(f"""scope: schoolgate
name: {name}
restapi:
  listen: 127.0.0.1:{self.rest}
  connect_address: 127.0.0.1:{self.rest}
etcd3:
  hosts:
{hosts}bootstrap:
  dcs:
    ttl: 20
    loop_wait: 2
    retry_timeout: 5
    maximum_lag_on_failover: 0
    synchronous_mode: true
    postgresql:
      use_pg_rewind: true
      parameters:
        max_connections: 200
        shared_buffers: 128MB
        wal_keep_size: 256MB
  initdb:
  - encoding: UTF8
  - locale: C
  - data-checksums
postgresql:
  listen: 127.0.0.1:{self.port}
  connect_address: 127.0.0.1:{self.port}
  data_dir: {self.directory}/data
  bin_dir: {programs}
  pgpass: {self.directory}/pgpass
  pg_hba:
  - local all all trust
  - host all all 127.0.0.1/32 scram-sha-256
  - host replication all 127.0.0.1/32 scram-sha-256
  parameters:
    unix_socket_directories: {self.directory}
    password_encryption: scram-sha-256
  authentication:
    superuser: {{username: postgres, password: top}}
    replication: {{username: copier, password: copy}}
    rewind: {{username: rewinder, password: rewind}}
""")

    def command(self):
        return ["patroni", self.file]

    def forget_cluster(self, led):
        """What etcd knows of an earlier cluster, which `led` led."""
        subprocess.run(["patronictl", "-c", self.file, "remove", "schoolgate"],
                       input="schoolgate\nYes I am aware\n"
                       f"{led.name if led else ''}\n", text=True,
                       check=True, stdout=subprocess.DEVNULL)

    def role(self):
        answer = get(f"http://127.0.0.1:{self.rest}/patroni", seconds=2)
        if answer is None:
            return None
        said = json.loads(answer)
        if said.get("state") != "running":
            return None
        return said.get("role")

    def ready(self):
        return self.role() in ("master", "primary", "replica")

    def ask(self, sql):
        """One value as text; None when the server does not answer."""
        done = subprocess.run(
            [self.psql, "-h", self.directory, "-p", str(self.port), "-U",
             "postgres", "-d", "schoolgate", "-Atc", sql],
            capture_output=True, text=True, check=False,
            env={**os.environ, "PGCONNECT_TIMEOUT": "2"})
        return done.stdout.strip() if done.returncode == 0 else None

    def kill(self, number=signal.SIGKILL):
        """PostgreSQL is in a group of its own: both die at once."""
        pid_file = os.path.join(self.directory, "data", "postmaster.pid")
        try:
            with open(pid_file, encoding="ascii") as file:
                os.kill(int(file.readline()), signal.SIGKILL)
        except (OSError, ValueError):
            pass
        super().kill(number)


class HaProxy(Server):
    def __init__(self, name, directory, port, backends):
        """`backends`: of each collector (devices' port, metrics' port)."""
        super().__init__(name, directory)
        self.port = port
        lines = ["global", "  maxconn 8000", "defaults", "  mode tcp",
                 "  timeout connect 2s", "  timeout client 1h",
                 "  timeout server 1h", "  retries 3", "  option redispatch",
                 "listen devices", f"  bind 127.0.0.1:{port} backlog 8192",
                 "  balance leastconn", "  option httpchk GET /readyz"]
        for i, (devices, metrics) in enumerate(backends):
            lines.append(f"  server c{i + 1} 127.0.0.1:{devices} check port "
                         f"{metrics} inter 500ms fall 2 rise 1")
        with open(os.path.join(self.directory, "haproxy.cfg"), "w",
                  encoding="ascii") as file:
            file.write("\n".join(lines) + "\n")

    def command(self):
        return ["/usr/sbin/haproxy", "-db", "-f", "haproxy.cfg"]

    def ready(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 2).close()
            return True
        except OSError:
            return False


class Collector(Server):
    def __init__(self, name, directory, program, ports):
        """`ports`: (devices, dashboard, metrics)."""
        super().__init__(name, directory)
        self.program = program
        self.devices, self.web, self.metrics = ports
        self.data = os.path.join(self.directory, "data")

    def run(self, *words):
        done = subprocess.run([self.program, *words], capture_output=True,
                              text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"cluster: {' '.join(words)}: {done.stderr}")
        return done.stdout

    def set_up(self, database, clickhouse, like=None):
        """`like`: a collector whose keys it is to have."""
        if like is None:
            said = self.run(
                "setup", "--data", self.data, "--school", "Oak Primary",
                "--listen", f"127.0.0.1:{self.devices}",
                "--web", f"127.0.0.1:{self.web}",
                "--metrics", f"127.0.0.1:{self.metrics}",
                "--name", "127.0.0.1", "--database", database, "--json")
            self.accounts = json.loads(said)["accounts"]
            with open(os.path.join(self.data, "collector.yaml"), "a",
                      encoding="utf-8") as file:
                file.write(clickhouse)
            return
        self.copy(like)

    def copy(self, like):
        """Its keys and configuration come from another collector."""
        copy = tempfile.mkdtemp(dir=self.directory) + "/copy"
        self.run("backup", "--data", like.data, "-o", copy)
        self.run("restore", "--from", copy, "--data", self.data)
        file = os.path.join(self.data, "collector.yaml")
        with open(file, encoding="utf-8") as opened:
            text = opened.read()
        for mine, other in ((self.devices, like.devices), (self.web, like.web),
                            (self.metrics, like.metrics)):
            text = text.replace(f"127.0.0.1:{other}\"", f"127.0.0.1:{mine}\"")
        with open(file, "w", encoding="utf-8") as opened:
            opened.write(text)

    def command(self):
        files = os.path.join(os.path.dirname(os.path.dirname(self.program)),
                             "dashboard")
        return [self.program, "serve", "--data", self.data,
                "--dashboard-files", files]

    def ready(self):
        return get(f"http://127.0.0.1:{self.metrics}/readyz") is not None

    def dashboard(self, method, path, body=None, headers=None):
        """Status, answer and its cookie, as a browser gets them."""
        link = http.client.HTTPSConnection(
            "127.0.0.1", self.web, timeout=30,
            context=ssl._create_unverified_context())  # it is its own
        try:
            sent = None if method == "GET" else json.dumps(body or {})
            link.request(method, "/api/v1/" + path, sent, {
                "Content-Type": "application/json", "X-Background": "0",
                "Origin": f"https://127.0.0.1:{self.web}", **(headers or {})})
            answer = link.getresponse()
            cookie = (answer.getheader("Set-Cookie") or "").split(";")[0]
            return answer.status, json.loads(answer.read() or b"{}"), cookie
        finally:
            link.close()

    def figures(self):
        """Its metrics by name; labels are part of the name."""
        found = {}
        text = get(f"http://127.0.0.1:{self.metrics}/metrics") or ""
        for line in text.splitlines():
            name, _, value = line.rpartition(" ")
            if name and not line.startswith("#"):
                found[name] = float(value)
        return found

    def holds(self):
        return self.figures().get("schoolgate_schools_held", 0) > 0


def missing_programs():
    needed = {"java": "default-jre-headless", "etcd": "etcd-server",
              "patroni": "patroni", "haproxy": "haproxy",
              "clickhouse-server": "clickhouse-server"}
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    missing = [package for program, package in needed.items()
               if shutil.which(program, path=path) is None]
    if not os.path.exists("/usr/share/java/zookeeper.jar"):
        missing.append("zookeeper")
    if not glob.glob("/usr/lib/postgresql/*/bin/initdb"):
        missing.append("postgresql-15")
    return missing
