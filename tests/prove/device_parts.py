"""The part of scripts/prove that searches real devices for what must not lie
about: scripts/run --demo, with agents in network namespaces."""
import glob
import os
import random
import re
import resource
import signal
import sqlite3
import subprocess
import time

from collector_parts import allow_cores, files_below, free_port, key_forms
from seen import FAILED, LEFT_OUT, PASSED, Seen

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
LOG_INS = ('a.khan', 'j.smith', 't.okafor')  # who uses the laptops
PATIENCE = 300  # also on a machine that does much else
FEWEST = 30  # events, so that there is something to search


class School:
    """A school of its own: its folder, ports and networks go with it."""

    def __init__(self, options, work):
        self.run = os.path.join(work, 'school')
        os.mkdir(self.run)
        for folder in (work, self.run):
            os.chmod(folder, 0o711)  # people's programs ask their agent there
        number = random.randrange(100)
        self.env = {
            **os.environ, 'SCHOOLGATE_BUILT': '1',
            'SCHOOLGATE_BUILD_DIR': options.build,
            'SCHOOLGATE_RUN_DIR': self.run,
            'SCHOOLGATE_DEMO': f'sgprove{number}',
            'SCHOOLGATE_DEMO_SUBNET': f'198.19.{number}',
            'SCHOOLGATE_DEMO_LINK': f'198.19.{100 + number}',
            'SCHOOLGATE_WEB_PORT': str(free_port()),
            'SCHOOLGATE_GRPC_PORT': str(free_port())}

    def script(self, *words, check=True):
        return subprocess.run(
            [os.path.join(ROOT, 'scripts/run'), *words], env=self.env,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, check=check, timeout=300,
            preexec_fn=allow_cores)

    def processes(self):
        """{pid: program} of ours that run in this school."""
        found = {}
        for path in glob.glob('/proc/[0-9]*/cmdline'):
            try:
                with open(path, 'rb') as file:
                    words = file.read().decode(errors='replace').split('\0')
            except OSError:
                continue
            name = os.path.basename(words[0])
            if name.startswith('schoolgate') and self.run in ' '.join(words):
                found[int(path.split('/')[2])] = name
        return found

    def told(self):
        """How many events of the laptops the collector has."""
        count = 0
        for path in glob.glob(self.run + '/collector/events/*.sqlite'):
            with sqlite3.connect(f'file:{path}?mode=ro', uri=True) as database:
                count += database.execute(
                    'SELECT count(*) FROM event').fetchone()[0]
            database.close()
        return count


def may_leave_core(pid, name):
    """Whether the kernel would write an image of it, or hand one to a program.
    Of one byte it does neither; of none it hands all of it over, but for
    schoolgate-dpi, which has said that it is not to be dumped."""
    limit = resource.prlimit(pid, resource.RLIMIT_CORE)[0]
    return limit != 1 and not (limit == 0 and name == 'schoolgate-dpi')


def secrets_of(school):
    """{what: [its forms]}: what must lie in its own place alone."""
    known = {f'log-in {name}': [name.encode()] for name in LOG_INS}
    for path in glob.glob(school.run + '/*/state/identity/*'):
        with open(path, 'rb') as file:
            content = file.read()
        if os.stat(path).st_mode & 0o077 == 0 and (
                path.endswith('.key') or b'PRIVATE KEY' in content):
            known[os.path.relpath(path, school.run)] = key_forms(path)
    for path in glob.glob(school.run + '/*/enrolment.yaml'):
        with open(path, encoding='utf-8') as file:
            token = re.search(r'token"?: *"?([^\s",]+)', file.read())
        known['token of ' + os.path.relpath(path, school.run)] = [
            token.group(1).encode()]
    for path in glob.glob(school.run + '/keys/*.key'):
        known[os.path.relpath(path, school.run)] = key_forms(path)
    return known


def places_of(school):
    """Everything that was written, but for keys, what a person wrote (the
    configuration), and bundles, whose lists name hosts like people."""
    return [path for path in files_below(school.run)
            if not re.search(r'/(identity|keys|demo|take-away|bundles|rules|'
                             r'incoming)/|\.(key|yaml|bundle)$|accounts\.txt$'
                             r'|/root\.txt$', path)]


def devices(options, work):
    """Keys, tokens and log-ins of real devices whose people browse: in the
    logs, in the spools, in what the collector stores, and in what is left
    when every program is made to crash.

    Real agents in network namespaces; needs root."""
    if os.geteuid() != 0:
        return Seen(LEFT_OUT, 'needs root: network namespaces')
    if not os.path.exists(os.path.join(options.build, 'dashboard/index.html')):
        return Seen(LEFT_OUT, 'not built: the dashboard')
    school = School(options, work)
    try:
        school.script('--demo')
        end = time.monotonic() + PATIENCE
        while school.told() < FEWEST and time.monotonic() < end:
            time.sleep(1)  # until people have browsed
        told = school.told()
        known = secrets_of(school)
        running = school.processes()
        dumpable = [f'{name} may leave a core' for pid, name in
                    running.items() if may_leave_core(pid, name)]
        folders = {os.readlink(f'/proc/{pid}/cwd') for pid in running}
        before = {path for folder in folders
                  for path in glob.glob(folder + '/core*')}
        for pid in running:
            try:
                os.kill(pid, signal.SIGABRT)
            except ProcessLookupError:
                pass  # ended with the one before
        time.sleep(2)  # for a kernel that writes
        cores = [f'a core: {path}' for folder in folders
                 for path in glob.glob(folder + '/core*')
                 if path not in before and os.path.isfile(path)]
        places = places_of(school)
        found = []
        for path in places:
            with open(path, 'rb') as file:
                content = file.read()
            found += [f'{what} in {os.path.relpath(path, school.run)}'
                      for what, forms in known.items()
                      if any(form in content for form in forms)]
    finally:
        school.script('--forget', check=False)
    with open('/proc/sys/kernel/core_pattern', encoding='ascii') as file:
        pattern = file.read().strip()
    wrong = found + cores + dumpable
    if told < FEWEST:
        wrong.append(f'only {told} events came: nothing was tried')
    return Seen(FAILED if wrong else PASSED,
                f'{len(known)} secrets of 3 devices, {told} events, '
                f'{len(places)} files searched, {len(running)} programs made '
                f'to crash: {len(found)} found, {len(cores)} cores',
                [f'- {one}' for one in wrong] +
                [f'- searched for: {what}' for what in sorted(known)] +
                [f'- core_pattern here: `{pattern}`'])
