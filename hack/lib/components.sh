# shellcheck shell=bash
# The processes of a local cluster: how each is started. All state is under $DIR; the ports are in $DIR/ports.

# shellcheck disable=SC2034  # read by hack/cluster
readonly COMPONENTS=(etcd kube-apiserver kube-controller-manager kube-scheduler kwok)

# component_command NAME: prints the command line of a component, one argument to a line.
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
      # kwok's nodes would stay tainted with TaintNodesByCondition, and its pods have no use for a token.
      printf '%s\n' \
        --etcd-servers="http://127.0.0.1:$etcd_port" \
        --bind-address=127.0.0.1 --advertise-address=127.0.0.1 --secure-port="$apiserver_port" \
        --endpoint-reconciler-type=none \
        --tls-cert-file="$DIR/pki/apiserver.crt" --tls-private-key-file="$DIR/pki/apiserver.key" \
        --client-ca-file="$DIR/pki/ca.crt" \
        --authorization-mode=RBAC --allow-privileged=true --profiling=false \
        --disable-admission-plugins=ServiceAccount,TaintNodesByCondition \
        --service-account-issuer=https://kubernetes.default.svc \
        --service-account-signing-key-file="$DIR/pki/sa.key" --service-account-key-file="$DIR/pki/sa.pub" \
        --service-cluster-ip-range=10.96.0.0/16 --service-node-port-range=30000-32767 \
        --audit-policy-file="$ROOT/hack/config/audit-policy.yaml" --audit-log-path="$DIR/logs/audit.log"
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
    kwok)
      # Renewed leases keep the nodes Ready.
      printf '%s\n' \
        --kubeconfig="$DIR/kubeconfigs/$1" --config="$ROOT/hack/config/kwok.yaml" \
        --manage-all-nodes=true --node-ip=192.0.2.1 --node-lease-duration-seconds=40
      ;;
  esac
}

component_pid() { process_pid "$DIR/run/$1"; }

component_start() {
  local command
  mapfile -t command < <(component_command "$1")
  process_start "$DIR/run/$1" "$DIR/logs/$1.log" "${command[@]}"
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
