"""Certificates for the egress path, made by openssl: who everybody is, and whom everybody trusts."""

import os
import pathlib
import subprocess


def _openssl(*arguments, **environment):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, env={**os.environ, **environment})


def days_ago(days):
    """The environment of an openssl that sees an earlier time."""
    library = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    return {"LD_PRELOAD": str(library), "FAKETIME": f"-{days}d"}


def self_signed(certificate, key, name):
    """A certificate for a name of DNS that nobody vouches for."""
    _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
             "-subj", "/", "-addext", f"subjectAltName=critical,DNS:{name}", "-keyout", str(key),
             "-out", str(certificate))


class Authority:
    """A certificate authority below `directory`; `certificate` is what others trust."""

    def __init__(self, directory, name):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.certificate = self.directory / f"{name}.crt"
        self.key = self.directory / f"{name}.key"
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                 "-subj", f"/CN={name}", "-addext", "keyUsage=critical,keyCertSign",
                 "-keyout", str(self.key), "-out", str(self.certificate))

    def issue(self, certificate, key, *names, **environment):
        """Writes a leaf for names as in subjectAltName, "DNS:..." or "URI:...", and its key. It is valid for a day from
        the time that openssl sees in this environment."""
        extensions = self.directory / "extensions"
        extensions.write_text(f"subjectAltName=critical,{','.join(names)}\nbasicConstraints=critical,CA:false\n")
        request = self.directory / "request"
        _openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/",
                 "-keyout", str(key), "-out", str(request))
        _openssl("x509", "-req", "-days", "1", "-in", str(request), "-CA", str(self.certificate),
                 "-CAkey", str(self.key), "-CAcreateserial", "-extfile", str(extensions), "-out", str(certificate),
                 **environment)
