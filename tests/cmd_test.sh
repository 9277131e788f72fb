#!/bin/bash
# The program's dispatch: parts by first argument and by the name it is called by, clear refusals.
set -uo pipefail
program=$(realpath "$1")
fail() { echo "FAIL: $*"; exit 1; }
"$program" version | grep -q '^coxswain [0-9]' || fail 'version'
"$program" help | grep -q '^usage:' || fail 'help'
for part in dns up down images hollow-nodes cloud-controller-manager kube-apiserver kube-controller-manager kube-proxy \
    kube-scheduler kubectl kubelet version; do
  "$program" help | grep -q "^  $part " || fail "help: $part"
done
"$program" no-such-part 2> /tmp/cmd_test.$$; code=$?
grep -q 'no part is called "no-such-part"' /tmp/cmd_test.$$ || fail 'unknown part: message'
rm -f /tmp/cmd_test.$$
[ $code -eq 2 ] || fail "unknown part: exit code $code"
folder=$(mktemp -d)
ln -s "$program" "$folder/version"
"$folder/version" | grep -q '^coxswain [0-9]' || fail 'called by name'
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
rm -r "$folder"
echo PASS
