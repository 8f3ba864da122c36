# shellcheck shell=bash
# A network namespace for what needs addresses of its own: public ones, a name server, ports below 1024.

# own_network: sets OWN_NETWORK to the command that runs another in a new network namespace, or fails and says why.
own_network() {
  OWN_NETWORK=(unshare --net)
  ((EUID == 0)) || OWN_NETWORK=(unshare --net --map-root-user)
  "${OWN_NETWORK[@]}" ip link set lo up && return 0
  fail "no network namespace can be made here: run it as root, or allow unprivileged user namespaces"
  return 1
}
