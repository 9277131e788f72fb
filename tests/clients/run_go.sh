#!/bin/bash
# run_go.sh BINARY: client-go against our server. Exit 77 (skipped) without Go.
set -euo pipefail
command -v go > /dev/null || { echo 'SKIP: no Go toolchain'; exit 77; }
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/go"
go test -c -o "${TMPDIR:-/tmp}/cxw-go-clients-$$" .
trap 'rm -f "${TMPDIR:-/tmp}/cxw-go-clients-$$"' EXIT
"$here/../with_server.sh" "$1" "${TMPDIR:-/tmp}/cxw-go-clients-$$" -test.v
