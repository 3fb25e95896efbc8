#!/usr/bin/env python3
"""Whoever sends a configuration to thousands of devices can try it first: with
a mistake in it no agent starts, and the network opens. The example that the
Ansible role asks this way is taken from the role itself.

usage: config_check_test.py FOLDER_OF_PROGRAMS   (from the top of the tree)
"""
import os
import re
import subprocess
import sys
import tempfile

ROLE = 'docs/ansible/schoolgate_agent/tasks/main.yml'
RIGHT, WRONG = 'place: onsite\n', 'place: onsite\nintreface: any\n'
NAMED = 'agent.yaml:2: unknown key "intreface"'


def run(command, what, code, text):
    done = subprocess.run(command, capture_output=True, text=True, check=False,
                          timeout=60)
    if done.returncode != code or text not in done.stdout + done.stderr:
        print(f'{what}: exit {done.returncode}, not {code}, or does not say '
              f'"{text}": {done.stdout}{done.stderr}')
        return False
    return True


def main():
    agent = os.path.abspath(os.path.join(sys.argv[1], 'schoolgate-agent'))
    with open(ROLE, encoding='utf-8') as file:
        asked = re.search(r"sh -c '(.*?)' %s", file.read(), re.S)[1]
    asked = ' '.join(asked.split())
    good = True
    with tempfile.TemporaryDirectory() as folder:
        config = os.path.join(folder, 'agent.yaml')
        for content, code, text in ((RIGHT, 0, 'agent.yaml: right'),
                                    (WRONG, 1, NAMED)):
            with open(config, 'w', encoding='utf-8') as file:
                file.write(content)
            good &= run([agent, 'run', '--check', '--config', config],
                        'run --check', code, text)
            here = asked.replace('/usr/sbin/schoolgate-agent', agent)
            good &= run(['sh', '-c', here, config], 'the role', code, text)
            # Before the first installation there is nobody to ask.
            none = asked.replace('/usr/sbin/schoolgate-agent', folder + '/none')
            good &= run(['sh', '-c', none, config], 'no agent yet', 0, '')
        with open(config, 'w', encoding='utf-8') as file:
            file.write('unix_groups: {teachers: stafff, y5: ks2}\n')
        good &= run([agent, 'run', '--check', '--config', config], 'a group',
                    0, 'group "stafff" is none of the usual ones')
        if sorted(os.listdir(folder)) != ['agent.yaml']:
            print('run --check: makes something')
            good = False
    return 0 if good else 1


sys.exit(main())
