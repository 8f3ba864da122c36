{{- /* What values.schema.json cannot say: values that do not go together. Each message says what to write instead. */ -}}
{{- define "stockade.validate" -}}
{{- $reserved := dict
  "operator" (dict "apiVersion" "" "kind" "" "http" "listenAddress" "clusterDomain" "clusterDomain")
  "webhook" (dict "apiVersion" "" "kind" "" "http" "listenAddress" "listen" "listenAddress" "certificates" "webhook.certificates") -}}
{{- range $component, $keys := $reserved -}}
{{- range $key, $value := $keys -}}
{{- if hasKey (index $.Values $component).config $key -}}
{{- fail (printf "%s.config.%s is set by the chart: remove it%s" $component $key (ternary (printf ", and set the value %s" $value) "" (ne $value ""))) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if .Values.operator.publicRoots.configMap -}}
{{- if not .Values.operator.config.egress -}}
{{- fail "operator.publicRoots.configMap is set, and operator.config has no egress, so that no gateway needs public roots: set operator.config.egress.images.proxy, or leave it empty" -}}
{{- end -}}
{{- if hasKey .Values.operator.config.egress "publicRootsFile" -}}
{{- fail "operator.config.egress.publicRootsFile is set by the chart where operator.publicRoots.configMap is: remove one of them" -}}
{{- end -}}
{{- end -}}
{{- if not (regexMatch "^(https://[^/ ]+/?)?$" .Values.webhook.url) -}}
{{- fail (printf "webhook.url is %q: write https://host:port, without a path" .Values.webhook.url) -}}
{{- end -}}
{{- if not (regexMatch "^([A-Za-z0-9+/]+={0,2})?$" .Values.webhook.caBundle) -}}
{{- fail "webhook.caBundle is no base64: give the PEM of the authority, encoded once, as base64 -w0 ca.crt prints it" -}}
{{- end -}}
{{- if and .Values.webhook.caBundle (include "stockade.deploysWebhook" .) (eq .Values.webhook.certificates.mode "selfManaged") -}}
{{- fail "webhook.caBundle is set, and webhook.certificates.mode is selfManaged, in which the webhook sets it: leave it empty, or set the mode to files or certManager" -}}
{{- end -}}
{{- $autoscaling := .Values.webhook.autoscaling -}}
{{- if and $autoscaling.enabled (gt (int $autoscaling.minReplicas) (int $autoscaling.maxReplicas)) -}}
{{- fail (printf "webhook.autoscaling.minReplicas is %v, which is more than maxReplicas, %v: lower the one or raise the other" $autoscaling.minReplicas $autoscaling.maxReplicas) -}}
{{- end -}}
{{- if and (not .Values.webhook.deploy) (not .Values.webhook.url) -}}
{{- fail "webhook.deploy is false and webhook.url is empty, so that nothing would answer the API server: set webhook.url to the https://host:port of the webhook that runs outside the cluster, or webhook.deploy to true" -}}
{{- end -}}
{{- $needed := add (int .Values.webhook.shutdownDelaySeconds) 12 -}}
{{- if lt (int .Values.webhook.terminationGracePeriodSeconds) (int $needed) -}}
{{- fail (printf "webhook.terminationGracePeriodSeconds is %v: set it to %v or more, which is webhook.shutdownDelaySeconds and the 12 seconds in which reviews under way are finished" .Values.webhook.terminationGracePeriodSeconds $needed) -}}
{{- end -}}
{{- if ne .Release.Name "stockade" -}}
{{- $other := lookup "rbac.authorization.k8s.io/v1" "ClusterRole" "" "stockade-operator" -}}
{{- $owner := dig "metadata" "annotations" "meta.helm.sh/release-name" .Release.Name ($other | default dict) -}}
{{- if ne $owner .Release.Name -}}
{{- fail (printf "this cluster has the release %q of Stockade: there can be only one" $owner) -}}
{{- end -}}
{{- end -}}
{{- end -}}
