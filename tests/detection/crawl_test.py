#!/usr/bin/env python3
"""What would go wrong: the crawl misses what a page brings in late, takes the
browser's own traffic for the page's, opens a site that the lists name, or
writes what the bundle cannot take.

usage: crawl_test.py PROGRAMS

A real Chromium against a server on loopback; every name leads there.
"""

import http.server
import os
import pathlib
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]

PAGES = {
    "www.news.test": """<img src=https://cdn.social.test/a.png>
        <script>setTimeout(() => { document.body.append(Object.assign(
          document.createElement("iframe"),
          {src: "https://www.bet.test/odds"})) }, 1500)</script>
        <img src=https://pictures.benign.test/b.png>""",
    "www.maths.test": "<p>two and two</p>",
}


class Handler(http.server.BaseHTTPRequestHandler):
    asked = []

    def do_GET(self):
        host = self.headers["Host"].split(":")[0]
        Handler.asked.append(host)
        body = PAGES.get(host, "").encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def serve(folder):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout",
         folder / "key.pem", "-out", folder / "cert.pem", "-days", "2",
         "-subj", "/CN=test"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def crawl(sites, lists, port):
    options = ["--ignore-certificate-errors",
               f"--host-resolver-rules=MAP * 127.0.0.1:{port}"]
    if os.geteuid() == 0:
        options.append("--no-sandbox")  # Chromium refuses it for root
    return subprocess.run(
        [sys.executable, ROOT / "scripts" / "explain-crawl", sites, "--lists",
         lists, "--times", "1", "--", *options],
        capture_output=True, text=True, timeout=240)


def main():
    if shutil.which("chromium") is None:
        print("crawl_test: no Chromium here: skipped")
        sys.exit(77)
    programs = pathlib.Path(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="crawl-test-") as scratch:
        scratch = pathlib.Path(scratch)
        server = serve(scratch)
        lists = scratch / "lists"
        lists.mkdir()
        (lists / "social.txt").write_text("social.test\n")
        (lists / "gambling.txt").write_text("bet.test\n")
        sites = scratch / "sites"
        sites.write_text("www.news.test  # embeds\nwww.maths.test\n"
                         "www.bet.test\n")
        done = crawl(sites, lists, server.server_address[1])
        if done.returncode != 0:
            sys.exit(f"crawl_test: {done.stdout}{done.stderr}")
        pairs = [line for line in
                 (lists / "page-pairs.tsv").read_text().splitlines()
                 if not line.startswith("#")]
        want = ["news.test\tbet.test", "news.test\tsocial.test"]
        if pairs != want:
            sys.exit(f"crawl_test: {pairs}, not {want}: {done.stderr}")
        if "www.bet.test: is on a list itself" not in done.stderr:
            sys.exit(f"crawl_test: opened a listed site? {done.stderr}")
        if "www.maths.test" not in Handler.asked:
            sys.exit("crawl_test: www.maths.test was not opened")
        bundle = scratch / "x.bundle"
        subprocess.run(
            [programs / "schoolgate-rules", "build",
             ROOT / "rules/policies/city-primary.yaml", "--lists", lists,
             "-o", bundle, "-q"], check=True, capture_output=True)
        # What cannot be right is named, and the old file stays.
        sites.write_text("not a host\n")
        done = crawl(sites, lists, server.server_address[1])
        if done.returncode == 0 or "sites:1:" not in done.stderr:
            sys.exit(f"crawl_test: a bad line: {done.stderr}")
        sites.write_text("www.gone.test\n")
        server.shutdown()
        server.server_close()
        done = crawl(sites, lists, server.server_address[1])
        if done.returncode == 0 or "nothing was written" not in done.stderr:
            sys.exit(f"crawl_test: a dead server: {done.stderr}")
        if "news.test\tbet.test" not in (lists / "page-pairs.tsv").read_text():
            sys.exit("crawl_test: the old pairs are gone")


if __name__ == "__main__":
    main()
