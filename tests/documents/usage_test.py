#!/usr/bin/env python3
"""Whoever calls a verb wrongly is told so in one line that leads to the verb's
own help, and scripts see exit code 2, whatever the program.

usage: usage_test.py FOLDER_OF_PROGRAMS
"""
import os
import re
import subprocess
import sys

PROGRAMS = ["schoolgate", "schoolgate-agent", "schoolgate-dpi",
            "schoolgate-uplink", "schoolgate-rules", "schoolgate-collector",
            "schoolgate-events", "schoolgate-detect"]
complaints = []


def run(folder, words):
    return subprocess.run([os.path.join(folder, words[0])] + words[1:],
                          stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=60, check=False)


def verbs_of(folder, words):
    """All chains of verbs, as they are typed."""
    text = run(folder, words + ["--help"]).stdout
    found = re.search(r"^Subcommands:\n((?:  .*\n?|\n)+)", text, re.M)
    chains = [words]
    for verb in re.findall(r"^  ([a-z][a-z-]*)",
                           found.group(1) if found else "", re.M):
        chains += verbs_of(folder, words + [verb])
    return chains


def check(folder, words):
    done = run(folder, words + ["--nosuch"])
    typed = " ".join(words)
    if done.returncode != 2:
        complaints.append(f"{typed} --nosuch: exit code {done.returncode}")
    if not re.fullmatch(rf"{words[0]}: .+: see {typed} --help\n", done.stderr):
        complaints.append(f"{typed} --nosuch: says {done.stderr!r}")


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    folder = sys.argv[1]
    chains = [chain for program in PROGRAMS
              for chain in verbs_of(folder, [program])]
    for chain in chains:
        check(folder, chain)
    for complaint in complaints:
        print(complaint)
    print(f"{len(chains)} commands, {len(complaints)} complaints")
    return 1 if complaints or len(chains) < 60 else 0


sys.exit(main())
