"""Two network namespaces, a server that counts what reaches it, and a prober
that asks for allowed and blocked names without pause: what a leak or a lost
lesson would look like from both ends."""
import ctypes
import json
import multiprocessing
import os
import random
import select
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET, CLONE_NEWNS = 0x40000000, 0x00020000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
BLOCKED = "gambling.check.schoolgate.test"
ALLOWED = "bbc.co.uk"
PATIENCE = 15.0      # a program gives up then; TCP sends a hello again at 6 s
DNS_EVERY = 0.010
TLS_EVERY = 0.050
KINDS = ("dns", "tls", "quic")
# By which the server, which has no keys, knows a QUIC hello again: the
# connection id that write_initial chose.
GOOD_ID, BAD_ID = b"goodgood", b"evilevil"


def enter(namespace, etc=None):
    with open(f"/run/netns/{namespace}", "rb") as handle:
        if LIBC.setns(handle.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {namespace}")
    if etc is None:
        return
    none = ctypes.c_char_p(None)
    if LIBC.unshare(CLONE_NEWNS) != 0 or \
            LIBC.mount(none, b"/", none, MS_PRIVATE | MS_REC, none) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    for name in os.listdir(etc):
        if LIBC.mount(os.path.join(etc, name).encode(), f"/etc/{name}".encode(),
                      none, MS_BIND, none) != 0:
            raise OSError(ctypes.get_errno(), f"mount {name}")


def run(*words, check=True):
    return subprocess.run(words, check=check, capture_output=True, text=True)


class Inside:
    """A function that runs in a namespace, in a process of its own, and is
    spoken to over a pipe."""

    def __init__(self, namespace, function, *arguments):
        self.pipe, theirs = multiprocessing.Pipe()

        def main():
            self.pipe.close()
            os.nice(-10)   # a busy machine is no lost question
            enter(namespace)
            function(theirs, *arguments)

        self.process = multiprocessing.get_context("fork").Process(
            target=main, daemon=True)
        self.process.start()
        theirs.close()

    def ask(self, word):
        self.pipe.send(word)
        if not self.pipe.poll(60):
            raise TimeoutError(f"no answer to {word}")
        return self.pipe.recv()

    def end(self):
        self.process.kill()
        self.process.join()


# --- what arrives ------------------------------------------------------------

def name_in_query(query):
    labels, at = [], 12
    while at < len(query) and query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode("latin-1"))
        at += 1 + query[at]
    return ".".join(labels), at + 5


def answer_to(query):
    _, end = name_in_query(query)
    return (query[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + query[12:end] +
            b"\xc0\x0c\0\1\0\1\0\0\0\x1e\0\4\x0a\x53\0\1")


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def udp_server(address, port):
    udp = socket.socket(family_of(address), socket.SOCK_DGRAM)
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    udp.bind((address, port))
    return udp


def is_whole(record):
    """Whether a TLS record is there to its end."""
    return len(record) >= 5 and \
        len(record) >= 5 + int.from_bytes(record[3:5], "big")


def serve(pipe, addresses):
    """DNS and something like TLS and QUIC. Answers "counts"."""
    counts = {f"{kind}_{good}": 0 for kind in KINDS for good in ("good", "bad")}
    names = {each.fileno(): each for each in
             (udp_server(address, 53) for address in addresses)}
    quic = {each.fileno(): each for each in
            (udp_server(address, 443) for address in addresses)}
    doors = {each.fileno(): each for each in
             (socket.create_server((address, 443), backlog=512,
                                   family=family_of(address))
              for address in addresses)}
    flows = {}
    poll = select.poll()
    for each in (*names, *quic, *doors, pipe):
        poll.register(each, select.POLLIN)
    while True:
        for ready, _ in poll.poll():
            if ready == pipe.fileno():
                if not pipe.poll():
                    return
                pipe.recv()
                pipe.send(dict(counts))
            elif ready in names:
                query, peer = names[ready].recvfrom(2048)
                name, _ = name_in_query(query)
                counts["dns_bad" if name.endswith(BLOCKED) else "dns_good"] += 1
                names[ready].sendto(answer_to(query), peer)
            elif ready in quic:
                hello, peer = quic[ready].recvfrom(2048)
                counts["quic_bad" if BAD_ID in hello[:32] else "quic_good"] += 1
                quic[ready].sendto(b"\xc0\0\0\0\1" + hello[5:64], peer)
            elif ready in doors:
                flow, _ = doors[ready].accept()
                flows[flow.fileno()] = [flow, b""]
                poll.register(flow, select.POLLIN)
            else:
                flow, seen = flows[ready]
                try:
                    data = flow.recv(65536)
                except OSError:
                    data = b""
                try:
                    if seen is None:
                        flow.send(data[:256])
                    elif is_whole(seen + data):
                        bad = BLOCKED.encode() in seen + data
                        counts["tls_bad" if bad else "tls_good"] += 1
                        flows[ready][1] = None
                        flow.send((seen + data)[:256])
                    else:
                        flows[ready][1] = seen + data
                except OSError:
                    data = b""
                if not data:
                    poll.unregister(ready)
                    flow.close()
                    del flows[ready]


# --- what is asked -----------------------------------------------------------

def query_for(name):
    labels = b"".join(bytes([len(l)]) + l.encode() for l in name.split("."))
    return (os.urandom(2) + b"\1\0\0\1\0\0\0\0\0\0" + labels + b"\0\0\1\0\1")


def hello_for(name):
    context = ssl.create_default_context()
    out = ssl.MemoryBIO()
    conversation = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name)
    try:
        conversation.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()


class Asked:
    """One question on its own socket, until it is settled."""

    def __init__(self, kind, bad, sock, words):
        self.kind, self.bad, self.sock, self.words = kind, bad, sock, words
        self.number = words[:2]   # of a DNS question
        self.since = time.monotonic()


class Prober:
    """`addresses` of the server, asked in turn; `initials`: a QUIC hello for
    the allowed and for the blocked name."""

    def __init__(self, addresses, initials, mark, patience=PATIENCE):
        self.addresses, self.initials = addresses, initials
        self.mark, self.patience = mark, patience
        self.count = {f"{kind}_{good}_{what}": 0 for kind in KINDS
                      for good in ("good", "bad")
                      for what in ("sent", "answered", "refused", "lost")}
        self.slowest = dict.fromkeys(KINDS, 0.0)
        self.open = {}
        self.poll = select.poll()
        self.number = self.hellos = 0
        self.good_hello = hello_for("www." + ALLOWED)
        self.bad_hello = hello_for("www." + BLOCKED)
        self.long = None
        self.long_bytes = 0
        self.long_broken = ""

    def next_address(self):
        self.number += 1
        return self.addresses[self.number // 2 % len(self.addresses)]

    def blocked_tried(self):
        return sum(self.count[f"{kind}_bad_sent"] for kind in KINDS)

    def socket(self, kind, address):
        made = socket.socket(family_of(address), kind)
        made.setblocking(False)
        if self.mark:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_MARK,
                            self.mark.to_bytes(4, sys.byteorder))
        return made

    def ask_dns(self, bad):
        address = self.next_address()
        name = f"q{self.number}.{BLOCKED if bad else ALLOWED}"
        self.ask_datagram("dns", bad, address, 53, query_for(name))

    def ask_quic(self, bad):
        self.ask_datagram("quic", bad, self.next_address(), 443,
                          self.initials[bad])

    def ask_datagram(self, kind, bad, address, port, words):
        sock = self.socket(socket.SOCK_DGRAM, address)
        asked = Asked(kind, bad, sock, words)
        self.note(asked, "sent")
        try:
            sock.connect((address, port))
            sock.send(asked.words)
        except OSError:
            self.note(asked, "lost")
            return sock.close()
        self.watch(asked, select.POLLIN)

    def ask_tls(self, bad):
        address = self.next_address()
        sock = self.socket(socket.SOCK_STREAM, address)
        asked = Asked("tls", bad, sock,
                      self.bad_hello if bad else self.good_hello)
        self.note(asked, "sent")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.connect_ex((address, 443))
        self.watch(asked, select.POLLOUT)

    def watch(self, asked, events):
        self.open[asked.sock.fileno()] = asked
        self.poll.register(asked.sock, events)

    def note(self, asked, what):
        self.count[f"{asked.kind}_{'bad' if asked.bad else 'good'}_{what}"] += 1

    def settle(self, asked, what):
        self.note(asked, what)
        if what == "answered" and not asked.bad:
            took = time.monotonic() - asked.since
            self.slowest[asked.kind] = max(self.slowest[asked.kind], took)
        self.poll.unregister(asked.sock)
        del self.open[asked.sock.fileno()]
        asked.sock.close()

    def on_ready(self, descriptor, events):
        asked = self.open[descriptor]
        if asked.words and asked.kind == "tls" and events & select.POLLOUT:
            # As browsers do since their hellos are long, every other one in
            # two segments, here with the name in both.
            self.hellos += 1
            cut = len(asked.words) if self.hellos % 2 else \
                asked.words.find(b".test") - 5
            try:
                asked.sock.send(asked.words[:cut])
                if cut < len(asked.words):
                    asked.sock.send(asked.words[cut:])
            except OSError:
                return self.settle(asked, "refused" if asked.bad else "lost")
            asked.words = b""
            return self.poll.modify(asked.sock, select.POLLIN)
        try:
            data = asked.sock.recv(4096)
        except BlockingIOError:
            return None
        except OSError:
            # Reset: a refusal where one is due.
            return self.settle(asked, "refused" if asked.bad else "lost")
        if asked.kind == "dns":
            if data[:2] != asked.number:
                return None   # to somebody who had this port before us
            refused = data[3] & 15 != 0 or data[-4:] == b"\0\0\0\0"
        elif asked.kind == "quic":
            refused = data[1:5] == b"\0\0\0\0"   # Version Negotiation
        else:
            refused = not data or data[0] == 0x15  # an alert
        if refused and not asked.bad:
            return self.settle(asked, "lost")
        return self.settle(asked, "refused" if refused else "answered")

    def keep_long_flow(self):
        """A download that began before anything happened."""
        if self.long is None:
            self.long = self.socket(socket.SOCK_STREAM, self.addresses[0])
            self.long.setblocking(True)
            self.long.settimeout(PATIENCE)
            self.long.connect((self.addresses[0], 443))
            self.long.send(self.good_hello)
            self.long.recv(4096)
            self.long.setblocking(False)
        if self.long_broken:
            return
        try:
            self.long.send(b"x" * 200)
            self.long_bytes += len(self.long.recv(65536))
        except BlockingIOError:
            pass
        except OSError as error:
            self.long_broken = str(error)

    def turn(self, until):
        while (left := until - time.monotonic()) > 0:
            for descriptor, events in self.poll.poll(max(1, left * 1000)):
                self.on_ready(descriptor, events)
        now = time.monotonic()
        for asked in [a for a in self.open.values()
                      if now - a.since > self.patience]:
            self.settle(asked, "lost")

    def drain(self):
        end = time.monotonic() + self.patience
        while self.open and time.monotonic() < end:
            self.turn(time.monotonic() + 0.01)
        for asked in list(self.open.values()):
            self.settle(asked, "lost")


def probe(pipe, addresses, initials, mark=0, only_good=False):
    """Asks until told "stop"; then answers with what became of all of it. Told
    "tried", answers how many blocked names it has asked for."""
    kinds_of_name = (False,) if only_good else (False, True)
    prober = Prober(addresses, initials, mark)
    prober.keep_long_flow()
    dns_at = tls_at = time.monotonic()
    while True:
        if pipe.poll():
            if pipe.recv() == "stop":
                break
            pipe.send(prober.blocked_tried())
        now = time.monotonic()
        if now >= dns_at:
            dns_at = max(dns_at + DNS_EVERY, now - 0.1)
            for bad in kinds_of_name:
                prober.ask_dns(bad)
        if now >= tls_at:
            tls_at = max(tls_at + TLS_EVERY, now - 0.1)
            for bad in kinds_of_name:
                prober.ask_tls(bad)
            for bad in kinds_of_name:
                prober.ask_quic(bad)
            prober.keep_long_flow()
        prober.turn(min(dns_at, tls_at))
    prober.drain()
    pipe.send({**prober.count,
               **{f"slowest_{kind}": prober.slowest[kind] for kind in KINDS},
               "long_bytes": prober.long_bytes,
               "long_broken": prober.long_broken})


def flood(pipe, server, packets):
    """As many questions as the machine can send. One socket alone waits for
    its packets to be judged."""
    sockets = []
    for _ in range(100):
        sockets.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        sockets[-1].setblocking(False)
        sockets[-1].connect((server, 53))
    words = query_for("flood." + BLOCKED)
    sent = 0
    for at in range(packets):
        try:
            sockets[at % len(sockets)].send(words)
            sent += 1
        except OSError:
            pass
    pipe.send(sent)
    pipe.recv()


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def forge(pipe, server, connections):
    """A SYN and half a ClientHello from one false address after the other, as
    fast as they go: each looks like a flow whose name is still to come."""
    SYN, PSH_ACK = 0x02, 0x18
    out = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    hello = hello_for("www." + BLOCKED)
    half, to = hello[:len(hello) // 2], socket.inet_aton(server)

    def packet(number, flags, sequence, payload):
        own = struct.pack("!BBH", 10, 84, number >> 15 & 0xffff)
        ports = 1024 + (number & 0x7fff), 443
        head = struct.pack("!HHIIBBHHH", *ports, sequence, 0, 0x50, flags,
                           65000, 0, 0)
        total = checksum(own + to + struct.pack(
            "!HH", 6, len(head) + len(payload)) + head + payload)
        return (struct.pack("!BBHHHBBH", 0x45, 0, 40 + len(payload), 1, 0x4000,
                            64, 6, 0) + own + to + head[:16] +
                struct.pack("!H", total) + head[18:] + payload)

    sent = 0
    for number in range(connections):
        try:
            for flags, sequence, payload in ((SYN, 1000, b""),
                                             (PSH_ACK, 1001, half)):
                out.sendto(packet(number, flags, sequence, payload),
                           (server, 0))
            sent += 1
        except OSError:   # no room at the moment
            pass
    pipe.send(sent)
    pipe.recv()


def ask_once(pipe, kind, addresses, initials, bad, mark=0):
    """One question to each address; "refused", "answered" or "lost", or what
    became of both."""
    prober = Prober(addresses, initials, mark, patience=3.0)
    for _ in addresses:
        getattr(prober, f"ask_{kind}")(bad)
    prober.drain()
    key = f"{kind}_{'bad' if bad else 'good'}_"
    pipe.send(" and ".join(w for w in ("refused", "answered", "lost")
                           if prober.count[key + w]))
    pipe.recv()


# --- the lab -----------------------------------------------------------------

class Lab:
    """Namespaces and rules; ends all that it started."""

    def __init__(self, programs, source):
        self.bin, self.source = programs, source
        self.tag = f"sgf{os.getpid()}"
        self.client, self.far = self.tag + "c", self.tag + "s"
        self.dir = tempfile.mkdtemp(prefix="gate-failure-")
        net = random.randrange(256)
        self.server, self.own = f"10.83.{net}.1", f"10.83.{net}.2"
        self.server6, self.own6 = f"fd83:{net:x}::1", f"fd83:{net:x}::2"
        self.addresses = (self.server, self.server6)
        self.initials = [bytes.fromhex(run(
            os.path.join(self.bin, "write_initial"), name,
            known.decode()).stdout) for name, known in
            (("www." + ALLOWED, GOOD_ID), ("www." + BLOCKED, BAD_ID))]
        self.started = []
        for namespace in (self.client, self.far):
            run("ip", "netns", "add", namespace)
            run("ip", "-n", namespace, "link", "set", "lo", "up")
        self.serving = None

    def connect(self):
        run("ip", "link", "add", "eth0", "netns", self.client, "type", "veth",
            "peer", "name", "far0", "netns", self.far)
        for namespace, device, address, address6 in (
                (self.far, "far0", self.server, self.server6),
                (self.client, "eth0", self.own, self.own6)):
            run("ip", "-n", namespace, "addr", "add", address + "/24", "dev",
                device)
            run("ip", "-n", namespace, "addr", "add", address6 + "/64", "dev",
                device, "nodad")
            run("ip", "-n", namespace, "link", "set", device, "up")
        if self.serving is None:
            self.serving = Inside(self.far, serve, self.addresses)

    def counts(self):
        return self.serving.ask("counts")

    def start(self, *words, log="agent", namespace=None, environment=None,
              etc=None):
        """As urgent as the packaged service. `etc`: a folder whose folders
        stand in place of those of /etc."""
        def before():
            os.nice(-10)
            enter(namespace or self.client, etc)
        with open(os.path.join(self.dir, log + ".log"), "ab") as out:
            process = subprocess.Popen(
                words, stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                start_new_session=True,
                env={**os.environ, **(environment or {})},
                preexec_fn=before)
        self.started.append(process)
        return process

    def in_client(self, *words, check=True):
        return run("ip", "netns", "exec", self.client, *words, check=check)

    def probe(self, mark=0, only_good=False):
        return Inside(self.client, probe, self.addresses, self.initials, mark,
                      only_good)

    def one(self, kind, bad, mark=0):
        asked = Inside(self.client, ask_once, kind, self.addresses,
                       self.initials, bad, mark)
        try:
            return asked.pipe.recv() if asked.pipe.poll(20) else "lost"
        finally:
            asked.end()

    def make_rules(self):
        """Keys, a root, and the starter policy as versions 1 and 2."""
        rules = os.path.join(self.bin, "schoolgate-rules")
        keys = os.path.join(self.dir, "keys")
        os.mkdir(keys)
        parts = {"root-a": ("provider", ["root"]), "root-b": ("school", ["root"]),
                 "provider": ("provider", ["release"]),
                 "school": ("school", ["release"]),
                 "authority": ("authority", ["locked"]),
                 "clock": ("provider", ["timestamp"])}
        for name, (organisation, roles) in parts.items():
            words = [w for role in roles for w in ("--role", role)]
            run(rules, "key", "new", "-o", f"{keys}/{name}.key",
                "--organisation", organisation, "--name", name,
                "--no-passphrase", *words)
        publics = [w for name in parts
                   for w in ("--key", f"{keys}/{name}.key.pub")]
        for version in (1, 2):
            self.build(version)
            if version == 1:
                run(rules, "root", "new", "--for", self.bundle(1), "-o",
                    f"{self.dir}/root.txt", "--threshold", "root=2", *publics,
                    "--sign", f"{keys}/root-a.key", "--sign",
                    f"{keys}/root-b.key")
            self.sign(version)

    def bundle(self, version):
        return f"{self.dir}/{version}.bundle"

    def build(self, version, policy=None, lists=None):
        run(os.path.join(self.bin, "schoolgate-rules"), "build",
            policy or f"{self.source}/rules/policies/city-primary.yaml",
            "--lists", lists or f"{self.source}/rules/lists", "--version",
            str(version),
            "-o", self.bundle(version), "--quiet")

    def sign(self, version):
        keys = f"{self.dir}/keys"
        run(os.path.join(self.bin, "schoolgate-rules"), "sign",
            self.bundle(version), "--key", f"{keys}/provider.key", "--key",
            f"{keys}/school.key", "--key", f"{keys}/authority.key")

    def close(self):
        for process in self.started:
            if process.poll() is None:
                process.terminate()
        if self.serving is not None:
            self.serving.end()
        # What a keeper started again is nobody's child any more.
        for namespace in (self.client, self.far):
            for _ in range(2):
                found = run("ip", "netns", "pids", namespace, check=False)
                for pid in found.stdout.split():
                    try:
                        os.kill(int(pid), 9)
                    except ProcessLookupError:
                        pass
            run("ip", "netns", "del", namespace, check=False)


class Device:
    """An agent with a state of its own."""

    def __init__(self, lab, name, extra="", state=None):
        self.lab, self.name = lab, name
        self.state = state or os.path.join(lab.dir, name)
        os.makedirs(self.state + "/identity", exist_ok=True)
        os.makedirs(self.state + "/incoming", exist_ok=True)
        self.config = os.path.join(lab.dir, name + ".yaml")
        self.configure(extra)
        run("cp", f"{lab.dir}/root.txt", self.state + "/identity/rules_root")

    def configure(self, extra):
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(f"state_directory: {self.state}\n{extra}\npeople:\n"
                       "  - {uid: 0, login: a.pupil, group: pupils}\n")

    def offer(self, version):
        run("cp", self.lab.bundle(version), self.state + "/incoming/part")
        os.rename(self.state + "/incoming/part",
                  self.state + f"/incoming/{version}.bundle")

    def agent(self):
        return [os.path.join(self.lab.bin, "schoolgate-agent"), "run",
                "--config", self.config]

    def start(self):
        return self.lab.start(*self.agent(), log=self.name)

    def ask(self, question):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
            sock.settimeout(2)
            sock.connect(self.state + "/agent.sock")
            sock.send(json.dumps(question).encode())
            return json.loads(sock.recv(65536))

    def status(self):
        try:
            return self.ask({"ask": "status"})
        except (OSError, ValueError):
            return {}

    def status_by_command(self):
        """As people on the device ask; also where no socket has a file."""
        done = self.lab.in_client(
            os.path.join(self.lab.bin, "schoolgate"), "--json", "--socket",
            self.state + "/agent.sock", "status", check=False)
        return json.loads(done.stdout) if done.returncode == 0 else {}

    def log(self):
        path = os.path.join(self.lab.dir, self.name + ".log")
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
