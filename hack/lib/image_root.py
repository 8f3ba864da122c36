#!/usr/bin/env python3
"""Lays out the files of one program's image: the program, the shared libraries that it needs, and what tells of both.

Usage: image_root.py --program FILE --out DIR [--public-authorities]

Runs where the program was linked, on Debian, since it asks ldd for the libraries and dpkg for the packages that they
are from. DIR becomes the root directory of the image:

  usr/bin/PROGRAM               without symbols
  usr/lib/..., usr/lib64/...    the libraries, at Debian's paths, and the dynamic loader; none of a static program
  etc/passwd, etc/group         root and the user nonroot, 65532
  etc/ssl/certs/ca-certificates.crt
                                with --public-authorities: those of Debian's package, for a program that asks others
  usr/share/doc/PACKAGE/copyright
  var/lib/dpkg/status.d/PACKAGE what scanners of images look for
  usr/share/sbom/PROGRAM.spdx.json

Two runs over the same program and packages give the same bytes: the time is that of SOURCE_DATE_EPOCH (default 0).
"""

import argparse
import datetime
import functools
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess

# Libraries of which only headers are used: the compiler puts them into the program itself.
HEADER_PACKAGES = ["libboost1.74-dev", "nlohmann-json3-dev"]
# What the linker puts into a static program, which uses no other library.
STATIC_LIBRARIES = ["libc.a", "libgcc.a", "libstdc++.a"]
AUTHORITIES_PACKAGE = "ca-certificates"
AUTHORITIES = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")
USER_FILES = {
    "etc/passwd": "root:x:0:0:root:/:/nonexistent\nnonroot:x:65532:65532:nonroot:/:/nonexistent\n",
    "etc/group": "root:x:0:\nnonroot:x:65532:\n",
}


def output(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def needed_libraries(program):
    """The paths at which the loader finds each shared library of the program, the loader itself included."""
    found = []
    for line in output("ldd", str(program)).splitlines():
        match = re.match(r"\s*(?:\S+ => )?(/\S+) \(0x[0-9a-f]+\)$", line)
        if match:
            found.append(pathlib.Path(match[1]))
        elif "linux-vdso" not in line and line.strip() != "statically linked":
            raise SystemExit(f"{program}: ldd says: {line.strip()}")
    return sorted(set(found))


def merged(path):
    """The path below /usr: Debian 12 keeps /lib and /lib64 there, while dpkg and ldd still name the old ones."""
    return pathlib.Path("/usr") / path.relative_to("/") if path.parts[1].startswith("lib") else path


def owner(path):
    """The name of the package that a file is from."""
    for candidate in dict.fromkeys([path, merged(path), pathlib.Path(str(path).removeprefix("/usr"))]):
        asked = subprocess.run(["dpkg-query", "-S", str(candidate)], capture_output=True, text=True, check=False)
        if asked.returncode == 0:
            return asked.stdout.split(":")[0]
    raise SystemExit(f"{path} belongs to no Debian package")


def linked_packages(files):
    """The packages of which something is in the program itself, whose other files are these."""
    if any(files.values()):
        return HEADER_PACKAGES
    return sorted({owner(pathlib.Path(output("g++", f"-print-file-name={name}").strip()).resolve())
                   for name in STATIC_LIBRARIES})


@functools.cache
def package_facts(name):
    fields = ["Package", "Version", "Architecture", "source:Package", "source:Version", "Maintainer"]
    values = output("dpkg-query", "-W", "-f", "\\t".join(f"${{{field}}}" for field in fields), name).split("\t")
    return dict(zip(fields, values, strict=True))


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def lay_out(program, root, public_authorities):
    """Fills the root directory and returns {path in the image: package}, for the program None."""
    installed = pathlib.Path("/usr/bin") / program.name
    (root / "usr/bin").mkdir(parents=True)
    # The build id is a hash of the symbols too, and so of the directory in which a cached object was compiled.
    output("strip", "--strip-all", "--remove-section=.note.gnu.build-id", "-o", f"{root}{installed}", str(program))
    files = {installed: None}
    for path in needed_libraries(program):
        target = merged(path)
        (root / target.parent.relative_to("/")).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path.resolve(), f"{root}{target}")
        os.chmod(f"{root}{target}", 0o755)
        files[target] = owner(path.resolve())
    if public_authorities:
        # No package owns it: ca-certificates makes it of its own files.
        write(pathlib.Path(f"{root}{AUTHORITIES}"), AUTHORITIES.read_text())
        files[AUTHORITIES] = AUTHORITIES_PACKAGE
    for directory in sorted({target.parts[2] for target in files if target.parts[2].startswith("lib")}):
        os.symlink(f"usr/{directory}", root / directory)
    for name, text in USER_FILES.items():
        write(root / name, text)
    packages = sorted({package for package in files.values() if package})
    linked = linked_packages(files)
    for name in packages + linked:
        document = root / "usr/share/doc" / name / "copyright"
        document.parent.mkdir(parents=True)
        shutil.copyfile(f"/usr/share/doc/{name}/copyright", document)
    # Of a static program scanners have to be told what is in it.
    for name in packages or linked:
        write(root / "var/lib/dpkg/status.d" / name, output("dpkg-query", "-s", name))
    return files


def digest(path, algorithm):
    return hashlib.new(algorithm, path.read_bytes()).hexdigest()


def spdx_id(kind, name):
    return f"SPDXRef-{kind}-" + re.sub(r"[^A-Za-z0-9.-]", "-", str(name).strip("/"))


def spdx_package(name):
    facts = package_facts(name)
    locator = f"pkg:deb/debian/{name}@{facts['Version'].replace('+', '%2B').replace(':', '%3A')}"
    return {
        "SPDXID": spdx_id("Package", name),
        "name": name,
        "versionInfo": facts["Version"],
        "supplier": f"Person: {facts['Maintainer']}",
        "originator": "Organization: Debian",
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": "NOASSERTION",
        "licenseComments": f"See usr/share/doc/{name}/copyright in the image.",
        "copyrightText": "NOASSERTION",
        "primaryPackagePurpose": "OTHER" if name == AUTHORITIES_PACKAGE else "LIBRARY",
        "sourceInfo": f"built from the Debian source package {facts['source:Package']} {facts['source:Version']}",
        "externalRefs": [
            {
                "referenceCategory": "PACKAGE-MANAGER",
                "referenceType": "purl",
                "referenceLocator": f"{locator}?arch={facts['Architecture']}&distro=debian-12",
            }
        ],
    }


def spdx_file(root, path):
    return {
        "SPDXID": spdx_id("File", path),
        "fileName": "." + str(path),
        "fileTypes": ["TEXT" if path == AUTHORITIES else "BINARY"],
        "checksums": [
            {"algorithm": name.upper(), "checksumValue": digest(pathlib.Path(f"{root}{path}"), name)}
            for name in ("sha1", "sha256")
        ],
        "licenseConcluded": "NOASSERTION",
        "licenseInfoInFiles": ["NOASSERTION"],
        "copyrightText": "NOASSERTION",
    }


def relation(one, kind, other):
    return {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}


def bill_of_materials(program, root, files, created):
    version = output(str(program), "--version").split()[-1]
    product = {
        "SPDXID": spdx_id("Package", program.name),
        "name": program.name,
        "versionInfo": version,
        "supplier": "Organization: Stockade",
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": "Apache-2.0",
        "licenseDeclared": "Apache-2.0",
        "copyrightText": "NOASSERTION",
        "primaryPackagePurpose": "CONTAINER",
    }
    packages = sorted({package for package in files.values() if package})
    relations = [relation("SPDXRef-DOCUMENT", "DESCRIBES", product["SPDXID"])]
    for path, package in files.items():
        # A package of which not every file is listed may not be said to contain some.
        if package:
            relations.append(relation(spdx_id("File", path), "EXPANDED_FROM_ARCHIVE", spdx_id("Package", package)))
        else:
            relations.append(relation("SPDXRef-DOCUMENT", "DESCRIBES", spdx_id("File", path)))
    linked = linked_packages(files)
    libraries = [name for name in packages if name != AUTHORITIES_PACKAGE]
    others = [name for name in packages if name == AUTHORITIES_PACKAGE]
    for kind, names in (("DYNAMIC_LINK", libraries), ("STATIC_LINK", linked), ("DEPENDS_ON", others)):
        relations += [relation(product["SPDXID"], kind, spdx_id("Package", name)) for name in names]
    document = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"{program.name}-{version}",
        "documentDescribes": [product["SPDXID"]],
        "packages": [product] + [spdx_package(name) for name in packages + linked],
        "files": [spdx_file(root, path) for path in files],
        "relationships": relations,
    }
    contents = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
    return document | {
        # Of its own for each document with other contents.
        "documentNamespace": f"https://stockade.dev/spdx/{program.name}-{version}-{contents}",
        "creationInfo": {
            "created": created.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "creators": ["Organization: Stockade", "Tool: image_root.py"],
        },
    }


def main():
    parser = argparse.ArgumentParser(description="Lays out the files of one program's image.")
    parser.add_argument("--program", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--public-authorities", action="store_true")
    options = parser.parse_args()
    os.umask(0o022)
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH") or 0)
    options.out.mkdir(parents=True)
    files = lay_out(options.program, options.out, options.public_authorities)
    created = datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc)
    sbom = bill_of_materials(options.program, options.out, files, created)
    write(options.out / f"usr/share/sbom/{options.program.name}.spdx.json", json.dumps(sbom, indent=2) + "\n")
    for path in [options.out, *options.out.rglob("*")]:
        os.utime(path, (epoch, epoch), follow_symlinks=False)


if __name__ == "__main__":
    main()
