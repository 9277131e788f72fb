#!/bin/bash
# The program's dispatch: parts by first argument and by the name it is called by, clear refusals.
set -uo pipefail
program=$(realpath "$1")
fail() { echo "FAIL: $*"; exit 1; }
"$program" version | grep -q '^coxswain [0-9]' || fail 'version'
"$program" help | grep -q '^usage:' || fail 'help'
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
rm -r "$folder"
echo PASS
