#!/usr/bin/env python3
"""What would go wrong: the evaluation counts visits, embeds and blocked tries
under the wrong label or grade, or prints other keys than promised.

usage: evaluate_test.py PROGRAMS

Makes a small labelled run of its own (packets written byte by byte, hellos by
Python's own TLS), and evaluates it through the real programs.
"""

import json
import pathlib
import ssl
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
CLIENT, RESOLVER = "10.9.0.2", "10.9.0.1"
START = 1795514400.0
CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def ip(address):
    return bytes(int(part) for part in address.split("."))


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def hello(host):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = CONTEXT.wrap_bio(incoming, outgoing, server_hostname=host)
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


class Capture:
    def __init__(self):
        self.packets = []
        self.port = 20000
        self.events = []
        self.segment = 1400

    def frame(self, when, source, target, protocol, payload):
        head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0,
                           64, protocol, 0, ip(source), ip(target))
        head = head[:10] + struct.pack(">H", checksum(head)) + head[12:]
        self.packets.append((when, b"\2" * 6 + b"\4" * 6 + b"\x08\0" + head +
                             payload))

    def ask(self, when, host, kinds=(65, 1)):
        labels = b"".join(bytes([len(l)]) + l.encode() for l in host.split("."))
        for i, kind in enumerate(kinds):
            question = struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, 0)
            question += labels + b"\0" + struct.pack(">HH", kind, 1)
            udp = struct.pack(">HHHH", 30000 + i, 53, 8 + len(question), 0)
            self.frame(when + i * 1e-4, CLIENT, RESOLVER, 17, udp + question)
        self.events.append([when, "dns", host, 0])

    def tcp(self, when, port, server, out, flags, sequence, payload=b""):
        ends = (port, 443) if out else (443, port)
        head = struct.pack(">HHIIBBHHH", *ends, sequence, 1, 0x50, flags,
                           65535, 0, 0)
        pair = (CLIENT, server) if out else (server, CLIENT)
        self.frame(when, *pair, 6, head + payload)

    def load(self, when, host, server, seconds, rate):
        """A connection that receives `rate` bytes a second."""
        self.port += 1
        port = self.port
        self.tcp(when, port, server, True, 2, 0)
        self.tcp(when + 0.005, port, server, False, 0x12, 0)
        self.tcp(when + 0.010, port, server, True, 0x18, 1, hello(host))
        self.events.append([when + 0.010, "sni", host, port])
        sent, step = 1, 0.1
        for n in range(max(1, int(seconds / step))):
            left = int(rate * step)
            while left > 0:
                size = min(self.segment, left)
                self.tcp(when + 0.05 + n * step, port, server, False, 0x18,
                         sent, b"x" * size)
                sent += size
                left -= size

    def write(self, path):
        self.packets.sort(key=lambda p: p[0])
        with open(path, "wb") as out:
            out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144,
                                  1))
            for when, data in self.packets:
                out.write(struct.pack("<IIII", int(when),
                                      int(when % 1 * 1e6), len(data),
                                      len(data)) + data)


def news(capture, when, embedded):
    """A page with a dozen hosts of other sites, and what it embeds."""
    for n in range(12):
        host = f"cdn.partner{n}.test"
        capture.ask(when + n * 0.05, host)
        capture.load(when + n * 0.05 + 0.02, host, "10.9.2.1", 0.1, 20000)
    capture.ask(when + 0.33, embedded)
    capture.load(when + 0.35, embedded, "10.9.1.3", 0.2, 100000)


def make_run(folder, segment=1400, change=None):
    """Writes the run; `change` may alter capture and truth before that."""
    capture, truth = Capture(), []
    capture.segment = segment

    def act(when, label, domain, category):
        truth.append({"t": when, "k": "act", "a": "typed", "label": label,
                      "host": "www." + domain, "dom": domain, "cat": category})
        truth.append({"t": when + 0.01, "k": "req", "h": "www." + domain,
                      "mf": True, "top": "about:blank"})

    def visit(when, label, domain, category, seconds):
        act(when, label, domain, category)
        capture.ask(when + 0.02, "www." + domain)
        for n in range(2):
            capture.load(when + 0.05 + n * 0.01, "www." + domain, "10.9.1.1",
                         seconds, 50000)
        for host in ("img.", "static."):
            capture.ask(when + 0.3, host + domain)
            capture.load(when + 0.35, host + domain, "10.9.1.2", seconds, 50000)

    when = START
    for n in range(4):
        visit(when + 60, "deliberate", f"bet{n}.test", "gambling", 14)
        visit(when + 120, "accidental", f"lewd{n}.test", "adult", 2)
        act(when + 180, "deliberate", f"blocked{n}.test", "proxy")
        capture.ask(when + 180.02, f"www.blocked{n}.test")
        news(capture, when + 240, "px.social.test")
        when += 300
    domains = {f"bet{n}.test": "gambling" for n in range(4)}
    domains |= {f"lewd{n}.test": "adult" for n in range(4)}
    domains |= {f"blocked{n}.test": "proxy" for n in range(4)}
    domains["social.test"] = "social"
    if change:
        change(capture, truth)
    capture.write(folder / "traffic.pcap")
    (folder / "truth.jsonl").write_text(
        "".join(json.dumps(line) + "\n" for line in truth))
    (folder / "events.json").write_text(
        json.dumps({"ev": capture.events, "flows": []}))
    # Other worlds leave fields out and have categories of their own.
    odd = {"odd.test": {}, "odder.test": {"category": "Of its own"}}
    (folder / "flagged.json").write_text(json.dumps(odd | {
        domain: {"host": "www." + domain, "category": category,
                 "companions": ["img." + domain, "static." + domain]}
        for domain, category in domains.items()}))


def expect(what, got, wanted):
    if got != wanted:
        sys.exit(f"evaluate_test: {what}: {got}, not {wanted}")


def main():
    programs = sys.argv[1]
    with tempfile.TemporaryDirectory(prefix="evaluate-test-") as scratch:
        folder = pathlib.Path(scratch)
        make_run(folder)
        done = subprocess.run(
            [sys.executable, HERE / "evaluate", folder, "--json",
             "--programs", programs], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(done.stderr)
        result = json.loads(done.stdout)
        # The embed comes anew every five minutes: four episodes.
        expect("deliberate", result["deliberate"],
               {"opened": 4, "landed": 0, "attempt": 4, "unclear": 0,
                "automatic": 0})
        expect("accidental", result["accidental"],
               {"opened": 0, "landed": 4, "attempt": 0, "unclear": 0,
                "automatic": 0})
        expect("automatic", result["automatic"],
               {"opened": 0, "landed": 0, "attempt": 0, "unclear": 0,
                "automatic": 4})
        expect("precision", result["precision"], 1.0)
        expect("recall", result["recall"], 1.0)
        # Four gambling sites and four ways round the filter: two alerts.
        expect("alerts", result["alerts"], 2)
        (folder / "truth.jsonl").unlink()
        done = subprocess.run(
            [sys.executable, HERE / "evaluate", folder, "--programs",
             programs], capture_output=True, text=True)
        expect("exit without truth", done.returncode, 1)


if __name__ == "__main__":
    main()
