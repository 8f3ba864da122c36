{{- /* Everything that webhook.certificates.mode decides. A further mode is a branch in each of these. */ -}}

{{- /* The section certificates of the webhook's configuration file, as JSON. */ -}}
{{- define "stockade.webhookCertificates" -}}
{{- $certificates := dict -}}
{{- if eq .Values.webhook.certificates.mode "selfManaged" }}
{{- $_ := set $certificates "selfManaged" (dict "namespace" .Release.Namespace
  "secretName" .Values.webhook.certificates.secretName "validatingWebhookConfigurations" (include "stockade.registrations" . | fromJsonArray)) }}
{{- else }}
{{- $_ := set $certificates "certificateFile" "/etc/stockade/certificates/tls.crt" }}
{{- $_ := set $certificates "keyFile" "/etc/stockade/certificates/tls.key" }}
{{- end }}
{{- if .Values.webhook.certificates.clientCAConfigMap }}
{{- $_ := set $certificates "clientCAFile" "/etc/stockade/client-ca/ca.crt" }}
{{- end }}
{{- toJson $certificates -}}
{{- end -}}

{{- /* The names of the ValidatingWebhookConfigurations of the release, as JSON. */ -}}
{{- define "stockade.registrations" -}}
{{- $names := list "stockade" -}}
{{- if .Values.guards.enabled }}{{ $names = append $names "stockade-guards" }}{{ end -}}
{{- toJson $names -}}
{{- end -}}

{{- define "stockade.webhookVolumes" -}}
{{- if ne .Values.webhook.certificates.mode "selfManaged" }}
- name: certificates
  secret:
    secretName: {{ .Values.webhook.certificates.secretName | quote }}
    defaultMode: 0440
    items:
      - {key: tls.crt, path: tls.crt}
      - {key: tls.key, path: tls.key}
{{- end }}
{{- with .Values.webhook.certificates.clientCAConfigMap }}
- name: client-ca
  configMap:
    name: {{ . | quote }}
    items:
      - {key: ca.crt, path: ca.crt}
{{- end }}
{{- end -}}

{{- define "stockade.webhookVolumeMounts" -}}
{{- if ne .Values.webhook.certificates.mode "selfManaged" }}
- {name: certificates, mountPath: /etc/stockade/certificates, readOnly: true}
{{- end }}
{{- if .Values.webhook.certificates.clientCAConfigMap }}
- {name: client-ca, mountPath: /etc/stockade/client-ca, readOnly: true}
{{- end }}
{{- end -}}

{{- /* Does the webhook make its own certificate, wherever it runs? "true" or nothing. */ -}}
{{- define "stockade.selfManagesCertificates" -}}
{{- if and (eq .Values.webhook.certificates.mode "selfManaged") (not .Values.webhook.caBundle) }}true{{ end -}}
{{- end -}}

{{- /* Annotations of the webhook configurations. */ -}}
{{- define "stockade.webhookAnnotations" -}}
{{- if and (include "stockade.deploysWebhook" .) (eq .Values.webhook.certificates.mode "certManager") (not .Values.webhook.caBundle) -}}
cert-manager.io/inject-ca-from: {{ .Release.Namespace }}/stockade-webhook
{{- end -}}
{{- end -}}
