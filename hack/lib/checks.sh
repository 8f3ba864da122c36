# shellcheck shell=bash
# For suites that are shell scripts: each check is a command, and its outcome is recorded in $RESULTS/checks.tsv.

CHECKS_FAILED=0

# check NAME COMMAND...: passes when the command succeeds.
check() {
  local name="$1" outcome=passed
  shift
  # In a shell of its own with errexit, which a plain "if" would switch off.
  (set -e && "$@") &
  wait $! || outcome=failed
  printf '%s\t%s\n' "$outcome" "$name" >>"$RESULTS/checks.tsv"
  printf '%s: %s\n' "$outcome" "$name"
  [[ $outcome == passed ]] || CHECKS_FAILED=$((CHECKS_FAILED + 1))
}

# checks_end: the suite's exit code.
checks_end() { ((CHECKS_FAILED == 0)); }

# nothing COMMAND...: succeeds when the command prints nothing, and shows what it prints.
nothing() {
  local printed
  printed="$("$@" || true)"
  [[ -z $printed ]] || {
    echo "$printed"
    return 1
  }
}
