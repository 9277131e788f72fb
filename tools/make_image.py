#!/usr/bin/python3
"""Writes a container image (an OCI layout in a tar file) from files of this machine.

    make_image.py --name coxswain.local/web:1 --out web.tar --file /bin/busybox:/bin/busybox
                  --link busybox:/bin/sh --text /etc/passwd:root:x:0:0::/:/bin/sh
                  --entrypoint '["/bin/sh"]' --cmd '["-c","httpd -f"]' --env A=B

The same input gives the same bytes.
"""
import argparse
import gzip
import hashlib
import io
import json
import os
import platform
import subprocess
import tarfile

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def entry(name, mode, kind=tarfile.REGTYPE, size=0, target=""):
    info = tarfile.TarInfo(name.lstrip("/"))
    info.mode, info.type, info.size, info.linkname = mode, kind, size, target
    return info


class Layer:
    """One file system layer; parents are made as needed."""

    def __init__(self):
        self.buffer = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.buffer, mode="w", format=tarfile.GNU_FORMAT)
        self.known = set()

    def directory(self, path, mode=0o755):
        path = path.strip("/")
        if not path or path in self.known:
            return
        self.directory(os.path.dirname(path))
        self.known.add(path)
        self.tar.addfile(entry(path, mode, tarfile.DIRTYPE))

    def bytes(self, path, data, mode=0o644):
        self.directory(os.path.dirname(path))
        self.tar.addfile(entry(path, mode, size=len(data)), io.BytesIO(data))
        self.known.add(path.strip("/"))

    def link(self, target, path):
        self.directory(os.path.dirname(path))
        self.tar.addfile(entry(path, 0o777, tarfile.SYMTYPE, target=target))

    def close(self):
        self.tar.close()
        return self.buffer.getvalue()


def shared_libraries(program):
    """Paths of the libraries that `program` loads."""
    out = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    paths = []
    for line in out.splitlines():
        words = line.split()
        path = words[2] if "=>" in words and len(words) > 2 else words[0] if words else ""
        if path.startswith("/"):
            paths.append(path)
    return paths


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--name", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--file", action="append", default=[], metavar="FROM:TO")
    parser.add_argument("--program", action="append", default=[], metavar="FROM:TO",
                        help="a file with the shared libraries that it loads")
    parser.add_argument("--link", action="append", default=[], metavar="TARGET:PATH")
    parser.add_argument("--text", action="append", default=[], metavar="PATH:TEXT")
    parser.add_argument("--dir", action="append", default=[], metavar="PATH")
    parser.add_argument("--entrypoint", default="[]")
    parser.add_argument("--cmd", default="[]")
    parser.add_argument("--env", action="append", default=[])
    parser.add_argument("--user", default="")
    parser.add_argument("--workdir", default="")
    options = parser.parse_args()

    layer = Layer()
    for path in options.dir:
        layer.directory(path, 0o1777 if path.strip("/") == "tmp" else 0o755)
    libraries = set()
    for pair in options.file + options.program:
        source, _, target = pair.partition(":")
        with open(source, "rb") as f:
            layer.bytes(target, f.read(), 0o755 if os.access(source, os.X_OK) else 0o644)
        if pair in options.program:
            libraries.update(shared_libraries(source))
    for path in sorted(libraries):
        with open(path, "rb") as f:
            layer.bytes(path, f.read(), 0o755)
    for pair in options.link:
        target, _, path = pair.partition(":")
        layer.link(target, path)
    for pair in options.text:
        path, _, text = pair.partition(":")
        layer.bytes(path, text.replace("\\n", "\n").encode())
    content = layer.close()
    packed = gzip.compress(content, mtime=0)

    architecture = ARCHITECTURES.get(platform.machine(), platform.machine())
    config = {"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"] + options.env}
    for key, value in (("Entrypoint", json.loads(options.entrypoint)), ("Cmd", json.loads(options.cmd)),
                       ("User", options.user), ("WorkingDir", options.workdir)):
        if value:
            config[key] = value
    blobs = {}

    def blob(data, media_type, **more):
        if not isinstance(data, bytes):
            data = json.dumps(data, separators=(",", ":")).encode()
        digest = hashlib.sha256(data).hexdigest()
        blobs[digest] = data
        return {"mediaType": media_type, "digest": "sha256:" + digest, "size": len(data), **more}

    oci = "application/vnd.oci.image."
    image = blob({"architecture": architecture, "os": "linux", "config": config,
                  "rootfs": {"type": "layers",
                             "diff_ids": ["sha256:" + hashlib.sha256(content).hexdigest()]}},
                 oci + "config.v1+json")
    layers = [blob(packed, oci + "layer.v1.tar+gzip")]
    manifest = blob({"schemaVersion": 2, "mediaType": oci + "manifest.v1+json", "config": image,
                     "layers": layers}, oci + "manifest.v1+json",
                    annotations={"io.containerd.image.name": options.name,
                                 "org.opencontainers.image.ref.name": options.name.rpartition(":")[2]})
    with tarfile.open(options.out, "w", format=tarfile.GNU_FORMAT) as out:
        def put(name, data):
            out.addfile(entry(name, 0o644, size=len(data)), io.BytesIO(data))
        put("oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        put("index.json", json.dumps({"schemaVersion": 2, "manifests": [manifest]}).encode())
        for digest in sorted(blobs):
            put("blobs/sha256/" + digest, blobs[digest])


if __name__ == "__main__":
    main()
