# shellcheck shell=bash
# The processes of the local node besides the control plane, and the files by which all are configured.

readonly NODE_NAME=node-1
readonly NODE_IP=172.30.0.10
readonly POD_CIDR=10.244.0.0/24
readonly POLICY_HEALTH_PORT=20244
readonly CNI_PLUGINS=/usr/lib/cni

# component_options NAME: what a component is told here besides what components.sh tells it.
component_options() {
  case "$1" in
    kube-apiserver)
      printf '%s\n' \
        --bind-address=0.0.0.0 --advertise-address="$NODE_IP" \
        --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction \
        --kubelet-certificate-authority="$DIR/pki/ca.crt" --kubelet-preferred-address-types=InternalIP \
        --kubelet-client-certificate="$DIR/pki/apiserver-kubelet-client.crt" \
        --kubelet-client-key="$DIR/pki/apiserver-kubelet-client.key"
      ;;
    kube-controller-manager)
      printf '%s\n' --allocate-node-cidrs=true --cluster-cidr="${POD_CIDR%/*}/16"
      ;;
    containerd) printf '%s\n' --config="$DIR/config/containerd.toml" ;;
    kubelet)
      printf '%s\n' \
        --config="$DIR/config/kubelet.yaml" --kubeconfig="$DIR/kubeconfigs/kubelet" --root-dir="$DIR/kubelet" \
        --hostname-override="$NODE_NAME" --node-ip="$NODE_IP"
      ;;
    kube-proxy)
      # How many connections the kernel tracks is the host's affair.
      printf '%s\n' \
        --kubeconfig="$DIR/kubeconfigs/$1" --hostname-override="$NODE_NAME" --proxy-mode=iptables \
        --cluster-cidr="$POD_CIDR" --conntrack-max-per-core=0
      ;;
    kube-router)
      printf '%s\n' \
        --kubeconfig="$DIR/kubeconfigs/$1" --hostname-override="$NODE_NAME" \
        --run-firewall=true --run-router=false --run-service-proxy=false \
        --service-cluster-ip-range=10.96.0.0/16 --metrics-port=0 --health-port="$POLICY_HEALTH_PORT"
      ;;
  esac
}

# node_configure: configuration files, certificates and kubeconfigs.
node_configure() {
  local file restrict=true
  # CAP_SYS_RESOURCE is bit 24 of what this process may do.
  (((16#$(awk '/^CapEff:/ {print $2}' /proc/self/status) >> 24) & 1)) && restrict=false
  mkdir -p "$DIR"/{cni,config,kubelet,kubelet-plugins}
  for file in containerd.toml runsc.toml kubelet.yaml; do
    sed -e "s|@DIR@|$DIR|g" -e "s|@CNI@|$CNI_PLUGINS|g" -e "s|@RESTRICT_OOM@|$restrict|g" \
      "$ROOT/hack/config/node/$file" >"$DIR/config/$file"
  done
  sed "s|@POD_CIDR@|$POD_CIDR|g" "$ROOT/hack/config/node/cni.conflist" >"$DIR/cni/10-stockade.conflist"
  # Nobody answers there: names are the affair of whoever installs a DNS server.
  echo 'nameserver 192.0.2.53' >"$DIR/config/resolv.conf"
  pki_server "$DIR/pki/ca" "$DIR/pki/kubelet" "$NODE_NAME" "$NODE_IP" 127.0.0.1
  pki_client "$DIR/pki/ca" "$DIR/pki/apiserver-kubelet-client" apiserver-kubelet-client
  write_kubeconfig "$DIR/kubeconfigs/kubelet" "system:node:$NODE_NAME" system:nodes
  write_kubeconfig "$DIR/kubeconfigs/kube-proxy" system:kube-proxy
  write_kubeconfig "$DIR/kubeconfigs/kube-router" kube-router
}
