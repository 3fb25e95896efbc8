#!/usr/bin/env python3
"""What would go wrong: a change in detection drowns the safety lead in alerts
or lets repeated misuse pass, although devices grade as well as before.

usage: compositor_test.py PROGRAMS
"""

import json
import subprocess
import sys


def main():
    program = sys.argv[1] + "/schoolgate-compositor"
    for seed in (1, 2, 3):
        out = subprocess.run([program, "--seed", str(seed), "--days", "100"],
                             capture_output=True, text=True, check=True).stdout
        print(out.strip())
        result = json.loads(out)
        checks = {
            "alerts": result["alerts_per_1000_devices_day"] <= 5,
            "interrupted": result["recall_repeated_by_alert"] <=
                           result["recall_repeated"],
            "precision": result["precision"] >= 0.8,
            "repeated": result["recall_repeated"] >= 0.8,
        }
        failed = [name for name, held in checks.items() if not held]
        if failed:
            sys.exit(f"compositor_test: seed {seed}: {failed}: {out}")
    # What is put in comes out, within the interval that is claimed.
    out = subprocess.run([program, "--days", "50", "--trusts", "20", "--found",
                          "0.6", "--found-serious", "0.9"],
                         capture_output=True, text=True, check=True).stdout
    print(out.strip())
    result = json.loads(out)
    low, high = result["recall_single_serious_interval"]
    if result["single_serious"] < 150 or not low <= 0.9 <= high:
        sys.exit(f"compositor_test: single serious contacts: {out}")
    # Where devices grade as on the worst of the labelled runs (0.72 counted,
    # most of the rest landings) three in five days are found all the same,
    # and pop-ups by the hundred accuse nobody.
    out = subprocess.run([program, "--days", "50", "--trusts", "10", "--found",
                          "0.72", "--landed", "0.85"],
                         capture_output=True, text=True, check=True).stdout
    print(out.strip())
    result = json.loads(out)
    if result["recall_repeated"] < 0.9 or result["precision"] < 0.9:
        sys.exit(f"compositor_test: landings beside what was opened: {out}")
    # At the rates measured on all labelled runs a lead of 1,000 devices is
    # interrupted three times a day at most, and told of the rest in the digest.
    out = subprocess.run([program, "--days", "100", "--trusts", "20", "--found",
                          "0.8", "--found-serious", "0.92", "--landed", "0.6",
                          "--accident-opened", "0"],
                         capture_output=True, text=True, check=True).stdout
    print(out.strip())
    result = json.loads(out)
    if (result["alerts_per_1000_devices_day"] > 3.05 or
            result["recall_repeated"] < 0.9 or
            result["recall_single_serious"] < 0.8):
        sys.exit(f"compositor_test: three a day: {out}")


if __name__ == "__main__":
    main()
