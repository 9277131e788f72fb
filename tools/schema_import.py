#!/usr/bin/python3
"""Made src/api/schema/*.proto from api/fields.tsv, once. The .proto files are the source now.

    tools/schema_import.py ../shared/api src/api/schema
"""
import collections
import csv
import json
import pathlib
import re
import sys

GROUPS = {
    "core": "", "apps": "apps", "autoscaling": "autoscaling", "batch": "batch", "policy": "policy",
    "admission": "admission.k8s.io", "admissionregistration": "admissionregistration.k8s.io",
    "apidiscovery": "apidiscovery.k8s.io", "authentication": "authentication.k8s.io",
    "authorization": "authorization.k8s.io", "certificates": "certificates.k8s.io",
    "coordination": "coordination.k8s.io", "discovery": "discovery.k8s.io",
    "events": "events.k8s.io", "flowcontrol": "flowcontrol.apiserver.k8s.io",
    "networking": "networking.k8s.io", "node": "node.k8s.io", "rbac": "rbac.authorization.k8s.io",
    "resource": "resource.k8s.io", "scheduling": "scheduling.k8s.io", "storage": "storage.k8s.io",
    "storagemigration": "storagemigration.k8s.io",
    "apiserverinternal": "internal.apiserver.k8s.io", "apiextensions": "apiextensions.k8s.io",
    "apiregistration": "apiregistration.k8s.io", "metrics": "metrics.k8s.io",
    "custom_metrics": "custom.metrics.k8s.io", "external_metrics": "external.metrics.k8s.io",
    "audit": "audit.k8s.io",
}
META = "k8s.io.apimachinery.pkg.apis.meta.v1"
EXT = "k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.v1"
CUSTOM = {
    "k8s.io.apimachinery.pkg.api.resource.Quantity": "Quantity",
    "k8s.io.apimachinery.pkg.api.resource.QuantityValue": "Quantity",
    META + ".Time": "Time", META + ".MicroTime": "MicroTime", META + ".Duration": "GoDuration",
    META + ".FieldsV1": "FieldsV1",
    "k8s.io.apimachinery.pkg.runtime.RawExtension": "RawExtension",
    "k8s.io.apimachinery.pkg.util.intstr.IntOrString": "IntOrString",
    EXT + ".JSON": "RawJson",
}
STRING_LISTS = {META + ".Verbs"} | {
    f"k8s.io.api.{g}.ExtraValue"
    for g in ("authentication.v1", "authorization.v1", "certificates.v1", "certificates.v1beta1")}
FORMS = {EXT + ".JSONSchemaPropsOrBool": "SCHEMA_OR_BOOL",
         EXT + ".JSONSchemaPropsOrArray": "SCHEMA_OR_ARRAY",
         EXT + ".JSONSchemaPropsOrStringArray": "SCHEMA_OR_STRINGS",
         "k8s.io.apimachinery.pkg.runtime.Unknown": "RAW_UNKNOWN"}
# Versions that the facts leave out because they look the same.
ALSO = {
    "admissionregistration.v1.MutatingAdmissionPolicy": ("v1alpha1", "v1beta1"),
    "admissionregistration.v1.MutatingAdmissionPolicyBinding": ("v1alpha1", "v1beta1"),
    "certificates.v1beta1.ClusterTrustBundle": ("v1alpha1",),
    "coordination.v1beta1.LeaseCandidate": ("v1alpha2",),
    "networking.v1.IPAddress": ("v1beta1",),
    "networking.v1.ServiceCIDR": ("v1beta1",),
    "storage.v1.VolumeAttributesClass": ("v1beta1",),
}
# Served in group "" as v1, or in meta.k8s.io; options of requests go by meta.k8s.io too.
META_CORE = {"Status", "APIVersions", "APIGroupList", "APIGroup", "APIResourceList",
             "CreateOptions", "DeleteOptions", "GetOptions", "ListOptions", "PatchOptions",
             "UpdateOptions"}
# Constants whose Go type lives outside the packages of the wire.
ENUM_HOME = {"k8s.io.apimachinery.pkg.watch": META, "k8s.io.apimachinery.pkg.types": META}


def read(path):
    with open(path, encoding="utf-8") as f:
        return list(csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE))


def stem(package):
    parts = package.split(".")
    if re.match(r"v\d", parts[-1]):
        return f"{parts[-2]}_{parts[-1]}"
    return parts[-1]


def quoted(text):
    return json.dumps(text, ensure_ascii=False)


def field_options(row, full):
    opts = []

    def add(name, value=True):
        opts.append(f"({name}) = {value if isinstance(value, str) else 'true'}")

    name = row["protoField"] or row["json"]
    if full in FORMS or full in STRING_LISTS:
        row["json"] = ""
    if row["inline"] == "yes":
        add("inline")
    elif not row["json"]:
        add("no_json")
    elif row["json"] != name:
        add("json", quoted(row["json"]))
    if not row["number"]:
        add("json_only")
    if row["omitempty"] == "no" and row["json"] and row["inline"] == "no":
        add("always")
    if "omitzero" in row["omitempty"]:
        add("omit_zero")
    if row["pointer"] == "yes":
        add("pointer")
    requirement = row["requirement"]
    if row["json"] and row["inline"] == "no" and (
            "required" in requirement or (requirement == "none" and row["omitempty"] == "no")):
        add("required")
    if row["listType"]:
        add("list_type", quoted(row["listType"]))
    for key in filter(None, row["listMapKeys"].split(",")):
        add("list_map_key", quoted(key))
    if row["mapStructType"]:
        add("struct_type", quoted(row["mapStructType"].split("=")[1]))
    if row["patchStrategy"]:
        add("patch_strategy", quoted(row["patchStrategy"]))
    if row["patchMergeKey"]:
        add("patch_merge_key", quoted(row["patchMergeKey"]))
    default = row["default"]
    if default:
        refs = {"ref(AzureDataDiskCachingReadWrite)": '"ReadWrite"',
                "ref(AzureSharedBlobDisk)": '"Shared"'}
        add("default_json", quoted(refs.get(default, default)))
    if row["enumType"]:
        add("enum_type", quoted(row["enumType"]))
    if row["message"] == "StatefulSetSpec" and name == "volumeClaimTemplates":
        add("element_kind")
    if row["featureGate"]:
        add("feature_gate", quoted(row["featureGate"]))
    for marker in row["validation"].split(";"):
        if marker.startswith(("+unionDiscriminator", "+unionMember", "+oneOf")):
            add("union_role", quoted(marker[1:]))
            break
    return opts


def main(source, target):
    source, target = pathlib.Path(source), pathlib.Path(target)
    rows = read(source / "fields.tsv")
    packages = collections.OrderedDict()
    for row in rows:
        packages.setdefault(row["package"], collections.OrderedDict()).setdefault(
            row["message"], []).append(row)
    enums = collections.OrderedDict()
    for row in read(source / "enums.tsv"):
        if row["type"] in ("number", "type"):
            continue
        if row["type"] == "wellknown":
            package, name = row["origin"], ""
        else:
            package, name = row["type"].rsplit(".", 1)
        package = ENUM_HOME.get(package, package)
        if package in packages and row["constName"]:
            enums.setdefault(package, collections.OrderedDict()).setdefault(name, []).append(row)

    for package, messages in packages.items():
        out = []
        imports = {"schema_options.proto"}
        body = []
        for name, group in enums.get(package, {}).items():
            body.append("option (coxswain.schema.string_enum) = {")
            body.append(f"  name: {quoted(name)}")
            for row in group:
                body.append(f"  value {{ name: {quoted(row['constName'])} value: "
                            f"{quoted(row['value'])} }}")
            body.append("};")
            body.append("")
        parts = package.split(".")
        for message, fields in messages.items():
            full = f"{package}.{message}"
            lines = []
            type_meta = any(f["type"].endswith(".TypeMeta") and not f["number"] for f in fields)
            if package == "k8s.io.api.core.v1" and message == "List":
                type_meta = True
                for f in fields:
                    f["json"] = f["protoField"]
                    f["omitempty"] = "yes" if f["json"] == "metadata" else "no"
            if full in CUSTOM:
                lines.append(f'  option (coxswain.schema.cpp_type) = "{CUSTOM[full]}";')
            if full in STRING_LISTS:
                lines.append("  option (coxswain.schema.cpp_string_list) = true;")
            if full in FORMS:
                lines.append(f"  option (coxswain.schema.json_form) = {FORMS[full]};")
                for f in fields:
                    if f["protoField"] == "schema":
                        f["pointer"] = "yes"
            if type_meta:
                if package == META:
                    where = ("", "v1") if message in META_CORE else ("meta.k8s.io", "v1")
                else:
                    where = (GROUPS[parts[-2]], parts[-1])
                is_list = message.endswith("List") and any(f["json"] == "items" for f in fields)
                also = ALSO.get(re.sub(r"List$", "", full.removeprefix("k8s.io.api.")), ())
                lines.append(f'  option (coxswain.schema.kind) = {{ group: "{where[0]}" version: '
                             f'"{where[1]}"{" list: true" if is_list else ""}' +
                             "".join(f' also: "{v}"' for v in also) + " };")
            placeholder = 10001
            for row in fields:
                kind = row["type"]
                if not kind or (kind.endswith(".TypeMeta") and not row["number"]):
                    continue
                number = row["number"]
                if not number:
                    number, placeholder = placeholder, placeholder + 1
                if kind == "any":
                    kind = ".coxswain.schema.Any"
                for ref in re.findall(r"k8s\.io\.[\w.]+", kind):
                    imports.add(stem(ref.rsplit(".", 1)[0]) + ".proto")
                kind = re.sub(r"\b(?=k8s\.io\.)", ".", kind)
                opts = [f"(coxswain.schema.{o[1:]}" for o in field_options(row, full)]
                label = "" if kind.startswith("map<") else (
                    "repeated " if row["repeated"] == "yes" else "optional ")
                text = f"  {label}{kind} {row['protoField'] or row['json']} = {number}"
                if opts:
                    joined = ", ".join(opts)
                    text += f" [{joined}]" if len(text + joined) < 96 else (
                        " [\n    " + ",\n    ".join(opts) + "\n  ]")
                lines.append(text + ";")
            body.append(f"message {message} {{")
            body.extend(lines)
            body.append("}")
            body.append("")
        imports.discard(stem(package) + ".proto")
        out.append('syntax = "proto2";')
        out.append("")
        out.append(f"package {package};")
        out.append("")
        out.extend(f'import "{i}";' for i in sorted(imports))
        out.append("")
        out.extend(body)
        (target / f"{stem(package)}.proto").write_text("\n".join(out).rstrip() + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
