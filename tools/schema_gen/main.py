#!/usr/bin/python3
"""Makes C++ structs and their tables from .proto files. Called by cmake/Schema.cmake.

    main.py --descriptors set.pb --out build/gen/api/gen --include api/gen [--namespace package=ns]
            [--split stem=n] [--external file.proto=header] [--registry] stem ...

For each stem x: <out>/x.h and <out>/x.cc (x_2.cc and so on where split). Files that would not
change are not touched.
"""
import argparse
import pathlib
import sys

import cpp
from model import Model, SchemaError


def pairs(items):
    return dict(item.split("=", 1) for item in items)


def write(path, text):
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def main(argv):
    parser = argparse.ArgumentParser()
    parser.add_argument("--descriptors", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--include", required=True)
    parser.add_argument("--namespace", action="append", default=[])
    parser.add_argument("--split", action="append", default=[])
    parser.add_argument("--external", action="append", default=[])
    parser.add_argument("--registry", action="store_true")
    parser.add_argument("stems", nargs="+")
    args = parser.parse_args(argv)
    out = pathlib.Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    data = pathlib.Path(args.descriptors).read_bytes()
    try:
        model = Model(data, set(args.stems), pairs(args.namespace), pairs(args.external),
                      args.include)
    except SchemaError as e:
        print(f"schema_gen: {e}", file=sys.stderr)
        return 1
    split = {k: int(v) for k, v in pairs(args.split).items()}
    wanted = [p for p in model.packages if p.wanted]
    for p in wanted:
        write(out / f"{p.stem}.h", cpp.header(p))
        for i, text in enumerate(cpp.sources(p, split.get(p.stem, 1))):
            write(out / (f"{p.stem}_{i + 1}.cc" if i else f"{p.stem}.cc"), text)
    if args.registry:
        write(out / "registry.cc", cpp.registry(wanted))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
