{{- /* The labels of every object of the release. */ -}}
{{- define "stockade.labels" -}}
app.kubernetes.io/name: stockade
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* Is what belongs to the cluster as a whole rendered, and what lies in namespaces? "true" or nothing. */ -}}
{{- define "stockade.clusterPart" -}}
{{- if ne .Values.parts "namespaced" }}true{{ end -}}
{{- end -}}
{{- define "stockade.namespacedPart" -}}
{{- if ne .Values.parts "cluster" }}true{{ end -}}
{{- end -}}
