# shellcheck shell=bash
# The processes of a local cluster or node: how each is started. All state is under $DIR; the ports are in $DIR/ports.
# The script that sources this file has a function component_options, which prints what it adds to a command line,
# and may put words before every command line: COMPONENT_PREFIX.

COMPONENT_PREFIX=()

# component_command NAME: prints the command line of a component, one argument to a line. The audit log is not split
# where it is long: tests read it from its beginning.
component_command() {
  local etcd_port etcd_peer_port apiserver_port
  read -r etcd_port etcd_peer_port apiserver_port <"$DIR/ports"
  echo "$DIR/bin/$1"
  case "$1" in
    etcd)
      printf '%s\n' \
        --name=local --data-dir="$DIR/etcd" --unsafe-no-fsync --log-level=warn \
        --listen-client-urls="http://127.0.0.1:$etcd_port" \
        --advertise-client-urls="http://127.0.0.1:$etcd_port" \
        --listen-peer-urls="http://127.0.0.1:$etcd_peer_port" \
        --initial-advertise-peer-urls="http://127.0.0.1:$etcd_peer_port" \
        --initial-cluster="local=http://127.0.0.1:$etcd_peer_port"
      ;;
    kube-apiserver)
      printf '%s\n' \
        --etcd-servers="http://127.0.0.1:$etcd_port" \
        --secure-port="$apiserver_port" \
        --tls-cert-file="$DIR/pki/apiserver.crt" --tls-private-key-file="$DIR/pki/apiserver.key" \
        --client-ca-file="$DIR/pki/ca.crt" \
        --allow-privileged=true --profiling=false \
        --service-account-issuer=https://kubernetes.default.svc \
        --service-account-signing-key-file="$DIR/pki/sa.key" --service-account-key-file="$DIR/pki/sa.pub" \
        --service-cluster-ip-range=10.96.0.0/16 --service-node-port-range=30000-32767 \
        --audit-policy-file="$ROOT/hack/config/audit-policy.yaml" --audit-log-path="$DIR/logs/audit.log" \
        --audit-log-maxsize=4096
      ;;
    kube-controller-manager)
      printf '%s\n' \
        --kubeconfig="$DIR/kubeconfigs/$1" --leader-elect=false --secure-port=0 \
        --use-service-account-credentials=true --controllers='*' --profiling=false \
        --service-account-private-key-file="$DIR/pki/sa.key" --root-ca-file="$DIR/pki/ca.crt" \
        --cluster-signing-cert-file="$DIR/pki/ca.crt" --cluster-signing-key-file="$DIR/pki/ca.key" \
        --enable-hostpath-provisioner=true
      ;;
    kube-scheduler)
      printf '%s\n' --kubeconfig="$DIR/kubeconfigs/$1" --leader-elect=false --secure-port=0 --profiling=false
      ;;
  esac
  component_options "$1"
}

component_pid() { process_pid "$DIR/run/$1"; }

component_start() {
  local command
  mapfile -t command < <(component_command "$1")
  process_start "$DIR/run/$1" "$DIR/logs/$1.log" "${COMPONENT_PREFIX[@]}" "${command[@]}"
}

# component_failed NAME WHY: shows the end of a component's log and gives up.
component_failed() {
  fail "$1 $2; the end of $DIR/logs/$1.log:"
  tail -n 20 "$DIR/logs/$1.log" | cut -c 1-400 | sed 's/^/    /' >&2
  exit 1
}

# component_wait NAME SECONDS WHAT COMMAND...: waits until a command succeeds, while the component lives.
component_wait() {
  local name="$1" deadline=$((SECONDS + $2)) what="$3"
  shift 3
  until "$@" >/dev/null 2>&1; do
    component_pid "$name" >/dev/null || component_failed "$name" "ended while starting"
    ((SECONDS < deadline)) || component_failed "$name" "is not $what in time"
    sleep 0.1
  done
}
