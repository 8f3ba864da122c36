# shellcheck shell=bash
# Runs the operator and the webhook beside a local cluster, outside of it but under the identities and the rights that
# the chart gives them. State is in $RUN; the cluster is the one in $CLUSTER.

readonly NAMESPACE=stockade-system
readonly OPERATOR="$ROOT/build/release/operator/stockade-operator"
readonly WEBHOOK="$ROOT/build/release/webhook/stockade-webhook"

kubectl() { "$CLUSTER/bin/kubectl" --kubeconfig "$CLUSTER/kubeconfig" "$@"; }

# stockade_configure: chooses ports and writes certificates, configuration files and kubeconfigs.
stockade_configure() {
  local operator_http webhook_https webhook_http program
  mkdir -p "$RUN/logs"
  read -r operator_http webhook_https webhook_http <<<"$(free_ports 3)"
  echo "$operator_http $webhook_https $webhook_http" >"$RUN/ports"
  "$ROOT/hack/make-certificates" "$RUN/certificates"
  for program in operator webhook; do
    "$ROOT/hack/cluster" kubeconfig --dir "$CLUSTER" --out "$RUN/$program.kubeconfig" \
      --user "system:serviceaccount:$NAMESPACE:stockade-$program" \
      --group system:serviceaccounts --group "system:serviceaccounts:$NAMESPACE"
  done
  cat >"$RUN/operator.yaml" <<YAML
apiVersion: config.stockade.dev/v1alpha1
kind: OperatorConfiguration
http: {address: "127.0.0.1:$operator_http"}
log: {level: info}
runtimeClasses: {GVisor: gvisor}
leaderElection: {namespace: $NAMESPACE}
YAML
  cat >"$RUN/webhook.yaml" <<YAML
apiVersion: config.stockade.dev/v1alpha1
kind: WebhookConfiguration
listen: {address: "127.0.0.1:$webhook_https"}
certificates:
  certificateFile: "$RUN/certificates/tls.crt"
  keyFile: "$RUN/certificates/tls.key"
http: {address: "127.0.0.1:$webhook_http"}
log: {level: info}
YAML
}

# stockade_install: renders the chart for programs that run here and not in the cluster, and applies it.
stockade_install() {
  local webhook_https helm
  read -r _ webhook_https _ <"$RUN/ports"
  helm="$(binary_find helm)"
  "$helm" template stockade "$ROOT/charts/stockade" --namespace "$NAMESPACE" \
    --set runtimeClasses.create.gvisor=runsc --set operator.deploy=false --set webhook.deploy=false \
    --set webhook.url="https://127.0.0.1:$webhook_https" \
    --set webhook.caBundle="$(base64 -w0 "$RUN/certificates/ca.crt")" \
    >"$RUN/chart.yaml" 2>"$RUN/logs/helm.log" || {
    cat "$RUN/logs/helm.log" >&2
    return 1
  }
  kubectl create namespace "$NAMESPACE" --dry-run=client -o yaml | kubectl apply --server-side -f - >/dev/null
  # Server-side, because a CRD is too large to be kept in an annotation once more.
  kubectl apply --server-side --force-conflicts -f "$RUN/chart.yaml" >"$RUN/logs/install.log"
  stockade_wait_for_crd agentsandboxes.stockade.dev
  stockade_wait_for_crd agentsandboxpolicies.stockade.dev
  stockade_wait_for_crd agentsandboxtemplates.stockade.dev
  stockade_wait_for_crd agentsandboxpools.stockade.dev
  stockade_wait_for_crd agentsandboxclaims.stockade.dev
}

# stockade_wait_for_crd NAME: waits until the API server serves a CRD. kubectl wait is an error as long as a new CRD has
# no conditions at all.
stockade_wait_for_crd() {
  local deadline=$((SECONDS + 30))
  until kubectl get crd "$1" -o json |
    jq -e 'any(.status.conditions[]?; .type == "Established" and .status == "True")' >/dev/null; do
    ((SECONDS < deadline)) || die "the API server does not serve $1 after 30 s"
    sleep 0.1
  done
}

# stockade_start: starts both and waits until they say that they are ready.
stockade_start() {
  local operator_http webhook_http
  read -r operator_http _ webhook_http <"$RUN/ports"
  rm -f "$RUN/logs/operator.log" "$RUN/logs/webhook.log"
  process_start "$RUN/webhook.pid" "$RUN/logs/webhook.log" \
    "$WEBHOOK" --config "$RUN/webhook.yaml" --kubeconfig "$RUN/webhook.kubeconfig"
  process_start "$RUN/operator.pid" "$RUN/logs/operator.log" \
    "$OPERATOR" --config "$RUN/operator.yaml" --kubeconfig "$RUN/operator.kubeconfig"
  stockade_wait webhook "$webhook_http"
  stockade_wait operator "$operator_http"
}

# stockade_wait NAME PORT
stockade_wait() {
  local deadline=$((SECONDS + 30)) why=''
  until curl -fsS -o /dev/null --max-time 2 "http://127.0.0.1:$2/readyz" 2>/dev/null; do
    process_pid "$RUN/$1.pid" >/dev/null || why="ended while starting"
    ((SECONDS < deadline)) || why="is not ready after 30 s"
    if [[ -n $why ]]; then
      fail "the $1 $why; the end of $RUN/logs/$1.log:"
      tail -n 20 "$RUN/logs/$1.log" | sed 's/^/    /' >&2
      return 1
    fi
    sleep 0.1
  done
}

stockade_stop() { process_stop 10 "$RUN/operator.pid" "$RUN/webhook.pid"; }
