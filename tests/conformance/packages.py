"""What a git forge, a Python index and an npm registry answer, as services of the outside: git's own HTTP server, and pages
with one package each."""

import base64
import hashlib
import io
import json
import os
import subprocess
import tarfile
import zipfile

NODE = os.environ.get("STOCKADE_TEST_NODE", "")
WHEEL = "acme_tool-1.0-py3-none-any.whl"
SCOPED, TARBALL = "/@acme%2ftool", "/@acme/tool/-/tool-1.0.0.tgz"


def npm_install(package, registry, *options, node=NODE):
    """npm's command for that, with npm and Node.js below `node`."""
    return [f"{node}/bin/node", f"{node}/lib/node_modules/npm/bin/npm-cli.js", "install", "--no-audit", "--no-fund",
            "--no-update-notifier", "--registry", registry, *options, package]


def basic(username, password):
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def make_repository(root):
    """A bare repository with a commit at ROOT/acme/tool.git."""
    work, bare = root / "work", root / "acme/tool.git"
    author = {**os.environ, "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.test", "GIT_COMMITTER_NAME": "a",
              "GIT_COMMITTER_EMAIL": "a@example.test", "HOME": str(root)}
    for command in (["git", "init", "-q", "-b", "main", str(work)],
                    ["git", "-C", str(work), "commit", "-q", "--allow-empty", "-m", "first"],
                    ["git", "clone", "-q", "--bare", str(work), str(bare)],
                    ["git", "-C", str(bare), "config", "http.receivepack", "true"]):
        subprocess.run(command, check=True, env=author, capture_output=True)
    return bare


def git_service(root, authorization):
    """Serves the repositories below a directory to whoever has that header."""
    def serve(request):
        headers = dict(request["headers"])
        if headers.get("authorization") != authorization:
            return 401, {"www-authenticate": "Basic realm=git"}, b""
        path, _, query = request["path"].partition("?")
        environment = {**os.environ, "GIT_PROJECT_ROOT": str(root), "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path,
                       "QUERY_STRING": query, "REQUEST_METHOD": request["method"], "REMOTE_USER": "agent",
                       "CONTENT_TYPE": headers.get("content-type", ""), "HTTP_GIT_PROTOCOL": headers.get("git-protocol", ""),
                       "HTTP_CONTENT_ENCODING": headers.get("content-encoding", "")}
        done = subprocess.run(["git", "http-backend"], input=request["raw"], env=environment, capture_output=True,
                              check=True)
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        return int(fields.pop("Status", "200 OK").split()[0]), fields, body
    return serve


def _wheel():
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("acme_tool.py", "answer = 42\n")
        archive.writestr("acme_tool-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: acme-tool\nVersion: 1.0\n")
        archive.writestr("acme_tool-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("acme_tool-1.0.dist-info/RECORD",
                         "acme_tool.py,,\nacme_tool-1.0.dist-info/METADATA,,\nacme_tool-1.0.dist-info/WHEEL,,\n"
                         "acme_tool-1.0.dist-info/RECORD,,\n")
    return data.getvalue()


def serve_wheel(outside, files_host):
    """acme-tool 1.0 in an index at /simple/, whose files are on another host."""
    package = _wheel()
    digest = hashlib.sha256(package).hexdigest()
    page = f'<a href="https://{files_host}/{WHEEL}#sha256={digest}">{WHEEL}</a>'
    outside.responses["/simple/acme-tool/"] = (200, {"content-type": "text/html"}, page)
    outside.responses[f"/{WHEEL}"] = (200, {"content-type": "application/octet-stream"}, package)


def serve_npm_package(outside, host):
    """@acme/tool 1.0.0."""
    data, manifest = io.BytesIO(), json.dumps({"name": "@acme/tool", "version": "1.0.0"}).encode()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        member = tarfile.TarInfo("package/package.json")
        member.size = len(manifest)
        archive.addfile(member, io.BytesIO(manifest))
    package = data.getvalue()
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(package).digest()).decode()
    version = {"name": "@acme/tool", "version": "1.0.0",
               "dist": {"tarball": f"https://{host}{TARBALL}", "integrity": integrity}}
    outside.responses[SCOPED] = (200, {"content-type": "application/json"}, json.dumps(
        {"name": "@acme/tool", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}}))
    outside.responses[TARBALL] = (200, {"content-type": "application/octet-stream"}, package)
