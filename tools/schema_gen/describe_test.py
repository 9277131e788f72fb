"""Tests of describe.py: text files and a small schema in, lines out."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
SCHEMA = HERE.parent.parent / "src/api/schema"
sys.path.insert(0, str(HERE))

import describe  # noqa: E402
from model import Model, SchemaError  # noqa: E402

PROTO = """
syntax = "proto2";
package t.v1;
import "schema_options.proto";
message Thing { option (coxswain.schema.kind) = { group: "t" version: "v1" };
  optional Part part = 1; }
message Part { optional Inner inner = 1 [(coxswain.schema.inline) = true]; optional string name = 2; }
message Inner { optional string color = 1; }
message Other { optional string name = 1; optional string color = 2; }
"""


def lines(*texts):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder)
        (path / "t.proto").write_text(PROTO)
        subprocess.run(["protoc", f"-I{path}", f"-I{SCHEMA}", "--include_imports",
                        f"--descriptor_set_out={path / 'd.pb'}", str(path / "t.proto")], check=True)
        files = []
        for i, text in enumerate(texts):
            files.append(path / f"{i}.txt")
            files[-1].write_text(text)
        model = Model((path / "d.pb").read_bytes(), set(), {}, {}, "")
        return dict(line.split("\t") for line in describe.lines(model, describe.read(files)))


class Describe(unittest.TestCase):
    def test_order_of_sources(self):
        got = lines("package *\n*:\n  kind: A kind.\n  name: A name.\nTh*:\n  kind: A better kind.\n",
                    "package t.v1\nThing: A thing.\nInner: Inside.\n  color: A color.\n"
                    "Other < Part: Another.\n")
        self.assertEqual(got["t.v1.Thing"], "A thing.")
        self.assertEqual(got["t.v1.Thing/kind"], "A better kind.")
        self.assertEqual(got["t.v1.Part/color"], "A color.")  # an inlined member
        self.assertEqual(got["t.v1.Part/name"], "A name.")
        self.assertNotIn("t.v1.Other/color", got)  # Part itself says nothing of it
        self.assertNotIn("t.v1.Thing/part", got)

    def test_base(self):
        got = lines("package t.v1\nPart: A part.\n  name: Its name.\nOther < Part: Another.\n")
        self.assertEqual(got["t.v1.Other/name"], "Its name.")

    def test_refused(self):
        for text in ["Nope: There is none.", "Thing: A thing.\n  nope: No field.",
                     "Thing: no full stop", "Thing < Nope: A thing.", "Thing: One.\nThing: Two.",
                     "Thing: A thing.\n  part: One.\n  part: Two.", "what is this"]:
            with self.assertRaises(SchemaError, msg=text):
                lines("package t.v1\n" + text + "\n")


if __name__ == "__main__":
    unittest.main()
