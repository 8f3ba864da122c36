"""Makes an image archive, as docker load and ctr images import take it, of a tar of files or of single programs.

usage: image_archive.py --name NAME:TAG --out FILE [--entrypoint WORD]... [--user USER] (--layer TAR | PROGRAM...)

A PROGRAM becomes /PROGRAM's name at the root of an otherwise empty image: it has to need nothing else. The archive
depends on its inputs alone.
"""

import argparse
import contextlib
import hashlib
import io
import json
import os
import pathlib
import platform
import tarfile

EPOCH = "1970-01-01T00:00:00Z"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def digest_of(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_layer(path, programs):
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as layer:
        for program in programs:
            member = tarfile.TarInfo(program.name)
            member.size, member.mode = program.stat().st_size, 0o755
            with open(program, "rb") as file:
                layer.addfile(member, file)


def add_bytes(archive, name, content):
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def write_archive(out, name, layer, config):
    digest = digest_of(layer)
    config = {
        "architecture": ARCHITECTURES[platform.machine()],
        "os": "linux",
        "created": EPOCH,
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }
    encoded = json.dumps(config, sort_keys=True).encode()
    config_name = f"{hashlib.sha256(encoded).hexdigest()}.json"
    manifest = [{"Config": config_name, "RepoTags": [name], "Layers": [f"{digest}.tar"]}]
    with tarfile.open(f"{out}.new", "w", format=tarfile.PAX_FORMAT) as archive:
        add_bytes(archive, "manifest.json", json.dumps(manifest).encode())
        add_bytes(archive, config_name, encoded)
        member = tarfile.TarInfo(f"{digest}.tar")
        member.size = os.stat(layer).st_size
        with open(layer, "rb") as file:
            archive.addfile(member, file)
    os.replace(f"{out}.new", out)


def main():
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--name", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--entrypoint", action="append", default=[])
    parser.add_argument("--user", default="")
    parser.add_argument("--layer")
    parser.add_argument("programs", nargs="*", type=pathlib.Path)
    options = parser.parse_args()
    config = {"Entrypoint": options.entrypoint, "User": options.user, "Env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]}
    if options.layer:
        write_archive(options.out, options.name, options.layer, config)
        return
    layer = f"{options.out}.layer"
    with contextlib.ExitStack() as stack:
        stack.callback(os.unlink, layer)
        write_layer(layer, options.programs)
        write_archive(options.out, options.name, layer, config)


if __name__ == "__main__":
    main()
