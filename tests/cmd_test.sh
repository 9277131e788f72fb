#!/bin/bash
# The program's dispatch: parts by first argument and by the name it is called by, clear refusals.
set -uo pipefail
program=$(realpath "$1")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fail() { echo "FAIL: $*"; exit 1; }
# has PATTERN COMMAND...: a line of what it says. The whole is read first: a command whose reader has left ends badly.
has() {
  local pattern=$1 got; shift
  got=$("$@") || fail "$*: exit code $?"
  grep -q -- "$pattern" <<< "$got" || fail "$*: no [$pattern] in [$got]"
}
has '^coxswain [0-9]' "$program" version
has '^usage:' "$program" help
for part in dns up down images hollow-nodes cloud-controller-manager kube-apiserver kube-controller-manager kube-proxy \
    kube-scheduler kubectl kubelet version; do
  has "^  $part " "$program" help
done
"$program" no-such-part 2> "$folder/said"; code=$?
grep -q 'no part is called "no-such-part"' "$folder/said" || fail 'unknown part: message'
[ $code -eq 2 ] || fail "unknown part: exit code $code"
ln -s "$program" "$folder/version"
has '^coxswain [0-9]' "$folder/version"
# A configuration that is wrong ends the scheduler before it asks anybody anything.
head='{apiVersion: kubescheduler.config.k8s.io/v1, kind: KubeSchedulerConfiguration'
echo "$head, parallelism: 0}" > "$folder/scheduler.yaml"
"$program" kube-scheduler --config "$folder/scheduler.yaml" 2> "$folder/said"; code=$?
grep -q 'parallelism: Invalid value: 0: should be an integer value greater than zero' "$folder/said" ||
  fail "kube-scheduler --config: $(cat "$folder/said")"
[ $code -eq 1 ] || fail "kube-scheduler --config: exit code $code"
"$program" kube-scheduler --config "$folder/none" 2> /dev/null && fail 'kube-scheduler: no such file'
# Flags that cannot be are told before a kubeconfig is read.
refuses() {  # TEXT PART FLAGS...
  local text=$1; shift
  "$program" "$@" --kubeconfig "$folder/none" 2> "$folder/said"; code=$?
  grep -qF -- "$text" "$folder/said" || fail "$*: $(cat "$folder/said")"
  [ $code -ne 0 ] || fail "$*: exit code $code"
}
cloud='cloud-controller-manager --cloud-provider local'
refuses '--cloud-provider is required' cloud-controller-manager
refuses 'unknown cloud provider "moon"' cloud-controller-manager --cloud-provider moon
refuses '"job" is not in the list of known controllers' $cloud --controllers '*,-job'
refuses '--node-monitor-period: must be greater than zero' $cloud --node-monitor-period 0s
refuses '--allocate-node-cidrs needs --cluster-cidr' $cloud --allocate-node-cidrs
refuses '"service" is not in the list of known controllers' kube-controller-manager --controllers service
refuses '--endpoint-updates-batch-period: must not be negative' kube-controller-manager \
  --endpoint-updates-batch-period -1s
refuses 'from 1 to 1000000 nodes are possible' hollow-nodes 0
refuses '--pod-start-delay: time: invalid duration "soon"' hollow-nodes 5 --pod-start-delay soon
refuses '--node-lease-renew-period: must be greater than zero' hollow-nodes 5 --node-lease-renew-period 0s
refuses 'no such file or directory' $cloud
echo PASS
