#!/bin/bash
# run_javascript.sh BINARY FOLDER: the JavaScript client against our server; FOLDER keeps its packages.
# Exit 77 (skipped) without Node.js 20 or where npm's registry cannot be reached.
set -euo pipefail
command -v npm > /dev/null && node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' ||
  { echo 'SKIP: no Node.js 20 with npm'; exit 77; }
here=$(cd "$(dirname "$0")" && pwd)
folder=$2/javascript-client
mkdir -p "$folder"
cp "$here"/js/* "$folder"
cd "$folder"
[ -d node_modules/@kubernetes/client-node ] || timeout 600 npm install --silent --no-audit --no-fund > npm.log 2>&1 ||
  { echo 'SKIP: npm cannot install @kubernetes/client-node'; rm -rf node_modules; exit 77; }
"$here/../with_server.sh" "$1" timeout 600 node --test client.test.js
