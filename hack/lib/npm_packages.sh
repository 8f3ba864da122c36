# shellcheck shell=bash
# Programs that come from npm, for tests. Each is pinned with its checksums in hack/tools/TOOL/package-lock.json, and kept
# in the cache by version. The caller has sourced common.sh and wheels.sh.

# claude_code_ensure: prints the path of Claude Code's own binary, which its package gets for the machine as another one.
claude_code_ensure() {
  local found
  found="$(npm_ensure claude-code)" || return 1
  find "$found/node_modules/@anthropic-ai" -path '*/claude-code-linux-*' -type f -name claude | head -n 1
}

# sandbox_runtime_ensure: prints the path of srt, a script for Node.js.
sandbox_runtime_ensure() {
  local found
  found="$(npm_ensure sandbox-runtime)" || return 1
  echo "$found/node_modules/@anthropic-ai/sandbox-runtime/dist/cli.js"
}

# npm_ensure TOOL: prints the directory with the tool's node_modules, and fetches them first where they are missing. No
# script of a package is run.
npm_ensure() {
  local pins="$ROOT/hack/tools/$1" lock directory node work
  lock="$(sha256sum "$pins/package-lock.json" | cut -c 1-12)"
  directory="$CACHE_DIR/npm/$1-$lock"
  if [[ ! -e $directory/node_modules ]]; then
    node="$(node_ensure)" || return 1
    mkdir -p "$CACHE_DIR/npm"
    work="$(mktemp -d "$CACHE_DIR/npm/.$1-XXXXXX")"
    cp "$pins"/package*.json "$work/"
    if ! run_logged "Fetching $1" "$CACHE_DIR/logs/$1.log" "$node/bin/node" "$node/lib/node_modules/npm/bin/npm-cli.js" \
      ci --prefix "$work" --ignore-scripts --no-audit --no-fund --no-update-notifier; then
      rm -rf "$work"
      return 1
    fi
    rm -rf "$directory"
    mv "$work" "$directory"
  fi
  echo "$directory"
}
