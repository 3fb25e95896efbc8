"""What schoolgate-rules says when it is called wrongly, asked about what is no
host, given lists that are none, or when its output has nowhere to go.

Run with the repository root as working directory:
    command_line_test.py PATH-OF-SCHOOLGATE-RULES
"""
import json
import os
import subprocess
import sys
import tempfile

TOOL = sys.argv[1]
POLICY = 'rules/policies/city-primary.yaml'
FAILURES = []


def run(*words, code=0, **more):
    done = subprocess.run([TOOL, *words], text=True, check=False,
                          stderr=subprocess.PIPE,
                          stdout=more.pop('stdout', subprocess.PIPE), **more)
    if done.returncode != code:
        FAILURES.append(f'{words}: exit {done.returncode}, not {code}: '
                        f'{done.stderr[-300:]}')
    return done


def says(what, text, *wanted):
    for one in wanted:
        if one not in text:
            FAILURES.append(f'{what}: does not say "{one}": {text[-400:]}')


def expect(what, got, wanted):
    if got != wanted:
        FAILURES.append(f'{what}: {got}, not {wanted}')


class Folder:
    """Files and lists below a folder of their own."""

    def __init__(self, path):
        self.path = path

    def put(self, name, text):
        path = os.path.join(self.path, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'wb') as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        return path

    def at(self, name):
        return os.path.join(self.path, name)

    def build(self, name, **lists):
        for category, text in lists.items():
            self.put(f'{name}.lists/{category}.txt', text)
        return run('build', POLICY, '--lists', self.at(f'{name}.lists'),
                   '-o', self.at(name), '-q')

    def key(self, name, organisation, *roles):
        words = [word for role in roles for word in ('--role', role)]
        run('key', 'new', '-o', self.at(name), *words, '--organisation',
            organisation, '--name', name, '--no-passphrase')
        return self.at(name)


def output_that_fails(folder):
    """A disk that is full is no success."""
    bundle = folder.at('one')
    queries = folder.put('queries', 'a.example\n')
    plain = folder.put('plain', 'a.example\n')
    with open('/dev/full', 'w', encoding='utf-8') as full:
        for words in (
                ('decide', bundle, '--group', 'staff', 'a.example'),
                ('lookup', bundle, 'a.example'),
                ('lookup', bundle, 'a.example', '--json'),
                ('check', POLICY, '--at', '2026-11-23T10:00:00Z'),
                ('diff', bundle, bundle), ('explain', POLICY),
                ('build', POLICY, '--lists', folder.at('one.lists'), '-q',
                 '-o', folder.at('again')),
                ('bench', bundle, queries),
                ('delta', bundle, bundle, '-o', folder.at('delta')),
                ('import', 'plain', plain, '--category', 'games', '-o',
                 folder.at('out.txt')), ('--help',), ('--version',)):
            done = run(*words, code=1, stdout=full)
            # The write that failed may be long past, and its reason with it.
            says(words[0], done.stderr, 'schoolgate-rules: standard output: ',
                 ': what was printed is not complete: ')


def wrong_usage(folder):
    plain = folder.put('plain', 'a.example\n')
    bundle = folder.at('one')
    key = folder.at('p.key')
    for said, *words in (
            ('FOO is no list format: use ut1, plain,', 'import', 'FOO', plain,
             '--category', 'games'),
            ('Games is no category id', 'import', 'plain', plain,
             '--category', 'Games'),
            ('../../x is no category id', 'import', 'plain', plain,
             '--category', '../../x'),
            ('give --key or --add', 'sign', bundle),
            ('give --key or --add', 'sign', folder.at('none')),
            ('for whom', 'root', 'new', '--key', key + '.pub', '-o', 'x'),
            ('write e.g. release=2', 'root', 'new', '--id', 'x', '--key',
             key + '.pub', '-o', 'x', '--threshold', 'release'),
            ('what to block', 'emergency', 'new', '--id', 'x', '--reason', 'x',
             '--key', key, '-o', folder.at('x')),
            ('0 is no release number: use 1, 2', 'build', POLICY, '--lists',
             folder.at('one.lists'), '-o', folder.at('x'), '--version', '0')):
        done = run(*words, code=2)
        says(words, done.stderr, said)
        expect(f'{words} in one line', done.stderr.count('\n'), 1)
        expect(f'{words} in short', len(done.stderr) < 250, True)
    expect('file of a category that is none', os.path.exists('../../x.txt'),
           False)


def options_in_any_order(folder):
    """An option that may be repeated leaves the bundle to the verb."""
    bundle = folder.at('one')
    at = folder.at
    keys = {name: folder.key(name, *what) for name, *what in (
        ('p.key', 'provider', 'release', 'emergency', 'pass'),
        ('s.key', 'school', 'release', 'emergency', 'pass', 'root'),
        ('r.key', 'provider', 'root'), ('t.key', 'provider', 'timestamp'))}
    provider, school = keys['p.key'], keys['s.key']
    everybody = [word for key in keys.values() for word in
                 ('--key', key + '.pub')]
    run('root', 'new', *everybody, '--id', 'x', '-o', at('root'), '--sign',
        keys['r.key'], '--sign', school)
    run('root', 'rotate', *everybody, at('root'), '-o', at('root2'), '--sign',
        keys['r.key'], '--sign', school)
    run('root', 'sign', '--key', school, at('root2'), '-o', at('root3'))
    run('timestamp', '--key', keys['t.key'], bundle, '-o', at('order'))
    run('timestamp', bundle, '--key', keys['t.key'], '-o', at('order'))
    run('sign', '--key', provider, '--key', school, bundle)
    run('sign', '--key', provider, bundle, '--role', 'release', '--key',
        school)
    block = run('emergency', 'new', '--key', provider, '--id', 'x', '--host',
                'a.example', '--reason', 'x', '-o',
                at('block')).stdout.split('\n')[1]
    run('emergency', 'countersign', '--key', school, at('block'))
    run('emergency', 'withdraw', '--id', 'x', '--reason', 'x', '-o', at('end'),
        '--key', provider, '--key', school, block)
    lesson = run('pass', 'new', '--host', 'a.example', '--group', 'ks2',
                 '--id', 'x', '--reason', 'x', '--requester', 'r', '--until',
                 '+1h', '--key', school, '-o', at('pass')).stdout.split()[-3]
    run('pass', 'withdraw', '--id', 'x', '--reason', 'x', '-o', at('end'),
        '--key', school, lesson)


def questions(folder):
    bundle = folder.at('one')
    group = ('--group', 'staff')
    unsigned = (f'schoolgate-rules: {bundle}: warning: the bundle is not '
                'signed: ')
    says('lookup', run('lookup', bundle, 'bets.example').stderr, unsigned)
    says('decide', run('decide', bundle, *group, 'bets.example').stderr,
         unsigned)
    bad = ['https://bets.example/x', 'facebook.com:443', 'a b', '..']
    for verb in (('lookup',), ('decide', *group)):
        done = run(verb[0], bundle, *verb[1:], *bad, 'bets.example', code=1)
        says(verb, done.stdout, 'bets.example: ')
        for host in bad:
            says(verb, done.stderr, f'schoolgate-rules: {host}: not a host '
                 'name or address: ')
        lines = [json.loads(line) for line in run(
            verb[0], bundle, *verb[1:], '--json', 'bets.example', 'a b',
            code=1).stdout.splitlines()]
        expect(f'{verb} --json', [(one['categories'], one.get('error'))
                                  for one in lines],
               [(['gambling'], None), ([], 'not a host name or address')])
    done = run('decide', bundle, '--group', 'nosuch', 'bets.example')
    says('no such group', done.stderr, 'schoolgate-rules: --group nosuch: '
         'warning: the bundle has no such group', 'staff')
    says('no such group', done.stdout, 'bets.example: block')
    if 'no such group' in run('decide', bundle, *group, 'a.example').stderr:
        FAILURES.append('decide warns of a group that is there')


def files_that_cannot_be_read(folder):
    for path, why in ((folder.at('nope.yaml'), 'No such file or directory'),
                      (folder.path, 'Is a directory')):
        done = run('check', path, code=1)
        expect('check of no file', done.stdout, '')
        says('check of no file', done.stderr,
             f'schoolgate-rules: {path}: cannot be read: {why}: ')
        expect('check of no file --json',
               run('check', path, '--json', code=1).stdout, '')
    done = run('verify', '--json', folder.at('one'), '--root',
               folder.at('none'), code=1)
    says('verify without a root', done.stderr, 'schoolgate-rules: ',
         folder.at('none'))
    expect('verify without a root', json.loads(done.stdout)['accepted'], False)


def lists_that_are_not_read(folder):
    for name in ('Gambling.txt', 'my list.txt', 'social.list', 'video'):
        folder.put(f'odd.lists/{name}', 'a.example\n')
    for name in ('README.md', 'stop-list.txt', 'gate-exceptions.txt',
                 'embedded-sites.tsv', 'page-pairs.tsv'):
        folder.put(f'odd.lists/{name}', '# nothing\n')
    done = folder.build('odd', games='com\na.example\n',
                        gambling='co.uk\nb.example\n')
    warned = [line for line in done.stderr.splitlines()
              if ': warning: is not read: ' in line]
    expect('files not read', [line.split('odd.lists/')[1].split(':')[0]
                              for line in warned],
           ['Gambling.txt', 'my list.txt', 'social.list', 'video'])
    says('public suffixes', done.stderr, 'odd.lists/games.txt: warning: not '
         'listed, as everybody\'s sites below would be games: com: ',
         'odd.lists/gambling.txt: warning: not listed',
         '"games com # REASON" into gate-exceptions.txt')
    expect('build of the shipped lists',
           run('build', POLICY, '--lists', 'rules/lists', '-q', '-o',
               folder.at('shipped')).stderr, '')
    expect('build without a warning',
           folder.build('even', games='a.example\n').stderr, '')


def formats(folder):
    plain = folder.put('plain', 'a.example\n')
    block = folder.put('block', '||a.example^\n')
    for word, path in (('PLAIN', plain), ('domains', plain),
                       ('plain-domains', plain), ('Adblock', block),
                       ('adblock-style', block)):
        done = run('import', word, path, '--category', 'games', '--json',
                   '-o', folder.at('games.txt'))
        expect(word, json.loads(done.stdout or '{}').get('hosts'), 1)


def main():
    with tempfile.TemporaryDirectory() as path:
        folder = Folder(path)
        says('build', folder.build('one', gambling='bets.example\n').stdout,
             'gambling.txt')
        output_that_fails(folder)
        questions(folder)
        options_in_any_order(folder)
        wrong_usage(folder)
        files_that_cannot_be_read(folder)
        lists_that_are_not_read(folder)
        formats(folder)
    for failure in FAILURES:
        print(failure)
    return 1 if FAILURES else 0


if __name__ == '__main__':
    sys.exit(main())
