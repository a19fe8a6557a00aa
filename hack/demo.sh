#!/usr/bin/env bash
# The demonstration: one model's whole life on an embedded cluster, then a model that cannot start.
# Ends with 0 only if the first run ended with exit code 0 and the second with 3.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cluster=demo-$$-$RANDOM
began=$SECONDS

title() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
show() { printf '%s$ %s%s\n' "$dim" "$*" "$plain"; }

bold='' dim='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
  bold=$'\033[1m' dim=$'\033[2m' plain=$'\033[0m'
fi

# Takes the cluster away on every way out, once it is ours: a start that failed leaves none.
ours=
down() { if [ -n "$ours" ]; then bin/seldonctl-local down --name "$cluster" >/dev/null 2>&1 || true; fi; }
trap down EXIT
trap 'ours=perhaps; exit 130' INT
trap 'ours=perhaps; exit 143' TERM

# Runs a command, shown as typed, and checks the exit code that it must end with.
expect() {
  local want=$1 got=0
  shift
  show "$@"
  "$@" || got=$?
  printf '%s(exit code %d)%s\n' "$dim" "$got" "$plain"
  if [ "$got" -ne "$want" ]; then
    printf '\nThe demonstration failed: exit code %d was expected.\n' "$want" >&2
    exit 1
  fi
}

title "1. A cluster: a real Kubernetes control plane with simulated nodes, in one process tree on this machine"
show bin/seldonctl-local up --name "$cluster" --detach --pace=realistic
bin/seldonctl-local up --name "$cluster" --detach --pace=realistic
ours=yes
kubeconfig=$(bin/seldonctl-local kubeconfig --name "$cluster")

title "2. A model's whole life: created, available, scaled to 3, deleted, gone (expected: exit code 0)"
expect 0 bin/seldonctl run -f test-resource.yaml -n default -r 3 --timeout 120s --kubeconfig "$kubeconfig"

title "3. A model whose image does not exist: the cause is named, long before the timeout (expected: exit code 3)"
expect 3 bin/seldonctl run -f examples/image-not-found.yaml -n default -r 2 --timeout 120s --kubeconfig "$kubeconfig"

title "4. The cluster is removed again"
show bin/seldonctl-local down --name "$cluster"
bin/seldonctl-local down --name "$cluster"
ours=

title "Both runs ended as they should, $((SECONDS - began)) seconds in all."
