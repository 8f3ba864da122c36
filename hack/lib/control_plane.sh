# shellcheck shell=bash
# What hack/cluster and hack/node have in common: the commands on single components, and access to the API server.
# $DIR holds everything; COMPONENTS are the components in the order in which they start.

require_cluster() { [[ -e $DIR/ports ]] || die "no cluster in $DIR: run hack/${0##*/} up"; }

server_url() {
  local port
  read -r _ _ port <"$DIR/ports"
  echo "https://127.0.0.1:$port"
}

kubectl() { "$DIR/bin/kubectl" --kubeconfig "$DIR/kubeconfig" "$@"; }

# write_kubeconfig FILE USER GROUP...
write_kubeconfig() {
  local file="$1" user="$2" pair
  pair="$(mktemp -d "$DIR/pki/client-XXXXXX")"
  pki_client "$DIR/pki/ca" "$pair/client" "$user" "${@:3}"
  (
    umask 077
    cat >"$file.new" <<YAML
apiVersion: v1
kind: Config
clusters:
  - name: stockade
    cluster:
      server: $(server_url)
      certificate-authority-data: $(base64 -w0 "$DIR/pki/ca.crt")
users:
  - name: "$user"
    user:
      client-certificate-data: $(base64 -w0 "$pair/client.crt")
      client-key-data: $(base64 -w0 "$pair/client.key")
contexts:
  - name: stockade
    context: {cluster: stockade, user: "$user"}
current-context: stockade
YAML
  )
  rm -rf "$pair"
  mv "$file.new" "$file"
}

start_components() {
  local name
  for name in "$@"; do
    component_pid "$name" >/dev/null && continue
    component_start "$name"
    [[ $name != kube-apiserver ]] || component_wait kube-apiserver 60 ready kubectl get --raw /readyz
  done
}

all_running() {
  local name
  for name in "${COMPONENTS[@]}"; do
    component_pid "$name" >/dev/null || return 1
  done
}

command_status() {
  local name pid failed=0
  require_cluster
  echo "$(server_url) in $DIR"
  for name in "${COMPONENTS[@]}"; do
    if pid="$(component_pid "$name")"; then
      printf '%-24s running, pid %s\n' "$name" "$pid"
    else
      printf '%-24s not running\n' "$name"
      failed=1
    fi
  done
  return "$failed"
}

command_env() {
  require_cluster
  printf 'export KUBECONFIG=%q\n' "$DIR/kubeconfig"
  printf 'export PATH=%q:"%s"\n' "$DIR/bin" "\$PATH"
}

command_kubeconfig() {
  require_cluster
  [[ -n $USER_NAME && -n $OUT ]] || die "kubeconfig needs --user NAME and --out FILE"
  write_kubeconfig "$OUT" "$USER_NAME" "${GROUPS_OF_USER[@]}"
}

# chosen_components: checks the component names of stop, kill and start.
chosen_components() {
  local name
  require_cluster
  ((${#WORDS[@]} > 0)) || die "name a component: ${COMPONENTS[*]}"
  for name in "${WORDS[@]}"; do
    [[ " ${COMPONENTS[*]} " == *" $name "* ]] || die "no component $name: there are ${COMPONENTS[*]}"
  done
}

command_stop() {
  chosen_components
  process_stop 3 "${WORDS[@]/#/$DIR/run/}"
}

command_kill() {
  chosen_components
  process_signal KILL "${WORDS[@]/#/$DIR/run/}"
  process_stop 0 "${WORDS[@]/#/$DIR/run/}"
}

command_start() {
  chosen_components
  start_components "${WORDS[@]}"
}
