#!/bin/bash
# run_python.sh BINARY FOLDER: the Python client against our server; FOLDER keeps its virtual
# environment. Exit 77 (skipped) where no Python can make one.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
environment=$2/python-client
if [ ! -x "$environment/bin/python" ] || ! "$environment/bin/python" -c 'import kubernetes' 2> /dev/null; then
  rm -rf "$environment"
  python3 -m venv "$environment" > /dev/null 2>&1 || { echo 'SKIP: no python3 -m venv'; exit 77; }
  timeout 600 "$environment/bin/pip" install -q 'kubernetes>=34' || { echo 'SKIP: PyPI cannot be reached'; exit 77; }
fi
"$here/../with_server.sh" "$1" "$environment/bin/python" "$here/python/client_test.py"
