#!/usr/bin/env python3
"""Ways past a filter that need a TCP of one's own, as root in a container has:
segments in any order, over each other, and decoys that the server never takes.
Prints what came back, as tricks.py.

usage: raw_tricks.py TRICK ADDRESS PORT NAME
"""
import os
import select
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from gate_lab import checksum  # noqa: E402
from tricks import hello, verdict_on  # noqa: E402

SYN, RST, PSH_ACK, ACK, URGENT = 0x02, 0x04, 0x18, 0x10, 0x20
PATIENCE = 3.0
# Not enough to reach the server: a router of the lab drops it.
FEW_HOPS = 3


class Connection:
    """The client's end of one, made by hand. The kernel's resets to what it
    does not know are dropped by the container's own packet filter."""

    def __init__(self, address, port):
        self.out = socket.socket(socket.AF_INET, socket.SOCK_RAW,
                                 socket.IPPROTO_RAW)
        self.into = socket.socket(socket.AF_INET, socket.SOCK_RAW,
                                  socket.IPPROTO_TCP)
        probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        probe.connect((address, 9))
        self.own = socket.inet_aton(probe.getsockname()[0])
        self.server = socket.inet_aton(address)
        self.ports = (20000 + int.from_bytes(os.urandom(2), "big") % 30000,
                      port)
        self.begin = int.from_bytes(os.urandom(4), "big")
        self.theirs = 0
        self.send(-1, b"", SYN)
        seen = self.receive(time.monotonic() + PATIENCE)
        if seen is None or seen[2] & RST:
            raise ConnectionResetError
        self.theirs = (seen[0] + 1) % 2**32
        self.send(0, b"", ACK)

    def send(self, offset, payload, flags=PSH_ACK, hops=64, wrong_sum=False,
             urgent=0):
        head = struct.pack("!HHIIBBHHH", *self.ports,
                           (self.begin + 1 + offset) % 2**32, self.theirs,
                           0x50, flags, 65000, 0, urgent)
        total = checksum(self.own + self.server +
                         struct.pack("!HH", 6, len(head) + len(payload)) +
                         head + payload)
        head = head[:16] + struct.pack("!H", total ^ wrong_sum) + head[18:]
        self.out.sendto(
            struct.pack("!BBHHHBBH", 0x45, 0, 40 + len(payload), 1, 0x4000,
                        hops, 6, 0) + self.own + self.server + head + payload,
            (socket.inet_ntoa(self.server), 0))

    def receive(self, until):
        """(sequence, payload, flags) of the next segment for us."""
        while (left := until - time.monotonic()) > 0:
            if not select.select([self.into], [], [], left)[0]:
                break
            packet = self.into.recv(65536)
            at = (packet[0] & 15) * 4
            to, own, sequence = struct.unpack("!HHI", packet[at:at + 8])
            if packet[12:16] != self.server or (own, to) != self.ports:
                continue
            body = packet[at + (packet[at + 12] >> 4) * 4:]
            return sequence, body, packet[at + 13]
        return None

    def answer(self):
        """Whatever the server says first."""
        until = time.monotonic() + PATIENCE
        while (seen := self.receive(until)) is not None:
            if seen[1]:
                return verdict_on(seen[1])
            if seen[2] & RST:
                return "reset"
        return "silent"


def innocent(whole, name):
    """The same hello for an open name of the same length."""
    return whole.replace(name.encode(), b"www." + b"a" * (len(name) - 8) +
                         b".org")


def in_order(to, whole, _):
    to.send(0, whole)


def backwards(to, whole, _):
    for at in range(len(whole) // 20 * 20, -1, -20):
        to.send(at, whole[at:at + 20])


def overlapping(to, whole, _):
    for at in range(0, len(whole), 10):
        to.send(at, whole[at:at + 30])


def decoy_few_hops(to, whole, decoy):
    to.send(0, decoy, hops=FEW_HOPS)
    to.send(0, whole)


def decoy_wrong_sum(to, whole, decoy):
    to.send(0, decoy, wrong_sum=True)
    to.send(0, whole)


def decoy_long_past(to, whole, decoy):
    """For a server, something that it has had already."""
    to.send(-30_000, decoy)
    to.send(0, whole)


def decoy_over_the_name(to, whole, decoy):
    """Only the piece with the name in it is exchanged."""
    at = next(i for i in range(len(whole)) if whole[i] != decoy[i])
    to.send(0, whole[:at])
    to.send(at, decoy[at:], hops=FEW_HOPS)
    to.send(at, whole[at:])


def with_a_byte_more(whole, decoy):
    """In the name; and how many bytes up to its end."""
    at = next(i for i in range(len(whole)) if whole[i] != decoy[i]) + 4
    return whole[:at] + b"x" + whole[at:], at + 1


def urgent(to, whole, decoy):
    """Most servers take such a byte out of the stream."""
    longer, count = with_a_byte_more(whole, decoy)
    to.send(0, longer, flags=PSH_ACK | URGENT, urgent=count)


def urgent_ahead(to, whole, decoy):
    """A segment without payload says so of a byte that comes later."""
    longer, count = with_a_byte_more(whole, decoy)
    to.send(0, b"", flags=ACK | URGENT, urgent=count)
    to.send(0, longer)


def main():
    trick, address, port, name = sys.argv[1:]
    whole = hello(name)
    to = Connection(address, int(port))
    globals()[trick.replace("-", "_")](to, whole, innocent(whole, name))
    print(to.answer())


if __name__ == "__main__":
    try:
        main()
    except ConnectionResetError:
        print("reset")
