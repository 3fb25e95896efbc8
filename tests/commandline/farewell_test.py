#!/usr/bin/env python3
"""A device is taken out of use and its network goes when the agent has ended
already: whoever does it must learn that nothing is filtered. And who is not
root must not be told that an enrolled device is none. The uplink is played
here.

usage: farewell_test.py FOLDER_OF_PROGRAMS
"""
import json
import os
import subprocess
import sys
import tempfile
import time

NOBODY = 65534


def write(path, content):
    with open(path + '.new', 'w', encoding='utf-8') as file:
        file.write(content)
    os.rename(path + '.new', path)


def play_uplink(folder, child):
    """Agrees when it is asked, and fails at the end."""
    answers = {'ask': {'ok': True}, 'final': {'ok': False, 'why': 'no network'}}
    end = time.monotonic() + 60
    while child.poll() is None and time.monotonic() < end:
        try:
            with open(f'{folder}/request.json', encoding='utf-8') as file:
                stage = json.load(file)['stage']
        except (OSError, ValueError):
            stage = None
        if stage in answers:
            write(f'{folder}/answer.json',
                  json.dumps({'stage': stage, **answers[stage]}))
        time.sleep(0.02)


def main():
    if os.geteuid() != 0:
        print('skipped: needs root')
        return 77
    agent = os.path.abspath(os.path.join(sys.argv[1], 'schoolgate-agent'))
    good = True
    with tempfile.TemporaryDirectory() as state:
        os.chmod(state, 0o711)
        os.mkdir(f'{state}/identity', 0o750)
        os.mkdir(f'{state}/decommission')
        keys = {key: '00' * 32 for key in ('pseudonym_key', 'sealing_key',
                                           'safeguarding_key', 'police_key')}
        enrolment = f'{state}/identity/enrolment.json'
        write(enrolment, json.dumps({'device': 'D-4KQ7X2M9', 'school': 'oak',
                                     'group': 'staff', **keys}))
        write(f'{state}/agent.yaml', f'state_directory: {state}\n')
        write(f'{state}/token', 'a token\n')
        command = [agent, 'decommission', '--config', f'{state}/agent.yaml',
                   '--token', f'{state}/token']
        child = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        play_uplink(f'{state}/decommission', child)
        said = child.communicate(timeout=60)[1]
        if child.returncode != 1 or 'no network; nothing was wiped' not in said:
            print(f'exit {child.returncode}: {said}')
            good = False
        if 'NOTHING IS FILTERED' not in said or not os.path.exists(enrolment):
            print(f'not said, or wiped: {said}')
            good = False
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True,
                              user=NOBODY, group=NOBODY, extra_groups=[],
                              check=False, timeout=60)
        if done.returncode != 1 or 'run as root' not in done.stderr:
            print(f'as nobody: exit {done.returncode}: {done.stderr}')
            good = False
    return 0 if good else 1


sys.exit(main())
