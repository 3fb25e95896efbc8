"""Real browsers that a test drives without any library: Chromium over its
debugging pipe, Firefox over Marionette. Both start with a fresh profile and
open one page after the other in one window."""
import json
import os
import select
import signal
import subprocess
import time


class Chromium:
    name = "chromium"
    program = "chromium"

    def __init__(self, inside, profile):
        """`inside(command)`: how to start it where the person sits."""
        to_it, self.out = os.pipe()
        self.into, from_it = os.pipe()
        for fd in (to_it, from_it):
            os.set_inheritable(fd, True)
        command = [self.program, "--headless=new", "--no-sandbox",
                   "--disable-gpu", "--no-first-run", "--disable-sync",
                   "--disable-background-networking",
                   "--disable-component-update", "--disable-dev-shm-usage",
                   "--ignore-certificate-errors", "--remote-debugging-pipe",
                   f"--user-data-dir={profile}", "about:blank"]
        # It speaks on its descriptors 3 and 4.
        wrap = ["bash", "-c", f'exec 3<&{to_it} 4>&{from_it}; exec "$@"', "-"]
        self.process = subprocess.Popen(
            inside(wrap + command), pass_fds=(to_it, from_it),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True)
        os.close(to_it)
        os.close(from_it)
        self.buffer, self.number = b"", 0
        pages = self.call("Target.getTargets")["targetInfos"]
        page = next(one for one in pages if one["type"] == "page")
        self.session = self.call("Target.attachToTarget",
                                 targetId=page["targetId"],
                                 flatten=True)["sessionId"]

    def call(self, method, session=None, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + 60
        while True:
            while b"\0" in self.buffer:
                line, self.buffer = self.buffer.split(b"\0", 1)
                answer = json.loads(line)
                if answer.get("id") == self.number:
                    if "error" in answer:
                        raise RuntimeError(f"{method}: {answer['error']}")
                    return answer["result"]
            if not select.select([self.into], [], [],
                                 max(0, end - time.monotonic()))[0]:
                raise RuntimeError(f"chromium: no answer to {method}")
            more = os.read(self.into, 1 << 16)
            if not more:
                raise RuntimeError("chromium has ended")
            self.buffer += more

    def open(self, url):
        """As if typed: does not wait for the page."""
        self.call("Page.navigate", self.session, url=url,
                  transitionType="typed")

    def close(self):
        end_group(self.process)
        os.close(self.out)
        os.close(self.into)


class Firefox:
    name = "firefox"
    program = "firefox-esr"
    port = 2828

    def __init__(self, inside, profile, strategy="none", prefs=None):
        """`strategy`: what open() waits for, in WebDriver's words; `prefs`:
        more of what about:config shows."""
        os.makedirs(profile, exist_ok=True)
        prefs = {"marionette.port": self.port, "network.trr.mode": 5,
                 "datareporting.policy.dataSubmissionEnabled": False,
                 "app.update.enabled": False, **(prefs or {})}
        with open(os.path.join(profile, "user.js"), "w",
                  encoding="utf-8") as file:
            for key, value in prefs.items():
                file.write(f'user_pref("{key}", {json.dumps(value)});\n')
        self.inside = inside
        self.process = subprocess.Popen(
            inside([self.program, "--headless", "--marionette",
                    "--remote-allow-system-access", "--profile", profile,
                    "--no-remote"]), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True)
        # Marionette listens on loopback of its own namespace only.
        self.bridge = None
        self.number = 0
        try:
            self.connect()
            self.call("WebDriver:NewSession", acceptInsecureCerts=True,
                      pageLoadStrategy=strategy)
        except BaseException:
            self.close()
            raise

    def connect(self):
        end = time.monotonic() + 60
        code = ("import os,socket,sys,threading\n"
                f"s=socket.create_connection(('127.0.0.1',{self.port}))\n"
                "def up():\n"
                "  while True:\n"
                "    d=os.read(0,65536)\n"
                "    if not d: os._exit(0)\n"
                "    s.sendall(d)\n"
                "threading.Thread(target=up,daemon=True).start()\n"
                "while True:\n"
                "  d=s.recv(65536)\n"
                "  if not d: break\n"
                "  os.write(1,d)\n")
        while True:
            self.bridge = subprocess.Popen(
                self.inside(["python3", "-c", code]), stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                start_new_session=True)
            self.buffer = b""
            try:
                self.read()  # its greeting
                return
            except RuntimeError:
                end_group(self.bridge)
                if time.monotonic() > end or self.process.poll() is not None:
                    raise
                time.sleep(0.3)

    def read(self):
        while True:
            head, colon, rest = self.buffer.partition(b":")
            if colon and len(rest) >= int(head):
                size = int(head)
                self.buffer = rest[size:]
                return json.loads(rest[:size])
            ready = select.select([self.bridge.stdout], [], [], 60)[0]
            more = os.read(self.bridge.stdout.fileno(), 1 << 16) if ready else b""
            if not more:
                raise RuntimeError("firefox: no answer")
            self.buffer += more

    def call(self, command, **params):
        self.number += 1
        text = json.dumps([0, self.number, command, params]).encode()
        self.bridge.stdin.write(b"%d:%s" % (len(text), text))
        self.bridge.stdin.flush()
        while True:
            answer = self.read()
            if answer[0] == 1 and answer[1] == self.number:
                if answer[2]:
                    raise RuntimeError(f"{command}: {answer[2]}")
                return answer[3]

    def open(self, url):
        self.call("WebDriver:Navigate", url=url)

    def script(self, code, *arguments):
        """What the function body `code` returns in the page."""
        return self.call("WebDriver:ExecuteScript", script=code,
                         args=list(arguments))["value"]

    def trust(self, certificate):
        """Believes the authority whose PEM file it is, also over HTTP/3."""
        with open(certificate, encoding="ascii") as file:
            lines = [line for line in file.read().splitlines()
                     if "-----" not in line]
        self.call("Marionette:SetContext", value="chrome")
        self.script("Components.classes['@mozilla.org/security/x509certdb;1']"
                    ".getService(Components.interfaces.nsIX509CertDB)"
                    ".addCertFromBase64(arguments[0], 'CT,,');",
                    "".join(lines))
        self.call("Marionette:SetContext", value="content")

    def close(self):
        if self.bridge:
            end_group(self.bridge)
        end_group(self.process)


def end_group(process):
    for how in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, how)
            process.wait(5)
            return
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
