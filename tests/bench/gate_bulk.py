"""Bulk through the gate, for tests/bench/gate: one connection that stays, in
turns of 64 MB with two others: one through a pair of namespaces with nothing
in them, one where the kernel tracks connections for a rule of somebody else.

Runs of iperf3 differ by a fifth on a machine with two processors, whatever is
between them. Here sender and receiver have a processor each, buffers of one
size, and hundreds of short turns in chance order. Both use CUBIC, which is what
Debian does: BBR, the default of some servers' kernels, waits for a timer before
each piece, moves a quarter as much here, and measures timers. This is as fast as
two processors can move bytes; on_a_line() is what a laptop's network card lets
through.
"""
import os
import random
import statistics
import subprocess
import sys
import time

TURN_BYTES = 64 << 20
LINE = "1gbit"
PORT = 5300
RECEIVER = """
import socket, sys
address, port, turn = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
door = socket.socket(); door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
door.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
door.bind((address, port)); door.listen(); flow = door.accept()[0]
buffer, got = bytearray(1 << 20), 0
while size := flow.recv_into(buffer):
    got += size
    if got >= turn: got -= turn; flow.send(b"k")
"""
SENDER = """
import socket, sys, time
address, port, turn = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
flow = socket.socket(); flow.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
flow.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")
for _ in range(50):
    try: flow.connect((address, port)); break
    except ConnectionRefusedError: time.sleep(0.1)
piece = bytes(1 << 20)
for line in sys.stdin:
    begun = time.perf_counter()
    for _ in range(turn >> 20): flow.sendall(piece)
    flow.recv(1)
    print(time.perf_counter() - begun, flush=True)
"""
TRACKING = """table inet tracked {
  chain out { type filter hook output priority 0; ct state established accept; }
  chain in { type filter hook input priority 0; ct state established accept; }
}
"""


class Pair:
    """Two namespaces and a cable."""

    ADDRESS = "198.18.90.1"

    def __init__(self, tag, rules=""):
        self.client, self.net = tag + "c", tag + "n"
        ip = lambda *words: subprocess.run(["ip", *words], check=True)
        for name in (self.client, self.net):
            ip("netns", "add", name)
        ip("link", "add", "eth0", "netns", self.client, "type", "veth", "peer",
           "name", "eth0", "netns", self.net)
        for name, address in ((self.net, self.ADDRESS),
                              (self.client, "198.18.90.2")):
            ip("-n", name, "addr", "add", address + "/24", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")
        if rules:
            subprocess.run(["ip", "netns", "exec", self.client, "nft", "-f",
                            "-"], input=rules, text=True, check=True)

    def close(self):
        for name in (self.client, self.net):
            subprocess.run(["ip", "netns", "del", name], capture_output=True)


class Flow:
    def __init__(self, client, net, address):
        inside = lambda namespace, cpu, code: [
            "ip", "netns", "exec", namespace, "taskset", "-c", cpu,
            sys.executable, "-c", code, address, str(PORT), str(TURN_BYTES)]
        last = str(os.cpu_count() - 1)
        self.receiver = subprocess.Popen(inside(net, last, RECEIVER))
        self.sender = subprocess.Popen(
            inside(client, "0", SENDER), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)

    def turn(self):
        """Bits a second."""
        self.sender.stdin.write("\n")
        self.sender.stdin.flush()
        return TURN_BYTES * 8 / float(self.sender.stdout.readline())

    def close(self):
        for process in (self.sender, self.receiver):
            process.kill()
            process.wait()


def ratio_of(ours, others):
    """Of medians, and the middle 95 % of what other draws of the same turns
    would have given."""
    once = lambda draw: statistics.median(draw(ours)) / statistics.median(
        draw(others))
    drawn = sorted(once(lambda turns: random.choices(turns, k=len(turns)))
                   for _ in range(400))
    return (round(once(list), 3), [round(drawn[10], 3), round(drawn[-11], 3)])


def measure(lab, address, rounds):
    """The agent of `lab` runs. Gives the row's figures."""
    pairs = [Pair(lab.tag + "p"), Pair(lab.tag + "q", TRACKING)]
    flows = {}
    try:
        flows["gate"] = Flow(lab.client, lab.net, address)
        flows["nothing"], flows["tracking"] = (
            Flow(each.client, each.net, each.ADDRESS) for each in pairs)
        for flow in flows.values():
            for _ in range(5):   # until windows are as wide as they become
                flow.turn()
        speed = {name: [] for name in flows}
        for _ in range(rounds):
            for name in random.sample(list(flows), len(flows)):
                speed[name].append(flows[name].turn())
    finally:
        for each in (*flows.values(), *pairs):
            each.close()
    ratio, interval = ratio_of(speed["gate"], speed["nothing"])
    tracked, tracked_interval = ratio_of(speed["gate"], speed["tracking"])
    bits = {name: round(statistics.median(each) / 1e9, 1)
            for name, each in speed.items()}
    return {"gbit_s": bits["gate"], "gbit_s_without": bits["nothing"],
            "ratio": ratio, "ratio_95": interval,
            "gbit_s_tracking_alone": bits["tracking"],
            "ratio_to_tracking": tracked, "ratio_to_tracking_95":
            tracked_interval, "turns": rounds}


def busy_seconds():
    """Of all processors, since the machine started."""
    with open("/proc/stat", encoding="ascii") as stat:
        user, nice, system, _, _, irq, soft, stolen = map(
            int, stat.readline().split()[1:9])
    return (user + nice + system + irq + soft + stolen) / os.sysconf(
        "SC_CLK_TCK")


def on_a_line(lab, address, rounds):
    """The same, over cables of one gigabit a second: what is lost, and what
    the processors do for a gigabyte (all that runs on the machine)."""
    pair = Pair(lab.tag + "p")
    clients = {"gate": lab.client, "nothing": pair.client}
    shape = lambda verb, *words: [subprocess.run(
        ["ip", "netns", "exec", client, "tc", "qdisc", verb, "dev", "eth0",
         "root", *words], check=True) for client in clients.values()]
    flows, speed, busy = {}, {name: [] for name in clients}, {}
    try:
        shape("add", "tbf", "rate", LINE, "burst", "1mb", "latency", "20ms")
        flows["gate"] = Flow(lab.client, lab.net, address)
        flows["nothing"] = Flow(pair.client, pair.net, pair.ADDRESS)
        for flow in flows.values():
            flow.turn()
        for _ in range(rounds):
            for name in random.sample(list(flows), len(flows)):
                before = busy_seconds()
                speed[name].append(flows[name].turn())
                busy[name] = busy.get(name, 0) + busy_seconds() - before
    finally:
        for flow in flows.values():
            flow.close()
        shape("del")
        pair.close()
    ratio, interval = ratio_of(speed["gate"], speed["nothing"])
    gigabytes = rounds * TURN_BYTES / 1e9
    return {"gbit_s": round(statistics.median(speed["gate"]) / 1e9, 3),
            "gbit_s_without": round(
                statistics.median(speed["nothing"]) / 1e9, 3),
            "ratio": ratio, "ratio_95": interval,
            "cpu_s_per_gb": round(busy["gate"] / gigabytes, 2),
            "cpu_s_per_gb_without": round(busy["nothing"] / gigabytes, 2),
            "turns": rounds}
