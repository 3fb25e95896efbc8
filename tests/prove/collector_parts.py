"""The parts of scripts/prove that attack a real collector of their own."""
import base64
import glob
import hashlib
import http.client
import json
import os
import re
import resource
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import time

from seen import FAILED, LEFT_OUT, PASSED, Seen

NEW_PASSWORD = 'a long enough pass phrase 7'


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def allow_cores():
    """As on a machine whose owner wants to look into crashes."""
    most = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))


class Collector:
    """A fresh collector of one school, with what its set-up said."""

    def __init__(self, options, work):
        self.tool = os.path.join(options.build, 'bin/schoolgate-collector')
        self.files = os.path.join(options.build, 'dashboard')
        self.work = work
        self.data = os.path.join(work, 'data')
        self.port, self.web = free_port(), free_port()
        self.process = self.log = None
        self.setup = json.loads(self.run(
            'setup', '--school', 'Oakfield', '--listen',
            f'127.0.0.1:{self.port}', '--web', f'127.0.0.1:{self.web}',
            '--name', 'localhost', '--share-holder', 'head',
            '--share-holder', 'lead', '--json').stdout)

    def run(self, verb, *words, check=True):
        return subprocess.run([self.tool, verb, *words, '--data', self.data],
                              capture_output=True, text=True, check=check,
                              timeout=600)

    def serve(self):
        self.log = open(os.path.join(self.work, 'log'), 'wb')
        self.process = subprocess.Popen(
            [self.tool, 'serve', '--data', self.data, '--dashboard-files',
             self.files], stdout=self.log, stderr=self.log, cwd=self.work,
            preexec_fn=allow_cores)
        for _ in range(300):
            try:
                with socket.create_connection(('127.0.0.1', self.web), 1):
                    return
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.1)  # until it listens
        raise RuntimeError('the collector does not start: '
                           f'{self.output()[-300:]!r}')

    def stop(self, how=signal.SIGTERM):
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(60)
            self.log.close()
            self.process = None

    def output(self):
        with open(os.path.join(self.work, 'log'), 'rb') as file:
            return file.read()


def copy_data(collector, name):
    """A second collector's data, to be tampered with."""
    to = os.path.join(collector.work, name)
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(collector.data, to)
    return to


def tamperings(rows):
    """Statements that change the log, as somebody with the disk could."""
    numbers = [row[0] for row in rows]
    for number in numbers:
        for column, value in (('who', "'nobody'"), ('action', "'view_alert'"),
                              ('about', "'A-1'"), ('detail', "'x'"),
                              ('time_us', 'time_us + 1'),
                              ('hash', "replace(hash, substr(hash, 1, 1), "
                                       "'z')")):
            yield (f'{column} of entry {number}',
                   [f'UPDATE audit SET {column} = {value} '
                    f'WHERE number = {number}'])
        yield (f'all from entry {number} on deleted',
               [f'DELETE FROM audit WHERE number >= {number}'])
    yield ('all and the head deleted',
           ['DELETE FROM audit', 'DELETE FROM audit_head'])
    yield 'the head deleted', ['DELETE FROM audit_head']
    for column, value in (('number', 'number + 1'), ('time_us', 'time_us + 1'),
                          ('hash', 'upper(hash)'), ('key', 'zeroblob(32)'),
                          ('signature', 'zeroblob(64)')):
        yield (f'{column} of the head',
               [f'UPDATE audit_head SET {column} = {value}'])
    for number in numbers[:-1]:
        yield (f'entry {number} deleted',
               [f'DELETE FROM audit WHERE number = {number}'])
        yield (f'entry {number} deleted, the rest moved up',
               [f'DELETE FROM audit WHERE number = {number}',
                f'UPDATE audit SET number = -number WHERE number > {number}',
                'UPDATE audit SET number = -number - 1 WHERE number < 0'])
        yield (f'entries {number} and {number + 1} swapped',
               [f'UPDATE audit SET number = 0 WHERE number = {number}',
                f'UPDATE audit SET number = {number} '
                f'WHERE number = {number + 1}',
                f'UPDATE audit SET number = {number + 1} WHERE number = 0'])
        yield (f'entry {number} doubled',
               [f'UPDATE audit SET number = -number WHERE number > {number}',
                'UPDATE audit SET number = -number + 1 WHERE number < 0',
                'INSERT INTO audit SELECT number + 1, time_us, who, action, '
                f'about, detail, hash FROM audit WHERE number = {number}'])


def chain_anew(database):
    """Makes a chain out of what is there, as it needs no key."""
    def text(value):
        value = value.encode()
        return len(value).to_bytes(8, 'little') + value

    before = ''
    for number, time_us, *words in list(database.execute(
            'SELECT number, time_us, who, action, about, detail FROM audit '
            'ORDER BY number')):
        whole = hashlib.blake2b(text(before), digest_size=32)
        for value in number, time_us:
            whole.update(value.to_bytes(8, 'little'))
        for word in words:
            whole.update(text(word))
        before = whole.hexdigest()
        database.execute('UPDATE audit SET hash = ? WHERE number = ?',
                         (before, number))


def tamper(data, statements, anew=False):
    with sqlite3.connect(os.path.join(data, 'main.sqlite')) as database:
        # Who has the disk has no triggers to fear.
        for trigger in ('audit_no_update', 'audit_no_delete', 'audit_signed'):
            database.execute(f'DROP TRIGGER IF EXISTS {trigger}')
        for statement in statements:
            database.execute(statement)
        if anew:
            chain_anew(database)
    database.close()


def audit_log(options, work):
    """Every edit, deletion, swap and doubling of entries of a real audit log,
    an end that was cut off, a head that was taken away or edited, is found by
    `audit verify`, also when the chain was computed anew; with a head that was
    kept elsewhere also an older log put back and one that was made anew."""
    if not os.path.exists(os.path.join(options.build,
                                       'bin/schoolgate-collector')):
        return Seen(LEFT_OUT, 'not built: schoolgate-collector')
    collector = Collector(options, work)

    def sound(data, *words):
        return subprocess.run(
            [collector.tool, 'audit', 'verify', '--data', data, *words],
            capture_output=True, check=False).returncode == 0

    older = copy_data(collector, 'older')
    collector.run('enrol-token', '-o', os.path.join(work, 'enrolment'))
    head, forged = os.path.join(work, 'head'), os.path.join(work, 'forged')
    collector.run('audit', 'head', '-o', head)
    with sqlite3.connect(os.path.join(collector.data,
                                      'main.sqlite')) as database:
        rows = list(database.execute('SELECT number FROM audit'))
    database.close()
    missed, tried = [], 0
    for name, statements in tamperings(rows):
        # A hash that was edited alone comes out right again.
        for anew in (False, True)[:1 if name.startswith('hash') else 2]:
            data = copy_data(collector, 'tampered')
            tamper(data, statements, anew)
            tried += 1
            if sound(data):
                missed.append(name + ', chained anew' * anew)
    another = os.path.join(work, 'another')
    os.mkdir(another)
    with open(head, encoding='utf-8') as good:
        text = good.read()
    with open(forged, 'w', encoding='utf-8') as bad:
        bad.write(text.replace(f'"number":{rows[-1][0]}', '"number":1'))
    for name, log, against, good in (
            ('(nothing done)', collector.data, head, True),
            ('an older log put back', older, head, False),
            ('the log made anew', Collector(options, another).data, head,
             False),
            ('the head edited', collector.data, forged, False)):
        tried += 1
        if sound(log, '--head', against) != good:
            missed.append(name)
    return Seen(FAILED if missed or tried < 60 else PASSED,
                f'{tried - 1} tamperings of {len(rows)} entries, '
                f'{len(missed)} not found',
                [f'- not found: {name}' for name in missed] or
                ['An older log put back with its older head, and one that '
                 'somebody with the whole disk signed, are sound in '
                 'themselves: a head kept elsewhere shows that, no check of '
                 'the log alone.'])


def session(collector, name, password):
    """Logs in over TLS, and changes the one-time password."""
    context = ssl._create_unverified_context()  # its certificate is its own
    link = http.client.HTTPSConnection('127.0.0.1', collector.web,
                                       context=context, timeout=30)

    def call(path, body, **headers):
        link.request('POST', '/api/v1/' + path, json.dumps(body), {
            'Content-Type': 'application/json',
            'Origin': f'https://127.0.0.1:{collector.web}', **headers})
        answer = link.getresponse()
        return answer, json.loads(answer.read() or b'{}')

    answer, said = call('login', {'name': name, 'password': password})
    cookie = (answer.getheader('Set-Cookie') or '').split(';')[0]
    answer, said = call('password', {'old_password': password,
                                     'new_password': NEW_PASSWORD},
                        Cookie=cookie, **{'X-CSRF-Token': said['csrf']})
    later = (answer.getheader('Set-Cookie') or cookie).split(';')[0]
    link.close()
    return [cookie.split('=', 1)[1], later.split('=', 1)[1], said['csrf']]


def key_forms(path):
    """The ways in which a secret file could turn up elsewhere."""
    with open(path, 'rb') as file:
        content = file.read().strip()
    forms = {content}
    text = content.decode('ascii', 'ignore')
    body = ''.join(line for line in text.splitlines()
                   if not line.startswith('-----'))
    if body and re.fullmatch(r'[A-Za-z0-9+/=]+', body):
        try:
            forms.add(base64.b64decode(body))
        except ValueError:
            pass
    if re.fullmatch(r'[0-9a-fA-F]{64,}', text.strip()):
        forms.add(bytes.fromhex(text.strip()))
    for one in list(forms):
        forms |= {one.hex().encode(), base64.b64encode(one)}
    return [form for form in forms if len(form) >= 16]


def secrets_of(collector):
    """What must be nowhere but in its own place: {what: [bytes]}."""
    secrets = {}
    for account in collector.setup['accounts']:
        secrets[f'one-time password of {account["name"]}'] = [
            account['password'].encode()]
    for share in collector.setup['shares']:
        secrets[f'passphrase of the share of {share["holder"]}'] = [
            share['passphrase'].encode()]
    for path in glob.glob(collector.data + '/**/*.key', recursive=True):
        secrets[os.path.relpath(path, collector.data)] = key_forms(path)
    return secrets


def find_secrets(collector, secrets, places):
    """Where a secret lies that has no business there."""
    found = []
    for path in places:
        with open(path, 'rb') as file:
            content = file.read()
        own = os.path.relpath(path, collector.data)
        for what, forms in secrets.items():
            if what != own and any(form in content for form in forms):
                found.append(f'{what} in {os.path.relpath(path, collector.work)}')
    return found


def files_below(folder):
    return [path for path in glob.glob(folder + '/**/*', recursive=True)
            if os.path.isfile(path)]


def secrets(options, work):
    """Passwords, passphrases, keys, tokens and cookies of a running collector
    with devices and people: in its output, its databases, a backup, and in
    what a crash leaves behind."""
    if not os.path.exists(os.path.join(options.build, 'dashboard/index.html')):
        return Seen(LEFT_OUT, 'not built: the dashboard')
    collector = Collector(options, work)
    known = secrets_of(collector)
    collector.serve()
    try:
        enrolment = os.path.join(work, 'enrolment.json')
        collector.run('enrol-token', '--school', 'oakfield', '--uses', '5',
                      '--collector', f'127.0.0.1:{collector.port}', '-o',
                      enrolment)
        with open(enrolment, encoding='utf-8') as file:
            known['enrolment token'] = [json.load(file)['token'].encode()]
        subprocess.run([collector.tool, 'simulate', '--devices', '3',
                        '--events-per-day', '200', '--enrolment', enrolment],
                       capture_output=True, check=True, timeout=600)
        lead = next(account for account in collector.setup['accounts']
                    if account['name'] == 'lead')
        for value in session(collector, 'lead', lead['password']):
            known[f'cookie or token {value[:4]}...'] = [value.encode()]
        known['the new password'] = [NEW_PASSWORD.encode()]
        backup = os.path.join(work, 'backup')
        collector.run('backup', '-o', backup)
        before = set(files_below(work))
    finally:
        collector.stop(signal.SIGABRT)
    cores = [path for path in set(files_below(work)) - before
             if os.path.basename(path).startswith('core')]
    # A backup holds the keys, as it must; in the same places only.
    places = [path for path in files_below(collector.data) +
              [os.path.join(work, 'log')] if not path.endswith('.key')]
    places = [path for path in places if '/take-away/' not in path]
    found = find_secrets(collector, known, places + [
        path for path in files_below(backup) if not path.endswith('.key')])
    found += [f'a core file: {path}' for path in cores]
    return Seen(FAILED if found else PASSED,
                f'{len(known)} secrets, {len(places)} files, the output '
                f'and what an abort left searched: {len(found)} found',
                [f'- {one}' for one in found] or
                ['- ' + what for what in sorted(known)])


def handshake(port, *words):
    """Whether a handshake works, and what was agreed."""
    done = subprocess.run(
        ['openssl', 's_client', '-connect', f'127.0.0.1:{port}', '-servername',
         'localhost', *words], input='', capture_output=True, text=True,
        check=False, timeout=30)
    agreed = re.search(r'New, (TLSv1\.\d), Cipher is (\S+)', done.stdout)
    return (agreed is not None,
            ' '.join(agreed.groups()) if agreed else 'refused')


# What must be refused, and what must work. Level 0 lets our own side offer
# what it would not offer by itself.
OLD = [('TLS 1.0', ['-tls1', '-cipher', 'ALL:@SECLEVEL=0']),
       ('TLS 1.1', ['-tls1_1', '-cipher', 'ALL:@SECLEVEL=0']),
       ('TLS 1.2 without forward secrecy',
        ['-tls1_2', '-cipher', 'kRSA:@SECLEVEL=0']),
       ('TLS 1.2 with CBC', ['-tls1_2', '-cipher',
                             'ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:'
                             'ECDHE-ECDSA-AES256-SHA384:@SECLEVEL=0']),
       ('TLS 1.2 with 3DES, RC4, NULL or anonymous',
        ['-tls1_2', '-cipher', '3DES:RC4:eNULL:aNULL:@SECLEVEL=0'])]
NEW = [('TLS 1.3', ['-tls1_3']),
       ('TLS 1.2 with forward secrecy',
        ['-tls1_2', '-cipher', 'ECDHE+AESGCM:ECDHE+CHACHA20'])]


def tls(options, work):
    """What the two ports of a running collector agree to, asked by OpenSSL."""
    if not os.path.exists(os.path.join(options.build, 'dashboard/index.html')):
        return Seen(LEFT_OUT, 'not built: the dashboard')
    collector = Collector(options, work)
    wrong, details = [], ['| port | offered | |', '|---|---|---|']
    collector.serve()
    try:
        for name, port in (('dashboard', collector.web),
                           ('devices', collector.port)):
            for wanted, offers in ((False, OLD), (True, NEW)):
                for what, words in offers:
                    good, agreed = handshake(port, *words)
                    details.append(f'| {name} | {what} | {agreed} |')
                    if good != wanted:
                        wrong.append(f'{name}: {what}: {agreed}')
    finally:
        collector.stop()
    return Seen(FAILED if wrong else PASSED,
                f'2 ports x {len(OLD) + len(NEW)} offers, '
                f'{len(wrong)} answered wrongly',
                details + [f'- wrong: {one}' for one in wrong])
