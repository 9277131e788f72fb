#!/bin/bash
# with_server.sh BINARY COMMAND...: runs COMMAND beside an API server of its own on 127.0.0.1, with
# KUBECONFIG, SERVER, TOKEN (admin) and CA_FILE in its environment; ends the server afterwards.
set -euo pipefail
binary=$1; shift
folder=$(mktemp -d /tmp/cxw-server-XXXXXX)
server=
cleanup() {
  if [ -n "$server" ] && kill "$server" 2> /dev/null; then wait "$server" 2> /dev/null || true; fi
  rm -rf "$folder"
}
trap cleanup EXIT
echo 'admin-token,admin,admin-uid,"system:masters"' > "$folder/tokens"
port=$("$(dirname "$0")/free_port.py")
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
until curl -sf -m 10 -o /dev/null --cacert "$CA_FILE" -H "Authorization: Bearer $TOKEN" "$SERVER/readyz"; do
  kill -0 "$server" 2> /dev/null || { cat "$folder/log"; exit 1; }
  [ $SECONDS -lt 120 ] || { echo 'the server is not ready'; cat "$folder/log"; exit 1; }
  sleep 0.05
done
status=0
"$@" || status=$?
kill -0 "$server" 2> /dev/null || { echo 'the server died:'; tail -50 "$folder/log"; status=1; }
exit $status
