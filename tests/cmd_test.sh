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
rm -r "$folder"
echo PASS
