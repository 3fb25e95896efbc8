"""Builds each school's bundle and asks it as a user would.

Run with the repository root as working directory:
    verbs_test.py PATH-OF-SCHOOLGATE-RULES
"""
import json
import os
import shutil
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


def diff_of_lists(old, folder):
    """A governor must be told whom a longer or shorter list concerns."""
    lists = os.path.join(folder, 'lists')
    shutil.copytree('rules/lists', lists)
    with open(os.path.join(lists, 'gambling.txt'), 'a',
              encoding='utf-8') as file:
        file.write('bets.example\nwww.bets.example\n')
    social = os.path.join(lists, 'social.txt')
    with open(social, encoding='utf-8') as file:
        rest = file.read().replace('facebook.com\n', '', 1)
    with open(social, 'w', encoding='utf-8') as file:
        file.write(rest)
    new = os.path.join(folder, 'new')
    run('build', 'rules/policies/city-primary.yaml', '--lists', lists, '-o',
        new)
    at = ['--at', '2026-11-23T10:00:00Z']
    said = run('diff', old, new, *at).stdout
    for line in ('List gambling: 1 host added (bets.example): tighter for '
                 'everybody but Reception and Key Stage 1 pupils, unknown '
                 'users.', 'List social: 1 host removed (facebook.com): '
                 'looser for '):
        if line not in said:
            FAILURES.append(f'diff does not say "{line}": {said[-300:]}')
    records = [json.loads(line) for line in
               run('diff', old, new, '--json', *at).stdout.splitlines()]
    expect('diff --json', [(one['kind'], one['category'], one['examples'],
                            'guests' in one['tighter_for'])
                           for one in records[:1]],
           [('added', 'gambling', ['bets.example'], True)])


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


def odd_paths(folder):
    """A name that is no text must not end the program in the middle."""
    path = os.path.join(os.fsencode(folder), b'bad\xff')
    with open(path, 'wb') as file:
        file.write(b'a.example\n')
    done = subprocess.run([TOOL, 'import', 'plain', path, '--category',
                           'adult', '--json', '-o', path + b'.txt'],
                          capture_output=True, check=False)
    expect('import of bad\\xff', (done.returncode, b'"hosts":1' in done.stdout),
           (0, True))


def main():
    with tempfile.TemporaryDirectory() as folder:
        bundles = ask_everything(folder)
        replay(bundles['village'], folder)
        diff_of_lists(bundles['city'], folder)
        odd_paths(folder)
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
