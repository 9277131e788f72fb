"""Reads a FileDescriptorSet into plain objects that the writers print."""
import re

from google.protobuf import descriptor_pb2, descriptor_pool

F = descriptor_pb2.FieldDescriptorProto

KEYWORDS = set("""
alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t
char32_t class compl concept const consteval constexpr constinit const_cast continue co_await
co_return co_yield decltype default delete do double dynamic_cast else enum explicit export extern
false float for friend goto if inline int long mutable namespace new noexcept not not_eq nullptr
operator or or_eq private protected public register reinterpret_cast requires return short signed
sizeof static static_assert static_cast struct switch template this thread_local throw true try
typedef typeid typename union unsigned using virtual void volatile wchar_t while xor xor_eq
info kInfo errno assert NULL EOF
""".split())

# proto type -> (FieldType, C++ type, default)
SCALARS = {
    F.TYPE_STRING: ("String", "std::string", None),
    F.TYPE_BYTES: ("Bytes", "::coxswain::api::Bytes", None),
    F.TYPE_BOOL: ("Bool", "bool", "false"),
    F.TYPE_INT32: ("Int32", "int32_t", "0"),
    F.TYPE_INT64: ("Int64", "int64_t", "0"),
    F.TYPE_UINT32: ("UInt32", "uint32_t", "0"),
    F.TYPE_UINT64: ("UInt64", "uint64_t", "0"),
    F.TYPE_DOUBLE: ("Double", "double", "0"),
    F.TYPE_FLOAT: ("Float", "float", "0"),
    F.TYPE_ENUM: ("Int32", "int32_t", "0"),
}

# cpp_type option -> (FieldType, header)
CUSTOM = {
    "Quantity": ("Quantity", "api/meta/quantity.h"),
    "IntOrString": ("IntOrString", "api/meta/int_or_string.h"),
    "Time": ("Time", "api/meta/time.h"),
    "MicroTime": ("MicroTime", "api/meta/time.h"),
    "GoDuration": ("Duration", "api/meta/time.h"),
    "RawExtension": ("RawExtension", "api/meta/raw.h"),
    "FieldsV1": ("FieldsV1", "api/meta/raw.h"),
    "RawJson": ("RawJson", "api/meta/raw.h"),
}


class SchemaError(Exception):
    """The schema asks for something this generator does not make."""


class Options:
    """Typed access to the custom options of schema_options.proto, if the set has it."""

    def __init__(self, files):
        self.known = any(f.name == "schema_options.proto" for f in files)
        self.pool = descriptor_pool.Default()
        if self.known:
            for f in files:
                if f.name == "schema_options.proto":
                    try:
                        self.pool.FindFileByName(f.name)
                    except KeyError:
                        self.pool.AddSerializedFile(f.SerializeToString())
            ext = self.pool.FindFileByName("schema_options.proto").extensions_by_name
            self.extensions = {}
            for name, descriptor in ext.items():
                owner = descriptor.containing_type.name
                self.extensions[(owner, name)] = descriptor
                cls = getattr(descriptor_pb2, owner)
                try:
                    cls.RegisterExtension(descriptor)
                except Exception:  # the C++ implementation has done it
                    pass

    def get(self, options, name):
        """Value of an option, its default where it is not given."""
        if not self.known:
            return [] if name in ("string_enum", "list_map_key") else None
        return options.Extensions[self.extensions[(type(options).__name__, name)]]


class Enum:
    def __init__(self, name, values):
        self.name = name
        self.values = values  # [(C++ constant, number)]


class StringEnum:
    def __init__(self, package, name, values):
        self.package, self.name, self.values = package, name, values  # values: [(name, text)]
        self.full = f"{package.name}.{name}"
        self.symbol = f"kEnum{name}"


class Field:
    """One member. `element` is the C++ type of an element, `cpp` that of the member."""


class Message:
    def __init__(self, package, proto, cpp_name, full):
        self.package, self.proto, self.name, self.full = package, proto, cpp_name, full
        self.fields = []

    @property
    def cpp(self):
        return f"::{self.package.namespace}::{self.name}"

    @property
    def tables(self):
        return f"::{self.package.namespace}::tables::k{self.name}Fields"


class Package:
    """One .proto file."""


class Model:
    def __init__(self, data, stems, namespaces, external, include):
        first = descriptor_pb2.FileDescriptorSet.FromString(data)
        self.options = Options(first.file)
        files = descriptor_pb2.FileDescriptorSet.FromString(data).file
        self.messages = {}   # full name -> Message or custom description
        self.custom = {}     # full name -> cpp type
        self.string_lists = set()
        self.enums = set()
        self.string_enums = {}
        self.packages = []
        for f in files:
            if f.name == "google/protobuf/descriptor.proto":
                continue
            p = Package()
            p.file, p.name = f, f.package
            p.stem = re.sub(r"\.proto$", "", f.name.split("/")[-1])
            p.header = external.get(f.name, f"{include}/{p.stem}.h")
            p.proto3 = f.syntax == "proto3"
            p.namespace = namespaces.get(f.package) or default_namespace(f.package)
            p.wanted = p.stem in stems and f.name not in external
            p.messages, p.enums, p.string_enums = [], [], []
            self.packages.append(p)
            self._collect(p, f.message_type, f.enum_type, f".{f.package}" if f.package else "", "")
            for e in self.options.get(f.options, "string_enum"):
                s = StringEnum(p, e.name, [(v.name, v.value) for v in e.value])
                p.string_enums.append(s)
                if e.name:
                    self.string_enums[s.full] = s
        for p in self.packages:
            for m in p.messages:
                self._fields(m)

    def _collect(self, package, messages, enums, scope, prefix):
        for e in enums:
            self.enums.add(f"{scope}.{e.name}")
            lead = f"{prefix}{e.name}_" if prefix else ""
            package.enums.append(Enum(prefix + e.name,
                                      [(lead + v.name, v.number) for v in e.value]))
        for m in messages:
            full = f"{scope}.{m.name}"
            if m.options.map_entry:
                self.messages[full] = m
                continue
            cpp_type = self.options.get(m.options, "cpp_type")
            if cpp_type:
                if cpp_type not in CUSTOM:
                    raise SchemaError(f"{full}: unknown cpp_type {cpp_type}")
                self.custom[full] = cpp_type
            elif self.options.get(m.options, "cpp_string_list"):
                self.string_lists.add(full)
            else:
                message = Message(package, m, prefix + m.name, full[1:])
                message.kind = None
                if self.options.known:
                    ext = self.options.extensions[("MessageOptions", "kind")]
                    if m.options.HasExtension(ext):
                        message.kind = m.options.Extensions[ext]
                message.json_form = self.options.get(m.options, "json_form") or 0
                self.messages[full] = message
                package.messages.append(message)
            self._collect(package, m.nested_type, m.enum_type, full, prefix + m.name + "_")

    def _fields(self, message):
        proto3 = message.package.proto3
        names = set()
        for proto in message.proto.field:
            get = lambda name: self.options.get(proto.options, name)
            f = Field()
            f.owner = message
            f.proto_name, f.number = proto.name, proto.number
            f.where = f"{message.full}.{proto.name}"
            f.no_json, f.json_only = bool(get("no_json")), bool(get("json_only"))
            f.inline = bool(get("inline"))
            f.always, f.omit_zero = bool(get("always")), bool(get("omit_zero"))
            f.required, f.element_kind = bool(get("required")), bool(get("element_kind"))
            f.list_type, f.list_map_keys = get("list_type") or "", list(get("list_map_key"))
            f.struct_type = get("struct_type") or ""
            f.patch_strategy = get("patch_strategy") or ""
            f.patch_merge_key = get("patch_merge_key") or ""
            f.default_json = get("default_json") or ""
            f.enum = self.string_enums.get(get("enum_type") or "")
            f.feature_gate, f.union_role = get("feature_gate") or "", get("union_role") or ""
            f.json = get("json") or (proto.json_name if proto3 else proto.name)
            member = f.json
            if not re.fullmatch(r"[A-Za-z_]\w*", member):
                member = proto.name
            if f.no_json or f.inline:
                member = proto.name[0].lower() + proto.name[1:]
            f.member = member + "_" if member in KEYWORDS else member
            if f.member in names:
                raise SchemaError(f"{f.where}: two members {f.member}")
            names.add(f.member)
            f.pointer = bool(get("pointer")) or (
                proto3 and (proto.proto3_optional or proto.HasField("oneof_index")))
            repeated = proto.label == F.LABEL_REPEATED
            entry = self.messages.get(proto.type_name) if proto.type == F.TYPE_MESSAGE else None
            f.packed = False
            if isinstance(entry, descriptor_pb2.DescriptorProto):
                key, value = entry.field
                if key.type != F.TYPE_STRING:
                    raise SchemaError(f"{f.where}: only maps with string keys")
                f.shape = "Map"
                self._type(f, value)
                f.cpp = f"::coxswain::api::Map<{f.element}>"
            else:
                self._type(f, proto)
                if repeated:
                    f.shape = "Vector"
                    if f.type == "Bool":
                        f.element = "::coxswain::api::BoolItem"
                        f.header = "api/reflect/bool_item.h"
                    f.cpp = f"std::vector<{f.element}>"
                    f.packed = proto3 and f.type in (
                        "Bool", "Int32", "Int64", "UInt32", "UInt64", "Double", "Float") and not (
                        proto.options.HasField("packed") and not proto.options.packed)
                elif f.type == "Message" and (f.pointer or proto3):
                    f.shape, f.pointer = "Box", True
                    f.cpp = f"::coxswain::api::Box<{f.element}>"
                elif f.pointer:
                    f.shape = "Optional"
                    f.cpp = f"std::optional<{f.element}>"
                else:
                    f.shape = "Value"
                    f.cpp = f.element
            message.fields.append(f)

    def _type(self, f, proto):
        f.message, f.init, f.header = None, None, None
        if proto.type in SCALARS:
            f.type, f.element, f.init = SCALARS[proto.type]
            if proto.type == F.TYPE_BYTES:
                f.header = "api/meta/raw.h"
            return
        if proto.type != F.TYPE_MESSAGE:
            raise SchemaError(f"{f.where}: type {proto.type} is not made")
        if proto.type_name in self.custom:
            cpp_type = self.custom[proto.type_name]
            f.type, f.header = CUSTOM[cpp_type]
            f.element = "::coxswain::api::" + cpp_type
        elif proto.type_name in self.string_lists:
            f.type, f.element = "StringList", "std::vector<std::string>"
        else:
            f.message = self.messages[proto.type_name]
            f.type, f.element = "Message", f.message.cpp


def default_namespace(package):
    parts = package.split(".")
    tail = parts[-2:] if re.fullmatch(r"v\d\w*", parts[-1]) else parts[-1:]
    return "coxswain::api::" + "::".join(tail)


def by_value_order(messages):
    """Messages so that each stands after those it holds by value."""
    done, order, active = set(), [], []

    def visit(m):
        if m.full in done:
            return
        if m in active:
            raise SchemaError("messages hold each other by value: " +
                              " -> ".join(x.full for x in active + [m]))
        active.append(m)
        for f in m.fields:
            if f.message and f.shape == "Value" and f.message.package is m.package:
                visit(f.message)
        active.pop()
        done.add(m.full)
        order.append(m)

    for m in messages:
        visit(m)
    return order
