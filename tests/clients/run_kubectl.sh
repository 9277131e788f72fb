#!/bin/bash
# run_kubectl.sh BINARY FOLDER [ours]: the official kubectl (built where tests/e2e has it), or ours, against our
# server. Exit 77 (skipped) without Go.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
if [ "${3:-}" = ours ]; then
  KUBECTL="$1 kubectl"
else
  KUBECTL=${COXSWAIN_KUBECTL:-$("$here/go_program.sh" "$here/../kubectl" "$here/../../build/kubectl")}
fi
export KUBECTL
"$here/../with_server.sh" "$1" python3 -B "$here/kubectl/kubectl_test.py"
