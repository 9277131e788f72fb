#!/bin/bash
# Our kubectl against our API server: the commands people use first, with their exact output.
set -uo pipefail
program=$(realpath "$1")
folder=$(mktemp -d)
server=
cleanup() {
  [ -n "$server" ] && kill "$server" 2>/dev/null && wait "$server" 2>/dev/null
  rm -rf "$folder"
}
trap cleanup EXIT
fail() { echo "FAIL: $*"; tail -20 "$folder/server.log"; exit 1; }

echo 'secret,admin,1,"system:masters"' > "$folder/tokens"
port=$("$(dirname "$0")/free_port.py")
"$program" kube-apiserver --bind-address 127.0.0.1 --secure-port $port --data-dir "$folder/data" \
  --token-auth-file "$folder/tokens" > "$folder/server.log" 2>&1 &
server=$!
export KUBECONFIG="$folder/config"
kubectl() { timeout 100 "$program" kubectl "$@"; }
until [ -s "$folder/data/pki/ca.crt" ] && kubectl --server https://127.0.0.1:$port --token secret \
    --certificate-authority "$folder/data/pki/ca.crt" get --raw /readyz > /dev/null 2>&1; do
  kill -0 $server 2>/dev/null || fail 'the API server ended'
  [ $SECONDS -lt 100 ] || fail 'the API server is not ready'
  sleep 0.1
done

# is WHAT EXPECTED COMMAND...
is() {
  local what=$1 expected=$2 got; shift 2
  got=$("$@" 2>&1) || true
  [ "$got" = "$expected" ] || fail "$what: expected [$expected] got [$got]"
}
# has PATTERN COMMAND...: a line of what it says. The whole is read first: a command whose reader has left ends badly.
has() {
  local pattern=$1 got; shift
  got=$("$@") || fail "$*: exit code $?"
  grep -q -- "$pattern" <<< "$got" || fail "$*: no [$pattern] in [$got]"
}
is 'set-cluster' 'Cluster "c" set.' kubectl config set-cluster c --server=https://127.0.0.1:$port \
  --certificate-authority="$folder/data/pki/ca.crt" --embed-certs
is 'set-credentials' 'User "u" set.' kubectl config set-credentials u --token=secret
is 'set-context' 'Context "x" created.' kubectl config set-context x --cluster=c --user=u
is 'use-context' 'Switched to context "x".' kubectl config use-context x

is 'create namespace' 'namespace/shop created' kubectl create ns shop
is 'namespace of the context' 'Context "x" modified.' kubectl config set-context --current --namespace=shop
is 'empty' 'No resources found in shop namespace.' kubectl get pods
cat > "$folder/app.yaml" <<'Y'
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: {app: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: "nginx:1", ports: [{containerPort: 80}]}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
Y
is 'apply' $'deployment.apps/web created\nservice/web created' kubectl apply -f "$folder/app.yaml"
is 'apply again' $'deployment.apps/web unchanged\nservice/web unchanged' kubectl apply -f "$folder/app.yaml"
sed -i 's/nginx:1/nginx:2/' "$folder/app.yaml"
is 'diff' 1 bash -c '"$0" kubectl diff -f "$1" > /dev/null 2>&1; echo $?' "$program" "$folder/app.yaml"
is 'apply a change' $'deployment.apps/web configured\nservice/web unchanged' kubectl apply -f "$folder/app.yaml"
is 'jsonpath' 'nginx:2' kubectl get deploy web -o jsonpath='{.spec.template.spec.containers[0].image}'
is 'server-side' 'deployment.apps/web serverside-applied' kubectl apply --server-side --force-conflicts \
  -f <(sed '/^---/,$d' "$folder/app.yaml")
is 'scale' 'deployment.apps/web scaled' kubectl scale deploy/web --replicas=5
is 'columns' $'N     R\nweb   5' kubectl get deploy -o custom-columns=N:.metadata.name,R:.spec.replicas
is 'label' 'service/web labeled' kubectl label svc web tier=front
is 'selector' 'service/web' kubectl get svc -l tier=front -o name
is 'annotate' 'service/web annotated' kubectl annotate svc/web note=hi
is 'patch' 'service/web patched' kubectl patch svc web -p '{"spec":{"sessionAffinity":"ClientIP"}}'
is 'set image' 'deployment.apps/web image updated' kubectl set image deploy/web web=nginx:3
is 'wait' 'deployment.apps/web condition met' kubectl wait deploy/web --for=jsonpath='{.spec.replicas}'=5
is 'create configmap' 'configmap/conf created' kubectl create cm conf --from-literal=a=b
is 'edit' 'configmap/conf edited' env KUBE_EDITOR='sed -i s/a:.b$/a:\ c/' "$program" kubectl edit cm conf
is 'edited' 'c' kubectl get cm conf -o jsonpath='{.data.a}'
is 'not found' 'Error from server (NotFound): configmaps "nope" not found' kubectl get cm nope
is 'no such type' "error: the server doesn't have a resource type \"nope\"" kubectl get nope
kubectl create secret generic s --from-literal=k=v > /dev/null || fail 'secret'
has '^k:  1 bytes$' kubectl describe secret s
has '^Replicas:  *5 desired' kubectl describe deploy web
has '^Type:  *ClusterIP$' kubectl describe svc web
has '^FIELD: replicas <integer>$' kubectl explain deployment.spec.replicas
has '^deployments  *deploy  *apps/v1  *true  *Deployment$' kubectl api-resources
has '^Server Version: v1\.36' kubectl version
kubectl get deploy web -o yaml > "$folder/web.yaml" || fail 'get -o yaml'
is 'replace' 'deployment.apps/web replaced' kubectl replace -f "$folder/web.yaml"
has '^deployment.apps/web ' kubectl get all --no-headers
has '^namespace/shop$' "$program" get ns shop -o name
# A watch says what was there before it, so it follows when it has said that; then it sees what is made.
timeout 100 "$program" kubectl get cm -w --no-headers > "$folder/watch" 2>&1 &
watcher=$!
sees() {
  until grep -q "^$1 " "$folder/watch"; do
    kill -0 $watcher 2> /dev/null || fail "the watch ended before $1: $(cat "$folder/watch")"
    sleep 0.05
  done
}
sees conf
kubectl create cm watched > /dev/null || fail 'create watched'
sees watched
kill $watcher; wait $watcher 2> /dev/null
is 'delete' $'deployment.apps "web" deleted from shop namespace\nservice "web" deleted from shop namespace' \
  kubectl delete -f "$folder/app.yaml"
is 'delete by label' 'No resources found' kubectl delete cm -l no=such
is 'gone' 'No resources found in shop namespace.' kubectl get deploy
is 'unreachable' 'The connection to the server 127.0.0.1:1 was refused - did you specify the right host or port?' \
  kubectl --server https://127.0.0.1:1 get pods
echo PASS
