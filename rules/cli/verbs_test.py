"""Builds each school's bundle and asks it as a user would.

Run with the repository root as working directory:
    verbs_test.py PATH-OF-SCHOOLGATE-RULES
"""
import json
import os
import subprocess
import sys
import tempfile

TOOL = sys.argv[1]
FAILURES = []
KEYS = ['host', 'categories', 'action', 'locked', 'rule', 'clause', 'reason',
        'until']


def run(*words, code=0):
    done = subprocess.run([TOOL, *words], capture_output=True, text=True,
                          check=False)
    if done.returncode != code:
        FAILURES.append(f'{words}: exit {done.returncode}, not {code}: '
                        f'{done.stderr[-300:]}')
    return done


def decide(bundle, group, host, at='2026-11-23T10:00:00Z', *more):
    done = run('decide', bundle, '--group', group, '--at', at, '--json', *more,
               host)
    answer = json.loads(done.stdout)
    if list(answer) != KEYS:
        FAILURES.append(f'decide prints {list(answer)}')
    return answer


def expect(what, got, wanted):
    if got != wanted:
        FAILURES.append(f'{what}: {got}, not {wanted}')


def ask_everything(folder):
    bundles = {}
    for school in ('city', 'trust', 'grid', 'village', 'county'):
        policy = f'rules/policies/{school}-primary.yaml'
        bundles[school] = os.path.join(folder, school)
        run('build', policy, '--lists', 'rules/lists', '-o', bundles[school])
        run('check', policy, '--at', '2026-11-23T10:00:00Z')
        if not run('explain', policy).stdout.startswith('# '):
            FAILURES.append(f'explain {policy}: no heading')
        for category in ('child-abuse', 'terrorism', 'illegal-adult',
                         'criminal-hate'):
            answer = decide(bundles[school], 'staff',
                            f'{category}.check.schoolgate.test')
            expect(f'{school} {category}',
                   (answer['action'], answer['locked']), ('block', True))
    canary = 'video.check.schoolgate.test'
    expect('P0 video', decide(bundles['city'], 'pupils', canary)['until'],
           '2026-11-23T12:00:00Z')
    expect('P3 video', decide(bundles['village'], 'staff', canary)['action'],
           'allow')
    expect('P3 video', decide(bundles['village'], 'pupils', canary)['action'],
           'block')
    for host in ('www.youtube.com', 'r1---sn-x.googlevideo.com',
                 'i.ytimg.com'):
        expect(host, decide(bundles['village'], 'ks2', host)['action'],
               'block')
    expect('no host', decide(bundles['village'], 'staff', '..')['action'],
           'allow')
    expect('nominated', decide(bundles['city'], 'staff', 'www.facebook.com',
                               '2026-11-23T10:00:00Z', '--user',
                               'office.manager')['action'], 'allow')
    changes = run('diff', bundles['village'], bundles['city'], '--at',
                  '2026-11-23T00:00:00Z').stdout
    if 'Tighter: ' not in changes or 'Looser: ' not in changes:
        FAILURES.append('diff says nothing')
    same = run('diff', bundles['city'], bundles['city']).stdout
    if 'Nobody is treated differently' not in same:
        FAILURES.append(f'diff of one bundle: {same[:200]}')
    return bundles


def replay(bundle, folder):
    events = os.path.join(folder, 'events')
    with open(events, 'w', encoding='utf-8') as file:
        file.write('{"time":"2026-11-23T10:00:00Z","host":"www.youtube.com",'
                   '"group":"pupils","action":"allow"}\n'
                   'nonsense\n'
                   '{"time":"yesterday","host":"a.example"}\n')
    done = run('replay', bundle, events)
    if 'met allow, would meet block (changes)' not in done.stdout:
        FAILURES.append(f'replay: {done.stdout}')
    if '1 events, 1 would meet something else, 2 lines' not in done.stderr:
        FAILURES.append(f'replay: {done.stderr}')


def main():
    with tempfile.TemporaryDirectory() as folder:
        bundles = ask_everything(folder)
        replay(bundles['village'], folder)
        run('decide', bundles['city'], '--group', 'staff', '--at', 'noon',
            'a.example', code=2)
        run('decide', os.path.join(folder, 'none'), '--group', 'staff',
            'a.example', code=1)
        run('decide', bundles['city'], '--place', 'moon', '--group', 'staff',
            'a.example', code=2)
    run('check', 'rules/policy/testdata/planted.yaml', code=1)
    run('check', 'rules/policy/testdata/mistakes.yaml', code=1)
    run('explain', 'no/such.yaml', code=1)
    for failure in FAILURES:
        print(failure)
    return 1 if FAILURES else 0


if __name__ == '__main__':
    sys.exit(main())
