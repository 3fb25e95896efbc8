"""One mistake at a time, in a policy that is sound otherwise: the author would
be let down if it were taken, named on another line, or if the editor's schema
and the compiler did not agree about it.

Run with the repository root as working directory:
    mistakes_test.py PATH-OF-SCHOOLGATE-RULES
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

import jsonschema
import yaml

from schema_test import load

TOOL = sys.argv[1]
POLICY = 'rules/policies/city-primary.yaml'
RULE = 'matrix:\n  - {@@id: f, '
SOCIAL = 'categories: [games], groups: everyone, action: block, clause: U1, '
RESTRICTION = 'restrictions:\n  - {@@to: ks1, '
END = None  # the mistake is put at the end of the file

# What is replaced, by what (@@ stands on the line that must be named), what
# the message says, and whether a schema can see it: not what lies in another
# place of the file or in the world outside.
CASES = [
    ('schoolgate: 1', '@@schoolgate: 2', 'must be 1', True),
    ('schoolgate: 1', '@@schoolgate: one', 'whole number', True),
    ('schoolgate: 1\n', '', 'must be 1', True),
    ('kind: policy', '@@kind: polcy', 'did you mean policy?', True),
    ('id: city-primary\n', '', 'id: is missing', True),
    ('mode: enforce', '@@mode: enforced', 'did you mean enforce?', True),
    ('mode: enforce', 'mode: enforce\n@@mode: observe', 'is said twice',
     False),
    ('mode: enforce', '@@mode: [enforce]', 'must be one value', True),
    ('baseline: baseline.yaml', '@@baseline: no.yaml', 'cannot be read',
     False),
    ('baseline: baseline.yaml', '@@baseline: ../baseline.yaml',
     'a file beside this one', True),
    ('time_zone: Europe/London', '@@time_zone: Mars/Base', 'IANA', False),
    ('windows: [daily 07:00-21:00]', '@@windows: [daily 7:00-21:00]',
     'is no window', True),
    ('windows: [daily 07:00-21:00]', '@@windows: [daily 07:00-25:00]',
     'is no window', True),
    ('windows: [daily 07:00-21:00]', '@@windows: [always 07:00-21:00]',
     'is no window', True),
    ('only: any day', '@@only: weekdays', 'is none of any day', True),
    ('mode: enforce', 'mode: enforce\n\t@@x: y', 'not YAML', True),
    ('title: City', '@@title: City\x01', 'UTF-8', True),
    ('title: City', '@@title: City\udcff', 'UTF-8', True),
    ('title: City', '@@title: City\0', 'UTF-8', True),
    (END, '@@blocked_answer: maybe', 'none of no-such-name', True),
    (END, '@@containers: perhaps', 'yes or no', True),
    (END, '@@terms: {a: b}', 'must be a list', True),
    (END, 'terms:\n  - {@@name: A, from: 2026-02-30, to: 2026-03-01}',
     'is no date', False),
    (END, 'closed:\n  - {@@name: A, from: tomorrow}', 'is no date', True),
    (END, '@@never_log: ["https://x.example/z"]', 'is no host name', True),
    (END, '@@never_log: [com]', 'top-level domain', True),
    (END, '@@never_log: {a: b}', 'must be a list', True),
    (END, '@@approved_remote_access: [not a host]', 'is no host name', True),
    (END, '@@approved_ai: {x: 1}', 'must be a list', True),
    (END, 'approved_ai:\n  - {@@host: not a host, assessed: 2026-01-01}',
     'is no host name', True),
    (END, 'approved_ai:\n  - {@@host: ai.example}', 'risk assessment', True),
    (END, 'restricted_answers:\n  - {@@hosts: [x.example], answer: '
     '"http://y.example", groups: [pupils]}', 'is no host name', True),
    (END, 'restricted_answers:\n  - {@@hosts: [x.example], groups: [pupils]}',
     'must be one host', True),
    (END, 'restricted_answers:\n  - {@@hosts: [x.example], answer: y.example}',
     'groups: is missing', True),
    (END, 'restricted_answers:\n  - {@@hosts: [x.example], answer: y.example,'
     ' groups: [puppils]}', 'did you mean pupils?', False),
    (END, 'retention:\n  @@hits: {days: 3}', 'did you mean hit?', True),
    (END, 'retention:\n  @@hit: {days: -3}', 'whole number', True),
    (END, 'retention:\n  @@hit: 30', 'expected keys and values', True),
    (END, 'thresholds:\n  @@x: {about: any, count: lots}', 'whole number',
     True),
    (END, 'thresholds:\n  @@x: {about: any}', 'count or megabytes', True),
    (END, 'thresholds:\n  @@x: {about: bananas, count: 3}', 'not known here',
     False),
    (END, 'thresholds:\n  @@x: {about: any, count: 3, when: sometime}',
     'is no schedule', False),
    (END, 'thresholds:\n  @@x: {about: any, count: 3, within: 5}',
     'means nothing here', True),
    ('notice:\n', 'notice:\n  @@colour: red\n', 'means nothing here', True),
    ('nominated:\n', 'nominated:\n  @@foo: {user: x}\n', 'must be a list',
     True),
    ('nominated:\n', 'nominated:\n  foo:\n    - {@@user: x, approver: y, '
     'until: 2027-01-01}\n', 'reason: is missing', True),
    ('nominated:\n', 'nominated:\n  foo:\n    - {@@user: x, approver: X, '
     'reason: r, until: 2027-01-01}\n', 'nobody approves themselves', False),
    ('nominated:\n', 'nominated:\n  foo:\n    - {@@user: x, approver: y, '
     'reason: r}\n', 'a nomination ends on a day', True),
    (END, RESTRICTION + 'until: 2027-01-01, reason: r, asked_by: dsl, '
     'approver: head}\n', 'say either whom', True),
    (END, RESTRICTION + 'user: p, group: ks2, until: 2027-01-01, reason: r, '
     'asked_by: dsl, approver: head}\n', 'say either whom', True),
    (END, RESTRICTION + 'group: ks3, until: 2027-01-01, reason: r, '
     'asked_by: dsl, approver: head}\n', 'is no group', False),
    (END, RESTRICTION + 'user: p, reason: r, asked_by: dsl, '
     'approver: head}\n', 'ends on a day', True),
    (END, RESTRICTION + 'user: p, from: 2027-01-02, until: 2027-01-01, '
     'reason: r, asked_by: dsl, approver: head}\n', 'lies before', False),
    (END, RESTRICTION + 'user: p, until: 2027-01-01, asked_by: dsl, '
     'approver: head}\n', 'reason: is missing', True),
    (END, RESTRICTION + 'user: p, until: 2027-01-01, reason: r, '
     'asked_by: head, approver: Head}\n', 'must be somebody else', False),
    (END, 'restrictions:\n  - {@@user: p, to: ks0, until: 2027-01-01, '
     'reason: r, asked_by: dsl, approver: head}\n', 'is no group', False),
    (END, 'guests:\n  - {@@user: v, reason: r, asked_by: a, approver: b}\n',
     'the last day', True),
    (END, 'guests:\n  - {@@user: v, until: 2027-01-01, reason: r, '
     'asked_by: a, approver: a}\n', 'somebody else', False),
    (END, 'guests:\n  - {@@user: v, to: ks1, until: 2027-01-01, reason: r, '
     'asked_by: a, approver: b}\n', 'to', True),
    ('roles:\n', 'roles:\n  @@boss: {title: x, heldby: [a]}\n',
     'did you mean held_by?', True),
    ('routes:\n', 'routes:\n  - {@@to: [dsl]}\n', 'about: is missing', True),
    ('routes:\n', 'routes:\n  - {@@about: pupils, tier: ilegal, to: [dsl]}\n',
     'did you mean illegal?', True),
    ('routes:\n', 'routes:\n  - {@@about: "role:nobody", to: [dsl]}\n',
     'not known here', False),
    ('routes:\n', 'routes:\n  - {@@about: pupils, to: [dls]}\n',
     'did you mean dsl?', False),
    ('routes:\n', 'routes:\n  - {@@about: pupils, to: [dsl], '
     'within_minutes: soon}\n', 'whole number', True),
    ('choices:\n', 'choices:\n  @@Z99: {choice: x}\n', 'by: is missing', True),
    ('choices:\n', 'choices:\n  @@Z99: {choice: x, by: y, date: soon}\n',
     'is no date', True),
    ('not_by_host:\n', 'not_by_host:\n  @@U99: {note: x}\n',
     'handled_by: is missing', True),
    ('paper:\n', 'paper:\n  @@colour: red\n', 'means nothing here', True),
    ('paper:\n  risks: [content,', 'paper:\n  @@risks: [contents,',
     'did you mean content?', True),
    ('paper:\n', 'paper:\n  @@switch_off: evening\n', 'is no time', True),
    ('  statements:\n', '  statements:\n    - {@@id: W0, quote: q, '
     'stance: maybe}\n', 'is none of allowed', True),
    ('  statements:\n', '  statements:\n    - {@@id: W0, quote: q, '
     'about: private-usage}\n', 'did you mean private-use?', False),
    ('  attachments:\n', '  attachments:\n    - {@@name: chart}\n',
     'present: is missing', True),
    ('  tables:\n', '  tables:\n    - {@@id: t}\n', 'columns: is missing',
     True),
    ('  tables:\n', '  tables:\n    - {id: t, columns: [a], @@ticks: '
     '{U1: b}}\n', 'none of the columns', False),
    ('  tables:\n', '  tables:\n    - {id: t, columns: [a], @@ticks: '
     '{U99: a}}\n', 'not among the clauses', False),
    ('clauses:\n', 'clauses:\n  @@Q1: text only\n', 'expected keys', True),
    ('clauses:\n', 'clauses:\n  @@Q1: {says: x}\n', 'quote: is missing', True),
    ('clauses:\n', 'clauses:\n  @@Q1: {quote: x, stance: never}\n',
     'is none of allowed', True),
    ('clauses:\n', 'clauses:\n  @@Q1: {quote: x, about: nothing-known}\n',
     'not known here', False),
    ('clauses:\n', 'clauses:\n  @@Q1: {quote: x, groups: [stuff]}\n',
     'did you mean staff?', False),
    (END, 'categories:\n  @@Bad_Id: {title: x, risk: content}',
     'small letters', True),
    (END, 'categories:\n  @@gambling: {passable: yes}', 'never loosen it',
     False),
    ('matrix:\n', '@@floor: []\nmatrix:\n', 'means nothing here', True),
    ('matrix:\n', '@@defaults: []\nmatrix:\n', 'means nothing here', True),
    ('matrix:\n', RULE + 'hosts: [x.example], groups: everyone, action: '
     'block, clause: U1, reason: x}\n', 'categories: is missing', True),
    ('matrix:\n', RULE + 'categories: [], groups: everyone, action: block, '
     'clause: U1, reason: x}\n', 'categories: is missing', True),
    ('matrix:\n', RULE + 'categories: [games], groups: [], action: block, '
     'clause: U1, reason: x}\n', 'groups: is missing', True),
    ('matrix:\n', RULE + 'categories: [games], groups: everybody, action: '
     'block, clause: U1, reason: x}\n', 'is no group', False),
    ('matrix:\n', RULE + SOCIAL + '}\n', 'reason: is missing', True),
    ('matrix:\n', 'matrix:\n  - @@games\n', 'expected keys and values', True),
    ('matrix:\n', RULE + SOCIAL + 'reason: x, unless: [{place: moon, '
     'action: allow}]}\n', 'none of onsite, offsite', True),
    ('matrix:\n', RULE + SOCIAL + 'reason: x, unless: [{nominated: nolist, '
     'action: allow}]}\n', 'is no list', False),
    ('matrix:\n', RULE + SOCIAL + 'reason: x, unless: [{place: onsite}]}\n',
     'action: is missing', True),
    ('matrix:\n', RULE + SOCIAL + 'reason: x, unless: [{when: lessons, '
     'outside: lessons, action: allow}]}\n', 'exclude each other', True),
    (END, '@@x: *none', 'anchor', True),
]


def broken(sound, old, new):
    """The policy with the mistake, and the line that must be named."""
    if old is END:
        text = sound + '\n' + new + '\n'
    else:
        if old not in sound:
            raise ValueError(f'{POLICY} no longer has {old!r}')
        text = sound.replace(old, new, 1)
    line = text[:text.index('@@')].count('\n') + 1 if '@@' in text else None
    return text.replace('@@', '', 1), line


def complaints(path):
    done = subprocess.run(
        [TOOL, 'check', path, '--at', '2026-11-23T10:00:00Z', '--json'],
        capture_output=True, text=True, check=False)
    return done.returncode, [json.loads(row) for row in
                             done.stdout.splitlines()]


def schema_sees(validator, path):
    try:
        return any(validator.iter_errors(load(path)))
    except (yaml.YAMLError, UnicodeDecodeError):
        return True


def look_at(case, sound, path, validator):
    """What is wrong with how one mistake was taken."""
    old, new, says, by_schema = case
    text, line = broken(sound, old, new)
    with open(path, 'wb') as file:
        file.write(text.encode('utf-8', 'surrogateescape'))
    code, found = complaints(path)
    if code != 1:
        yield f'exit {code}'
    hits = [one for one in found if one['kind'] == 'mistake'
            and one['file'] == path and says in one['what']]
    if not hits:
        yield f'no mistake says {says!r}: {str(found)[:200]}'
    elif line is not None and hits[0]['line'] != line:
        yield f'named line {hits[0]["line"]}, not {line}'
    if schema_sees(validator, path) != by_schema:
        yield f'the schema {"does not see it" if by_schema else "sees it"}'


def main():
    with open('rules/policy/policy.schema.json', encoding='utf-8') as file:
        validator = jsonschema.Draft7Validator(json.load(file))
    with open(POLICY, encoding='utf-8') as file:
        sound = file.read()
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy('rules/policies/baseline.yaml', folder)
        path = os.path.join(folder, 'policy.yaml')
        for case in CASES:
            for wrong in look_at(case, sound, path, validator):
                print(f'{case[1]!r}: {wrong}')
                failures += 1
    return 1 if failures or len(CASES) < 80 else 0


if __name__ == '__main__':
    sys.exit(main())
