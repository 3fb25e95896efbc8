"""A real collector with feeds.yaml, the receiver and the reader of
docs/examples, and a real SMTP server: what comes out is what docs/feeds.md
says.

usage: feeds_test.py COLLECTOR PUT_ALERT EXAMPLES DASHBOARD"""
import email
import email.policy
import json
import os
import queue
import socket
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

from aiosmtpd.controller import Controller

COLLECTOR, PUT_ALERT, EXAMPLES, DASHBOARD = (
    os.path.abspath(word) for word in sys.argv[1:5])
SECRET = "sixteen characters and more"
PATIENCE = 60


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Mailbox:
    """An SMTP server's handler: keeps what it is given."""

    def __init__(self):
        self.mails = queue.Queue()

    async def handle_DATA(self, _server, _session, envelope):
        self.mails.put((envelope.rcpt_tos, email.message_from_bytes(
            envelope.content, policy=email.policy.default)))
        return "250 taken"


class Receiver:
    """docs/examples/webhook_receiver.py."""

    def __init__(self, secret_file, port, certificate, key):
        self.alerts = queue.Queue()
        self.process = subprocess.Popen(
            [sys.executable, f"{EXAMPLES}/webhook_receiver.py", secret_file,
             str(port), "--certificate", certificate, "--key", key],
            stdout=subprocess.PIPE, text=True)
        json.loads(self.process.stdout.readline())
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        for line in self.process.stdout:
            self.alerts.put(json.loads(line))

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.thread.join()
        self.process.stdout.close()


class FeedsTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.data = f"{self.directory.name}/data"
        self.web = free_port()
        self.run_collector("setup", "--school", "Oak", "--listen",
                           f"127.0.0.1:{free_port()}", "--web",
                           f"127.0.0.1:{self.web}", "--name", "localhost",
                           "--name", "127.0.0.1")
        with open(f"{self.data}/collector.yaml", encoding="utf-8") as file:
            self.school = file.read().split("- id: \"")[1].split("\"")[0]
        with sqlite3.connect(f"{self.data}/main.sqlite") as store:
            self.accounts = dict(store.execute(
                "SELECT role, name FROM account").fetchall())
        self.mailbox = Mailbox()
        self.smtp = Controller(self.mailbox, hostname="127.0.0.1",
                               port=free_port())
        self.smtp.start()
        self.hook_port = free_port()
        self.secret = f"{self.directory.name}/secret"
        with open(self.secret, "w", encoding="ascii") as file:
            file.write(SECRET + "\n")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
             "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
             "-keyout", f"{self.directory.name}/hook.key",
             "-out", f"{self.directory.name}/hook.crt"],
            check=True, capture_output=True)
        self.collector = None

    def tearDown(self):
        if self.collector is not None:
            self.collector.terminate()
            self.collector.wait()
            self.collector.stdout.close()
        self.smtp.stop()
        self.directory.cleanup()

    def run_collector(self, *words):
        return subprocess.run(
            [COLLECTOR, words[0], "--data", self.data, *words[1:]], check=True,
            capture_output=True, text=True).stdout

    def write_feeds(self, digest_at):
        with open(f"{self.data}/feeds.yaml", "w", encoding="utf-8") as file:
            file.write(f"""
dashboard: https://localhost:{self.web}
webhooks:
  - name: casebook
    account: {self.role("safety_lead")}
    url: https://localhost:{self.hook_port}/hook
    secret_file: {self.secret}
    ca_file: {self.directory.name}/hook.crt
mail:
  server: smtp://127.0.0.1:{self.smtp.port}
  from: schoolgate@oak.example
  digest_at: "{digest_at}"
  recipients:
    - account: {self.role("safety_lead")}
      address: lead@oak.example
      digest: true
    - account: {self.role("head")}
      address: head@oak.example
      digest: false
""")

    def role(self, word):
        numbers = {"it_provider": 0, "safety_lead": 1, "head": 3}
        return self.accounts[numbers[word]]

    def serve(self):
        self.collector = subprocess.Popen(
            [COLLECTOR, "serve", "--data", self.data, "--dashboard-files",
             DASHBOARD], stdout=subprocess.PIPE, text=True)
        self.assertTrue(self.collector.stdout.readline())

    def put(self, subject, group, severity, title):
        return int(subprocess.run(
            [PUT_ALERT, f"{self.data}/main.sqlite", self.school, subject,
             group, str(severity), title], check=True, capture_output=True,
            text=True).stdout)

    def feeds(self):
        return {one["name"]: one for one in map(
            json.loads, self.run_collector("feeds", "--json").splitlines())}

    def await_feed(self, name, fits):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            one = self.feeds().get(name)
            if one and fits(one):
                return one
            time.sleep(0.1)
        self.fail(f"{name}: {self.feeds()}")

    def fetch(self, kind, token):
        return [json.loads(line) for line in subprocess.run(
            [sys.executable, f"{EXAMPLES}/fetch_alerts.py",
             f"https://localhost:{self.web}", token,
             f"{self.data}/authority/ca.crt", kind], check=True,
            capture_output=True, text=True).stdout.splitlines()]

    def test_everything_that_goes_out(self):
        self.write_feeds("00:00")
        self.serve()
        self.await_feed("webhook/casebook", lambda one: True)
        self.await_feed("mail/" + self.role("head"), lambda one: True)

        # Nobody listens yet: tried again until somebody does.
        pupil = self.put("P-7F3AQ2", "ks2", 4, "=Welfare, first")
        self.await_feed("webhook/casebook", lambda one: one["attempts"] > 0)
        receiver = Receiver(self.secret, self.hook_port,
                            f"{self.directory.name}/hook.crt",
                            f"{self.directory.name}/hook.key")
        self.addCleanup(receiver.stop)
        alert = receiver.alerts.get(timeout=PATIENCE)
        self.assertEqual(alert["id"], pupil)
        self.assertEqual(alert["subject"], "P-7F3AQ2")
        self.assertTrue(alert["delivery"].startswith(f"{self.school}/{pupil}/"))

        # About staff: the head's alone.
        staff = self.put("P-STAFF1", "staff", 4, "Staff matter")
        routine = self.put("P-7F3AQ2", "ks2", 2, "Routine")
        self.assertEqual(receiver.alerts.get(timeout=PATIENCE)["id"], routine)

        mails = {}
        while len(mails) < 2:
            to, mail = self.mailbox.mails.get(timeout=PATIENCE)
            mails.setdefault(to[0], []).append(
                mail["Subject"] + "\n" + mail.get_content())
        whole = "".join(text for some in mails.values() for text in some)
        for secret in ("P-", "example.test", "laptop", "gambling", "Welfare"):
            self.assertNotIn(secret, whole)
        self.assertIn(f"/alerts/{pupil}", "".join(mails["head@oak.example"]))

        # Fetched, with a token, by the reader of the documentation.
        token = f"{self.directory.name}/token"
        told = self.run_collector("feed-token", "--account",
                                  self.role("safety_lead"), "-o", token)
        atom = self.fetch("atom", token)
        self.assertEqual({one["id"].rsplit(":")[-1] for one in atom},
                         {str(pupil), str(routine)})
        rows = self.fetch("csv", token)
        self.assertEqual({row["id"] for row in rows},
                         {str(pupil), str(routine)})
        self.assertIn("'=Welfare, first", {row["title"] for row in rows})
        self.run_collector("feed-token", "--withdraw",
                           told.strip().rsplit(" ", 1)[-1])
        with open(token, encoding="ascii") as file:
            request = urllib.request.Request(
                f"https://localhost:{self.web}/feed/alerts.csv",
                headers={"Authorization": "Bearer " + file.read().strip()})
        with self.assertRaises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, context=ssl.create_default_context(
                cafile=f"{self.data}/authority/ca.crt"))
        self.assertEqual(refused.exception.code, 401)
        refused.exception.close()

    def test_a_mistake_is_said_with_its_line(self):
        with open(f"{self.data}/feeds.yaml", "w", encoding="utf-8") as file:
            file.write("webhooks:\n  - name: a\n    url: http://case.example/\n")
        done = subprocess.run([COLLECTOR, "serve", "--data", self.data],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("feeds.yaml:2: ", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
