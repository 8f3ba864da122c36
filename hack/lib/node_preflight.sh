# shellcheck shell=bash
# Whether this machine can run the local node. Each check tries the thing itself, in namespaces that end with it, and
# leaves nothing; what is missing is named with its remedy.

PREFLIGHT_MISSING=0

# lacks WHAT REMEDY
lacks() {
  PREFLIGHT_MISSING=$((PREFLIGHT_MISSING + 1))
  fail "this machine lacks $1"
  note "$2"
}

# needs WHAT REMEDY COMMAND...
needs() {
  "${@:3}" >/dev/null 2>&1 || lacks "$1" "$2"
}

# in_network COMMANDS: a shell in a network namespace with a bridge.
in_network() { unshare --net bash -ec "ip link add probe0 type bridge; $1"; }

preflight_packages() {
  local pair package
  # A command or a file, and the Debian package that has it.
  for pair in runc:runc iptables:iptables ipset:ipset conntrack:conntrack ip:iproute2 curl:curl nsenter:util-linux \
    unshare:util-linux openssl:openssl jq:jq debootstrap:debootstrap \
    "$CNI_PLUGINS/bridge:containernetworking-plugins" "$CNI_PLUGINS/portmap:containernetworking-plugins"; do
    package="${pair##*:}"
    command -v "${pair%:*}" >/dev/null || lacks "${pair%:*}" "install the Debian package: apt-get install $package"
  done
}

preflight_cgroups() {
  local directory controller found children=/sys/fs/cgroup/cgroup.subtree_control remedy
  if ! grep -qE ' (cgroup|cgroup2) ' /proc/mounts; then
    lacks "control groups" "mount them: mount -t cgroup2 cgroup2 /sys/fs/cgroup"
    return 0
  fi
  found=" $(awk '$3 == "cgroup" {print $4}' /proc/mounts | tr ',\n' '  ') $(cat "$children" 2>/dev/null || true) "
  for controller in cpu cpuset memory pids; do
    remedy="start the kernel with cgroup_enable=$controller, and mount it"
    [[ ! -e $children ]] || remedy="let groups have it: echo +$controller >$children"
    [[ $found == *" $controller "* ]] || lacks "the control group controller $controller" "$remedy"
  done
  while read -r directory; do
    directory="$(dirname "$directory")"
    # shellcheck disable=SC2016  # for the inner shell
    needs "the right to make control groups in $directory" \
      "mount it writable; in a container, give it its own control group namespace and /sys/fs/cgroup to write to" \
      bash -ec 'mkdir "$0" && rmdir "$0"' "$directory/stockade-preflight-$$"
  done < <(cgroup_directories)
}

preflight_namespaces() {
  needs "the right to make namespaces" "run this outside of containers, or with CAP_SYS_ADMIN" \
    unshare --cgroup --mount --net --uts true
  needs "user namespaces, which gVisor's processes run in" \
    "allow them: sysctl -w user.max_user_namespaces=10000" unshare --user true
}

# overlay_works DIRECTORY: as containerd's snapshots need it.
overlay_works() {
  # shellcheck disable=SC2016  # for the inner shell
  unshare --mount --propagation private bash -ec '
    mkdir "$0"
    trap "rm -rf \"\$0\"" EXIT
    mkdir "$0/lower" "$0/upper" "$0/work" "$0/merged"
    mount -t overlay overlay -o "lowerdir=$0/lower,upperdir=$0/upper,workdir=$0/work" "$0/merged"
    umount "$0/merged"' "$1/.preflight-$$"
}

preflight_files() {
  local free parent="$DIR"
  until [[ -d $parent ]]; do parent="$(dirname "$parent")"; done
  needs "overlay file systems on $parent" "modprobe overlay, or name a --dir on ext4 or xfs" overlay_works "$parent"
  free="$(df --output=avail -k "$parent" | tail -n 1)"
  ((free > 3 * 1024 * 1024)) || lacks "3 GB of free disk in $parent" "free some, or name another --dir"
}

preflight_network() {
  local match
  needs "network bridges" "modprobe bridge" in_network ''
  needs "pairs of virtual network devices" "modprobe veth" in_network 'ip link add veth0 type veth peer name veth1'
  needs "iptables on bridges" "modprobe br_netfilter" in_network 'test -w /proc/sys/net/bridge/bridge-nf-call-iptables'
  for match in 'filter FORWARD -m comment --comment x -j REJECT' 'nat POSTROUTING -j MASQUERADE' \
    'nat PREROUTING -p tcp -m addrtype --dst-type LOCAL -j DNAT --to-destination 192.0.2.1:1' \
    'filter FORWARD -m conntrack --ctstate NEW -m mark --mark 1 -j ACCEPT' \
    'nat POSTROUTING -m statistic --mode random --probability 0.5 -j RETURN' \
    'filter FORWARD -m limit --limit 10/minute -j NFLOG'; do
    needs "iptables -t $match" "modprobe the kernel module of that match or target (xt_NAME, ipt_NAME, nft_compat)" \
      in_network "iptables -t ${match%% *} -A ${match#* }"
  done
  for match in hash:ip hash:net hash:ip,port; do
    needs "ipset $match" "modprobe ip_set_$(tr ':,' '__' <<<"$match" | sed 's/__/_/g') xt_set" \
      in_network "ipset create probe $match; iptables -A FORWARD -m set --match-set probe src -j ACCEPT"
  done
}

preflight() {
  ((EUID == 0)) || die "run this as root: a node makes namespaces, mounts and control groups"
  preflight_packages
  preflight_cgroups
  preflight_namespaces
  preflight_files
  preflight_network
  ((PREFLIGHT_MISSING == 0)) || die "this machine cannot run the node: $PREFLIGHT_MISSING things are missing (above)"
}
