# shellcheck shell=bash
# Finds a Go that can fetch the toolchain which a go.mod asks for: 1.21 or later.

# find_go: prints the path of a usable go, or fails.
find_go() {
  local candidate version
  for candidate in "$(command -v go || true)" /usr/local/go/bin/go; do
    [[ -x $candidate ]] || continue
    version="$(GOTOOLCHAIN=local "$candidate" env GOVERSION 2>/dev/null || true)"
    if [[ $version =~ ^go1\.([0-9]+) ]] && ((BASH_REMATCH[1] >= 21)); then
      echo "$candidate"
      return 0
    fi
  done
  return 1
}
