"""Checks that the relative links of Markdown files lead somewhere: to a file, and to a heading where they name one. The
title of a link by reference that leads to a test has to be a name in that file.

usage: links.py FILE...

Prints a line for each link that does not, and exits 1 when there is one.
"""

import pathlib
import re
import sys

LINK = re.compile(r"\]\(([^)\s]+)\)")
REFERENCE = re.compile(r"\]\[([^\]\s]+)\]")
DEFINITION = re.compile(r'^\[([^\]\s]+)\]: (\S+)(?:\s+"(.*)")?$', re.MULTILINE)
CODE = re.compile(r"^ *```.*?^ *```", re.DOTALL | re.MULTILINE)


def text_of(path):
    """A file's text without its blocks of code, whose line breaks stay."""
    return CODE.sub(lambda block: "\n" * block[0].count("\n"), path.read_text(encoding="utf-8"))


def anchors_of(path):
    """The anchors that GitHub gives to a file's headings."""
    headings = re.findall(r"^#+ +(.*?) *$", text_of(path), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def problem_of(path, link):
    """What is wrong with a link in the file `path`, or None."""
    name, _, anchor = link.partition("#")
    target = path.parent / name if name else path
    if not target.exists():
        return "there is no such file"
    if anchor and anchor not in anchors_of(target):
        return "there is no such heading"
    return None


def problems_of_references(path, text):
    """What is wrong with links by reference: each as the reference and the problem."""
    defined = {name: (link, title) for name, link, title in DEFINITION.findall(text)}
    for name in sorted(set(REFERENCE.findall(text)) - defined.keys()):
        yield name, "nothing defines it"
    for name, (link, title) in defined.items():
        problem = None if re.match(r"[a-z]+:", link) else problem_of(path, link)
        if not problem and title and "tests/" in link:
            found = re.search(rf"\b{re.escape(title)}\b", (path.parent / link).read_text(encoding="utf-8"))
            problem = None if found else f"it has no test {title}"
        if problem:
            yield link, problem


def main(*names):
    broken = False
    for path in map(pathlib.Path, names):
        for link, problem in problems_of_references(path, text_of(path)):
            broken = True
            print(f"{path}: {link}: {problem}")
        for number, line in enumerate(text_of(path).splitlines(), start=1):
            for link in LINK.findall(line):
                problem = None if re.match(r"[a-z]+:", link) else problem_of(path, link)
                if problem:
                    broken = True
                    print(f"{path}:{number}: {link}: {problem}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
