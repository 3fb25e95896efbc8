#!/usr/bin/env python3
"""One way of getting past a filter, tried once, as an ordinary user would:
prints what came back: served, alert, page, nxdomain, nodata, answered, reset,
refused, silent.

usage: tricks.py TRICK ADDRESS PORT NAME [MORE]
"""
import errno
import os
import socket
import struct
import sys
import time

TIMEOUT = 3.0
SOL_UDP, UDP_SEGMENT = 17, 103


def hello(name, record_bytes=None):
    """A TLS 1.2 ClientHello that every server answers, perhaps cut into small
    records."""
    host = name.encode()
    sni = struct.pack("!HBH", len(host) + 3, 0, len(host)) + host
    extensions = struct.pack("!HH", 0, len(sni)) + sni if name else b""
    for kind, body in ((10, b"\0\4\0\x17\0\x1d"), (11, b"\1\0"),
                       (13, b"\0\x08\x04\x03\x08\x04\x04\x01\x02\x01")):
        extensions += struct.pack("!HH", kind, len(body)) + body
    body = (b"\3\3" + os.urandom(32) + b"\0" +
            b"\0\6\xc0\x2b\xc0\x2f\xc0\x2c" + b"\1\0" +
            struct.pack("!H", len(extensions)) + extensions)
    message = b"\1" + struct.pack("!I", len(body))[1:] + body
    step = record_bytes or len(message)
    return b"".join(b"\x16\3\1" + struct.pack("!H", len(message[i:i + step])) +
                    message[i:i + step] for i in range(0, len(message), step))


def query(name, kind=1, number=0x1234):
    labels = b"".join(bytes([len(part)]) + part.encode()
                      for part in name.split("."))
    return struct.pack("!6H", number, 0x100, 1, 0, 0, 0) + labels + b"\0" + \
        struct.pack("!HH", kind, 1)


def verdict_on(data):
    if data is None:
        return "silent"
    if not data:
        return "reset"
    if data.startswith(b"\x16\3"):
        return "served"
    if data.startswith(b"\x15\3"):
        return "alert"
    if b"LAB-PAGE" in data:
        return "served"
    if b" 403 " in data[:20]:
        return "page"
    return "answered"


def read(stream):
    stream.settimeout(TIMEOUT)
    data = b""
    try:
        while True:
            piece = stream.recv(65536)
            if not piece:
                break
            data += piece
            if data[:2] in (b"\x16\3", b"\x15\3") or b"LAB-PAGE" in data:
                break
    except socket.timeout:
        return data or None
    except ConnectionError:
        return data
    return data


def connect(address, port, source_port=0):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    stream = socket.socket(family, socket.SOCK_STREAM)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    stream.settimeout(TIMEOUT)
    if source_port:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stream.bind(("", source_port))
    stream.connect((address, port))
    return stream


def exchange(stream, pieces, pause=0.0):
    try:
        for piece in pieces:
            stream.sendall(piece)
            if pause:
                time.sleep(pause)
    except OSError:
        pass
    return verdict_on(read(stream))


def request(name, path="/"):
    return f"GET {path} HTTP/1.1\r\nHost: {name}\r\n\r\n".encode()


def dns_verdict(data):
    if data is None:
        return "silent"
    if len(data) < 12:
        return "reset"
    code, answers = data[3] & 15, struct.unpack("!H", data[6:8])[0]
    return "nxdomain" if code == 3 else "answered" if answers else "nodata"


def ask(address, port, datagrams, setup=None, wait=1):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as udp:
        udp.settimeout(1.5)
        if setup:
            setup(udp)
        verdicts = []
        try:
            udp.connect((address, port))
            for datagram in datagrams:
                udp.send(datagram)
            for _ in range(wait):
                verdicts.append(dns_verdict(udp.recv(65536)))
        except socket.timeout:
            verdicts.append("silent")
        except OSError as problem:
            verdicts.append("refused" if problem.errno == errno.ECONNREFUSED
                            else "reset")
        # The worst of all: that anything was answered.
        return "answered" if "answered" in verdicts else verdicts[0]


# --- the tricks ---------------------------------------------------------------

def tls(address, port, name):
    return exchange(connect(address, port), [hello(name)])


def tls_bytes(address, port, name):
    return exchange(connect(address, port),
                    [bytes([byte]) for byte in hello(name)], 0.001)


def tls_in_the_name(address, port, name):
    whole = hello(name)
    middle = whole.find(name.encode()) + len(name) // 2
    return exchange(connect(address, port),
                    [whole[:middle], whole[middle:]], 0.05)


def tls_in_a_crowd(address, port, name):
    """More connections than a filter may want to remember come first."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as udp:
        for to in range(10000, 50000):
            udp.sendto(b"nothing that anybody knows", (address, to))
            if to % 200 == 0:
                time.sleep(0.01)   # so that the queue does not run over
    return tls_in_the_name(address, port, name)


def tls_records(address, port, name):
    return exchange(connect(address, port), [hello(name, 50)])


def tls_records_and_pieces(address, port, name):
    whole = hello(name, 20)
    return exchange(connect(address, port),
                    [whole[i:i + 7] for i in range(0, len(whole), 7)], 0.002)


def tls_second_half_late(address, port, name):
    whole = hello(name)
    return exchange(connect(address, port), [whole[:90], whole[90:]], 1.2)


def tls_fast_open(address, port, name):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    stream = socket.socket(family, socket.SOCK_STREAM)
    stream.settimeout(TIMEOUT)
    # No cookie is needed with this socket option (Linux 4.11).
    stream.setsockopt(socket.IPPROTO_TCP, 34, 1)  # TCP_FASTOPEN_NO_COOKIE
    stream.sendto(hello(name), socket.MSG_FASTOPEN, (address, port))
    return verdict_on(read(stream))


def tls_same_ports(address, port, name, innocent):
    first = connect(address, port, 40404)
    served = exchange(first, [hello(innocent)])
    # A reset, so that the ports are free at once.
    first.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    first.close()
    if served != "served":
        return "the innocent name was not served: " + served
    return exchange(connect(address, port, 40404), [hello(name)])


def exchanged(address, port, first, second):
    """The kernel sends pages that are only lent to it; the first time they get
    lost on the way, and then they hold something else."""
    import ctypes
    import mmap
    stream = connect(address, port)
    stream.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 3)
    pages = mmap.mmap(-1, mmap.PAGESIZE)
    pages[:len(first)] = first
    end, start = os.pipe()
    at = ctypes.addressof(ctypes.c_char.from_buffer(pages))
    vector = (ctypes.c_size_t * 2)(at, len(first))
    if ctypes.CDLL(None, use_errno=True).vmsplice(start, vector, 1, 0) < 0:
        return "vmsplice: " + os.strerror(ctypes.get_errno())
    os.splice(end, stream.fileno(), len(first))
    time.sleep(0.1)   # it has been sent, and is lost
    pages[:len(second)] = second
    stream.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 64)
    data = read(stream)
    return "served" if data == b"BLOCKED" else \
        "the other name was read" if data == b"OTHER" else verdict_on(data)


def as_long_as(name):
    return "www." + "a" * (len(name) - 8) + ".org"


def tls_exchanged(address, port, name):
    real = hello(name)
    decoy = real.replace(name.encode(), as_long_as(name).encode())
    return exchanged(address, port, decoy, real)


def http_exchanged(address, port, name):
    return exchanged(address, port, request(as_long_as(name)), request(name))


def tls_urgent(address, port, name):
    """Most servers take an urgent byte out of the stream."""
    whole = hello(name)
    middle = whole.index(name.encode()) + 4
    stream = connect(address, port)
    stream.sendall(whole[:middle])
    stream.send(b"x", socket.MSG_OOB)
    return exchange(stream, [whole[middle:]])


def tls_after_starttls(address, port, name):
    return exchange(connect(address, port),
                    [b"EHLO me\r\n", b"STARTTLS\r\n", hello(name)], 0.1)


def tls_second_hello(address, port, name, innocent):
    """A server may ask for another hello."""
    stream = connect(address, port)
    stream.sendall(hello(innocent))
    if read(stream)[:3] != b"\x16\3\3":
        return "not asked again"
    return exchange(stream, [hello(name)])


def tls_in_socks(address, port, name):
    return exchange(connect(address, port),
                    [b"\5\1\0", b"\5\1\0\1\1\2\3\4\1\xbb", hello(name)], 0.1)


def tls_in_connect(address, port, name, innocent):
    return exchange(connect(address, port),
                    [f"CONNECT {innocent}:443 HTTP/1.1\r\nHost: {innocent}\r\n"
                     "\r\n".encode(), hello(name)], 0.1)


def http(address, port, name):
    return exchange(connect(address, port), [request(name)])


def http_with_end(address, port, name):
    stream = connect(address, port)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
    stream.sendall(request(name))
    stream.shutdown(socket.SHUT_WR)
    return verdict_on(read(stream))


def http_second(address, port, name, innocent):
    stream = connect(address, port)
    if exchange(stream, [request(innocent)]) != "served":
        return "the innocent name was not served"
    return exchange(stream, [request(name)])


def http_together(address, port, name, innocent):
    stream = connect(address, port)
    stream.sendall(request(innocent) + request(name))
    data = read(stream) or b""
    return "served" if name.encode() in data and b"LAB-PAGE" in data else \
        verdict_on(data)


def http_odd_field(address, port, name):
    return exchange(connect(address, port),
                    [b"GET / HTTP/1.1\r\nhOsT:\t " + name.upper().encode() +
                     b" \r\n\r\n"])


def http_whole_address(address, port, name, innocent):
    return exchange(connect(address, port),
                    [f"GET http://{name}/ HTTP/1.1\r\nHost: {innocent}\r\n\r\n"
                     .encode()])


def http_empty_line(address, port, name):
    return exchange(connect(address, port), [b"\r\n" + request(name)])


def http_pieces(address, port, name):
    whole = request(name)
    return exchange(connect(address, port),
                    [whole[i:i + 3] for i in range(0, len(whole), 3)], 0.002)


def dns(address, port, name):
    return ask(address, port, [query(name)])


def dns_glued(address, port, name, innocent):
    first, second = query(innocent), query(name, number=0x4321)
    size = max(len(first), len(second))
    # All but the last must be of one size: bytes behind a message are ignored.
    pad = lambda message: message + b"\0" * (size - len(message))
    glue = lambda udp: udp.setsockopt(SOL_UDP, UDP_SEGMENT, size)
    return ask(address, port, [pad(first) + pad(second)], glue, 2)


def dns_two_questions(address, port, name, innocent):
    both = bytearray(query(innocent))
    both[5] = 2
    return ask(address, port, [bytes(both) + query(name)[12:]])


def dns_odd_case(address, port, name):
    odd = "".join(c.upper() if i % 2 else c for i, c in enumerate(name))
    return ask(address, port, [query(odd)])


def dns_fragments(address, port, name):
    padded = bytearray(query(name))
    padded[11] = 1
    padding = 1800
    padded += b"\0\0\x29\x10\0\0\0\0\0" + struct.pack("!HHH", padding + 4, 12,
                                                       padding)
    padded += b"\0" * padding
    return ask(address, port, [bytes(padded)])


def dns_extension_header(address, port, name):
    # Destination options (RFC 8200, 4.6) with six bytes of padding.
    setup = lambda udp: udp.setsockopt(socket.IPPROTO_IPV6,
                                       socket.IPV6_DSTOPTS,
                                       b"\0\0\1\4\0\0\0\0")
    return ask(address, port, [query(name)], setup)


def dns_stream(address, port, name, pieces=None, before=()):
    stream = connect(address, port)
    whole = b"".join(struct.pack("!H", len(message)) + message
                     for message in [*map(query, before), query(name)])
    parts = [whole] if pieces is None else \
        [whole[i:i + pieces] for i in range(0, len(whole), pieces)]
    try:
        for part in parts:
            stream.sendall(part)
            if pieces:
                time.sleep(0.002)
    except OSError:
        pass
    data = read(stream)
    # The answer to the name in question is the last one.
    last = None
    while data and len(data) > 2:
        length = struct.unpack("!H", data[:2])[0]
        message, data = data[2:2 + length], data[2 + length:]
        if message[12:] .find(name.split(".")[0].encode()) == 1:
            last = message
    return dns_verdict(last) if last else "reset"


def dns_stream_bytes(address, port, name):
    return dns_stream(address, port, name, 1)


def dns_stream_second(address, port, name, innocent):
    return dns_stream(address, port, name, None, [innocent])


def datagram(address, port, body_hex):
    """Whether anything of it comes back from an echo."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as udp:
        udp.settimeout(1.5)
        udp.connect((address, port))
        try:
            udp.send(bytes.fromhex(body_hex))
            return "served" if udp.recv(65536) else "silent"
        except socket.timeout:
            return "silent"
        except OSError:
            return "refused"


def quic_glued(address, port, initial_hex):
    """A hello in one packet with what is none, of a connection that was let go
    on with the like before."""
    initial = bytes.fromhex(initial_hex)
    front = b"x" * len(initial)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as udp:
        udp.settimeout(1.5)
        udp.connect((address, port))
        udp.send(front)
        udp.recv(65536)
        udp.setsockopt(SOL_UDP, UDP_SEGMENT, len(initial))
        try:
            udp.send(front + initial)
            while (answer := udp.recv(65536)) != b"LAB-PAGE":
                pass
            return "served"
        except socket.timeout:
            return "silent"
        except OSError:
            return "refused"


def banner(address, port, _):
    """A server that speaks first, and a protocol of nobody's."""
    stream = connect(address, port)
    if stream.recv(100) != b"HELLO FROM THE SERVER\n":
        return "no banner"
    stream.sendall(b"\x07 anything " * 1000)
    stream.shutdown(socket.SHUT_WR)
    data = b""
    while piece := stream.recv(65536):
        data += piece
    return "served" if data == b"11000" else "cut: " + data.decode()


def banner_urgent(address, port, _):
    """As Telnet and FTP have it: the byte arrives, in its place or beside."""
    stream = connect(address, port)
    if stream.recv(100) != b"HELLO FROM THE SERVER\n":
        return "no banner"
    stream.sendall(b"\xff\xf4\xff")
    stream.send(b"\xf2", socket.MSG_OOB)
    stream.sendall(b" anything " * 1000)
    stream.shutdown(socket.SHUT_WR)
    data = b""
    while piece := stream.recv(65536):
        data += piece
    return "served" if data in (b"10003", b"10004") else "cut: " + data.decode()


if __name__ == "__main__":
    trick = globals()[sys.argv[1].replace("-", "_")]
    try:
        print(trick(sys.argv[2], int(sys.argv[3]), *sys.argv[4:]))
    except socket.timeout:
        print("silent")
    except ConnectionRefusedError:
        print("refused")
    except ConnectionError:
        print("reset")
