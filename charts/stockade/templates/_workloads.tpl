{{- /* What the Deployments of the operator and the webhook share. Where "component" is said, it is the name of a section
of the values: operator or webhook. */ -}}

{{- /* Does the component run in this cluster? "true" or nothing. */ -}}
{{- define "stockade.deploysOperator" -}}
{{- if .Values.operator.deploy }}true{{ end -}}
{{- end -}}
{{- define "stockade.deploysWebhook" -}}
{{- if and .Values.webhook.deploy (not .Values.webhook.url) }}true{{ end -}}
{{- end -}}

{{- /* Called with (list $ component). */ -}}
{{- define "stockade.selectorLabels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: stockade
app.kubernetes.io/instance: {{ $root.Release.Name | quote }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- define "stockade.componentLabels" -}}
{{ include "stockade.labels" (index . 0) }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- define "stockade.image" -}}
{{- $root := index . 0 -}}
{{- $image := (index $root.Values (index . 1)).image -}}
{{- with $root.Values.image.registry }}{{ trimSuffix "/" . }}/{{ end -}}
{{ $image.repository }}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ default $root.Chart.AppVersion $image.tag }}{{ end -}}
{{- end -}}

{{- define "stockade.podSecurityContext" -}}
runAsNonRoot: true
{{- range $key := list "runAsUser" "runAsGroup" "fsGroup" }}
{{- $id := index $.Values.podSecurity $key }}
{{- if not (kindIs "invalid" $id) }}
{{ $key }}: {{ int64 $id }}
{{- end }}
{{- end }}
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "stockade.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- /* A component's configuration file: (list $ component kind fields-of-the-chart). What the chart must know, such as
ports, cannot be overridden. JSON, which is YAML, because helm would write large numbers with an exponent. */ -}}
{{- define "stockade.config" -}}
{{- $root := index . 0 -}}
{{- $given := deepCopy (index $root.Values (index . 1)).config -}}
{{- $head := dict "apiVersion" "config.stockade.dev/v1alpha1" "kind" (index . 2) -}}
{{- mustMergeOverwrite $given $head (index . 3) | toPrettyJson -}}
{{- end -}}

{{- /* Beside /etc/stockade, which is a volume itself. */ -}}
{{- define "stockade.publicRootsDirectory" -}}/etc/stockade-public-roots{{- end -}}
{{- define "stockade.publicRootsFile" -}}
{{ include "stockade.publicRootsDirectory" . }}/public-roots.crt
{{- end -}}

{{- define "stockade.operatorConfig" -}}
{{- $fields := dict
  "http" (dict "address" (printf "%s:8081" .Values.listenAddress))
  "clusterDomain" .Values.clusterDomain
  "leaderElection" (dict "enabled" true "namespace" .Release.Namespace) -}}
{{- with .Values.watchNamespaces }}{{ $_ := set $fields "watchNamespaces" . }}{{ end -}}
{{- /* With gateways, images of this release where none are given; Envoy's has no default. */ -}}
{{- with .Values.operator.config.egress -}}
{{- $images := dict -}}
{{- range $name := list "canary" "credentials" -}}
{{- if not (index ($.Values.operator.config.egress.images | default dict) $name) -}}
{{- $registry := ternary "" (printf "%s/" (trimSuffix "/" $.Values.image.registry)) (empty $.Values.image.registry) -}}
{{- $_ := set $images $name (printf "%sstockade-%s:%s" $registry $name $.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}
{{- $egress := dict "images" $images -}}
{{- if $.Values.operator.publicRoots.configMap -}}
{{- $_ := set $egress "publicRootsFile" (include "stockade.publicRootsFile" $) -}}
{{- end -}}
{{- $_ := set $fields "egress" $egress -}}
{{- end -}}
{{- include "stockade.config" (list . "operator" "OperatorConfiguration" $fields) -}}
{{- end -}}

{{- /* What both programs judge by, as operator.config has it, as JSON: the webhook gets the same, or it would refuse what
the operator makes, or let pass what the operator then refuses. webhook.config has none of it, or the same:
stockade.validateShared. */ -}}
{{- define "stockade.sharedConfig" -}}
{{- $given := .Values.operator.config -}}
{{- $shared := dict -}}
{{- with $given.runtimeClasses }}{{ $_ := set $shared "runtimeClasses" . }}{{ end -}}
{{- with $given.policy }}{{ $_ := set $shared "policy" . }}{{ end -}}
{{- with ($given.defaults | default dict).limits }}{{ $_ := set $shared "defaults" (dict "limits" .) }}{{ end -}}
{{- toJson $shared -}}
{{- end -}}

{{- define "stockade.webhookConfig" -}}
{{- $fields := dict
  "listen" (dict "address" (printf "%s:8443" .Values.listenAddress))
  "http" (dict "address" (printf "%s:8082" .Values.listenAddress))
  "certificates" (include "stockade.webhookCertificates" . | fromJson)
  "guards" (dict "operatorUser" (include "stockade.operatorUser" .)) -}}
{{- with .Values.watchNamespaces }}{{ $_ := set $fields "watchNamespaces" . }}{{ end -}}
{{- $fields = mergeOverwrite (include "stockade.sharedConfig" . | fromJson) $fields -}}
{{- include "stockade.config" (list . "webhook" "WebhookConfiguration" $fields) -}}
{{- end -}}

{{- /* Where pods go: (list $ component). */ -}}
{{- define "stockade.placement" -}}
{{- $root := index . 0 -}}
{{- $values := index $root.Values (index . 1) -}}
{{- with $values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
affinity:
  {{- if $values.affinity }}
  {{- toYaml $values.affinity | nindent 2 }}
  {{- else }}
  {{- /* Zones by affinity and nodes by a spread constraint: nodes that lack the label of one constraint are left out of
  the others as well, and clusters without zones would get no spread at all. */}}
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 50
        podAffinityTerm:
          topologyKey: topology.kubernetes.io/zone
          labelSelector:
            matchLabels:
              {{- include "stockade.selectorLabels" . | nindent 14 }}
  {{- end }}
topologySpreadConstraints:
  {{- if $values.topologySpreadConstraints }}
  {{- toYaml $values.topologySpreadConstraints | nindent 2 }}
  {{- else }}
  - topologyKey: kubernetes.io/hostname
    maxSkew: 1
    whenUnsatisfiable: ScheduleAnyway
    {{- /* Of the same version: else a rolling update leaves the new pods where the old ones were not. */}}
    matchLabelKeys: [pod-template-hash]
    labelSelector:
      matchLabels:
        {{- include "stockade.selectorLabels" . | nindent 8 }}
  {{- end }}
{{- end -}}

{{- /* Labels and annotations of the pods: (list $ component checksum). */ -}}
{{- define "stockade.podMetadata" -}}
{{- $root := index . 0 -}}
{{- $component := index . 1 -}}
{{- $values := index $root.Values $component -}}
labels:
  {{- with $values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- include "stockade.selectorLabels" (list $root $component) | nindent 2 }}
annotations:
  {{- with $values.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- /* The configuration is read once, at the start. */}}
  checksum/config: {{ index . 2 | sha256sum }}
{{- end -}}

{{- define "stockade.imagePullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "stockade.probes" -}}
livenessProbe:
  httpGet: {path: /healthz, port: http}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /readyz, port: http}
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 2
{{- end -}}

{{- /* A pod that runs the operator's program once, for a hook: (list $ argument...). */ -}}
{{- define "stockade.onceSpec" -}}
{{- $root := index . 0 -}}
securityContext:
  {{- include "stockade.podSecurityContext" $root | nindent 2 }}
{{- with include "stockade.imagePullSecrets" $root }}
{{ . }}
{{- end }}
{{- with $root.Values.operator.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.operator.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
containers:
  - name: once
    image: {{ include "stockade.image" (list $root "operator") }}
    imagePullPolicy: {{ $root.Values.image.pullPolicy }}
    args: {{ rest . | toJson }}
    # What it says in the end is the pod's status, where it outlives the log.
    terminationMessagePolicy: FallbackToLogsOnError
    securityContext:
      {{- include "stockade.containerSecurityContext" $root | nindent 6 }}
    resources:
      requests: {cpu: 10m, memory: 32Mi}
      limits: {memory: 128Mi}
{{- end -}}
