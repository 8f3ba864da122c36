#!/usr/bin/env bash
# Furnishes the namespaces of the local node from within, then holds them open: hack/lib/node_space.sh runs it as their
# first process.
#
# Usage: node_space_init.sh DIR NODE_NAME NODE_IP KEEP...
#   KEEP   directories that have to be seen as they are, wherever they lie

set -euo pipefail
DIR="$1" NODE_NAME="$2" NODE_IP="$3"
shift 3

# What the node's programs write to at fixed places is a directory below $DIR here.
readonly COVERED=(/run /tmp /var/lib /var/log)

mount --make-rprivate /
for covered in "${COVERED[@]}"; do
  mkdir -p "$DIR/fs$covered"
  for keep in "$DIR" "$@"; do
    if [[ $keep == "$covered"/* && -d $keep ]]; then
      mkdir -p "$DIR/fs$keep"
      mount --bind "$keep" "$DIR/fs$keep"
    fi
  done
done
for covered in "${COVERED[@]}"; do
  mount --rbind "$DIR/fs$covered" "$covered"
done
chmod 1777 /tmp

# /sys as this network namespace has it, with the control groups from the node's own downwards.
groups="$(awk '$3 == "cgroup" || $3 == "cgroup2" {print $2, $3, $4}' /proc/mounts | sort -u)"
umount -R /sys
mount -t sysfs sysfs /sys
[[ $groups == "/sys/fs/cgroup cgroup2 "* ]] || mount -t tmpfs -o mode=755 cgroup /sys/fs/cgroup
while read -r directory type options; do
  mkdir -p "$directory"
  # Of the mount options only the names of the controllers are the hierarchy's.
  options="$(tr ',' '\n' <<<"$options" | grep -vxE 'r[wo]|(rel|no)atime|nosuid|nodev|noexec|nsdelegate|memory_.*' |
    grep -vxE 'xattr|clone_children|release_agent=.*' | paste -sd, || true)"
  mount -t "$type" ${options:+-o "$options"} "$type" "$directory"
  mkdir -p "$directory/system"
  for file in cpuset.cpus cpuset.mems; do
    [[ ! -e $directory/cpuset.mem_exclusive ]] || cat "$directory/$file" >"$directory/system/$file"
  done
  echo $$ >"$directory/system/cgroup.procs"
done <<<"$groups"

# The kubelet sets these for the whole machine; here it sets files.
for setting in vm/overcommit_memory:1 vm/panic_on_oom:0 kernel/panic:10 kernel/panic_on_oops:1 \
  kernel/keys/root_maxkeys:1000000 kernel/keys/root_maxbytes:25000000; do
  path="${setting%:*}"
  mkdir -p "$DIR/fs/sysctl/$(dirname "$path")"
  echo "${setting#*:}" >"$DIR/fs/sysctl/$path"
  mount --bind "$DIR/fs/sysctl/$path" "/proc/sys/$path"
done

hostname "$NODE_NAME"
ip link set lo up
# The way out leads to the other end of a cable, where nobody is.
ip link add node0 type veth peer name outside0
ip address add "$NODE_IP/24" dev node0
ip link set node0 up
ip link set outside0 up
ip route add default dev node0
# The bridge's traffic goes through iptables, or policies between pods of one node would not be asked.
for name in net/ipv4/ip_forward net/bridge/bridge-nf-call-iptables net/bridge/bridge-nf-call-ip6tables; do
  [[ ! -e /proc/sys/$name ]] || echo 1 >"/proc/sys/$name"
done

touch "$DIR/run/space.ready"
exec sleep infinity
