"""Tests of the generator: small schemas in, pieces of the C++ out."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
SCHEMA = HERE.parent.parent / "src/api/schema"
sys.path.insert(0, str(HERE))

import cpp  # noqa: E402
from model import Model, SchemaError, default_namespace  # noqa: E402


def load(text, namespaces=None):
    options = "coxswain.schema" in text
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder)
        lines = text if not options else text.replace(
            "package", 'import "schema_options.proto";\npackage', 1)
        (path / "t.proto").write_text(lines)
        subprocess.run(
            ["protoc", f"-I{path}", f"-I{SCHEMA}", "--include_imports",
             f"--descriptor_set_out={path / 'd.pb'}", str(path / "t.proto")], check=True)
        data = (path / "d.pb").read_bytes()
    model = Model(data, {"t"}, namespaces or {}, {}, "gen")
    return next(p for p in model.packages if p.stem == "t")


def header(text, **kw):
    return cpp.header(load(text, **kw))


def source(text, **kw):
    return cpp.sources(load(text, **kw), 1)[0]


class Names(unittest.TestCase):
    def test_namespaces(self):
        self.assertEqual(default_namespace("k8s.io.api.core.v1"), "coxswain::api::core::v1")
        self.assertEqual(default_namespace("k8s.io.apimachinery.pkg.runtime"),
                         "coxswain::api::runtime")
        self.assertEqual(default_namespace("a.b.v1beta2"), "coxswain::api::b::v1beta2")

    def test_keywords_and_odd_json_names(self):
        h = header("""syntax = "proto2"; package x.v1;
            message M { optional string default = 1; optional string info = 2;
              optional string ref = 3 [(coxswain.schema.json) = "$ref"];
              optional string aPIGroup = 4 [(coxswain.schema.json) = "apiGroup"]; }""")
        for member in ("default_", "info_", "ref", "apiGroup"):
            self.assertIn(f"std::string {member};", h)


class Shapes(unittest.TestCase):
    def test_proto2(self):
        h = header("""syntax = "proto2"; package x.v1;
            message A { optional int64 n = 1; }
            message M {
              optional A value = 1; optional A boxed = 2 [(coxswain.schema.pointer) = true];
              repeated A list = 3; map<string, A> map = 4;
              optional bool flag = 5 [(coxswain.schema.pointer) = true];
              repeated bool flags = 6; optional bytes data = 7;
              repeated coxswain.schema.Any any = 8; }""")
        for line in ("::coxswain::api::x::v1::A value;",
                     "::coxswain::api::Box<::coxswain::api::x::v1::A> boxed;",
                     "std::vector<::coxswain::api::x::v1::A> list;",
                     "::coxswain::api::Map<::coxswain::api::x::v1::A> map;",
                     "std::optional<bool> flag;",
                     "std::vector<::coxswain::api::BoolItem> flags;",
                     "::coxswain::api::Bytes data;", "int64_t n = 0;",
                     "std::vector<::coxswain::api::RawJson> any;"):
            self.assertIn(line, h)

    def test_order_by_value(self):
        h = header("""syntax = "proto2"; package x.v1;
            message First { optional Second s = 1; } message Second { optional string a = 1; }""")
        self.assertLess(h.index("struct Second {"), h.index("struct First {"))

    def test_recursion_by_value_is_refused(self):
        with self.assertRaises(SchemaError):
            header('syntax = "proto2"; package x.v1; message M { optional M m = 1; }')

    def test_proto3(self):
        text = """syntax = "proto3"; package runtime.v1;
            enum State { UNKNOWN = 0; READY = 1; }
            message M {
              message Inner { enum Kind { A = 0; } Kind kind = 1; }
              Inner inner_part = 1; State state = 2; repeated int32 ids = 3;
              oneof what { string name = 4; uint64 id = 5; Inner deep = 6; }
              optional bool flag = 7; map<string, string> info = 8; double d = 9; uint32 u = 10; }"""
        kw = {"namespaces": {"runtime.v1": "coxswain::cri::v1"}}
        h = header(text, **kw)
        for line in ("namespace coxswain::cri::v1 {", "enum State : int32_t {", "  READY = 1,",
                     "enum M_Inner_Kind : int32_t {", "  M_Inner_Kind_A = 0,",
                     "::coxswain::api::Box<::coxswain::cri::v1::M_Inner> innerPart;",
                     "int32_t state = 0;", "std::vector<int32_t> ids;",
                     "std::optional<std::string> name;", "std::optional<uint64_t> id;",
                     "::coxswain::api::Box<::coxswain::cri::v1::M_Inner> deep;",
                     "std::optional<bool> flag;", "::coxswain::api::Map<std::string> info_;",
                     "double d = 0;", "uint32_t u = 0;"):
            self.assertIn(line, h)
        s = source(text, **kw)
        self.assertIn("kFieldPacked", s)
        self.assertIn("JsonForm::Object, true", s)

    def test_maps_by_number_are_refused(self):
        with self.assertRaises(SchemaError):
            header('syntax = "proto3"; package x; message M { map<int32, string> m = 1; }')


class Tables(unittest.TestCase):
    def test_inlined_members_and_metadata(self):
        s = source("""syntax = "proto2"; package x.v1;
            message In { optional string b = 1; }
            message M {
              option (coxswain.schema.kind) = { group: "g" version: "v1" list: true };
              optional string c = 5; optional In in = 2 [(coxswain.schema.inline) = true];
              repeated In items = 1 [(coxswain.schema.always) = true,
                (coxswain.schema.list_type) = "map", (coxswain.schema.list_map_key) = "b"]; }""")
        self.assertIn("kMNumbers[] = {2, 1, 0}", s)
        self.assertIn("kMJsonByName[] = {1, 0, 2}", s)
        self.assertIn('kMKind = {"g", "v1", "M", "g/v1", true}', s)
        self.assertIn("kFieldAlways | kFieldListItems", s)
        self.assertIn(".listType = ListType::Map, .listMapKeys", s)

    def test_split_keeps_everything(self):
        package = load("""syntax = "proto2"; package x.v1; message A { optional string a = 1; }
            message B { optional string a = 1; } message C { optional string a = 1; }""")
        parts = cpp.sources(package, 2)
        self.assertEqual(len(parts), 2)
        for name in "ABC":
            self.assertEqual(sum(p.count(f"COXSWAIN_MESSAGE_DEFINE({name})") for p in parts), 1)

    def test_string_enums(self):
        text = """syntax = "proto2"; package x.v1;
            option (coxswain.schema.string_enum) = { name: "E" value { name: "One" value: "1" } };
            message M { optional string e = 1 [(coxswain.schema.enum_type) = "x.v1.E"]; }"""
        self.assertIn('inline constexpr std::string_view kOne = "1";', header(text))
        self.assertIn(".enumInfo = &::coxswain::api::x::v1::tables::kEnumE", source(text))


if __name__ == "__main__":
    unittest.main()
