#!/usr/bin/python3
"""Packs the descriptions of kinds and fields. Called by src/api/schema/descriptions/CMakeLists.txt.

    describe.py --descriptors set.pb --out descriptions_data.cc file.txt ...

The text files (their README.md tells the format) are checked against the schema, wildcards and
bases are resolved, and what comes out is one compressed table: lines "message<TAB>text" and
"message/field<TAB>text", sorted.
"""
import argparse
import fnmatch
import pathlib
import re
import sys
import zlib

from model import Model, SchemaError


class Entry:
    """What the files say of one message (or of a pattern of messages)."""

    def __init__(self, where, text, base):
        self.where, self.text, self.base, self.fields = where, text, base, {}


def check_text(where, text):
    if not re.fullmatch(r"[^\t]+\.", text) or len(text) > 300:
        raise SchemaError(f"{where}: a description is one sentence or two, with a full stop")


def read(paths):
    """{(package, name or pattern): Entry}"""
    entries = {}
    for path in paths:
        package = entry = None
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            where = f"{path.name}:{number}"
            if not line.strip() or line.startswith("#"):
                continue
            if line.startswith("package "):
                package, entry = line.split()[1], None
                continue
            field = re.fullmatch(r"  ([\w$-]+): (.+)", line)
            message = re.fullmatch(r"([\w*]+)(?: < ([\w.]+))?:(?: (.+))?", line)
            if field and entry:
                check_text(where, field[2])
                if field[1] in entry.fields:
                    raise SchemaError(f"{where}: {field[1]} is described twice")
                entry.fields[field[1]] = (where, field[2])
            elif message and package:
                if message[3]:
                    check_text(where, message[3])
                base = message[2]
                if base and "." not in base:
                    base = f"{package}.{base}"
                entry = Entry(where, message[3], base)
                if (package, message[1]) in entries:
                    raise SchemaError(f"{where}: {message[1]} is described twice")
                entries[package, message[1]] = entry
            else:
                raise SchemaError(f"{where}: not a line of this format")
    return entries


def json_fields(message):
    """{JSON name: message that declares it}, members of inlined messages among them."""
    out = {}
    if message.kind:
        out = {"apiVersion": message, "kind": message}
    for field in message.fields:
        if field.inline and field.message:
            for name, owner in json_fields(field.message).items():
                out.setdefault(name, owner)
        elif not field.no_json:
            out[field.json] = message
    return out


class Resolver:
    def __init__(self, entries):
        self.exact = {f"{package}.{name}": e for (package, name), e in entries.items()
                      if package != "*"}
        # The longest pattern is the most exact.
        self.patterns = sorted(((name, e) for (package, name), e in entries.items()
                                if package == "*"), key=lambda p: -len(p[0]))

    def bases(self, full):
        """The message and those it takes after."""
        seen = []
        while full and full not in seen:
            seen.append(full)
            full = self.exact[full].base if full in self.exact else None
        return seen

    def text(self, message):
        for full in self.bases(message.full)[:1]:
            if full in self.exact and self.exact[full].text:
                return self.exact[full].text
        return next((e.text for pattern, e in self.patterns
                     if e.text and fnmatch.fnmatchcase(message.name, pattern)), None)

    def field(self, message, owner, name):
        for full in self.bases(message.full) + self.bases(owner.full):
            if full in self.exact and name in self.exact[full].fields:
                return self.exact[full].fields[name][1]
        return next((e.fields[name][1] for pattern, e in self.patterns
                     if name in e.fields and fnmatch.fnmatchcase(message.name, pattern)), None)


def check(entries, messages, known):
    for (package, name), entry in entries.items():
        if package == "*":
            continue
        full = f"{package}.{name}"
        if full not in known:
            raise SchemaError(f"{entry.where}: there is no message {full}")
        if entry.base and entry.base not in known:
            raise SchemaError(f"{entry.where}: there is no message {entry.base}")
        fields = json_fields(messages[full]) if full in messages else {}
        for field, (where, _) in entry.fields.items():
            if field not in fields:
                raise SchemaError(f"{where}: {full} has no field {field}")


def lines(model, entries):
    messages = {m.full: m for p in model.packages for m in p.messages}
    known = set(messages) | {name[1:] for name in model.messages} | {
        name[1:] for name in model.custom} | {name[1:] for name in model.string_lists}
    check(entries, messages, known)
    resolver = Resolver(entries)
    packages = {package for package, _ in entries}
    out = [f"{full}\t{e.text}" for full, e in resolver.exact.items()
           if full not in messages and e.text]
    for message in messages.values():
        if message.package.name not in packages:
            continue
        text = resolver.text(message)
        if text:
            out.append(f"{message.full}\t{text}")
        for name, owner in json_fields(message).items():
            text = resolver.field(message, owner, name)
            if text:
                out.append(f"{message.full}/{name}\t{text}")
    return sorted(out, key=lambda line: line.split("\t")[0].encode())


def source(table):
    data = ("\n".join(table) + "\n").encode()
    packed = zlib.compress(data, 9)
    rows = [", ".join(str(b) for b in packed[i:i + 20]) for i in range(0, len(packed), 20)]
    return ("// Made by tools/schema_gen/describe.py.\n"
            '#include "api/schema/descriptions/descriptions_data.h"\n\n'
            "namespace coxswain::api::generated {\n\n"
            f"const size_t kDescriptionsTextSize = {len(data)};\n"
            f"const uint32_t kDescriptionsChecksum = {zlib.crc32(data)}U;\n"
            f"const size_t kDescriptionsSize = {len(packed)};\n"
            "const unsigned char kDescriptions[] = {\n" + ",\n".join(rows) + "};\n\n"
            "}  // namespace coxswain::api::generated\n")


def main(argv):
    parser = argparse.ArgumentParser()
    parser.add_argument("--descriptors", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("files", nargs="+")
    args = parser.parse_args(argv)
    try:
        model = Model(pathlib.Path(args.descriptors).read_bytes(), set(), {}, {}, "")
        table = lines(model, read([pathlib.Path(f) for f in sorted(args.files)]))
    except SchemaError as e:
        print(f"describe: {e}", file=sys.stderr)
        return 1
    pathlib.Path(args.out).write_text(source(table), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
