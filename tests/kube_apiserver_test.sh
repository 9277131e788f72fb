#!/bin/bash
# kube-apiserver as a program: keys made at first start and kept, kubeconfigs that work, refusals,
# flags that cannot be, nothing handed out twice after a kill -9.
set -uo pipefail
program=$(realpath "$1")
folder=$(mktemp -d)
server=
cleanup() { [ -n "$server" ] && kill "$server" 2> /dev/null && wait "$server" 2> /dev/null; rm -rf "$folder"; }
trap cleanup EXIT
fail() { echo "FAIL: $*"; cat "$folder/log" 2> /dev/null | tail -20; exit 1; }
port=$("$(dirname "$0")/free_port.py")
url=https://127.0.0.1:$port
printf 'admin-token,admin,1,system:masters\nbob-token,bob,2\n' > "$folder/tokens"
start() {
  "$program" kube-apiserver --bind-address 127.0.0.1 --secure-port "$port" --data-dir "$folder/data" \
    --token-auth-file "$folder/tokens" --kubeconfig-dir "$folder/kubeconfig" "$@" > "$folder/log" 2>&1 &
  server=$!
  answers
}
# The server, within a time that no machine needs.
answers() {
  local end=$((SECONDS + 60))
  until curl -sk -m 10 -o /dev/null "$url/readyz"; do
    kill -0 "$server" 2> /dev/null || fail 'did not start'
    [ $SECONDS -lt $end ] || fail 'does not answer'
    sleep 0.05
  done
}
code() { curl -sk -o /dev/null -w '%{http_code}' "$@"; }
post() { curl -sk -H 'Authorization: Bearer admin-token' -H 'Content-Type: application/json' -d "$2" "$url$1"; }

start
[ "$(code "$url/version")" = 200 ] || fail 'anonymous may read the version'
[ "$(code "$url/api/v1/nodes")" = 403 ] || fail 'anonymous may not list nodes'
[ "$(code -H 'Authorization: Bearer wrong' "$url/version")" = 401 ] || fail 'a wrong token is refused'
[ "$(code -H 'Authorization: Bearer bob-token' "$url/api/v1/nodes")" = 403 ] || fail 'bob may not list nodes'
[ "$(code -H 'Authorization: Bearer admin-token' "$url/openid/v1/jwks")" = 200 ] || fail 'keys of tokens'

# The admin's kubeconfig holds what curl needs.
for key in certificate-authority-data client-certificate-data client-key-data; do
  sed -n "s/ *$key: //p" "$folder/kubeconfig/admin.conf" | base64 -d > "$folder/$key" || fail "$key"
done
curl -s --cacert "$folder/certificate-authority-data" --cert "$folder/client-certificate-data" \
  --key "$folder/client-key-data" "$url/api/v1/namespaces/kube-system" > "$folder/last" || fail 'admin.conf'
grep -q '"name": *"kube-system"' "$folder/last" || fail "admin.conf: $(cat "$folder/last")"
for file in "$folder"/data/pki/*.key "$folder"/kubeconfig/*.conf; do
  [ "$(stat -c %a "$file")" = 600 ] || fail "mode of $file"
done

# Services made before a crash keep their addresses and ports, which nobody gets after it.
for i in $(seq 20); do
  post /api/v1/namespaces/default/services \
    "{\"metadata\":{\"name\":\"a$i\"},\"spec\":{\"type\":\"NodePort\",\"ports\":[{\"port\":80}]}}" > "$folder/last" ||
    fail 'create a service'
done
before=$(sha256sum < "$folder/data/pki/ca.crt")
kill -9 "$server"; wait "$server" 2> /dev/null
start
[ "$before" = "$(sha256sum < "$folder/data/pki/ca.crt")" ] || fail 'another CA after a restart'
for i in $(seq 20); do
  post /api/v1/namespaces/default/services \
    "{\"metadata\":{\"name\":\"b$i\"},\"spec\":{\"type\":\"NodePort\",\"ports\":[{\"port\":80}]}}" > /dev/null
done
python3 - "$url" <<'PYTHON' || fail 'something was handed out twice'
import json, ssl, sys, urllib.request
context = ssl._create_unverified_context()
request = urllib.request.Request(sys.argv[1] + '/api/v1/services', headers={'Authorization': 'Bearer admin-token'})
items = json.load(urllib.request.urlopen(request, context=context))['items']
addresses = [s['spec']['clusterIP'] for s in items]
ports = [p['nodePort'] for s in items for p in s['spec']['ports'] if 'nodePort' in p]
assert len(items) == 41, len(items)
assert len(set(addresses)) == 41, addresses
assert len(ports) == 40 and len(set(ports)) == 40, ports
PYTHON

# What cannot be is said, with the flag's name.
refused() {
  local text=$1; shift
  "$program" kube-apiserver --data-dir "$folder/other" --secure-port 0 --bind-address 127.0.0.1 "$@" \
    > "$folder/refused" 2>&1 && fail "accepted: $*"
  grep -q -- "$text" "$folder/refused" || { cat "$folder/refused"; fail "$* does not say $text"; }
}
refused '--service-cluster-ip-range' --service-cluster-ip-range 10.0.0.0
refused '--service-node-port-range' --service-node-port-range 5-1
printf 'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Loud}]\n' > "$folder/bad-policy"
refused '--audit-policy-file .*rules\[0\].level: Unsupported value: "Loud"' \
  --audit-policy-file "$folder/bad-policy" --audit-log-path "$folder/audit.log"
refused '--audit-policy-file' --audit-policy-file "$folder/nowhere" --audit-log-path -
refused '--audit-log-format' --audit-log-format legacy
refused '--audit-log-maxage' --audit-log-maxage -1
refused '--max-requests-inflight' --max-requests-inflight -1
refused '--max-mutating-requests-inflight' --max-requests-inflight 0 --max-mutating-requests-inflight 0
refused '--request-timeout' --request-timeout 0s
refused '--shutdown-delay-duration' --shutdown-delay-duration soon
refused '--tls-private-key-file' --tls-cert-file x
refused '--bind-address' --bind-address nowhere
refused 'No such file' --service-account-signing-key-file /none
refused 'specified together' --oidc-issuer-url https://issuer.example
refused 'scheme must be https' --oidc-issuer-url http://issuer.example --oidc-client-id c
refused 'unsupported signing alg: "none"' --oidc-issuer-url https://i --oidc-client-id c --oidc-signing-algs none
refused 'key=value' --oidc-issuer-url https://i --oidc-client-id c --oidc-required-claim hd
refused 'overlapping certificates' --requestheader-client-ca-file "$folder/data/pki/ca.crt" \
  --requestheader-username-headers X-Remote-User --client-ca-file "$folder/data/pki/ca.crt"
refused '--requestheader-username-headers' --requestheader-client-ca-file "$folder/data/pki/ca.crt"
refused 'between 1 hour and' --service-account-max-token-expiration 10m
refused 'neither v1 nor v1beta1' --authentication-token-webhook-config-file /x --authentication-token-webhook-version v2
refused 'No such file' --client-ca-file /none
refused 'no-such-flag' --no-such-flag
refused 'enable-admission-plugins plugin "Bogus" is unknown' --enable-admission-plugins Priority,Bogus
refused 'does not exist in this server' --enable-admission-plugins ImagePolicyWebhook
printf 'apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\nplugins: [{name: PodSecurity, path: gone.yaml}]\n' \
  > "$folder/admission.yaml"
refused "$folder/gone.yaml" --admission-control-config-file "$folder/admission.yaml"
"$program" kube-apiserver --data-dir "$folder/third" --bind-address 127.0.0.1 --secure-port "$port" \
  > "$folder/refused" 2>&1 && fail 'two on one port'
grep -qi 'in use' "$folder/refused" || { cat "$folder/refused"; fail 'the taken port is not told of'; }

# Requests are written down by the policy, and answers carry whose schema and level they were of. A
# server that is told to stop says so before it does.
kill "$server"; wait "$server" 2> /dev/null
printf 'apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules:\n- {level: Request, verbs: [create]}\n' \
  > "$folder/policy"
start --audit-policy-file "$folder/policy" --audit-log-path "$folder/audit/audit.log" --shutdown-delay-duration 300s
post /api/v1/namespaces/default/configmaps '{"metadata":{"name":"audited"}}' > /dev/null
for _ in $(seq 2000); do
  grep -q '"name":"audited"' "$folder/audit/audit.log" && break
  sleep 0.02
done
[ "$(grep -c . "$folder/audit/audit.log")" = 1 ] || fail 'one event'
python3 - "$folder/audit/audit.log" <<'PYTHON' || fail 'the audit event'
import json, sys
event = json.load(open(sys.argv[1]))
assert event['stage'] == 'ResponseComplete' and event['level'] == 'Request', event
assert event['user']['username'] == 'admin' and event['responseStatus']['code'] == 201, event
assert event['requestObject']['metadata']['name'] == 'audited' and 'responseObject' not in event, event
assert event['annotations']['authorization.k8s.io/decision'] == 'allow', event
PYTHON
for _ in $(seq 2000); do
  curl -sk -D "$folder/headers" -o /dev/null "$url/version"
  grep -qi '^x-kubernetes-pf-flowschema-uid: ....' "$folder/headers" && break
  sleep 0.02
done
grep -qi '^x-kubernetes-pf-prioritylevel-uid: ....' "$folder/headers" || fail 'the level of a request'
grep -qi '^audit-id: ....' "$folder/headers" || fail 'the id of a request'
kill "$server"
for _ in $(seq 2000); do
  [ "$(code "$url/readyz")" = 500 ] && break
  sleep 0.02
done
[ "$(code "$url/readyz")" = 500 ] || fail 'ready while it stops'
[ "$(code "$url/livez")" = 200 ] || fail 'alive while it stops'
kill -9 "$server"; wait "$server" 2> /dev/null
# Connections leave file descriptors for the store: with few of them all that come are served in turn.
few() { ulimit -S -n 200; ulimit -H -n 200; exec "$program" "$@"; }
few kube-apiserver --bind-address 127.0.0.1 --secure-port "$port" --data-dir "$folder/data" \
  --token-auth-file "$folder/tokens" > "$folder/log" 2>&1 &
server=$!
answers
python3 - "$port" <<'PYTHON' || fail 'many connections'
import http.client, json, socket, ssl, sys
port = int(sys.argv[1])
context = ssl._create_unverified_context()
# More than there are file descriptors; those beyond wait to be accepted.
idle = [socket.create_connection(('127.0.0.1', port)) for _ in range(300)]
for one in idle: one.close()
connection = http.client.HTTPSConnection('127.0.0.1', port, context=context, timeout=60)
body = json.dumps({'metadata': {'name': 'after-many'}})
connection.request('POST', '/api/v1/namespaces/default/configmaps', body,
                   {'Authorization': 'Bearer admin-token', 'Content-Type': 'application/json'})
assert connection.getresponse().status == 201
PYTHON
grep -q 'accept failed' "$folder/log" && fail 'ran out of file descriptors'
kill -9 "$server"; wait "$server" 2> /dev/null
start --enable-priority-and-fairness=false --max-requests-inflight 7
curl -sk -D "$folder/headers" -o /dev/null "$url/version"
grep -qi '^x-kubernetes-pf' "$folder/headers" && fail 'fairness that is off'
kill "$server"; wait "$server"; code=$?; server=
[ "$code" -eq 0 ] || fail "SIGTERM ends it with $code"
echo PASS
