#!/usr/bin/env python3
"""Fetches alerts from Schoolgate as Atom or CSV and prints one line each.

usage: fetch_alerts.py https://HOST:4443 TOKEN_FILE CA_FILE [atom|csv]
"""
import csv
import io
import json
import ssl
import sys
import urllib.request
import xml.etree.ElementTree as xml

ATOM = "{http://www.w3.org/2005/Atom}"


def fetch(address, token, ca_file, kind):
    request = urllib.request.Request(
        f"{address}/feed/alerts.{kind}",
        headers={"Authorization": f"Bearer {token}"})
    context = ssl.create_default_context(cafile=ca_file)
    with urllib.request.urlopen(request, context=context, timeout=20) as answer:
        return answer.read().decode()


def entries(kind, text):
    if kind == "csv":
        yield from csv.DictReader(io.StringIO(text, newline=""))
        return
    for entry in xml.fromstring(text).iter(f"{ATOM}entry"):
        yield {"id": entry.findtext(f"{ATOM}id"),
               "title": entry.findtext(f"{ATOM}title"),
               "updated": entry.findtext(f"{ATOM}updated"),
               "summary": entry.findtext(f"{ATOM}summary"),
               "link": entry.find(f"{ATOM}link").get("href")}


def main():
    address, token_file, ca_file = sys.argv[1:4]
    kind = sys.argv[4] if len(sys.argv) > 4 else "atom"
    with open(token_file, encoding="ascii") as file:
        token = file.read().strip()
    for entry in entries(kind, fetch(address, token, ca_file, kind)):
        print(json.dumps(entry))


if __name__ == "__main__":
    main()
