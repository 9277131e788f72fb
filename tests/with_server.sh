#!/bin/bash
# with_server.sh BINARY COMMAND...: runs COMMAND beside an API server of its own on 127.0.0.1, with
# KUBECONFIG, SERVER, TOKEN (admin) and CA_FILE in its environment; ends the server afterwards.
set -euo pipefail
binary=$1; shift
folder=$(mktemp -d /tmp/cxw-server-XXXXXX)
server=
cleanup() { [ -n "$server" ] && kill "$server" 2> /dev/null && wait "$server" 2> /dev/null; rm -rf "$folder"; }
trap cleanup EXIT
echo 'admin-token,admin,admin-uid,"system:masters"' > "$folder/tokens"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$binary" kube-apiserver --bind-address 127.0.0.1 --secure-port "$port" --data-dir "$folder/data" \
  --token-auth-file "$folder/tokens" > "$folder/log" 2>&1 &
server=$!
export SERVER="https://127.0.0.1:$port" TOKEN=admin-token CA_FILE="$folder/data/pki/ca.crt" KUBECONFIG="$folder/kubeconfig"
cat > "$KUBECONFIG" <<CONFIG
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "$SERVER", certificate-authority: "$CA_FILE"}}]
users: [{name: u, user: {token: $TOKEN}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
CONFIG
for _ in $(seq 200); do
  curl -sf -o /dev/null --cacert "$CA_FILE" -H "Authorization: Bearer $TOKEN" "$SERVER/readyz" && break
  kill -0 "$server" 2> /dev/null || { cat "$folder/log"; exit 1; }
  sleep 0.05
done
status=0
"$@" || status=$?
kill -0 "$server" 2> /dev/null || { echo 'the server died:'; tail -50 "$folder/log"; status=1; }
exit $status
