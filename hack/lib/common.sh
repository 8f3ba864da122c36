# shellcheck shell=bash
# What every script under hack/ shares: where things are, and how to speak to the person who is waiting.

# shellcheck disable=SC2034  # read by the scripts that source this file
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
# shellcheck disable=SC2034
CACHE_DIR="${XDG_CACHE_HOME:-$HOME/.cache}/stockade"
# shellcheck disable=SC2034
STATE_DIR="${XDG_STATE_HOME:-$HOME/.local/state}/stockade"

if [[ -t 2 ]]; then
  BOLD=$'\e[1m' DIM=$'\e[2m' RED=$'\e[31m' PLAIN=$'\e[0m'
else
  BOLD='' DIM='' RED='' PLAIN=''
fi

# Progress goes to standard error, so that standard output stays a script's result.
step() { printf '%s==> %s%s\n' "$BOLD" "$*" "$PLAIN" >&2; }
note() { printf '    %s\n' "$*" >&2; }
fail() { printf '%serror: %s%s\n' "$RED" "$*" "$PLAIN" >&2; }
die() {
  fail "$*"
  exit 1
}

# usage SCRIPT: prints the comment at the head of a script, which is its manual.
usage() { sed -n '2,/^$/ s/^# \{0,1\}//p' "$1"; }

# run_logged MESSAGE LOG COMMAND...: runs an external command with its output in LOG, says every 10 seconds that it
# is still at work, and shows the end of the log when it fails.
run_logged() {
  local message="$1" log="$2" started=$SECONDS ticker status=0
  shift 2
  step "$message"
  mkdir -p "$(dirname "$log")"
  (
    while sleep 10 >/dev/null 2>&1 && kill -0 "$$" 2>/dev/null; do
      printf '    %s... %d s%s\n' "$DIM" $((SECONDS - started)) "$PLAIN" >&2
    done
  ) &
  ticker=$!
  "$@" >"$log" 2>&1 </dev/null || status=$?
  kill "$ticker" 2>/dev/null || true
  wait "$ticker" 2>/dev/null || true
  if ((status != 0)); then
    fail "failed after $((SECONDS - started)) s: $*"
    note "the end of $log:"
    tail -n 40 "$log" | sed 's/^/    /' >&2
  fi
  return "$status"
}

# as_root COMMAND...: runs a command as root, through sudo where that is needed.
as_root() {
  if ((EUID == 0)); then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "this needs root: run it as root or install sudo ($*)"
  fi
}

# free_ports N: prints N ports that are free now. They lie below the range of outgoing connections, so that none of
# those takes one before its server starts.
free_ports() {
  /usr/bin/python3 - "$1" <<'PYTHON'
import random
import socket
import sys

wanted, found = int(sys.argv[1]), []
for port in random.sample(range(20000, 29999), 9999):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            continue
    found.append(str(port))
    if len(found) == wanted:
        print(*found)
        sys.exit(0)
sys.exit("no free ports on 127.0.0.1")
PYTHON
}
