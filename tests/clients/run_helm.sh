#!/bin/bash
# run_helm.sh BINARY FOLDER: helm against our server; FOLDER keeps the built helm and kubectl.
# Exit 77 (skipped) without Go.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
HELM=$("$here/go_program.sh" "$here/helm" "$2/helm")
KUBECTL="$1 kubectl"
export HELM KUBECTL
"$here/../with_server.sh" "$1" python3 -B "$here/helm/helm_test.py"
