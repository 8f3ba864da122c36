{{- /* What the guards and the admission policies ask of who asks, as expressions of CEL. */ -}}

{{- define "stockade.operatorUser" -}}
{{- default (printf "system:serviceaccount:%s:stockade-operator" .Release.Namespace) .Values.guards.operatorUser -}}
{{- end -}}

{{- /* Members that are empty are not there at all. */ -}}
{{- define "stockade.cel.subResource" -}}
(has(request.subResource) ? request.subResource : "")
{{- end -}}
{{- define "stockade.cel.name" -}}
(has(request.name) ? request.name : "")
{{- end -}}

{{- /* The deletion of a whole collection names its objects only in oldObject. */ -}}
{{- define "stockade.cel.objectName" -}}
(request.operation == "DELETE" ? oldObject.metadata.name : {{ include "stockade.cel.name" . }})
{{- end -}}

{{- /* What the webhook has no say in passes without a question, also while it is away.
- Finalizers come off what is being deleted: the garbage collector and the namespace controller go on.
- The operator's labels, owners and finalizers, where it leaves the spec alone. The API server counts the generation
  before it asks, and nobody else can write it. */ -}}
{{- define "stockade.notReviewed" -}}
matchConditions:
  - name: spec-or-not-the-operator
    expression: >-
      oldObject == null || !({{ include "stockade.cel.byOperator" . }}) ||
      object.metadata.generation != oldObject.metadata.generation
  - name: more-than-letting-go
    expression: >-
      oldObject == null || !has(oldObject.metadata.deletionTimestamp) || !has(object.metadata.deletionTimestamp) ||
      !has(object.spec) || !has(oldObject.spec) || object.spec != oldObject.spec
{{- end -}}

{{- define "stockade.cel.byOperator" -}}
request.userInfo.username == {{ include "stockade.operatorUser" . | toJson }}
{{- end -}}

{{- /* Those without whom no pod runs and no namespace ends. They go on while the webhook is away; other accounts of
kube-system and those that guards.trustedUsers names ask the webhook. */ -}}
{{- define "stockade.cel.byControlPlane" -}}
(request.userInfo.username in ["system:apiserver", "system:kube-controller-manager", "system:kube-scheduler"] ||
request.userInfo.username.startsWith("system:serviceaccount:kube-system:") &&
request.userInfo.username.substring(34) in ["attachdetach-controller", "disruption-controller",
"ephemeral-volume-controller", "expand-controller", "generic-garbage-collector", "namespace-controller",
"node-controller", "persistent-volume-binder", "pod-garbage-collector", "pvc-protection-controller",
"resource-claim-controller", "selinux-warning-controller", "taint-eviction-controller"])
{{- end -}}

{{- /* By nodes, the control plane and those that do what it does: they write keys that network plugins and the like act
on to the pods of sandboxes, and know when a pod has ended. The webhook knows the same by its own configuration. */ -}}
{{- define "stockade.cel.runsPods" -}}
{{- $guards := .Values.webhook.config.guards | default dict -}}
({{ include "stockade.cel.byNode" . }} || {{ include "stockade.cel.byControlPlane" . }} ||
request.userInfo.username.startsWith("system:serviceaccount:kube-system:")
{{- with $guards.trustedUsers }} ||
request.userInfo.username in {{ toJson . }}
{{- end }}
{{- with $guards.trustedGroups }} ||
has(request.userInfo.groups) && request.userInfo.groups.exists(group, group in {{ toJson . }})
{{- end }})
{{- end -}}

{{- define "stockade.cel.byNode" -}}
(request.userInfo.username.startsWith("system:node:") && has(request.userInfo.groups) &&
"system:nodes" in request.userInfo.groups)
{{- end -}}

{{- /* An AgentSandbox is the controller: of an object or oldObject that there is. */ -}}
{{- define "stockade.cel.ownedBySandbox" -}}
({{ . }} != null && has({{ . }}.metadata.ownerReferences) && {{ . }}.metadata.ownerReferences.exists(owner,
owner.kind == "AgentSandbox" && owner.apiVersion.startsWith("stockade.dev/") && has(owner.controller) &&
owner.controller))
{{- end -}}

{{- /* The references of an object or oldObject that there is to pools and claims. */ -}}
{{- define "stockade.cel.binders" -}}
{{ . }}.metadata.?ownerReferences.orValue([]).filter(owner,
owner.kind in ["AgentSandboxPool", "AgentSandboxClaim"] && owner.apiVersion.startsWith("stockade.dev/"))
{{- end -}}

{{- /* The label of an object or oldObject, as an optional. */ -}}
{{- define "stockade.cel.sandboxLabel" -}}
{{ . }}.metadata.?labels[?"stockade.dev/sandbox"]
{{- end -}}

{{- /* The request is a Binding with keys of the operator's among the labels and annotations for its pod. */ -}}
{{- define "stockade.cel.bindsOurKeys" -}}
(request.kind.kind == "Binding" && [object.metadata.?labels.orValue({}),
object.metadata.?annotations.orValue({})].exists(map, map.exists(key, key.startsWith("stockade.dev/"))))
{{- end -}}

{{- /* Sandboxes and gateways are excluded from a label selector. */ -}}
{{- define "stockade.cel.excludesOurs" -}}
(has({{ . }}.matchExpressions) && ["stockade.dev/sandbox", "stockade.dev/gateway"].all(key,
{{ . }}.matchExpressions.exists(e, e.key == key && e.operator == "DoesNotExist")))
{{- end -}}

{{- /* By the controllers that make a gateway's ReplicaSets and pods out of its Deployment. What they make of it passes
without a question, so that gateways come back while the webhook is away; what they make it of has been judged. */ -}}
{{- define "stockade.cel.byPodMakers" -}}
(request.userInfo.username in ["system:serviceaccount:kube-system:deployment-controller",
"system:serviceaccount:kube-system:replicaset-controller"])
{{- end -}}

{{- /* Of the control plane, these two included. */ -}}
{{- define "stockade.cel.byControllers" -}}
({{ include "stockade.cel.byControlPlane" . }} || {{ include "stockade.cel.byPodMakers" . }})
{{- end -}}

{{- /* The same apart, and with the one account of a control plane whose controllers have none of their own. */ -}}
{{- define "stockade.cel.makersOfReplicaSets" -}}
["system:kube-controller-manager", "system:serviceaccount:kube-system:deployment-controller"]
{{- end -}}
{{- define "stockade.cel.makersOfPods" -}}
["system:kube-controller-manager", "system:serviceaccount:kube-system:replicaset-controller"]
{{- end -}}

{{- /* The pods of an object or oldObject that there is, a workload of any kind, would be those of a gateway. */ -}}
{{- define "stockade.cel.makesGateways" -}}
({{ . }} != null && [{{ . }}.?template, {{ . }}.?spec.?template, {{ . }}.?spec.?jobTemplate.?spec.?template].exists(t,
t.?metadata.?labels[?"stockade.dev/gateway"].hasValue()))
{{- end -}}

{{- /* What every guard's entry of the registration has. */ -}}
{{- define "stockade.guard" -}}
admissionReviewVersions: [v1]
failurePolicy: Fail
matchPolicy: Equivalent
{{- with .Values.watchNamespaces }}
# What is in no namespace is asked about in any case.
namespaceSelector:
  matchExpressions:
    - {key: kubernetes.io/metadata.name, operator: In, values: {{ toJson . }}}
{{- end }}
sideEffects: {{ .sideEffects | default "None" }}
timeoutSeconds: 5
clientConfig:
  {{- if .Values.webhook.url }}
  url: {{ trimSuffix "/" .Values.webhook.url }}/validate/guards
  {{- else }}
  service:
    name: stockade-webhook
    namespace: {{ .Release.Namespace | quote }}
    port: 443
    path: /validate/guards
  {{- end }}
  {{- with .Values.webhook.caBundle }}
  caBundle: {{ . }}
  {{- end }}
{{- end -}}
