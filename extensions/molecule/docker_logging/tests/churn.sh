#!/usr/bin/env bash
# churn.sh COUNT WORKERS: create and start COUNT containers that end at once, each once, however often the daemon goes away
# meanwhile. Prints the id of each.
set -u

try() { # COMMAND... until it works
  until docker "$@" >/dev/null 2>&1; do sleep 0.2; done
}

there() { docker ps --all --quiet --no-trunc --filter "name=^$1\$" 2>/dev/null; }

one() {
  local name=churn-$1 id started
  until docker create --name "$name" --network none --log-driver none tiny:1 true >/dev/null 2>&1 || [ -n "$(there "$name")" ]; do
    sleep 0.2
  done
  try inspect "$name"
  id=$(until there "$name"; do sleep 0.2; done)
  # one that was cut off may have happened, which only the next engine knows
  until docker start "$name" >/dev/null 2>&1; do
    until started=$(docker inspect --format '{{.State.StartedAt}}' "$name" 2>/dev/null); do sleep 0.2; done
    [[ $started == 0001* ]] || break
  done
  until [ "$(docker inspect --format '{{.State.Running}}' "$name" 2>/dev/null)" = false ]; do sleep 0.1; done
  echo "$id"
}

export -f one try there
seq "$1" | xargs -P "$2" -I N bash -c 'one N'
