"""A school laptop with a real agent, and the network it is in, as two network
namespaces: for the tests and measurements beside this file. Needs root.

    with Lab(BUILD, work) as lab:
        lab.start_agent()
        lab.run(["dig", "+short", "www.bbc.co.uk"], uid=PUPIL)
"""
import base64
import contextlib
import hashlib
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
STAFF, PUPIL, PUPIL2, INFANT = 30001, 30002, 30003, 30004
BLOCKED = "gambling.check.schoolgate.test"
OPEN = "education.check.schoolgate.test"
# Addresses by what answers there; the same last part in both families.
NET4, NET6 = "198.18.79.", "fd73:6368::"
CLIENT, WEB, RESOLVER, CADDY, SAFE = 2, 10, 11, 12, 77


def v4(last):
    return f"{NET4}{last}"


def v6(last):
    return f"{NET6}{last}"


def until(seconds, what, ready):
    """Waits for a state that must come about."""
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.02)


@contextlib.contextmanager
def work_folder(name):
    """For one run; it stays, and its path is said, when the run fails."""
    path = tempfile.mkdtemp(prefix=f"sg-{name}-")
    try:
        yield path
    except BaseException:
        print(f"what it left to look at: {path}", file=sys.stderr)
        raise
    shutil.rmtree(path, ignore_errors=True)


class Lab:
    def __init__(self, build, work, policy="city-primary", extra_policy="",
                 lists="rules/lists"):
        self.bin = os.path.join(build, "bin")
        self.work = work
        self.policy = policy
        self.extra_policy = extra_policy
        self.lists = lists
        self.tag = f"sgl{os.getpid() % 100000}"
        self.client, self.net = self.tag + "c", self.tag + "n"
        self.children = {}
        self.state = os.path.join(work, "state")
        self.certificate = os.path.join(work, "site.crt")

    def __enter__(self):
        try:
            self._networks()
            self._certificates()
            self._servers()
            self._rules()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for name in list(self.children):
            self.stop(name)
        for namespace in (self.client, self.net):
            subprocess.run(["ip", "netns", "del", namespace],
                           capture_output=True)
        shutil.rmtree(f"/etc/netns/{self.client}", ignore_errors=True)

    # --- processes -----------------------------------------------------------

    def start(self, name, command, namespace=None, uid=None, env=None):
        with open(os.path.join(self.work, name + ".log"), "ab") as log:
            self.children[name] = subprocess.Popen(
                self.inside(command, namespace or self.net, uid),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=env and {**os.environ, **env}, start_new_session=True)
        return self.children[name]

    def stop(self, name, how=signal.SIGTERM):
        child = self.children.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, how)
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()

    def log(self, name):
        with open(os.path.join(self.work, name + ".log"), "rb") as log:
            return log.read().decode(errors="replace")

    def inside(self, command, namespace=None, uid=None):
        """The command by which it runs on the laptop, or in `namespace`."""
        inside = ["ip", "netns", "exec", namespace or self.client]
        if uid:
            home = os.path.join(self.work, f"home{uid}")
            os.makedirs(home, exist_ok=True)
            os.chown(home, uid, uid)
            inside += ["setpriv", "--reuid", str(uid), "--regid", str(uid),
                       "--clear-groups", "env", f"HOME={home}"]
        return inside + command

    def run(self, command, uid=PUPIL, timeout=20, namespace=None, stdin=None):
        """Runs it on the laptop; gives the result with seconds it took."""
        begun = time.monotonic()
        try:
            done = subprocess.run(
                self.inside(command, namespace, uid),
                input=stdin, capture_output=True, timeout=timeout)
        except subprocess.TimeoutExpired as late:
            done = subprocess.CompletedProcess(command, 124, late.stdout or b"",
                                               late.stderr or b"")
        done.seconds = time.monotonic() - begun
        done.text = done.stdout.decode(errors="replace")
        done.errors = done.stderr.decode(errors="replace")
        return done

    def python(self, code, *arguments, uid=PUPIL, timeout=20):
        return self.run(["python3", "-c", code, *map(str, arguments)], uid,
                        timeout)

    # --- the network ---------------------------------------------------------

    def _networks(self):
        os.chmod(self.work, 0o755)

        def ip(*words):
            subprocess.run(["ip", *words], check=True)

        for namespace in (self.client, self.net):
            ip("netns", "add", namespace)
            # An address that becomes good later is a change of the network,
            # for which Chromium gives up the page that it is loading.
            ip("netns", "exec", namespace, "sysctl", "-qw",
               "net.ipv6.conf.default.accept_dad=0")
            ip("-n", namespace, "link", "set", "lo", "up")
        ip("link", "add", "eth0", "netns", self.client, "type", "veth",
           "peer", "name", "eth0", "netns", self.net)
        for namespace, lasts in ((self.client, [CLIENT]),
                                 (self.net, [1, WEB, RESOLVER, CADDY, SAFE])):
            for last in lasts:
                ip("-n", namespace, "addr", "add", v4(last) + "/24", "dev",
                   "eth0")
                ip("-n", namespace, "addr", "add", v6(last) + "/64", "dev",
                   "eth0", "nodad")
            ip("-n", namespace, "link", "set", "eth0", "up")
        for family, gateway in (("-4", v4(1)), ("-6", v6(1))):
            ip(family, "-n", self.client, "route", "add", "default", "via",
               gateway)
        os.makedirs(f"/etc/netns/{self.client}", exist_ok=True)
        with open(f"/etc/netns/{self.client}/resolv.conf", "w") as resolv:
            resolv.write(f"nameserver {v4(1)}\n")
        # People of this laptop only; seen by what is run in the namespace.
        with open("/etc/passwd") as known, \
                open(f"/etc/netns/{self.client}/passwd", "w") as passwd:
            passwd.write(known.read())
            for uid in (STAFF, PUPIL, PUPIL2, INFANT):
                passwd.write(f"sg{uid}:x:{uid}:{uid}::{self.work}/home{uid}:"
                             "/bin/sh\n")

    def _certificates(self):
        def openssl(*words, **more):
            subprocess.run(["openssl", *words], check=True, cwd=self.work,
                           capture_output=True, **more)
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                 "-nodes"]
        openssl("req", "-x509", *curve, "-days", "30", "-subj", "/CN=Lab",
                "-keyout", "ca.key", "-out", "ca.crt")
        openssl("req", *curve, "-subj", "/CN=site", "-keyout", "site.key",
                "-out", "site.csr")
        with open(os.path.join(self.work, "names"), "w") as names:
            names.write("subjectAltName=DNS:*.check.schoolgate.test,"
                        "DNS:www.google.com,DNS:dns.google,"
                        "DNS:resolver.example\n")
        openssl("x509", "-req", "-in", "site.csr", "-CA", "ca.crt", "-CAkey",
                "ca.key", "-CAcreateserial", "-days", "30", "-extfile",
                "names", "-out", "site.crt")
        key = subprocess.run(["openssl", "pkey", "-in", "site.key", "-pubout",
                              "-outform", "der"], cwd=self.work, check=True,
                             capture_output=True).stdout
        # By which a browser takes it also over QUIC.
        self.spki = base64.b64encode(hashlib.sha256(key).digest()).decode()
        for name in ("ca.crt", "site.crt", "site.key"):
            os.chmod(os.path.join(self.work, name), 0o644)

    def _servers(self):
        self.start("dnsmasq", [
            "dnsmasq", "--no-resolv", "--no-hosts", "--no-daemon",
            "--conf-file=/dev/null", "--bind-interfaces", "--user=root",
            "--cache-size=0", "--pid-file=", "--edns-packet-max=4096", "--except-interface=lo",
            f"--listen-address={v4(1)},{v6(1)},{v4(RESOLVER)},{v6(RESOLVER)}",
            f"--address=/#/{v4(WEB)}", f"--address=/#/{v6(WEB)}",
            f"--address=/forcesafesearch.google.com/{v4(SAFE)}",
            f"--address=/forcesafesearch.google.com/{v6(SAFE)}",
            f"--address=/dns.google/{v4(RESOLVER)}",
            *(f"--address=/{family}.{name}/{address(last)}"
              for family, address in (("v4", v4), ("v6", v6))
              for name in (OPEN, BLOCKED)
              for last in (WEB,)),
            *(f"--address=/{family}h3.{name}/{address(CADDY)}"
              for family, address in (("v4", v4), ("v6", v6))
              for name in (OPEN, BLOCKED))])
        os.makedirs(os.path.join(self.work, "nginx"), exist_ok=True)
        listen = " ".join(
            f"listen {address}:{port};" for port in (80, 8888)
            for address in (v4(WEB), f"[{v6(WEB)}]")) + " ".join(
            f"listen {address}:{port} ssl{http2};"
            for port, http2 in ((443, " http2"), (4433, ""))
            for address in (v4(WEB), f"[{v6(WEB)}]"))
        with open(os.path.join(self.work, "nginx.conf"), "w") as conf:
            conf.write(f"""
daemon off; worker_processes 1; pid {self.work}/nginx/pid;
error_log {self.work}/nginx/error.log;
events {{ worker_connections 1024; }}
http {{
  log_format host '$host'; access_log {self.work}/nginx/access.log host;
  keepalive_timeout 30; keepalive_requests 100000;
  client_body_temp_path {self.work}/nginx/a; proxy_temp_path {self.work}/nginx/b;
  fastcgi_temp_path {self.work}/nginx/c; uwsgi_temp_path {self.work}/nginx/d;
  scgi_temp_path {self.work}/nginx/e;
  server {{
    {listen}
    ssl_certificate {self.certificate}; ssl_certificate_key {self.work}/site.key;
    default_type text/html;
    location / {{ return 200 "<title>lab</title>LAB-PAGE of $host\\n"; }}
    location /bulk {{ root {self.work}/www; }}
  }}
}}
""")
        self.start("nginx", ["nginx", "-c", f"{self.work}/nginx.conf", "-p",
                             self.work, "-e", f"{self.work}/nginx/error.log"])
        until(10, "the lab's servers", lambda: self.run(
            ["curl", "-s", "-m", "2", f"http://{v4(WEB)}/"]).returncode == 0
            and self.run(["bash", "-c", f"exec 3<>/dev/tcp/{v4(1)}/53"]
                         ).returncode == 0)

    def start_caddy(self):
        with open(os.path.join(self.work, "Caddyfile"), "w") as conf:
            conf.write(f"""{{
  admin off
  auto_https off
  servers {{
    protocols h1 h2 h3
  }}
}}
https://v4h3.{OPEN}, https://v6h3.{OPEN}, https://v4h3.{BLOCKED}, https://v6h3.{BLOCKED} {{
  bind {v4(CADDY)} {v6(CADDY)}
  tls {self.certificate} {self.work}/site.key
  respond "LAB-PAGE over {{http.request.proto}}"
}}
""")
        self.start("caddy", ["caddy", "run", "--adapter", "caddyfile",
                             "--config", f"{self.work}/Caddyfile"],
                   env={"HOME": self.work})
        until(15, "caddy", lambda: self.run(
            ["curl", "-sk", "-m", "2", "--resolve",
             f"v4h3.{OPEN}:443:{v4(CADDY)}", f"https://v4h3.{OPEN}/"],
            namespace=self.net, uid=None).text.startswith("LAB-PAGE"))

    def start_encrypted_resolver(self):
        """DoT and DoH, also at an address that everybody knows."""
        subprocess.run(["ip", "-n", self.net, "addr", "add", "1.1.1.1/32",
                        "dev", "lo"], check=True)
        interfaces = "".join(f"  interface: {address}@{port}\n"
                             for address in (v4(RESOLVER), "1.1.1.1")
                             for port in (853, 443))
        conf = f"{self.work}/unbound.conf"
        with open(conf, "w") as file:
            file.write(f"""server:
{interfaces}  tls-service-key: {self.work}/site.key
  tls-service-pem: {self.certificate}
  https-port: 443
  tls-port: 853
  do-daemonize: no
  username: ""
  chroot: ""
  pidfile: ""
  use-syslog: no
  access-control: 0.0.0.0/0 allow
  local-zone: "test." redirect
  local-data: "test. A {v4(WEB)}"
remote-control:
  control-enable: no
""")
        self.start("unbound", ["unbound", "-d", "-c", conf])
        until(10, "the encrypted resolver", lambda: v4(WEB) in self.run(
            ["kdig", "+tls", "+timeout=1", f"@{v4(RESOLVER)}", OPEN],
            namespace=self.net, uid=None).text)

    def start_stub(self):
        """A resolver on the laptop itself."""
        self.start("stub", [
            "dnsmasq", "--no-resolv", "--no-hosts", "--keep-in-foreground",
            "--conf-file=/dev/null", "--bind-interfaces", "--pid-file=",
            "--user=nobody", "--listen-address=127.0.0.1",
            f"--server={v4(1)}"], self.client)
        until(10, "the stub", lambda: v4(WEB) in self.run(
            ["dig", "+tries=1", "+time=1", "@127.0.0.1", OPEN]).text)

    def served(self):
        """The hosts whose pages nginx has served."""
        with open(f"{self.work}/nginx/access.log") as log:
            return log.read().split()

    # --- the agent -----------------------------------------------------------

    def rules(self, *words):
        return subprocess.run([os.path.join(self.bin, "schoolgate-rules"),
                               *words], check=True, capture_output=True,
                              text=True, cwd=ROOT).stdout

    def _rules(self):
        os.makedirs(f"{self.state}/identity", exist_ok=True)
        os.makedirs(f"{self.state}/incoming", exist_ok=True)
        os.makedirs(f"{self.work}/keys", exist_ok=True)
        policies = f"{self.work}/policies"
        shutil.copytree(f"{ROOT}/rules/policies", policies)
        policy = f"{policies}/{self.policy}.yaml"
        with open(policy, "a") as file:
            file.write(self.extra_policy)
        key = lambda name: f"{self.work}/keys/{name}.key"
        for name, organisation, roles in (
                ("root-a", "provider", ["root"]),
                ("root-b", "school", ["root"]),
                ("provider", "provider", ["release", "emergency", "pass"]),
                ("school", "school", ["release", "pass"]),
                ("authority", "authority", ["locked"]),
                ("clock", "provider", ["timestamp"])):
            self.rules("key", "new", "-o", key(name), "--organisation",
                       organisation, "--name", name, "--no-passphrase",
                       *(word for role in roles for word in ("--role", role)))
        bundle = f"{self.work}/lab.bundle"
        self.rules("build", policy, "--lists", self.lists, "-o", bundle,
                   "--quiet")
        publics = [word for name in ("root-a", "root-b", "provider", "school",
                                     "authority", "clock")
                   for word in ("--key", key(name) + ".pub")]
        self.rules("root", "new", "--for", bundle, "-o",
                   f"{self.state}/identity/rules_root", "--threshold",
                   "root=2", *publics, "--sign", key("root-a"), "--sign",
                   key("root-b"))
        self.rules("sign", bundle, "--key", key("provider"), "--key",
                   key("school"), "--key", key("authority"))
        shutil.copy(bundle, f"{self.state}/incoming/lab.bundle")
        keys = {name: secrets.token_hex(32) for name in
                ("pseudonym_key", "sealing_key", "safeguarding_key",
                 "police_key")}
        with open(f"{self.state}/identity/enrolment.json", "w") as file:
            json.dump({"device": "D-LAB00001", "school": "Lab",
                       "group": "pupils", **keys}, file)

    def start_agent(self, browsers="curl, chromium, firefox-esr", more=""):
        with open(f"{self.work}/agent.yaml", "w") as conf:
            conf.write(f"""state_directory: {self.state}
heartbeat: 10s
browsers: [{browsers}]
people:
  - {{uid: {STAFF}, login: t.okafor, group: staff}}
  - {{uid: {PUPIL}, login: a.khan, group: pupils}}
  - {{uid: {PUPIL2}, login: j.smith, group: pupils}}
  - {{uid: {INFANT}, login: b.lee, group: ks1}}
{more}
""")
        self.start("agent", [f"{self.bin}/schoolgate-agent", "run", "--config",
                             f"{self.work}/agent.yaml"], self.client)
        until(30, "the agent enforces", self.enforces)

    def ask(self, *words, uid=PUPIL):
        """The schoolgate command's JSON answer."""
        done = self.run([f"{self.bin}/schoolgate", "--json", "--socket",
                         f"{self.state}/agent.sock", *words], uid)
        return json.loads(done.text) if done.returncode == 0 else {}

    def enforces(self):
        return self.ask("status").get("mode") == "enforce" and \
            re.search(r"NXDOMAIN|\b0\.0\.0\.0\b", self.run(
                ["dig", "+tries=1", "+time=1", BLOCKED], STAFF).text)


def browser(lab, url, uid=PUPIL, *flags, timeout=40):
    """One page in a real, new Chromium; gives the run with the page's text."""
    profile = os.path.join(lab.work, f"home{uid}", "p" + secrets.token_hex(4))
    done = lab.run(["chromium", "--headless=new", "--no-sandbox",
                    "--disable-gpu", "--no-first-run",
                    "--disable-background-networking",
                    "--disable-component-update", "--disable-sync",
                    "--disable-dev-shm-usage",
                    "--ignore-certificate-errors",
                    f"--user-data-dir={profile}", *flags,
                    "--dump-dom", url], uid, timeout)
    shutil.rmtree(profile, ignore_errors=True)
    return done
