#!/usr/bin/env python3
"""Receives Schoolgate's webhook and checks that it is genuine.

usage: webhook_receiver.py SECRET_FILE PORT [--certificate PEM --key PEM]

Prints one line of JSON for each alert it takes. A delivery is taken once,
however often it is sent: its number is in the header Schoolgate-Delivery.
"""
import argparse
import hashlib
import hmac
import http.server
import json
import ssl
import time

TOLERANCE_SECONDS = 300  # older deliveries may be replayed by somebody


def is_genuine(secret, header, body, now):
    parts = dict(part.split("=", 1) for part in header.split(",") if "=" in part)
    try:
        sent = int(parts["t"])
    except (KeyError, ValueError):
        return False
    message = parts["t"].encode() + b"." + body
    expected = hmac.new(secret, message, hashlib.sha256).hexdigest()
    return (hmac.compare_digest(expected, parts.get("v1", ""))
            and abs(now - sent) <= TOLERANCE_SECONDS)


class Receiver(http.server.BaseHTTPRequestHandler):
    secret = b""
    taken = set()

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        signature = self.headers.get("Schoolgate-Signature", "")
        if not is_genuine(self.secret, signature, body, time.time()):
            self.send_error(401, "the signature does not fit")
            return
        delivery = self.headers.get("Schoolgate-Delivery", "")
        if delivery not in self.taken:
            self.taken.add(delivery)
            alert = json.loads(body)["alert"]
            print(json.dumps({"delivery": delivery, **alert}), flush=True)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def main():
    options = argparse.ArgumentParser()
    options.add_argument("secret_file")
    options.add_argument("port", type=int)
    options.add_argument("--certificate")
    options.add_argument("--key")
    chosen = options.parse_args()
    with open(chosen.secret_file, "rb") as file:
        Receiver.secret = file.read().rstrip(b"\n")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", chosen.port), Receiver)
    if chosen.certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(chosen.certificate, chosen.key)
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    print(json.dumps({"port": server.server_port}), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
