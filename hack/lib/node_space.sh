# shellcheck shell=bash
# Where the local node lives: a control group, and a network, mount, control group and UTS namespace of its own, held
# open by one process. Whatever the node mounts, routes or filters is in there and ends with it; the host's firewall,
# interfaces and mounts never change. Nothing here needs to have ended well for space_destroy to leave nothing: every
# process of the node is in its control group.

# space_id: the same for the same directory.
space_id() { sha256sum <<<"$DIR" | cut -c 1-12; }

# cgroup_directories: the node's group in each hierarchy of the host, whether it is there or not.
cgroup_directories() {
  awk -v id="stockade-node-$(space_id)" '$3 == "cgroup" || $3 == "cgroup2" {print $2 "/" id}' /proc/mounts | sort -u
}

# cgroup_join: makes the node's groups and puts the calling shell into them.
cgroup_join() {
  local directory parent file
  while read -r directory; do
    parent="$(dirname "$directory")"
    mkdir -p "$directory"
    # An old hierarchy's group has no processors and no memory until it is told some.
    for file in cpuset.cpus cpuset.mems; do
      [[ ! -e $parent/cpuset.mem_exclusive ]] || cat "$parent/$file" >"$directory/$file"
    done
    echo "$BASHPID" >"$directory/cgroup.procs"
  done < <(cgroup_directories)
}

# cgroup_pids: every process of the node.
cgroup_pids() {
  local directory
  while read -r directory; do
    [[ ! -d $directory ]] || find "$directory" -name cgroup.procs -exec cat {} + 2>/dev/null || true
  done < <(cgroup_directories) | sort -un | grep -vx 0 || true
}

space_pid() { process_pid "$DIR/run/space"; }

# space_create: makes the namespaces and waits until they are furnished.
space_create() {
  local deadline=$((SECONDS + 30))
  rm -f "$DIR/run/space.ready"
  # As after any start of a machine.
  rm -rf --one-file-system "$DIR/fs/run" "$DIR/fs/tmp"
  (
    cgroup_join
    process_start "$DIR/run/space" "$DIR/logs/space.log" \
      unshare --cgroup --mount --net --uts --propagation private \
      bash "$ROOT/hack/lib/node_space_init.sh" "$DIR" "$NODE_NAME" "$NODE_IP" "$ROOT" "$CACHE_DIR"
  )
  until [[ -e $DIR/run/space.ready ]]; do
    if ! space_pid >/dev/null || ((SECONDS >= deadline)); then
      component_failed space "could not be made"
    fi
    sleep 0.05
  done
}

# cgroup_join_system: puts the calling shell among the node's own processes, beside its pods.
cgroup_join_system() {
  local directory
  while read -r directory; do
    echo "$BASHPID" >"$directory/system/cgroup.procs"
  done < <(cgroup_directories)
}

# space_exec COMMAND...: becomes a command where the node lives, and in its control group.
space_exec() {
  local pid
  pid="$(space_pid)" || die "no node runs in $DIR: run hack/node up"
  # The groups as the host sees them: joined before the view is changed.
  cgroup_join_system
  PATH="$DIR/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
    exec nsenter --target "$pid" --mount --net --uts --cgroup "$@"
}

# space_destroy: ends every process of the node and removes its control group. The namespaces end with their last
# process, and with them all that was made in them.
space_destroy() {
  local deadline=$((SECONDS + 30)) directory pids
  while :; do
    pids="$(cgroup_pids)"
    [[ -n $pids ]] || break
    ((SECONDS < deadline)) || die "processes of the node do not end: $(xargs <<<"$pids")"
    # shellcheck disable=SC2086  # one word for each
    kill -s KILL $pids 2>/dev/null || true
    sleep 0.05
  done
  while read -r directory; do
    [[ -d $directory ]] || continue
    until find "$directory" -depth -type d -exec rmdir {} + 2>/dev/null || [[ ! -d $directory ]]; do
      ((SECONDS < deadline)) || die "$directory cannot be removed"
      sleep 0.05
    done
  done < <(cgroup_directories)
}
