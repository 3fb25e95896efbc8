"""A provider could not tell which school has the library that was in the news.

usage: sbom_test.py DEB...    each with its .cdx.json inside
"""
import json
import os
import re
import subprocess
import sys
import tempfile

FAILURES = []
# Not loaded by programs: what the installation itself calls.
CALLED = {'nftables', 'init-system-helpers'}


def output(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True,
                          check=True).stdout


def complain(text):
    FAILURES.append(text)


def check_form(name, made):
    if (made['bomFormat'], made['specVersion']) != ('CycloneDX', '1.5'):
        complain(f'{name}: is no CycloneDX 1.5')
    if not re.fullmatch(r'urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}',
                        made['serialNumber']):
        complain(f'{name}: serialNumber {made["serialNumber"]}')
    references = [one['bom-ref'] for one in made['components']]
    if len(set(references)) != len(references) or len(references) < 10:
        complain(f'{name}: {len(references)} components, some twice')
    if sorted(made['dependencies'][0]['dependsOn']) != sorted(references):
        complain(f'{name}: dependencies and components differ')
    for one in made['components']:
        if not one['version'] or not re.match(r'pkg:(deb|npm)/\S+@\S+$',
                                              one['purl']):
            complain(f'{name}: {one["name"]} without version or purl')


def check_libraries(name, tree, made):
    """What the programs themselves say they load, apart from scripts/sbom."""
    named = {one['name'] for one in made['components']}
    for folder in ('usr/bin', 'usr/sbin'):
        if not os.path.isdir(os.path.join(tree, folder)):
            continue
        for program in os.listdir(os.path.join(tree, folder)):
            text = output('readelf', '-d', os.path.join(tree, folder, program))
            for library in re.findall(r'\(NEEDED\).*\[(.*)\]', text):
                # That of another architecture may be installed, too.
                owners = {line.split(':')[0] for line in
                          output('dpkg', '-S', f'*/{library}').splitlines()}
                if not owners & named:
                    complain(f'{name}: {program} loads {library} of {owners}')


def check_depends(name, deb, made):
    named = {one['name'] for one in made['components']}
    for one in output('dpkg-deb', '-f', deb, 'Depends').split(','):
        package = one.split()[0]
        if package not in named | CALLED:
            complain(f'{name}: Depends on {package}')


def main():
    for deb in sys.argv[1:]:
        name = os.path.basename(deb).split('_')[0]
        with tempfile.TemporaryDirectory() as tree:
            subprocess.run(['dpkg-deb', '-x', deb, tree], check=True)
            path = f'{tree}/usr/share/doc/{name}/sbom.cdx.json'
            with open(path, encoding='utf-8') as file:
                made = json.load(file)
            check_form(name, made)
            check_libraries(name, tree, made)
            check_depends(name, deb, made)
            if made['metadata']['component']['name'] != name:
                complain(f'{name}: is about another package')
            bundled = any(one['name'] == 'preact'
                          for one in made['components'])
            if bundled != (name == 'schoolgate-collector'):
                complain(f'{name}: with the dashboard or without?')
    if len(sys.argv) != 4:
        complain('expected three packages')
    for text in FAILURES:
        print(text)
    return 1 if FAILURES else 0


if __name__ == '__main__':
    sys.exit(main())
