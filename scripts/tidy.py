#!/usr/bin/env python3
"""Checks what a program can see for certain about the tree.

  - Includes point downwards: platform <- proto <- rules <- agent | collector.
  - Every foreign header has one home.
  - Nothing outside platform/ asks the system for the time.
  - Files and functions stay within their walls.
  - Names that say nothing do not appear as files or folders.
  - No path of somebody's machine, no leftover marker.
  - Everything is formatted as .clang-format says.

usage: scripts/tidy.py [--clang]
  --clang  also run clang-tidy over the files that the last commit changed
           (needs a configured build/)
"""
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LAYERS = {"platform": 0, "proto": 1, "rules": 2, "agent": 3, "collector": 3,
          "tests": 4}
# Foreign header (regular expression) -> folders that may include it.
HOMES = {
    r"pcap/": ["platform/", "tests/", "agent/capture/"],
    r"ndpi/|seccomp\.h": ["agent/dpi/"],
    r"libmnl/|libnftnl/|libnetfilter_|linux/netfilter": [
        "agent/enforce/", "platform/"],
    r"sodium\.h": ["proto/seal/", "rules/trust/", "rules/bundle/", "collector/fleet/",
                   "collector/store/", "collector/oidc/", "collector/web/",
                   "agent/observe/", "tests/"],
    r"cjose/": ["collector/oidc/"],
    r"grpcpp/": ["agent/uplink/", "collector/ingest/", "collector/feed/",
                 "collector/fleet/", "collector/cli/", "tests/"],
    r"sqlite3\.h": ["collector/store/", "tests/"],
    r"curl/": ["collector/outbound/", "collector/clickhouse/",
               "collector/metrics/", "collector/web/", "tests/"],
    r"libpq-fe\.h": ["collector/postgres/"],
    r"microhttpd\.h": ["collector/web/", "collector/metrics/"],
    r"yaml-cpp/": ["platform/yaml/", "rules/policy/"],
    r"openssl/": ["agent/observe/", "agent/uplink/", "collector/fleet/",
                  "collector/ingest/", "collector/oidc/", "collector/web/",
                  "collector/cli/", "tests/"],
    r"libpsl\.h|idn2\.h": ["rules/bundle/", "rules/import/"],
}
CLOCKS = re.compile(
    r"absl::Now\(|clock_gettime\(|gettimeofday\(|system_clock::now|"
    r"steady_clock::now|[^_a-zA-Z:]time\(nullptr\)|GetCurrentTimeNanos")
EMPTY_NAMES = re.compile(
    r"(^|[_/])(manager|helper|helpers|util|utils|common|misc|controller|"
    r"processor|handler|impl)([_./]|$)")
FILE_WALL = 500
FUNCTION_WALL = 70


def tracked():
    out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"],
                         cwd=ROOT, capture_output=True, text=True, check=True)
    return [f for f in out.stdout.splitlines()
            if os.path.isfile(os.path.join(ROOT, f))]


def function_lengths(lines):
    """Yields (line, length) of each function body of a formatted file: a line
    that ends in '{' at the outermost indent of its kind up to its '}'."""
    start = None
    indent = ""
    for number, line in enumerate(lines, 1):
        if start is None:
            opens = re.match(
                r"^( {0,2})\S.*\)( const| override| noexcept| mutable)*"
                r"( ->.*)? \{$", line)
            if opens and not re.match(
                    r"^ *(if|for|while|switch|namespace|class|struct|enum)\b",
                    line):
                start, indent = number, opens.group(1)
        elif line == indent + "}":
            yield start, number - start + 1
            start = None


def check(path, complaints):
    folder = path.split("/")[0]
    code = path.endswith((".cc", ".h"))
    if EMPTY_NAMES.search(path.lower()):
        complaints.append(f"{path}: a name that says nothing: name the noun")
    if not code:
        return
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        lines = file.read().splitlines()
    is_test = path.endswith("_test.cc") or folder == "tests"
    if len(lines) > FILE_WALL and not is_test:
        complaints.append(f"{path}: {len(lines)} lines: split it by nouns "
                          f"(the wall is {FILE_WALL})")
    for start, length in function_lengths(lines):
        if length > FUNCTION_WALL and not is_test:
            complaints.append(f"{path}:{start}: a function of {length} lines "
                              f"(the wall is {FUNCTION_WALL})")
    for number, line in enumerate(lines, 1):
        include = re.match(r'#include [<"]([^>"]+)[>"]', line)
        if include:
            check_include(path, folder, number, include.group(1), complaints)
        if (folder != "platform" and not is_test and CLOCKS.search(line)):
            complaints.append(f"{path}:{number}: asks the system for the "
                              "time: be told it, or use platform/clock.h")
        if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line):
            complaints.append(f"{path}:{number}: unfinished by its own words")


def check_include(path, folder, number, header, complaints):
    target = header.split("/")[0]
    if target in LAYERS and folder in LAYERS:
        if LAYERS[target] > LAYERS[folder] or (
                {folder, target} == {"agent", "collector"}):
            complaints.append(f"{path}:{number}: {folder}/ must not include "
                              f"{header}: data flows downwards")
    for pattern, homes in HOMES.items():
        if re.match(pattern, header) and not path.startswith(tuple(homes)):
            complaints.append(f"{path}:{number}: <{header}> has its home in "
                              f"{', '.join(homes)}")


def check_paths(files, complaints):
    for path in files:
        try:
            with open(os.path.join(ROOT, path), encoding="utf-8") as file:
                text = file.read()
        except UnicodeDecodeError:
            continue
        for found in re.finditer(r"(?<![\w.])/(home|root|work|farm)/\w+", text):
            complaints.append(f"{path}: names a path of somebody's machine: "
                              f"{found.group(0)}")


def check_format(files, complaints):
    if not shutil.which("clang-format"):
        return
    sources = [f for f in files if f.endswith((".cc", ".h"))]
    out = subprocess.run(["clang-format", "--dry-run", "--Werror", *sources],
                         cwd=ROOT, capture_output=True, text=True, check=False)
    bad = sorted(set(re.findall(r"^(\S+?):\d+:\d+: error", out.stderr, re.M)))
    complaints += [f"{f}: not formatted: clang-format -i {f}" for f in bad]


def run_clang_tidy(build, complaints):
    changed = subprocess.run(
        ["git", "diff", "--name-only", "--diff-filter=d", "HEAD~1"], cwd=ROOT,
        capture_output=True, text=True, check=False).stdout.split()
    changed = [f for f in changed if f.endswith(".cc")]
    if changed:
        out = subprocess.run(["clang-tidy", "-p", build, "--quiet", *changed],
                             cwd=ROOT, capture_output=True, text=True,
                             check=False)
        complaints += [l for l in out.stdout.splitlines() if ": warning:" in l]


def main():
    if sys.argv[1:] in (["-h"], ["--help"]):
        print(__doc__.strip())
        return 0
    if sys.argv[1:] not in ([], ["--clang"]):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    files = tracked()
    complaints = []
    for path in files:
        if path.startswith(tuple(LAYERS)):
            check(path, complaints)
    check_paths(files, complaints)
    check_format(files, complaints)
    if "--clang" in sys.argv:
        run_clang_tidy("build", complaints)
    for line in complaints:
        print(line)
    print(f"{len(files)} files, {len(complaints)} complaints")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
