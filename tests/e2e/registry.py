#!/usr/bin/env python3
"""A registry of images for the node of these tests, which reads it at localhost by HTTP.

Usage: registry.py PORT TAG,... NAME=ARCHIVE...

Each archive, of hack/lib/image_archive.py or buildah, is there under its name with every tag. With each tag its last
layer is another one, so that a node which has pulled one has nothing of the others. Prints "ready" when all is there,
and ends with its input.
"""

import gzip
import hashlib
import http.server
import io
import json
import pathlib
import shutil
import sys
import tarfile
import tempfile
import threading

CONFIG, LAYER, MANIFEST = (
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.oci.image.manifest.v1+json",
)


class Blobs:
    """What a registry holds, by digest."""

    def __init__(self, scratch):
        self._scratch = scratch
        self.manifests = {}  # (name, tag or digest) -> content

    def path(self, digest):
        return self._scratch / digest.replace(":", "-")

    def add(self, content):
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        self.path(digest).write_bytes(content)
        return {"digest": digest, "size": len(content)}

    def add_layer(self, tar):
        """Of an uncompressed tar, packed as a registry has it."""
        with open(tar, "rb") as file:
            inner = "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
        packed = self._scratch / "packing"
        with open(tar, "rb") as file, gzip.GzipFile(packed, "wb", compresslevel=1, mtime=0) as out:
            shutil.copyfileobj(file, out, 1 << 20)
        with open(packed, "rb") as file:
            digest = "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
        size = packed.stat().st_size
        packed.rename(self.path(digest))
        return inner, {"mediaType": LAYER, "digest": digest, "size": size}

    def add_image(self, name, tag, archive):
        """One of an archive, whose last layer has a file for the tag besides."""
        with tarfile.open(archive) as file:
            (described,) = json.load(file.extractfile("manifest.json"))
            config = json.load(file.extractfile(described["Config"]))
            inner, layers = [], []
            for member in described["Layers"]:
                tar = self._scratch / "layer.tar"
                with open(tar, "wb") as out:
                    shutil.copyfileobj(file.extractfile(member), out, 1 << 20)
                if member == described["Layers"][-1]:
                    with tarfile.open(tar, "a") as layer:
                        mark = tarfile.TarInfo("cold")
                        mark.size = len(tag)
                        layer.addfile(mark, io.BytesIO(tag.encode()))
                diff, layer = self.add_layer(tar)
                inner.append(diff)
                layers.append(layer)
        config["rootfs"]["diff_ids"] = inner
        config.pop("history", None)
        encoded = {"mediaType": CONFIG, **self.add(json.dumps(config).encode())}
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": encoded, "layers": layers}
        content = json.dumps(manifest).encode()
        self.manifests[name, tag] = content
        self.manifests[name, "sha256:" + hashlib.sha256(content).hexdigest()] = content


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    blobs = None

    def do_HEAD(self):
        self.answer(with_body=False)

    def do_GET(self):
        self.answer(with_body=True)

    def answer(self, with_body):
        kind, content = self.find()
        self.send_response(200 if content is not None else 404)
        size = content.stat().st_size if isinstance(content, pathlib.Path) else len(content or b"")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(size))
        if kind == MANIFEST:
            self.send_header("Docker-Content-Digest", "sha256:" + hashlib.sha256(content).hexdigest())
        self.end_headers()
        if with_body and isinstance(content, pathlib.Path):
            with open(content, "rb") as file:
                shutil.copyfileobj(file, self.wfile, 1 << 20)
        elif with_body and content:
            self.wfile.write(content)

    def find(self):
        """(type, content) of what was asked for; a content of None is none."""
        words = self.path.partition("?")[0].strip("/").split("/")
        if words == ["v2"]:
            return "application/json", b"{}"
        if len(words) == 4 and words[2] == "manifests":
            return MANIFEST, self.blobs.manifests.get((words[1], words[3]))
        if len(words) == 4 and words[2] == "blobs" and self.blobs.path(words[3]).is_file():
            return "application/octet-stream", self.blobs.path(words[3])
        return "application/json", None

    def log_message(self, *_):
        pass


def main():
    port, tags, *images = sys.argv[1:]
    with tempfile.TemporaryDirectory() as scratch:
        Handler.blobs = Blobs(pathlib.Path(scratch))
        for image in images:
            name, _, archive = image.partition("=")
            for tag in tags.split(","):
                Handler.blobs.add_image(name, tag, archive)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print("ready", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
