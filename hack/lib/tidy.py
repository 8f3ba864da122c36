"""Runs clang-tidy over the project's own sources, remembering the files that it found nothing in.

usage: tidy.py TOOL CHECKS ROOT BUILD CACHE RESULTS

TOOL is the clang-tidy to run, BUILD a finished Ninja build with a compile_commands.json. RESULTS receives a line for
each file: passed or failed, a tab and the file's name.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys

DIRECTORIES = ("libs", "operator", "webhook", "cli", "canary", "credentials")


def included_files(build):
    """For each object file that Ninja knows, the files it was made of."""
    listing = subprocess.run(["ninja", "-C", build, "-t", "deps"], check=True, capture_output=True, text=True).stdout
    found, current = {}, None
    for line in listing.splitlines():
        if line.startswith(" "):
            current.append(line.strip())
        elif ": #deps" in line:
            current = found.setdefault(line.split(": #deps")[0], [])
    return found


def fingerprint(root, version, checks, command, files):
    """A digest of all that decides what clang-tidy says about a file, system headers excepted."""
    digest = hashlib.sha256()
    digest.update(version)
    digest.update(checks.encode())
    digest.update((root / ".clang-tidy").read_bytes())
    digest.update(command.replace(str(root), "").encode())
    for path in sorted(files):
        digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def examine(tool, checks, build, source, stamp):
    """True when clang-tidy finds nothing."""
    if stamp.exists():
        return True
    done = subprocess.run(
        [tool, "--quiet", f"--checks={checks}", "-p", build, str(source)], capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
        stamp.touch()
        return True
    print(done.stdout or done.stderr, flush=True)
    return False


def main(tool, checks, root, build, cache, results):
    root, cache = pathlib.Path(root).resolve(), pathlib.Path(cache)
    cache.mkdir(parents=True, exist_ok=True)
    version = subprocess.run([tool, "--version"], check=True, capture_output=True).stdout
    includes = included_files(build)
    work = []
    for entry in json.loads((pathlib.Path(build) / "compile_commands.json").read_text()):
        source = pathlib.Path(entry["file"]).resolve()
        if not any(source.is_relative_to(root / directory) for directory in DIRECTORIES):
            continue
        words = shlex.split(entry["command"])
        output = words[words.index("-o") + 1]
        read = {(pathlib.Path(build) / path).resolve() for path in includes.get(output, [])} | {source}
        own = [path for path in read if path.is_relative_to(root) and path.exists()]
        work.append((source, cache / fingerprint(root, version, checks, entry["command"], own)))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool, open(results, "w", encoding="utf-8") as out:
        outcomes = pool.map(lambda item: examine(tool, checks, build, *item), work)
        failed = 0
        for (source, _), clean in zip(work, outcomes):
            outcome = "passed" if clean else "failed"
            failed += not clean
            print(f"{outcome}: {source.relative_to(root)}", flush=True)
            print(f"{outcome}\t{source.relative_to(root)}", file=out)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
