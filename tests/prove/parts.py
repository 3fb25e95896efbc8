"""The parts of scripts/prove that run this tree's own tests and programs.

A part is a function (options, work) -> Seen: it does not print, and leaves
nothing behind but in `work`.
"""
import dataclasses
import glob
import json
import os
import re
import subprocess

import advisories
import collector_parts
import device_parts

from seen import FAILED, LEFT_OUT, PASSED, Seen

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))


def run(command, limit=3600, **more):
    """Exit code and all output. 124: it took longer than `limit` seconds."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True,
                              errors='replace', cwd=ROOT, timeout=limit,
                              check=False, **more)
        return done.returncode, done.stdout
    except subprocess.TimeoutExpired as late:
        return 124, (late.stdout or b'').decode(errors='replace')


def missing(*paths):
    return [path for path in paths if not os.path.exists(path)]


def not_built(*paths):
    return Seen(LEFT_OUT, 'not built: ' + ', '.join(
        os.path.relpath(path, ROOT) for path in paths))


# What tests count of themselves (RecordProperty).
COUNTED = ('attacks', 'edits', 'calls_as_each_role', 'calls_as_another_school',
           'calls_that_show_it_to_its_own')


@dataclasses.dataclass
class Tests:
    """What a gtest program said."""
    names: list
    failed: list
    properties: dict  # those of COUNTED, added up over its tests

    def seen(self, figures):
        details = [f'- {name}' for name in self.names]
        details += [f'- FAILED {name}' for name in self.failed]
        if not self.names:
            return Seen(FAILED, 'no such tests')
        return Seen(FAILED if self.failed else PASSED, figures, details)


def gtest(program, only, work):
    report = os.path.join(work, os.path.basename(program) + '.json')
    code, text = run([program, f'--gtest_filter={only}',
                      f'--gtest_output=json:{report}'])
    if not os.path.exists(report):
        return Tests([], [f'{program}: exit {code}: {text[-300:]}'], {})
    with open(report, encoding='utf-8') as file:
        suites = json.load(file)['testsuites']
    tests = Tests([], [], {})
    for suite in suites:
        for one in suite['testsuite']:
            name = f'{suite["name"]}.{one["name"]}'
            tests.names.append(name)
            if one.get('failures'):
                tests.failed.append(name)
            for what in COUNTED:
                tests.properties[what] = int(one.get(what, 0)) + (
                    tests.properties.get(what, 0))
    return tests


def crashes(options, work):
    """Kills and power cuts: nothing that was acknowledged is lost or doubled.

    The spool of a device at every kind of step; the collector's stores on a
    disk that fails every write in turn; the collector killed while it takes
    events in, backed up while it runs and restored elsewhere."""
    spool = os.path.join(options.build, 'tests/spool/crash')
    stores = os.path.join(options.build, 'bin/collector_store_test')
    killed = os.path.join(options.build, 'bin/collector_cli_test')
    if absent := missing(spool, stores, killed):
        return not_built(*absent)
    code, text = run([spool, '--runs', str(options.crash_runs), '--seed', '1'])
    lines = text.strip().splitlines()
    disk = gtest(stores, 'FailingDisk*', work)
    kills = gtest(killed, 'KillTest*', work)
    good = (code == 0 and lines and lines[-1].endswith(': 0 broken')
            and not disk.failed + kills.failed and disk.names and kills.names)
    figures = (f'spool: {lines[-1] if lines else "nothing said"}; collector: '
               f'{len(disk.names) + len(kills.names)} tests, '
               f'{len(disk.failed) + len(kills.failed)} failed')
    return Seen(PASSED if good else FAILED, figures,
                ['```', *lines[-30:], '```'] +
                [f'- {name}' for name in disk.names + kills.names])


def fuzz_one(program, seconds, work):
    """Executions of one fuzzer, or None and what it found."""
    name = os.path.basename(program)
    corpus = os.path.join(ROOT, 'tests/fuzz/corpus',
                          name.removesuffix('_fuzz'))
    found = os.path.join(work, name)
    os.makedirs(found)
    code, text = run([program, f'-max_total_time={seconds}', '-rss_limit_mb=2048',
                      '-print_final_stats=1', f'-artifact_prefix={found}/',
                      found, corpus], limit=seconds + 300)
    units = re.search(r'number_of_executed_units: (\d+)', text)
    if code == 0 and units:
        return int(units.group(1)), ''
    return None, text[-600:]


def fuzzed_before():
    """{target: CPU seconds}, as this tree records them."""
    path = os.path.join(ROOT, 'tests/fuzz/hours.tsv')
    with open(path, encoding='utf-8') as file:
        rows = [line.split('\t') for line in file.read().splitlines()[1:]]
    return {row[0]: int(float(row[1])) for row in rows}


def fuzzers(options, work):
    """Every parser of hostile bytes, with AddressSanitizer and UBSan.

    What was given before is kept in tests/fuzz/hours.tsv (scripts/fuzz)."""
    programs = sorted(glob.glob(os.path.join(options.fuzz, 'bin/*_fuzz')))
    if not programs:
        plain = sorted(glob.glob(os.path.join(options.build, 'bin/*_fuzz')))
        return Seen(LEFT_OUT, f'not built: {os.path.relpath(options.fuzz, ROOT)}'
                    f' ({len(plain)} targets; their corpora run in the tests)')
    done, broken, details, before = 0, [], [], fuzzed_before()
    for program in programs:
        units, wrong = fuzz_one(program, options.fuzz_seconds, work)
        name = os.path.basename(program)
        earlier = before.get(name.removesuffix('_fuzz'), 0)
        if units is None:
            broken.append(name)
            details += [f'- {name}: **found something**', '```', wrong, '```']
        else:
            done += units
            details.append(f'- {name}: {units} inputs now; CPU seconds '
                           f'before: {earlier}')
    return Seen(FAILED if broken else PASSED,
                f'{len(programs)} fuzzers, {options.fuzz_seconds} s each, '
                f'{done} inputs, {len(broken)} with findings; before: '
                f'{sum(before.values()) / 3600:.1f} CPU hours in all', details)


def leak_figures(name, lines):
    """What a live test counted, in a line."""
    text = '\n'.join(lines)
    if name == 'evasion':
        tricks = re.search(r'passed: (\d+) tricks', text)
        blind = len(re.findall(r'^ok: blind-', text, re.MULTILINE))
        return (f'{tricks.group(1) if tricks else "no"} tricks, {blind} of '
                'them known to get through (docs/limitations.md) and counted')
    sums = {'blocked tried': 0, 'leaked': 0, 'allowed': 0, 'lost': 0}
    for what in sums:
        # Beside another firewall what is lost is that one's loss too.
        sums[what] = sum(int(found) for line in lines
                         if not line.startswith('ok   firewalls')
                         for found in re.findall(rf'(\d+) {what}\b', line))
    held = sum(1 for line in lines if line.startswith('ok '))
    return (f'{held} ways to fail: ' +
            ', '.join(f'{count} {what}' for what, count in sums.items()))


def leaks(options, work):
    """Blocked names that get through: tricks, killed and hung agents.

    Real packets in network namespaces; needs root."""
    if os.geteuid() != 0:
        return Seen(LEFT_OUT, 'needs root: network namespaces')
    agent = os.path.join(options.build, 'bin/schoolgate-agent')
    if absent := missing(agent):
        return not_built(*absent)
    broken, said, details = [], [], []
    for name in ('evasion', 'gate_failure'):
        words = [os.path.join(ROOT, 'tests/live', name)]
        if name == 'gate_failure':
            words.append(options.build)
        code, text = run(words, limit=1800,
                         env={**os.environ, 'BUILD': options.build})
        lines = text.strip().splitlines()
        if code != 0:
            broken.append(name)
        said.append(f'{name}: ' + (f'exit {code}' if code else
                                   leak_figures(name, lines)))
        details += [f'{name}, exit {code}:', '```', *lines[-120:], '```']
    return Seen(FAILED if broken else PASSED, '; '.join(said), details)


def attacks(options, work):
    """Bundles, roots and orders by somebody who may not, each with the refusal
    it has to meet; the rules in force stay."""
    program = os.path.join(options.build, 'bin/rules_trust_test')
    if absent := missing(program):
        return not_built(*absent)
    tests = gtest(program, "*", work)
    return tests.seen(f'{tests.properties.get("attacks", 0)} named attacks '
                      f'refused in {len(tests.names)} tests, '
                      f'{len(tests.failed)} failed')


def crossing(options, work):
    """Every call of the dashboard's routing table as every role, and as every
    role of another school."""
    program = os.path.join(options.build, 'bin/collector_web_test')
    if absent := missing(program):
        return not_built(*absent)
    tests = gtest(program, 'ApiTest.*:CrossingTest.*:Sight.*:NamesTest.*:'
                  'AlertJson.*', work)
    table = os.path.join(ROOT, 'collector/web/access.cc')
    with open(table, encoding='utf-8') as file:
        calls = len(re.findall(r'^\s+\{E::k', file.read(), re.MULTILINE))
    counted = tests.properties
    seen = tests.seen(
        f'{calls} calls in the table: {counted.get("calls_as_each_role", 0)} '
        'tries as each role of the school, '
        f'{counted.get("calls_as_another_school", 0)} as those of another; '
        f'{len(tests.names)} tests, {len(tests.failed)} failed')
    seen.details.insert(0, 'Both go through the table itself, so that a call '
                        'that is added is tried. What is looked for is '
                        'shown to the school\'s own people by '
                        f'{counted.get("calls_that_show_it_to_its_own", 0)} '
                        'calls, to others by none.')
    if not (counted.get('calls_as_each_role') and
            counted.get('calls_as_another_school')):
        seen.result = FAILED
    return seen


def fields(options, work):
    """What can leave a device is exactly what docs/fields.md lists."""
    program = os.path.join(options.build, 'bin/fields_test')
    if absent := missing(program):
        return not_built(*absent)
    tests = gtest(program, '*', work)
    with open(os.path.join(ROOT, 'docs/fields.md'), encoding='utf-8') as file:
        rows = re.findall(r'^\| `([A-Za-z]+\.[a-z_0-9]+)`', file.read(),
                          re.MULTILINE)
    seen = tests.seen(f'{len(rows)} fields, each with why, how long and who')
    seen.details += ['', 'Listed: ' + ', '.join(f'`{row}`' for row in rows)]
    return seen


def dependencies(options, work):
    """What the packages are made of, read from the build (scripts/sbom), and
    what is known against it.

    What is compiled in must be as new as Debian's security suite has it, by
    the package lists of this machine (apt-get update). What is loaded comes
    from the machine that it runs on: what is behind on this one is listed.
    Advisories that nobody has mended yet are known where debsecan reaches
    Debian's security tracker."""
    code, text = run(['scripts/sbom', '--built', options.build, '--out', work])
    documents = sorted(glob.glob(os.path.join(work, '*.cdx.json')))
    if code != 0 or not documents:
        return Seen(FAILED, text.strip()[-200:])
    details, components = [], []
    for path in documents:
        with open(path, encoding='utf-8') as file:
            made = json.load(file)
        components += made['components']
        details.append(f'- {made["metadata"]["component"]["name"]}: ' +
                       ', '.join(f'{one["name"]} {one["version"]}'
                                 for one in made['components']
                                 if one['properties'][0]['value'] !=
                                 advisories.COMPILED_IN))
    names = {one['name'] for one in components}
    figures = f'{len(documents)} packages, {len(names)} components'
    behind = advisories.behind(components)
    if behind is None:
        return Seen(LEFT_OUT, f'{figures}; not compared with advisories: apt '
                    'knows no security suite here', details)
    ours = [one for one in behind if one.compiled_in]
    figures += (f'; by lists {advisories.age_of_lists():.0f} days old: '
                f'{len(ours)} compiled in are behind, {len(behind) - len(ours)}'
                ' loaded ones are on this machine')
    details += [f'- behind: {one}' for one in behind]
    known, why = advisories.open_ones(components, 'bookworm')
    if known is None:
        figures += '; what is not mended yet: not asked'
        details.append(f'- not asked for what is not mended yet: {why}')
    else:
        figures += f'; {len(known)} advisories in all, mended or not'
        details += [f'- {one}' for one in known]
    return Seen(FAILED if ours else PASSED, figures, details)


def hardening(options, work):
    """What the compiler and the linker do against mistakes."""
    release = os.path.join(options.release, 'bin')
    shipped = [os.path.join(release, name) for name in (
        'schoolgate', 'schoolgate-agent', 'schoolgate-keeper',
        'schoolgate-uplink', 'schoolgate-rules', 'schoolgate-collector')]
    words, built = [], options.release
    if missing(*shipped):
        shipped = [path.replace(release, os.path.join(options.build, 'bin'))
                   for path in shipped]
        words, built = ['--linked'], options.build
        if absent := missing(*shipped):
            return not_built(*absent)
    code, text = run(['tests/packages/hardened', *words,
                      os.path.join(built, 'compile_commands.json'), *shipped])
    lines = text.strip().splitlines()
    figures = lines[-1] if code == 0 else f'{len(lines)} lacks'
    if words:
        figures += ' (no release build: the compiler\'s part left out)'
    return Seen(PASSED if code == 0 else FAILED, figures,
                [f'- {line}' for line in lines])


def custody(options, work):
    """Edits and deletions of a custody pack are found, and packs that somebody
    else made."""
    program = os.path.join(options.build, 'bin/collector_cases_test')
    if absent := missing(program):
        return not_built(*absent)
    tests = gtest(program, 'Custody.*', work)
    return tests.seen(f'{tests.properties.get("edits", 0)} random edits of a '
                      f'pack, all found; {len(tests.names)} tests, '
                      f'{len(tests.failed)} failed')


PARTS = [crashes, fuzzers, leaks, attacks, collector_parts.audit_log, crossing,
         collector_parts.secrets, device_parts.devices, collector_parts.tls,
         fields, dependencies, hardening, custody]
