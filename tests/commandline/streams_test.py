#!/usr/bin/env python3
"""What is printed and cannot be written is a failure of every program, a
reader that has had enough is none, and a program whose standard descriptors
are closed prints into nothing else that it opens.

usage: streams_test.py FOLDER_OF_PROGRAMS        (from the top of the tree)
"""
import os
import signal
import struct
import subprocess
import sys
import tempfile

PROGRAMS = ['schoolgate', 'schoolgate-agent', 'schoolgate-collector',
            'schoolgate-dpi', 'schoolgate-keeper', 'schoolgate-rules',
            'schoolgate-uplink']
FOLDER = sys.argv[1]
FAILURES = []


def run(name, *words, code, **more):
    done = subprocess.run([os.path.join(FOLDER, name), *words], text=True,
                          stderr=subprocess.PIPE, check=False, timeout=60,
                          **more)
    if done.returncode != code:
        FAILURES.append(f'{name} {words}: exit {done.returncode}, not {code}: '
                        f'{done.stderr[-300:]}')
    return done.stderr



def write_capture(path):
    """One question of the DNS, so that there is something to print."""
    dns = (struct.pack('!6H', 1, 0x100, 1, 0, 0, 0) + b'\x03www\x07example'
           b'\x03org\x00' + struct.pack('!2H', 1, 1))
    udp = struct.pack('!4H', 51234, 53, 8 + len(dns), 0) + dns
    packet = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(udp), 1, 0, 64, 17,
                         0, bytes([10, 0, 0, 2]), bytes([10, 0, 0, 1])) + udp
    with open(path, 'wb') as file:
        file.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101) +
                   struct.pack('<4I', 1, 0, len(packet), len(packet)) + packet)
    return path


def says(what, text, wanted):
    if wanted not in text:
        FAILURES.append(f'{what}: does not say "{wanted}": {text[-300:]}')


def ignore_pipe():
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)


def full_disk(capture):
    with open('/dev/full', 'w', encoding='utf-8') as full:
        for name in PROGRAMS:
            for word in ('--help', '--version'):
                says(name, run(name, word, code=1, stdout=full),
                     f'{name}: standard output: ')
        text = run('schoolgate-agent', 'replay', '--all', '--json', capture,
                   code=1, stdout=full)
        says('replay', text, 'schoolgate-agent: standard output: ')
        if text.count('standard output') != 1:
            FAILURES.append(f'replay complains twice: {text}')


def nobody_reads():
    for name in PROGRAMS:
        for setting, code in ((None, -signal.SIGPIPE), (ignore_pipe, 0)):
            reader, writer = os.pipe()
            os.close(reader)
            text = run(name, '--help', code=code, stdout=writer,
                       preexec_fn=setting)
            os.close(writer)
            if text:
                FAILURES.append(f'{name}: complains of a reader that left: '
                                f'{text}')


def closed(*descriptors):
    def close():
        for one in descriptors:
            os.close(one)
    return close


def closed_descriptors(capture):
    """The memory that is shared with schoolgate-dpi would be number 1."""
    text = run('schoolgate-agent', 'replay', '--all', '--json', capture,
               code=1, preexec_fn=closed(1))
    says('replay >&-', text,
         'schoolgate-agent: standard output: ')
    for name in PROGRAMS:
        says(f'{name} >&-', run(name, '--help', code=1, preexec_fn=closed(1)),
             f'{name}: standard output: Bad file descriptor: ')
        run(name, '--help', code=1, preexec_fn=closed(0, 1, 2))
        run(name, '--help', code=0, stdout=subprocess.DEVNULL,
            preexec_fn=closed(0, 2))
    run('schoolgate-agent', 'replay', '--all', capture, code=0,
        stdout=subprocess.DEVNULL, preexec_fn=closed(0, 2))


def main():
    with tempfile.TemporaryDirectory() as folder:
        capture = write_capture(os.path.join(folder, 'one.pcap'))
        full_disk(capture)
        nobody_reads()
        closed_descriptors(capture)
    for failure in FAILURES:
        print(failure)
    return 1 if FAILURES else 0


if __name__ == '__main__':
    sys.exit(main())
