#!/usr/bin/env python3
"""org.freedesktop.Notifications on a session bus, without a desktop: keeps each
notice as a line of JSON and presses "accident" on the first about NAME, and
"read" on each that has such a button. Speaks
D-Bus itself (the wire format of the D-Bus specification), so that nothing has
to be installed.

usage: notification_service.py SOCKET FILE NAME
"""
import json
import os
import socket
import struct
import sys

NAME, PATH = "org.freedesktop.Notifications", "/org/freedesktop/Notifications"
CALL, RETURN, SIGNAL = 1, 2, 4


class Writer:
    def __init__(self):
        self.bytes = b""

    def align(self, size):
        self.bytes += b"\0" * (-len(self.bytes) % size)
        return self

    def number(self, value):
        self.align(4)
        self.bytes += struct.pack("<I", value)
        return self

    def text(self, value):
        raw = value.encode()
        self.number(len(raw))
        self.bytes += raw + b"\0"
        return self

    def signature(self, value):
        self.bytes += bytes([len(value)]) + value.encode() + b"\0"
        return self


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def align(self, size):
        self.at += -self.at % size

    def number(self):
        self.align(4)
        self.at += 4
        return struct.unpack_from("<I", self.data, self.at - 4)[0]

    def text(self):
        size = self.number()
        value = self.data[self.at:self.at + size].decode()
        self.at += size + 1
        return value

    def signature(self):
        size = self.data[self.at]
        value = self.data[self.at + 1:self.at + 1 + size].decode()
        self.at += size + 2
        return value

    def texts(self):
        size = self.number()
        end, values = self.at + size, []
        while self.at < end:
            values.append(self.text())
        return values


class Bus:
    def __init__(self, path):
        self.stream = socket.socket(socket.AF_UNIX)
        self.stream.connect(path)
        self.serial = 0
        uid = str(os.getuid()).encode().hex().encode()
        self.stream.sendall(b"\0AUTH EXTERNAL " + uid + b"\r\n")
        answer = self.stream.recv(200)
        if not answer.startswith(b"OK"):
            raise SystemExit(f"bus: not let in: {answer!r}")
        self.stream.sendall(b"BEGIN\r\n")

    def send(self, kind, fields, signature, body):
        self.serial += 1
        head = Writer()
        head.bytes = struct.pack("<cBBBII", b"l", kind, 0, 1, len(body),
                                 self.serial)
        inner = Writer()
        if signature:
            fields = fields + [(8, "g", signature)]
        for code, what, value in fields:
            inner.align(8)
            inner.bytes += bytes([code])
            inner.signature(what)
            {"s": inner.text, "o": inner.text, "u": inner.number,
             "g": inner.signature}[what](value)
        head.number(len(inner.bytes))
        head.bytes += inner.bytes
        head.align(8)
        self.stream.sendall(head.bytes + body)

    def exactly(self, size):
        data = b""
        while len(data) < size:
            piece = self.stream.recv(size - len(data))
            if not piece:
                raise SystemExit(0)
            data += piece
        return data

    def take(self):
        """(kind, serial, {field: value}, body reader)"""
        fixed = self.exactly(16)
        kind, body_size = fixed[1], struct.unpack_from("<I", fixed, 4)[0]
        serial, fields_size = struct.unpack_from("<II", fixed, 8)
        raw = self.exactly(fields_size + -fields_size % 8)
        reader, fields = Reader(raw), {}
        while reader.at < fields_size:
            reader.align(8)
            code = reader.data[reader.at]
            reader.at += 1
            what = reader.signature()
            fields[code] = {"s": reader.text, "o": reader.text,
                            "u": reader.number, "g": reader.signature}[what]()
        return kind, serial, fields, Reader(self.exactly(body_size))


def main():
    path, kept, press = sys.argv[1:]
    bus = Bus(path)
    daemon = [(1, "o", "/org/freedesktop/DBus"), (2, "s",
              "org.freedesktop.DBus"), (6, "s", "org.freedesktop.DBus")]
    bus.send(CALL, daemon + [(3, "s", "Hello")], "", b"")
    bus.send(CALL, daemon + [(3, "s", "RequestName")], "su",
             Writer().text(NAME).number(4).bytes)
    print("serving", flush=True)
    number = 0
    while True:
        kind, serial, fields, body = bus.take()
        if kind != CALL or fields.get(3) != "Notify":
            continue
        number += 1
        body.text(), body.number(), body.text()
        notice = {"summary": body.text(), "body": body.text(),
                  "actions": body.texts()}
        with open(kept, "a") as file:
            file.write(json.dumps(notice) + "\n")
        bus.send(RETURN, [(5, "u", serial), (6, "s", fields[7])], "u",
                 Writer().number(number).bytes)
        button = None
        if "read" in notice["actions"][::2]:
            button = "read"
        elif press and press in notice["summary"]:
            press, button = None, "accident"
        if button:
            bus.send(SIGNAL, [(1, "o", PATH), (2, "s", NAME),
                              (3, "s", "ActionInvoked")], "us",
                     Writer().number(number).text(button).bytes)


if __name__ == "__main__":
    main()
