"""The names that tshark and nDPI's reader see in a capture, written as ours."""
import collections
import csv
import os
import shutil
import subprocess
import tempfile

FIELDS = ("frame.protocols", "dns.flags.response", "dns.qry.name",
          "tls.handshake.extensions_server_name")
BETWEEN = "\x1f"


def written(name):
    """A name of tshark's as ours are written."""
    name = name.rstrip(".").lower()
    if name in ("", "<root>"):
        return "."
    return "".join(c if "!" <= c <= "~" else
                   "".join(f"\\{byte:03d}" for byte in
                           c.encode("utf-8", "surrogateescape"))
                   for c in name)


def by_tshark(path):
    """kind -> names, and whether tshark read the file to its end. Keys found
    beside a capture are not used: it sees what a stranger sees."""
    command = ["tshark", "-n", "-r", path, "-o", "tls.keylog_file:",
               "-T", "fields", "-E", f"aggregator={BETWEEN}"]
    for field in FIELDS:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, check=False)
    names = collections.defaultdict(set)
    text = done.stdout.decode("utf-8", "surrogateescape")
    for line in text.split("\n"):
        columns = line.split("\t")
        if len(columns) != len(FIELDS):
            continue
        protocols, answer, asked, hello = columns
        layers = protocols.split(":")
        if asked and "nbns" not in layers and "0" in answer.split(BETWEEN) \
                or "False" in answer:
            names["dns"].update(written(n) for n in asked.split(BETWEEN))
        if hello:
            kind = "quic" if "quic" in layers else "tls"
            names[kind].update(written(n) for n in hello.split(BETWEEN))
    return names, done.returncode == 0


def by_ndpi(path):
    """Names of any kind; ndpiReader tells one for each flow."""
    names = set()
    with tempfile.TemporaryDirectory() as folder:
        table = os.path.join(folder, "flows.csv")
        subprocess.run(["ndpiReader", "-q", "-t", "-i", path, "-C", table],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       check=False)
        if not os.path.exists(table):
            return names
        with open(table, encoding="utf-8", errors="surrogateescape") as rows:
            for row in csv.DictReader(rows):
                name = row.get("server_name_sni")
                if name:
                    names.add(written(name))
    return names


def missing():
    """Which of the two programs is not installed."""
    return [name for name in ("tshark", "ndpiReader")
            if shutil.which(name) is None]
