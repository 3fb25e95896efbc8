"""A school in network namespaces, for the tests of the living agent: one
namespace with a name server and a web server, one or more devices with an
agent each. No collector: what a device tells of a person is asked of the
agent itself. Nothing leaves the machine, and all of it ends with `close`."""
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
STAFF, PUPIL, SHARED = 30001, 30002, 30003
PEOPLE = {STAFF: ("j.smith", "staff"), PUPIL: ("a.khan", "pupils"),
          SHARED: ("class5", "pupils")}


def run(*command, check=True, **options):
    done = subprocess.run(command, capture_output=True, text=True,
                          check=False, **options)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done


def until(what, condition, seconds=20):
    """Waits for a state that must come about; returns what it came to."""
    end = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come about in {seconds} s")
        time.sleep(0.05)


class Device:
    """One laptop: a namespace, and the agent that runs in it."""

    def __init__(self, lab, number):
        self.lab, self.number = lab, number
        self.ns = f"{lab.prefix}d{number}"
        self.state = os.path.join(lab.dir, f"device{number}")
        self.socket = f"{self.state}/agent.sock"
        self.agent = None
        self.address = f"{lab.subnet}.{20 + number}"
        self.address6 = f"{lab.subnet6}::{20 + number}"
        lab.namespace(self.ns)
        self.plug("eth0", "eth0")

    def plug(self, interface, address_on, address=None):
        """A cable from the school's switch to an interface of the device."""
        port = f"{interface[:6]}p{self.number}"
        run("ip", "link", "add", interface, "netns", self.ns, "type", "veth",
            "peer", "name", port, "netns", self.lab.net)
        run("ip", "-n", self.lab.net, "link", "set", port, "master", "school",
            "up")
        run("ip", "-n", self.ns, "link", "set", interface, "up")
        self.address_on(address_on, address)

    def address_on(self, interface, address=None):
        run("ip", "-n", self.ns, "link", "set", interface, "up")
        run("ip", "-n", self.ns, "addr", "replace",
            f"{address or self.address}/24", "dev", interface)
        if address is None:
            run("ip", "-n", self.ns, "addr", "replace",
                f"{self.address6}/64", "dev", interface, "nodad")
        run("ip", "-n", self.ns, "route", "replace", "default", "via",
            f"{self.lab.subnet}.1")

    def resolv_conf(self, server):
        folder = f"/etc/netns/{self.ns}"
        os.makedirs(folder, exist_ok=True)
        with open(f"{folder}/resolv.conf", "w", encoding="utf-8") as file:
            file.write(f"nameserver {server}\n")

    def start_agent(self, interface="auto", mode="observe"):
        os.makedirs(f"{self.state}/incoming", exist_ok=True)
        os.makedirs(f"{self.state}/identity", exist_ok=True)
        os.chmod(self.state, 0o711)
        self.lab.enrol(self.state)
        config = f"{self.state}/agent.yaml"
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"state_directory: {self.state}\n"
                       f"interface: {interface}\nmode: {mode}\npeople:\n")
            for uid, (login, group) in PEOPLE.items():
                file.write(f"  - uid: {uid}\n    login: {login}\n"
                           f"    group: {group}\n")
            file.write("shared_logins: [class5]\n")
        with open(f"{self.state}/agent.log", "ab") as log:
            self.agent = self.popen(self.lab.program("schoolgate-agent"), "run",
                                    "--config", config, stdout=log, stderr=log)
        until("the agent has its rules", lambda: self.agent.poll() is None and
              self.status().get("rules_version"))
        if mode == "policy":
            until("the agent enforces",
                  lambda: self.status().get("mode") == "enforce")

    def stop_agent(self, how=signal.SIGTERM):
        if self.agent is None:
            return
        self.agent.send_signal(how)
        self.agent.wait(20)
        self.agent = None

    def popen(self, *command, **options):
        return self.lab.popen("ip", "netns", "exec", self.ns, *command,
                              **options)

    def run(self, *command, check=True, **options):
        return run("ip", "netns", "exec", self.ns, *command, check=check,
                   **options)

    def as_user(self, uid, *command, timeout=60, wrap=()):
        """Runs a program as a person; returns its exit code."""
        home = f"{self.lab.dir}/home{self.number}-{uid}"
        os.makedirs(home, exist_ok=True)
        os.chown(home, uid, uid)
        try:
            done = subprocess.run(
                ["ip", "netns", "exec", self.ns, *wrap, "setpriv", "--reuid",
                 str(uid), "--regid", str(uid), "--clear-groups", "env",
                 "-u", "XDG_RUNTIME_DIR", "-u", "DBUS_SESSION_BUS_ADDRESS",
                 f"HOME={home}", *command], stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, check=False, timeout=timeout)
            return done.returncode
        except subprocess.TimeoutExpired:
            return -1

    def ask(self, uid, *words):
        done = subprocess.run(
            ["setpriv", "--reuid", str(uid), "--regid", str(uid),
             "--clear-groups", self.lab.program("schoolgate"), "--socket",
             self.socket, "--json", *words], capture_output=True, text=True,
            check=False)
        return json.loads(done.stdout) if done.returncode == 0 else {}

    def status(self, uid=STAFF):
        return self.ask(uid, "status")

    def record(self, uid):
        """Hosts that the agent holds against a person, in order."""
        return [entry["host"] for entry in
                self.ask(uid, "record").get("record", [])]

    def curl(self, uid, host, *more, wrap=()):
        return self.as_user(uid, "curl", "-sk", "-m", "8", "-o", "/dev/null",
                            *more, f"https://{host}/", wrap=wrap)


class Lab:
    def __init__(self, build):
        self.build = os.path.abspath(build)
        number = os.getpid() % 60000
        self.prefix = f"sgl{number}"
        self.net = f"{self.prefix}net"
        # RFC 2544: never on a real network. The subnets are inside namespaces
        # only, so that several labs may have the same.
        self.subnet, self.subnet6 = "198.18.50", "fd53:6773"
        self.dir = tempfile.mkdtemp(prefix="schoolgate-lab-")
        os.chmod(self.dir, 0o711)
        self.namespaces, self.children = [], []
        self.host_number = 0
        try:
            self.make_rules()
            self.make_network()
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        # A stop from outside must end the lab too.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            self.show_logs()
        self.close()

    def program(self, name):
        return f"{self.build}/bin/{name}"

    def host(self, site="bet365.com"):
        """A fresh name of a site that pupils and staff are blocked from."""
        self.host_number += 1
        return f"h{self.host_number}.{site}"

    def namespace(self, name):
        run("ip", "netns", "add", name)
        self.namespaces.append(name)
        run("ip", "-n", name, "link", "set", "lo", "up")

    def popen(self, *command, **options):
        options.setdefault("stdout", subprocess.DEVNULL)
        options.setdefault("stderr", subprocess.DEVNULL)
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                 start_new_session=True, **options)
        self.children.append(child)
        return child

    def make_rules(self):
        rules, keys = self.program("schoolgate-rules"), f"{self.dir}/keys"
        os.makedirs(keys)
        self.bundle = f"{self.dir}/rules.bundle"
        self.root = f"{self.dir}/root.txt"
        policy = os.environ.get(
            "POLICY", f"{ROOT}/rules/policies/city-primary.yaml")
        run(rules, "build", policy, "--lists", f"{ROOT}/rules/lists", "-o",
            self.bundle)
        holders = {"root-provider": ("provider", ["root"]),
                   "root-school": ("school", ["root"]),
                   "provider": ("provider", ["release", "emergency", "pass"]),
                   "school": ("school", ["release", "pass"]),
                   "authority": ("authority", ["locked"]),
                   "clock": ("provider", ["timestamp"])}
        for name, (organisation, roles) in holders.items():
            run(rules, "key", "new", "-o", f"{keys}/{name}.key",
                "--organisation", organisation, "--name", name,
                "--no-passphrase", *[word for role in roles
                                     for word in ("--role", role)])
        public = [word for name in holders
                  for word in ("--key", f"{keys}/{name}.key.pub")]
        run(rules, "root", "new", "--for", self.bundle, "-o", self.root,
            "--threshold", "root=2", *public, "--sign",
            f"{keys}/root-provider.key", "--sign", f"{keys}/root-school.key")
        run(rules, "sign", self.bundle, *[
            word for name in ("provider", "school", "authority")
            for word in ("--key", f"{keys}/{name}.key")])

    def enrol(self, state):
        """What enrolment leaves behind, with keys that nobody holds."""
        path = f"{state}/identity/enrolment.json"
        if os.path.exists(path):
            return
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"device": "D-LAB", "school": "Lab", "group": "pupils"} |
                      {f"{key}_key": secrets.token_hex(32) for key in
                       ("pseudonym", "sealing", "safeguarding", "police")},
                      file)
        shutil.copy(self.root, f"{state}/identity/rules_root")
        shutil.copy(self.bundle, f"{state}/incoming/first.part")
        os.rename(f"{state}/incoming/first.part",
                  f"{state}/incoming/first.bundle")

    def make_network(self):
        self.namespace(self.net)
        run("ip", "-n", self.net, "link", "add", "school", "type", "bridge")
        for address in (f"{self.subnet}.1/24", f"{self.subnet}.10/24"):
            run("ip", "-n", self.net, "addr", "add", address, "dev", "school")
        for address in (f"{self.subnet6}::1/64", f"{self.subnet6}::10/64"):
            run("ip", "-n", self.net, "addr", "add", address, "dev", "school",
                "nodad")
        run("ip", "-n", self.net, "link", "set", "school", "up")
        self.popen("ip", "netns", "exec", self.net, "dnsmasq", "--no-resolv",
                   "--no-hosts", "--keep-in-foreground", "--conf-file=/dev/null",
                   "--bind-interfaces", f"--listen-address={self.subnet}.1",
                   f"--listen-address={self.subnet6}::1",
                   f"--address=/#/{self.subnet}.10",
                   f"--address=/#/{self.subnet6}::10", "--user=root",
                   f"--pid-file={self.dir}/dnsmasq.pid")
        self.start_web()

    def start_web(self):
        web = f"{self.dir}/web"
        os.makedirs(f"{web}/www")
        os.chmod(web, 0o711)
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
            "/CN=Lab", "-keyout", f"{web}/key.pem", "-out", f"{web}/crt.pem")
        with open(f"{web}/www/index.html", "w", encoding="utf-8") as file:
            file.write("<!doctype html><title>Lab</title><p>"
                       f"{'A page. ' * 400}\n")
        bodies = "\n".join(f"  {kind}_temp_path {web}/{kind};" for kind in
                           ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        with open(f"{web}/nginx.conf", "w", encoding="utf-8") as file:
            file.write(f"""daemon off; user root; worker_processes 1;
pid {web}/nginx.pid; error_log {web}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off; sendfile on; keepalive_timeout 5;
  types {{ text/html html; }}
{bodies}
  server {{
    listen {self.subnet}.10:80; listen [{self.subnet6}::10]:80;
    listen {self.subnet}.10:443 ssl; listen [{self.subnet6}::10]:443 ssl;
    ssl_certificate {web}/crt.pem; ssl_certificate_key {web}/key.pem;
    root {web}/www;
    location / {{ try_files $uri /index.html; }}
    # A page takes a quarter of a second, as on the Internet. Where packets are
    # read from an interface and the machine is busy, whoever is gone after a
    # millisecond cannot be asked any more whose packet it was.
    location = /index.html {{ limit_rate 8k; sendfile_max_chunk 2k; }}
  }}
}}
""")
        self.web = self.popen("ip", "netns", "exec", self.net, "nginx", "-c",
                              f"{web}/nginx.conf", "-e", f"{web}/error.log")
        until("the web server listens", lambda: run(
            "ip", "netns", "exec", self.net, "curl", "-sk", "-o", "/dev/null",
            f"https://{self.subnet}.10/", check=False).returncode == 0)

    def show_logs(self):
        for folder in sorted(os.listdir(self.dir)):
            log = f"{self.dir}/{folder}/agent.log"
            if os.path.exists(log):
                with open(log, encoding="utf-8", errors="replace") as file:
                    sys.stderr.write(f"--- {folder}\n{file.read()[-2000:]}\n")

    def close(self):
        for child in reversed(self.children):
            try:
                os.killpg(child.pid, signal.SIGTERM)
            except ProcessLookupError:
                continue
        for child in self.children:
            try:
                child.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        for name in self.namespaces:
            run("ip", "netns", "del", name, check=False)
            shutil.rmtree(f"/etc/netns/{name}", ignore_errors=True)
        shutil.rmtree(self.dir, ignore_errors=True)


def main(test):
    """Runs `test(lab)` against the build that ctest names; 77 skips."""
    if os.getuid() != 0:
        print("needs root: network namespaces")
        sys.exit(77)
    with Lab(os.environ.get("BUILD", f"{ROOT}/build")) as lab:
        test(lab)
    print("passed")
