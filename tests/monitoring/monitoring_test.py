#!/usr/bin/env python3
"""A dashboard that shows nothing and an alert that can never fire are worse
than none: every metric that docs/monitoring names is one that a running
collector tells, with the labels it has, and where promtool is installed it
finds no fault with the figures, the rules and what the rules do.

usage: monitoring_test.py FOLDER_OF_PROGRAMS     (from the top of the tree)
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request

import jsonschema
import yaml

DOCS = "docs/monitoring"
PANEL = {
    "type": "object",
    "required": ["id", "title", "type", "gridPos", "targets"],
    "properties": {
        "id": {"type": "integer"},
        "title": {"type": "string", "minLength": 3},
        "type": {"enum": ["stat", "timeseries"]},
        "gridPos": {
            "type": "object", "required": ["h", "w", "x", "y"],
            "additionalProperties": {"type": "integer", "minimum": 0}},
        "targets": {"type": "array", "minItems": 1, "items": {
            "type": "object", "required": ["refId", "expr"],
            "properties": {"expr": {"type": "string", "minLength": 5}}}}}}
DASHBOARD = {
    "type": "object",
    "required": ["title", "uid", "schemaVersion", "panels", "templating"],
    "properties": {"panels": {"type": "array", "minItems": 5, "items": PANEL}}}
RULES = {
    "type": "object", "required": ["groups"],
    "properties": {"groups": {"type": "array", "items": {
        "type": "object", "required": ["name", "rules"],
        "properties": {"rules": {"type": "array", "items": {
            "type": "object",
            "required": ["alert", "expr", "labels", "annotations"],
            "properties": {
                "labels": {"type": "object", "required": ["severity"]},
                "annotations": {"type": "object",
                                "required": ["summary", "action"]}}}}}}}}}
complaints = []


def run(command, **more):
    return subprocess.run(command, capture_output=True, text=True,
                          check=False, **more)


def figures(program, folder):
    """What a collector tells that has just been set up."""
    done = run([program, "setup", "--data", folder, "--school", "Oak",
                "--listen", "127.0.0.1:0", "--web", "127.0.0.1:0",
                "--metrics", "127.0.0.1:0"])
    if done.returncode != 0:
        sys.exit(f"setup: {done.stderr}")
    files = os.path.join(folder, "dashboard")
    os.mkdir(files)
    with open(os.path.join(files, "index.html"), "w",
              encoding="utf-8") as page:
        page.write("<!doctype html><title>none</title>")
    with subprocess.Popen([program, "serve", "--data", folder, "--json",
                           "--dashboard-files", files],
                          stdout=subprocess.PIPE, text=True) as serve:
        try:
            where = json.loads(serve.stdout.readline())["metrics"]
            with urllib.request.urlopen(f"http://{where}/metrics",
                                        timeout=60) as answer:
                return answer.read().decode()
        finally:
            serve.terminate()
            if serve.wait() != 0:
                complaints.append("serve: did not end well")


def told(text):
    """Metric name -> names of its labels."""
    names = {}
    for line in text.splitlines():
        sample = re.match(r"([a-z_]+)(?:\{(.*)\})? ", line)
        if sample and not line.startswith("#"):
            labels = names.setdefault(sample.group(1), set())
            labels.update(re.findall(r'([a-z_]+)="', sample.group(2) or ""))
    # Known only once there are events.
    names["schoolgate_store_oldest_day_timestamp_seconds"] = set()
    return names


def check_expression(where, text, names):
    for metric, labels in re.findall(
            r"\b((?:schoolgate|process)_[a-z_]+)\b(?:\{([^}]*)\})?", text):
        if metric not in names:
            complaints.append(f"{where}: {metric}: the collector tells none")
            continue
        for label in re.findall(r'([a-z_]+)(?:=~|!=|!~|=)"', labels):
            if label not in names[metric] | {"instance", "job"}:
                complaints.append(f"{where}: {metric} has no label {label}")


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    program = os.path.join(sys.argv[1], "schoolgate-collector")
    with tempfile.TemporaryDirectory() as folder:
        text = figures(program, folder)
    names = told(text)
    with open(f"{DOCS}/grafana-dashboard.json", encoding="utf-8") as file:
        dashboard = json.load(file)
    jsonschema.validate(dashboard, DASHBOARD)
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            check_expression(panel["title"], target["expr"], names)
    with open(f"{DOCS}/alerts.yml", encoding="utf-8") as file:
        alerts = yaml.safe_load(file)
    jsonschema.validate(alerts, RULES)
    for group in alerts["groups"]:
        for rule in group["rules"]:
            check_expression(rule["alert"], rule["expr"], names)
    promtool = shutil.which("promtool")
    if promtool:
        for command, given in (
                (["check", "metrics"], text),
                (["check", "rules", f"{DOCS}/alerts.yml"], None),
                (["check", "config", "--syntax-only",
                  f"{DOCS}/prometheus.yml"], None),
                (["test", "rules", "tests/monitoring/alerts_test.yml"], None)):
            done = run([promtool, *command], input=given)
            if done.returncode != 0:
                complaints.append(f"promtool {' '.join(command)}: "
                                  f"{done.stdout}{done.stderr}")
    for complaint in complaints:
        print(complaint)
    print(f"{len(names)} metrics, {len(dashboard['panels'])} panels, "
          f"{sum(len(g['rules']) for g in alerts['groups'])} alerts, promtool "
          f"{'used' if promtool else 'not installed'}, "
          f"{len(complaints)} complaints")
    return 1 if complaints else 0


sys.exit(main())
