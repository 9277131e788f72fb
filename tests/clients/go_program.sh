#!/bin/bash
# go_program.sh FOLDER OUTPUT: builds the Go program of FOLDER unless OUTPUT is newer than its
# sources; prints OUTPUT. Several may ask at a time: one builds, and nobody sees half of it. Exit 77
# (skipped) without Go or its modules.
set -euo pipefail
command -v go > /dev/null || { echo 'SKIP: no Go toolchain' >&2; exit 77; }
folder=$(cd "$1" && pwd) output=$2
mkdir -p "$(dirname "$output")"
exec 9> "$output.lock"
flock 9
if [ ! -x "$output" ] || [ -n "$(find "$folder" -maxdepth 1 -newer "$output" \( -name '*.go' -o -name 'go.*' \))" ]; then
  (cd "$folder" && timeout 600 go mod download) > /dev/null 2>&1 || { echo 'SKIP: no Go modules to be had' >&2; exit 77; }
  (cd "$folder" && go build -trimpath -ldflags '-s -w' -o "$output.new" .)
  mv "$output.new" "$output"
fi
echo "$output"
