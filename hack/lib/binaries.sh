# shellcheck shell=bash
# The programs of the local cluster and of the local node. Each is built once from a pinned Go module under hack/tools
# and kept in the cache by version; one of exactly that version in $KUBEBUILDER_ASSETS or on the PATH saves the
# building.

# name, group (a directory of hack/tools), module that carries the version, package (one that begins with / lies in that
# module)
readonly BINARIES='
kube-apiserver          kubernetes k8s.io/kubernetes        k8s.io/kubernetes/cmd/kube-apiserver
kube-controller-manager kubernetes k8s.io/kubernetes        k8s.io/kubernetes/cmd/kube-controller-manager
kube-scheduler          kubernetes k8s.io/kubernetes        k8s.io/kubernetes/cmd/kube-scheduler
kubectl                 kubernetes k8s.io/kubernetes        k8s.io/kubernetes/cmd/kubectl
kubelet                 kubernetes k8s.io/kubernetes        k8s.io/kubernetes/cmd/kubelet
kube-proxy              kubernetes k8s.io/kubernetes        k8s.io/kubernetes/cmd/kube-proxy
etcd                    etcd       go.etcd.io/etcd/server/v3 go.etcd.io/etcd/server/v3
kwok                    kwok       sigs.k8s.io/kwok         sigs.k8s.io/kwok/cmd/kwok
helm                    helm       helm.sh/helm/v3          helm.sh/helm/v3/cmd/helm
containerd              containerd github.com/containerd/containerd/v2 /cmd/containerd
containerd-shim-runc-v2 containerd github.com/containerd/containerd/v2 /cmd/containerd-shim-runc-v2
ctr                     containerd github.com/containerd/containerd/v2 /cmd/ctr
runsc                   gvisor     gvisor.dev/gvisor        /runsc
containerd-shim-runsc-v1 gvisor    gvisor.dev/gvisor        ./containerd-shim-runsc-v1
kube-router             kube-router github.com/cloudnativelabs/kube-router/v2 /cmd/kube-router
kubeconform             kubeconform github.com/yannh/kubeconform github.com/yannh/kubeconform/cmd/kubeconform
kustomize               kustomize  sigs.k8s.io/kustomize/kustomize/v5 sigs.k8s.io/kustomize/kustomize/v5
'

binary_names() { awk 'NF {print $1}' <<<"$BINARIES"; }
binary_field() { awk -v name="$1" -v field="$2" '$1 == name {print $field}' <<<"$BINARIES"; }
binary_package() { awk -v name="$1" '$1 == name {print $4 ~ /^[/]/ ? $3 $4 : $4}' <<<"$BINARIES"; }

# binary_version NAME: the version that hack/tools/<group>/go.mod pins, with its v.
binary_version() {
  local group module
  group="$(binary_field "$1" 2)"
  module="$(binary_field "$1" 3)"
  awk -v module="$module" '{sub(/^require /, "")} $1 == module && $2 ~ /^v/ {print $2; exit}' \
    "$ROOT/hack/tools/$group/go.mod"
}

binary_cache_path() { echo "$CACHE_DIR/bin/$1-$(binary_version "$1")/$1"; }

# binary_has_version PATH NAME: does this program say that it is the version we want?
binary_has_version() {
  local ask=() said version
  case "$2" in
    kubectl) ask=(version --client) ;;
    helm) ask=(version --short) ;;
    kubeconform) ask=(-v) ;;
    kustomize) ask=(version) ;;
    *) ask=(--version) ;;
  esac
  version="$(binary_version "$2")"
  said="$("$1" "${ask[@]}" 2>/dev/null)" || return 1
  grep -qE "(^|[^0-9.])v?${version#v}([^0-9A-Za-z.-]|$)" <<<"$said"
}

# binary_find NAME: prints the path of a program of the wanted version, or fails.
binary_find() {
  local cached candidate
  cached="$(binary_cache_path "$1")"
  if [[ -x $cached ]]; then
    echo "$cached"
    return 0
  fi
  for candidate in "${KUBEBUILDER_ASSETS:+$KUBEBUILDER_ASSETS/$1}" "$(command -v "$1" || true)"; do
    if [[ -n $candidate && -x $candidate ]] && binary_has_version "$candidate" "$1"; then
      realpath "$candidate"
      return 0
    fi
  done
  return 1
}

# binary_linker_flags GROUP VERSION: what makes a program built from a module tell its version.
binary_linker_flags() {
  local minor="${2#v*.}"
  case "$1" in
    kubernetes)
      local package=k8s.io/component-base/version
      echo "-X $package.gitVersion=$2 -X $package.gitMajor=1 -X $package.gitMinor=${minor%%.*}" \
        "-X $package.gitTreeState=clean"
      ;;
    containerd) echo "-X github.com/containerd/containerd/v2/version.Version=$2" ;;
    gvisor) echo "-X gvisor.dev/gvisor/runsc/version.version=$2" ;;
    kube-router) echo "-X github.com/cloudnativelabs/kube-router/v2/pkg/version.Version=$2" ;;
    kwok) echo "-X sigs.k8s.io/kwok/pkg/consts.Version=$2" ;;
    kubeconform) echo "-X main.version=$2" ;;
    kustomize) echo "-X sigs.k8s.io/kustomize/api/provenance.version=$2" ;;
    helm)
      # The Kubernetes that helm supposes where no cluster is asked: that of its client library.
      minor="$(awk '$1 == "k8s.io/client-go" {print $2}' "$ROOT/hack/tools/helm/go.mod")"
      minor="${minor#v0.}"
      echo "-X helm.sh/helm/v3/internal/version.version=$2" \
        "-X helm.sh/helm/v3/pkg/"{chartutil,lint/rules}".k8sVersionMajor=1" \
        "-X helm.sh/helm/v3/pkg/"{chartutil,lint/rules}".k8sVersionMinor=${minor%%.*}"
      ;;
  esac
}

# binaries_build GROUP NAME...: builds programs of one group into the cache. The caller holds the group's lock.
binaries_build() {
  local group="$1" version go target name packages=()
  shift
  version="$(binary_version "$1")"
  go="$(find_go)" || die "no Go 1.21 or later: run hack/install-dependencies"
  for name in "$@"; do packages+=("$(binary_package "$name")"); done

  mkdir -p "$CACHE_DIR/bin"
  BUILD_DIR="$(mktemp -d "$CACHE_DIR/bin/.build-XXXXXX")"
  trap 'rm -rf "$BUILD_DIR"' EXIT
  target="$BUILD_DIR/"
  (($# > 1)) || target="$BUILD_DIR/$1"
  note "once for each version; the sources are fetched as the Go module $(binary_field "$1" 3)@$version"
  run_logged "Building $* $version" "$CACHE_DIR/logs/build-$group.log" \
    env CGO_ENABLED=0 GOWORK=off GOFLAGS= GOTOOLCHAIN="${GOTOOLCHAIN:-auto}" \
    nice "$go" -C "$ROOT/hack/tools/$group" build -mod=readonly -trimpath -buildvcs=false \
    -ldflags "-s -w $(binary_linker_flags "$group" "$version")" -o "$target" "${packages[@]}" || return 1
  for name in "$@"; do
    mkdir -p "$CACHE_DIR/bin/$name-$version"
    mv "$BUILD_DIR/$name" "$CACHE_DIR/bin/$name-$version/$name"
  done
  rm -rf "$BUILD_DIR"
}

# binaries_ensure NAME...: sees to it that binary_find finds each of them.
binaries_ensure() {
  local name group missing=()
  for name in "$@"; do
    binary_find "$name" >/dev/null || missing+=("$name")
  done
  ((${#missing[@]} > 0)) || return 0
  mkdir -p "$CACHE_DIR/bin"
  for group in $(for name in "${missing[@]}"; do binary_field "$name" 2; done | sort -u); do
    (
      started=$SECONDS
      until flock -w 10 9; do
        note "another process is building $group; waiting... $((SECONDS - started)) s"
      done
      wanted=()
      for name in "${missing[@]}"; do
        [[ $(binary_field "$name" 2) == "$group" ]] || continue
        binary_find "$name" >/dev/null || wanted+=("$name")
      done
      ((${#wanted[@]} == 0)) || binaries_build "$group" "${wanted[@]}"
    ) 9>"$CACHE_DIR/bin/.lock-$group"
  done
}
