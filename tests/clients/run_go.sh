#!/bin/bash
# run_go.sh BINARY FOLDER TEST: the Go tests of folder TEST against our server; FOLDER keeps their
# program. Exit 77 (skipped) without Go.
set -euo pipefail
command -v go > /dev/null || { echo 'SKIP: no Go toolchain'; exit 77; }
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/$3"
timeout 600 go mod download > /dev/null 2>&1 || { echo 'SKIP: no Go modules to be had'; exit 77; }
go test -c -o "$2/go-$3" .
"$here/../with_server.sh" "$1" "$2/go-$3" -test.v
