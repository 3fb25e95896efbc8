#!/usr/bin/env python3
"""The tools of these tests say what is wrong as all programs do: a folder that
was mistyped must not look like a school where nothing happened.

usage: programs_test.py FOLDER_OF_PROGRAMS
"""
import os
import subprocess
import sys
import tempfile
import unittest

PROGRAMS = sys.argv.pop()


def run(program, *words, text=""):
    return subprocess.run([os.path.join(PROGRAMS, program), *words], input=text,
                          capture_output=True, text=True, check=False)


class Programs(unittest.TestCase):
    def test_events_of_a_folder_that_is_not_there(self):
        with tempfile.TemporaryDirectory() as folder:
            missing = os.path.join(folder, "events")
            done = run("schoolgate-events", missing)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(
            done.stderr, f"schoolgate-events: {missing}: no such folder: give "
            "the folder events of a collector\n")

    def test_events_of_an_empty_folder(self):
        with tempfile.TemporaryDirectory() as folder:
            done = run("schoolgate-events", folder)
        self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)

    def test_detect_names_itself_and_the_line(self):
        done = run("schoolgate-detect", text="no event\n")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(
            done.stderr, "schoolgate-detect: standard input: line 1 is no "
            "event: give what replay --episodes prints\n")

    def test_wrong_usage(self):
        done = run("schoolgate-events")
        self.assertEqual(done.returncode, 2)
        self.assertEqual(
            done.stderr, "schoolgate-events: directory is required: see "
            "schoolgate-events --help\n")


unittest.main()
