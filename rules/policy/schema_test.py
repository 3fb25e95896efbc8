"""Would tell a school's editor that a good policy is wrong, or a bad one good.

Run with the repository root as working directory.
"""
import glob
import json
import sys

import jsonschema
import yaml


class PlainLoader(yaml.SafeLoader):
    """Dates and yes/no as the policy compiler reads them: as text."""


PlainLoader.yaml_implicit_resolvers = {
    key: [(tag, pattern) for tag, pattern in resolvers
          if tag not in ('tag:yaml.org,2002:timestamp',)]
    for key, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()}


def load(path):
    with open(path, encoding='utf-8') as file:
        return yaml.load(file, PlainLoader)


def main():
    with open('rules/policy/policy.schema.json', encoding='utf-8') as file:
        schema = json.load(file)
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    failures = 0
    good = sorted(glob.glob('rules/policies/*.yaml')) + [
        'rules/policy/testdata/baseline.yaml',
        'rules/policy/testdata/loosens.yaml']
    for path in good:
        for error in validator.iter_errors(load(path)):
            where = '/'.join(str(part) for part in error.absolute_path)
            print(f'{path}: {where}: {error.message[:200]}')
            failures += 1
    wrong = list(validator.iter_errors(
        load('rules/policy/testdata/mistakes.yaml')))
    if len(wrong) < 8:
        print(f'mistakes.yaml: only {len(wrong)} complaints')
        failures += 1
    if len(good) < 8:
        print('policies are missing')
        failures += 1
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
