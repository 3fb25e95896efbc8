"""What is known against the components that the packages are made of: which of
them Debian has mended since, by the package lists of this machine, and all that
is open, where debsecan reaches the security tracker."""
import dataclasses
import os
import re
import shutil
import subprocess
import time

LISTS = '/var/lib/apt/lists'
COMPILED_IN = 'compiled in'


@dataclasses.dataclass
class Behind:
    """A component older than what Debian's security suite offers."""
    name: str
    version: str
    offered: str
    compiled_in: bool

    def __str__(self):
        how = COMPILED_IN if self.compiled_in else 'loaded'
        return f'{self.name} {self.version} ({how}): {self.offered} is offered'


def output(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False,
                          env={**os.environ, 'LC_ALL': 'C.UTF-8'}, timeout=300)
    return done.stdout if done.returncode == 0 else None


def newer(one, than):
    return subprocess.run(['dpkg', '--compare-versions', one, 'gt', than],
                          check=False).returncode == 0


def security_lists():
    """Files of the security suites, as apt keeps them."""
    if not os.path.isdir(LISTS):
        return []
    return [os.path.join(LISTS, name) for name in os.listdir(LISTS)
            if '-security_' in name and name.endswith('Release')]


def age_of_lists():
    """Days since apt last fetched the security suite; None: never."""
    times = [os.stat(path).st_mtime for path in security_lists()]
    return (time.time() - max(times)) / 86400 if times else None


def offered_for_security(policy):
    """{package: newest version in a security suite}, of what `apt-cache policy`
    says."""
    offered, package, version = {}, None, None
    for line in policy.splitlines():
        if re.match(r'\S+:$', line):
            package = line[:-1]
        elif found := re.match(r' (?:   |\*\*\*) (\S+) \d+$', line):
            version = found.group(1)
        elif package and version and '-security/' in line:
            if package not in offered or newer(version, offered[package]):
                offered[package] = version
    return offered


def behind(components):
    """None where apt knows no security suite."""
    if not security_lists() or shutil.which('apt-cache') is None:
        return None
    policy = output('apt-cache', 'policy',
                    *sorted({one['name'] for one in components}))
    if policy is None:
        return None
    offered = offered_for_security(policy)
    found = {}
    for one in components:
        name, version = one['name'], one['version']
        if name in offered and newer(offered[name], version):
            compiled = one['properties'][0]['value'] == COMPILED_IN
            earlier = found.get(name)
            found[name] = Behind(name, version, offered[name], compiled or (
                earlier is not None and earlier.compiled_in))
    return sorted(found.values(), key=lambda one: one.name)


def open_ones(components, suite):
    """Advisories that debsecan knows of these components, as "CVE PACKAGE", or
    None and why not."""
    if shutil.which('debsecan') is None:
        return None, 'debsecan is not installed'
    done = subprocess.run(['debsecan', '--suite', suite, '--format', 'simple'],
                          capture_output=True, text=True, check=False,
                          timeout=300)
    if done.returncode != 0 or 'error' in done.stderr:
        return None, ' '.join(done.stderr.split())[:200] or 'debsecan failed'
    names = {one['name'] for one in components}
    return [line for line in done.stdout.splitlines()
            if line.split()[-1:] and line.split()[-1] in names], ''
