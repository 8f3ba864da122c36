#!/usr/bin/env python3
"""The internet as the node of these tests has it: a name server, and HTTPS hosts at a public address, in a network of
their own at the end of a cable from the node.

Usage: internet.py certificates FILE   writes an authority, and a certificate of it for every host, as one JSON object
       internet.py serve               serves, below hack/node exec, in a network namespace of its own

`serve` reads that object from its standard input and prints one JSON object to a line: first {"pid": ...}, upon which
the caller puts the interface INTERFACE into the namespace and sends a line, then {"ready": true}, then each request
that reaches a host. It ends with its input.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

# Behind this directory, which has modules of the same names.
sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))

import certificates  # noqa: E402
import messages_api  # noqa: E402
from hosts import DnsServer, HttpsHosts  # noqa: E402

INTERFACE, NODE_INTERFACE = "eth0", "internet0"
# Public addresses of one network, whose prefix has 24 bits.
NODE_ADDRESS, HOST_ADDRESS, DNS_ADDRESS = "93.184.215.1", "93.184.215.8", "93.184.215.53"
METADATA_ADDRESS = "169.254.169.254"  # as clouds have it
HOSTS = ("api.example.com", "other.example.com")
MODEL_HOST = "api.anthropic.com"


def make_certificates(path):
    with tempfile.TemporaryDirectory() as directory:
        authority = certificates.Authority(directory, "public")
        certificate, key = (pathlib.Path(directory) / name for name in ("host.crt", "host.key"))
        authority.issue(certificate, key, *[f"DNS:{host}" for host in (*HOSTS, MODEL_HOST)])
        texts = {"authority": authority.certificate, "certificate": certificate, "key": key}
        path.write_text(json.dumps({name: file.read_text() for name, file in texts.items()}))


class Printed(list):
    """A list whose items are printed as they come."""

    def append(self, item):
        super().append(item)
        tell(item)


def tell(item):
    print(json.dumps(item), flush=True)


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True)


def serve():
    material = json.loads(sys.stdin.readline())
    tell({"pid": os.getpid()})
    sys.stdin.readline()
    ip("link", "set", "lo", "up")
    for address in (f"{HOST_ADDRESS}/24", f"{DNS_ADDRESS}/24", f"{METADATA_ADDRESS}/32"):
        ip("address", "add", address, "dev", INTERFACE)
    ip("link", "set", INTERFACE, "up")
    ip("route", "add", "default", "via", NODE_ADDRESS)
    with tempfile.TemporaryDirectory() as directory:
        files = [pathlib.Path(directory) / name for name in ("certificate", "key")]
        for file in files:
            file.write_text(material[file.name])
        hosts = HttpsHosts([443, 80], {host: files for host in (*HOSTS, MODEL_HOST)})
    hosts.requests = Printed()
    hosts.responses["/"] = (200, {"content-type": "text/plain"}, "hello\n")
    hosts.services[MODEL_HOST] = messages_api.service
    names = DnsServer(DNS_ADDRESS)
    names.names = {host: [HOST_ADDRESS] for host in (*HOSTS, MODEL_HOST)}
    tell({"ready": True})
    sys.stdin.read()
    hosts.close()
    names.close()


if __name__ == "__main__":
    if sys.argv[1] == "certificates":
        make_certificates(pathlib.Path(sys.argv[2]))
    else:
        serve()
