#!/usr/bin/env python3
"""What would go wrong: more of what nobody did, another network or a clock
that runs a little otherwise makes an alert, or hides one.

usage: metamorphic_test.py PROGRAMS

The made-up run of evaluate_test.py, changed in ways that change nothing that
anybody did, through the real programs.
"""

import json
import pathlib
import random
import subprocess
import sys
import tempfile

from evaluate_test import CLIENT, RESOLVER, START, make_run, news

HERE = pathlib.Path(__file__).resolve().parent
STRONG = ("opened", "landed", "attempt")
END = START + 4 * 300


def evaluate(programs, **how):
    with tempfile.TemporaryDirectory(prefix="metamorphic-") as scratch:
        folder = pathlib.Path(scratch)
        make_run(folder, **how)
        done = subprocess.run(
            [sys.executable, HERE / "evaluate", folder, "--json",
             "--no-base-rate", "--programs", programs], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return json.loads(done.stdout)


def more_embeds(capture, truth):
    for n in range(12):
        news(capture, END + 60 + 41 * n, ("px.social.test", "cdn.bet1.test",
                                          "static.lewd2.test")[n % 3])


def more_prefetch(capture, truth):
    for n in range(12):
        news(capture, END + 60 + 41 * n, "px.social.test")
        capture.ask(END + 60.2 + 41 * n, f"www.bet{n % 4}.test")
        capture.ask(END + 60.2 + 41 * n, f"www.lewd{n % 4}.test")


def more_polls(capture, truth):
    """A program that calls home at equal intervals, as programs ask: without
    the HTTPS record."""
    for n in range(24):
        when = END + 60 + 30 * n
        capture.ask(when, "api.social.test", kinds=(1,))
        capture.load(when + 0.03, "api.social.test", "10.9.1.3", 0.2, 5000)


def duplicated(capture, truth):
    capture.packets += [(when + 1e-5, data) for when, data in capture.packets]


def lossy(capture, truth):
    chance = random.Random(20261128)
    capture.packets = [p for p in capture.packets if chance.random() > 0.015]


def jittered(capture, truth):
    """Every second lasts between 0.85 and 1.15 seconds."""
    chance = random.Random(7)
    starts, now = [], START - 5
    for _ in range(int(END - START) + 600):
        starts.append(now)
        now += chance.uniform(0.85, 1.15)

    def warp(when):
        second = int(when - START + 5)
        part = when - START + 5 - second
        return starts[second] + part * (starts[second + 1] - starts[second])

    capture.packets = [(warp(when), data) for when, data in capture.packets]
    for event in capture.events:
        event[0] = warp(event[0])
    for line in truth:
        line["t"] = warp(line["t"])


def other_addresses(capture, truth):
    def swap(data):
        for old, new in ((CLIENT, "172.20.5.77"), (RESOLVER, "172.20.0.1")):
            data = data.replace(bytes(map(int, old.split("."))),
                                bytes(map(int, new.split("."))))
        return data

    # Headers only: checksums are the receiver's business, not the capture's.
    capture.packets = [(when, swap(data[:34]) + data[34:])
                       for when, data in capture.packets]


def strong(result, label):
    return sum(result[label][grade] for grade in STRONG)


def main():
    programs = sys.argv[1]
    plain = evaluate(programs)
    if plain["alerts"] != 2 or strong(plain, "automatic") != 0:
        sys.exit(f"metamorphic_test: the run itself: {plain}")
    # Nobody did more: no more alerts, nothing automatic looks meant.
    for change in (more_embeds, more_prefetch, more_polls):
        got = evaluate(programs, change=change)
        for what in ("alerts", "deliberate", "accidental"):
            if got[what] != plain[what]:
                sys.exit(f"metamorphic_test: {change.__name__}: {what}: "
                         f"{got[what]}, not {plain[what]}")
        if strong(got, "automatic") != 0:
            sys.exit(f"metamorphic_test: {change.__name__}: "
                     f"{got['automatic']}")
        if sum(got["automatic"].values()) <= sum(plain["automatic"].values()):
            sys.exit(f"metamorphic_test: {change.__name__}: added nothing")
    # The same by another way: the same grades and alerts.
    same = {"duplicated": {"change": duplicated},
            "jittered": {"change": jittered},
            "other addresses": {"change": other_addresses},
            "small packets": {"segment": 536}}
    for name, how in same.items():
        got = evaluate(programs, **how)
        for what in ("alerts", "deliberate", "accidental", "automatic"):
            if got[what] != plain[what]:
                sys.exit(f"metamorphic_test: {name}: {what}: {got[what]}, "
                         f"not {plain[what]}")
    # Lost packets may hide a visit, and never make one.
    got = evaluate(programs, change=lossy)
    if (got["alerts"] > plain["alerts"] or strong(got, "automatic") != 0 or
            strong(got, "deliberate") + 1 < strong(plain, "deliberate")):
        sys.exit(f"metamorphic_test: lossy: {got}")


if __name__ == "__main__":
    main()
