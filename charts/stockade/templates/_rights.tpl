{{- /* What both programs may do, apart by what is in namespaces and what is not: in a ClusterRole, or in Roles for the
namespaces of watchNamespaces. Each as the list of rules of a role. */ -}}

{{- define "stockade.operatorRules" -}}
# Sandboxes are made for pools and claims, given from one to the other, and deleted with them; others only at the
# end that spec.lifecycle sets.
- apiGroups: [stockade.dev]
  resources: [agentsandboxes]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [stockade.dev]
  resources: [agentsandboxes/status]
  verbs: [patch]
- apiGroups: [stockade.dev]
  resources: [agentsandboxtemplates]
  verbs: [list, watch]
- apiGroups: [stockade.dev]
  resources: [agentsandboxpools]
  verbs: [get, list, watch]
# A finished claim is deleted when its time is over.
- apiGroups: [stockade.dev]
  resources: [agentsandboxclaims]
  verbs: [get, list, watch, delete]
- apiGroups: [stockade.dev]
  resources: [agentsandboxpools/status, agentsandboxclaims/status]
  verbs: [patch]
# Owner references that block the owner's deletion need this under OwnerReferencesPermissionEnforcement.
- apiGroups: [stockade.dev]
  resources: [agentsandboxes/finalizers, agentsandboxclaims/finalizers, agentsandboxpools/finalizers]
  verbs: [update]
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, watch, create, update, delete]
# Never deleted by the operator: claims go with their owner, or stay.
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [get, list, watch, create, update]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, list, watch, create, update, delete]
{{- if .Values.operator.config.egress }}
# Egress gateways.
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, update, delete]
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch, create, update, delete]
# Certificates of sandboxes and gateways are written and never read: both verbs answer with what was just written.
# They go with their owner.
- apiGroups: [""]
  resources: [secrets]
  verbs: [create, update]
- apiGroups: [""]
  resources: [serviceaccounts]
  verbs: [create]
- apiGroups: [""]
  resources: [serviceaccounts]
  resourceNames: [stockade-gateway]
  verbs: [delete]
{{- end }}
# What users are told in the namespaces of their sandboxes, and what the webhook tells of those who enter one.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [list, watch, create, patch]
{{- end -}}

{{- define "stockade.operatorClusterRules" -}}
# Which policies apply where, and what came of them.
- apiGroups: [stockade.dev]
  resources: [agentsandboxpolicies]
  verbs: [list, watch]
- apiGroups: [stockade.dev]
  resources: [agentsandboxpolicies/status]
  verbs: [patch]
- apiGroups: [""]
  resources: [namespaces]
  verbs: [list, watch]
- apiGroups: [node.k8s.io]
  resources: [runtimeclasses]
  verbs: [list, watch]
{{- end -}}

{{- /* Which pods of sandboxes there are, and what a sandbox allows. */ -}}
{{- define "stockade.webhookRules" -}}
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
- apiGroups: [stockade.dev]
  resources: [agentsandboxes]
  verbs: [list, watch]
- apiGroups: [authorization.k8s.io]
  resources: [{{ ternary "localsubjectaccessreviews" "subjectaccessreviews" (not (empty .Values.watchNamespaces)) }}]
  verbs: [create]
# That somebody enters a sandbox which is suspended when it is idle; nothing is read.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}

{{- define "stockade.webhookClusterRules" -}}
- apiGroups: [""]
  resources: [namespaces]
  verbs: [list, watch]
- apiGroups: [stockade.dev]
  resources: [agentsandboxpolicies]
  verbs: [list, watch]
{{- end -}}

{{- /* Roles with the rules of a component in each namespace of watchNamespaces: (list $ component). */ -}}
{{- define "stockade.namespaceRoles" -}}
{{- $root := index . 0 -}}
{{- $component := index . 1 -}}
{{- range $namespace := $root.Values.watchNamespaces }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: stockade-{{ $component }}-sandboxes
  namespace: {{ $namespace | quote }}
  labels:
    {{- include "stockade.labels" $root | nindent 4 }}
rules:
  {{- include (printf "stockade.%sRules" $component) $root | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: stockade-{{ $component }}-sandboxes
  namespace: {{ $namespace | quote }}
  labels:
    {{- include "stockade.labels" $root | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: stockade-{{ $component }}-sandboxes
subjects:
  - kind: ServiceAccount
    name: stockade-{{ $component }}
    namespace: {{ $root.Release.Namespace | quote }}
{{- end }}
{{- end -}}
