#!/usr/bin/env python3
"""Documents that lie are worse than none: links and paths in them exist, the
manual pages name exactly the verbs and options of the programs, and every
script says how it is used.

usage: documents_test.py FOLDER_OF_PROGRAMS      (from the top of the tree)
"""
import glob
import os
import re
import subprocess
import sys

PAGES = {"schoolgate": "schoolgate.1",
         "schoolgate-agent": "schoolgate-agent.8",
         "schoolgate-dpi": "schoolgate-dpi.8",
         "schoolgate-uplink": "schoolgate-uplink.8",
         "schoolgate-rules": "schoolgate-rules.1",
         "schoolgate-collector": "schoolgate-collector.8"}
FOLDERS = "agent|collector|platform|proto|rules|tests|docs|scripts"
# "Fl o , -out", "Fl -ban Ar D | Fl -release Ar D", "Fl -a | -b".
OPTION = re.compile(r"(?:\bFl |, |\| )(?:Fl )?(-?[A-Za-z][A-Za-z-]*)")
complaints = []


def documents():
    return (glob.glob("*.md") + glob.glob("docs/*.md") +
            glob.glob("docs/decisions/*.md"))


def check_links(path, text):
    for target in re.findall(r"\]\(([^)#]+)", text):
        if re.match(r"https?:", target):
            continue
        where = os.path.normpath(os.path.join(os.path.dirname(path), target))
        if not os.path.exists(where):
            complaints.append(f"{path}: links to {target}, which is not there")


def check_paths(path, text):
    for named in re.findall(rf"`((?:{FOLDERS})/[\w./*-]*\w[\w./*-]*)`", text):
        # "agent/decide/episode_*" names several; "docs/x.{h,cc}" is not read.
        if not glob.glob(named) and not glob.glob(named + "*"):
            complaints.append(f"{path}: names {named}, which is not there")


def check_tests(path, text):
    """`Suite.Name` is a test in some file."""
    sources = "\n".join(open(file, encoding="utf-8").read()
                        for folder in FOLDERS.split("|")
                        for file in glob.glob(f"{folder}/**/*_test.cc",
                                              recursive=True))
    for suite, name in re.findall(r"`(\w+)\.([A-Z]\w+)`", text):
        if suite != "CamelCase" and not re.search(
                rf"TEST(?:_F)?\(\s*{suite},\s*{name}\)", sources):
            complaints.append(f"{path}: names the test {suite}.{name}, which "
                              "is not there")


def help_of(command):
    done = subprocess.run(command + ["--help"], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        complaints.append(f"{' '.join(command)} --help: exit code "
                          f"{done.returncode}")
    return done.stdout


def section(text, title):
    found = re.search(rf"^{title}:\n((?:  .*\n?|\n)+)", text, re.M)
    return found.group(1) if found else ""


def walk(command, verbs, options):
    text = help_of(command)
    for names in re.findall(r"^  (-\S+)", section(text, "Options"), re.M):
        options.update(n for n in names.split(",") if n != "-h")
    for verb in re.findall(r"^  ([a-z][a-z-]*)", section(text, "Subcommands"),
                           re.M):
        verbs.add(verb)
        walk(command + [verb], verbs, options)


def words_of_page(text):
    """Options that a page names, as a person types them."""
    options = set()
    for line in text.splitlines():
        if re.match(r"\.(Sh|Ss|Bl|El|Dd|Dt)", line):
            continue
        for name in OPTION.findall(line):
            if name.startswith("-") or len(name) == 1:
                options.add("-" + name)
    return options


def check_page(folder, program):
    page = os.path.join("docs/man", PAGES[program])
    with open(page, encoding="utf-8") as file:
        text = file.read()
    verbs, options = set(), set()
    walk([os.path.join(folder, program)], verbs, options)
    named = words_of_page(text)
    for verb in sorted(verbs):
        if not re.search(rf"\b{verb}\b", text):
            complaints.append(f"{page}: does not name the verb {verb}")
    for option in sorted(options - named):
        complaints.append(f"{page}: does not name the option {option}")
    for option in sorted(named - options - {"-h"}):
        complaints.append(f"{page}: names {option}, which {program} does not "
                          "have")


def check_script(path):
    """--help helps and does nothing else; what it does not know ends it."""
    if "usage:" not in help_of([path]):
        complaints.append(f"{path} --help: shows no usage")
    done = subprocess.run([path, "--nonsense"], capture_output=True, text=True,
                          check=False)
    if done.returncode != 2 or not done.stderr:
        complaints.append(f"{path} --nonsense: exit code {done.returncode}, "
                          f"says {done.stderr!r}")


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    for path in documents():
        with open(path, encoding="utf-8") as file:
            text = file.read()
        check_links(path, text)
        check_paths(path, text)
        if path == "docs/failure-modes.md":
            check_tests(path, text)
    for program in PAGES:
        check_page(sys.argv[1], program)
    scripts = [path for path in sorted(glob.glob("scripts/*"))
               if os.path.isfile(path) and os.access(path, os.X_OK)]
    for script in scripts:
        check_script(script)
    for complaint in complaints:
        print(complaint)
    print(f"{len(documents())} documents, {len(PAGES)} manual pages, "
          f"{len(scripts)} scripts, {len(complaints)} complaints")
    return 1 if complaints else 0


sys.exit(main())
