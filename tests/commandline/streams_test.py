#!/usr/bin/env python3
"""What is printed and cannot be written is a failure of every program, a
reader that has had enough is none, and a program whose standard descriptors
are closed prints into nothing else that it opens.

usage: streams_test.py FOLDER_OF_PROGRAMS        (from the top of the tree)
"""
import os
import signal
import subprocess
import sys

PROGRAMS = ['schoolgate', 'schoolgate-agent', 'schoolgate-collector',
            'schoolgate-dpi', 'schoolgate-keeper', 'schoolgate-rules',
            'schoolgate-uplink']
CAPTURE = 'tests/fuzz/corpus/capture/pcap'
FOLDER = sys.argv[1]
FAILURES = []


def run(name, *words, code, **more):
    # A test runner may have had the signal ignored.
    done = subprocess.run([os.path.join(FOLDER, name), *words], text=True,
                          stderr=subprocess.PIPE, check=False, timeout=60,
                          **more)
    if done.returncode != code:
        FAILURES.append(f'{name} {words}: exit {done.returncode}, not {code}: '
                        f'{done.stderr[-300:]}')
    return done.stderr


def says(what, text, wanted):
    if wanted not in text:
        FAILURES.append(f'{what}: does not say "{wanted}": {text[-300:]}')


def ignore_pipe():
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)


def full_disk():
    with open('/dev/full', 'w', encoding='utf-8') as full:
        for name in PROGRAMS:
            for word in ('--help', '--version'):
                says(name, run(name, word, code=1, stdout=full),
                     f'{name}: standard output: No space left on device: ')
        text = run('schoolgate-agent', 'replay', '--all', '--json', CAPTURE,
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


def closed_descriptors():
    """The memory that is shared with schoolgate-dpi would be number 1."""
    text = run('schoolgate-agent', 'replay', '--all', '--json', CAPTURE,
               code=1, preexec_fn=closed(1))
    says('replay >&-', text,
         'schoolgate-agent: standard output: Bad file descriptor: ')
    for name in PROGRAMS:
        says(f'{name} >&-', run(name, '--help', code=1, preexec_fn=closed(1)),
             f'{name}: standard output: Bad file descriptor: ')
        run(name, '--help', code=1, preexec_fn=closed(0, 1, 2))
        run(name, '--help', code=0, stdout=subprocess.DEVNULL,
            preexec_fn=closed(0, 2))
    run('schoolgate-agent', 'replay', '--all', CAPTURE, code=0,
        stdout=subprocess.DEVNULL, preexec_fn=closed(0, 2))


def main():
    full_disk()
    nobody_reads()
    closed_descriptors()
    for failure in FAILURES:
        print(failure)
    return 1 if FAILURES else 0


if __name__ == '__main__':
    sys.exit(main())
