"""Counts the results of test suites and prints them, one line for each suite and one for all.

usage: results.py DIRECTORY SKIPS SUITE...

DIRECTORY/SUITE holds what a suite left behind: *.xml in the JUnit format (ctest, pytest), checks.tsv (a word and a
name on each line, written by checks.sh) and status (the exit code of the suite). SKIPS lists the skips that are
accepted. Exits 1 on a failure, on any other skip, and on a suite that ran nothing.
"""

import fnmatch
import pathlib
import sys
import xml.etree.ElementTree

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"


def from_junit(path):
    """The (outcome, name) of each test case in a JUnit file."""
    for case in xml.etree.ElementTree.parse(path).iter("testcase"):
        name = case.get("name", "")
        prefix = case.get("classname", "")
        if prefix and prefix != name:
            name = f"{prefix}.{name}"
        if case.find("failure") is not None or case.find("error") is not None:
            yield FAILED, name
        elif case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
            yield SKIPPED, name
        else:
            yield PASSED, name


def from_checks(path):
    for line in path.read_text().splitlines():
        outcome, name = line.split("\t", 1)
        yield outcome, name


def results_of(directory):
    """Every (outcome, name) of a suite. A suite that broke off or ran nothing counts as a failure itself."""
    found = []
    for path in sorted(directory.glob("*.xml")):
        try:
            found += from_junit(path)
        except xml.etree.ElementTree.ParseError as error:
            found.append((FAILED, f"{path.name} cannot be read: {error}"))
    checks = directory / "checks.tsv"
    if checks.exists():
        found += from_checks(checks)
    status = int((directory / "status").read_text())
    if status != 0 and not any(outcome == FAILED for outcome, _ in found):
        found.append((FAILED, f"the suite ended with exit code {status}, see {directory / 'log'}"))
    if not any(outcome in (PASSED, FAILED) for outcome, _ in found):
        found.append((FAILED, "the suite ran nothing"))
    return found


def accepted_skips(path):
    """(suite, pattern) of each line `SUITE PATTERN REASON...`; a line without a reason is an error."""
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        words = line.split("#", 1)[0].split(None, 2)
        if words and len(words) < 3:
            sys.exit(f"{path}:{number}: a skip needs a suite, a pattern and a reason")
        if words:
            yield words[0], words[1]


def summary(outcomes):
    counts = (f"{outcomes.count(outcome)} {outcome}" for outcome in (PASSED, FAILED, SKIPPED))
    return ", ".join(counts)


def main(directory, skips, *suites):
    results = {suite: results_of(pathlib.Path(directory) / suite) for suite in suites}
    accepted = list(accepted_skips(pathlib.Path(skips)))
    bad = False
    print()
    for suite, found in results.items():
        for outcome, name in found:
            explained = any(suite == s and fnmatch.fnmatchcase(name, pattern) for s, pattern in accepted)
            if outcome == FAILED or (outcome == SKIPPED and not explained):
                bad = True
                print(f"{outcome.upper()} {suite}: {name}{'' if outcome == FAILED else ' (no reason in ' + skips + ')'}")
    for suite, found in results.items():
        print(f"{suite}: {summary([outcome for outcome, _ in found])}")
    print(summary([outcome for found in results.values() for outcome, _ in found]))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
