# shellcheck shell=bash
# promtool, which checks the alerts of the chart: one on the PATH, or that of the Debian package prometheus, which is
# only unpacked, because installing it would start a server.

# promtool_ensure: prints the path of a promtool.
promtool_ensure() {
  local cached="$CACHE_DIR/bin/promtool/promtool" work
  if command -v promtool; then
    return 0
  fi
  if [[ ! -x $cached ]]; then
    work="$(mktemp -d)"
    # apt drops its rights for a download, into a directory that it may then write to.
    chmod 755 "$work"
    run_logged "Fetching promtool from the Debian package prometheus" "$CACHE_DIR/logs/promtool.log" \
      promtool_unpack "$work"
    mkdir -p "$(dirname "$cached")"
    mv "$work/root/usr/bin/promtool" "$cached"
    rm -rf "$work"
  fi
  echo "$cached"
}

# promtool_unpack DIR
promtool_unpack() (
  cd "$1" || exit
  apt-get -q download prometheus || {
    as_root apt-get -q update
    apt-get -q download prometheus
  }
  dpkg-deb -x prometheus_*.deb root
)
