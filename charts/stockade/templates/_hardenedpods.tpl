{{- /* What the policy stockade-hardened-pods takes from the operator's configuration, and what its expressions of CEL
share. Defaults stand here again because the chart passes on only what a values file has. */ -}}

{{- /* The RuntimeClasses of the tiers, as a list of CEL; an empty name is a pod without one. */ -}}
{{- define "stockade.cel.runtimeClasses" -}}
{{- $given := .Values.operator.config.runtimeClasses | default dict -}}
{{- $names := list ($given.Container | default "") ($given.GVisor | default "gvisor") ($given.MicroVM | default "kata") -}}
{{- $names | uniq | toJson -}}
{{- end -}}

{{- /* A key's prefix, which is the expression given as (list $ prefix), is one that a pod may carry. */ -}}
{{- define "stockade.cel.allowedPrefix" -}}
{{- $policy := (index . 0).Values.operator.config.policy | default dict -}}
{{- $prefix := index . 1 -}}
{{- $allowed := list "app.kubernetes.io" "argocd.argoproj.io" "checksum" "config.kubernetes.io" "helm.sh"
  "helm.toolkit.fluxcd.io" "internal.config.kubernetes.io" "kubectl.kubernetes.io" "kustomize.config.k8s.io"
  "kustomize.toolkit.fluxcd.io" "meta.helm.sh" "prometheus.io" -}}
{{- if not (kindIs "invalid" $policy.allowedMetadataPrefixes) -}}
{{- $allowed = $policy.allowedMetadataPrefixes -}}
{{- end -}}
{{- $exact := list "stockade.dev" -}}
{{- $suffixes := list -}}
{{- range $allowed -}}
{{- if hasPrefix "*." . -}}
{{- $suffixes = append $suffixes (trimPrefix "*" .) -}}
{{- else -}}
{{- $exact = append $exact . -}}
{{- end -}}
{{- end -}}
({{ $prefix }} in {{ $exact | toJson }}
{{- range $suffixes }} ||
size({{ $prefix }}) > {{ len . }} && {{ $prefix }}.endsWith({{ . | toJson }})
{{- end }})
{{- end -}}

{{- /* A list of one, the path of the expression given as the runtime resolves it: "/proc/self" of
"//x/../proc/./self". A segment goes with the first ".." after it that takes no other. A path too deep to be judged
counts as one of /proc. */ -}}
{{- define "stockade.cel.cleanPath" -}}
[{{ . }}.split("/").filter(s, !(s in ["", "."]))].map(parts, !(".." in parts) ? parts :
parts.transformList(i, s, s != ".." && !parts.exists(j, t, j > i &&
size(parts.transformList(k, u, k > i && k <= j && u == "..", u)) >
size(parts.transformList(k, u, k > i && k <= j && u != "..", u))), s)).map(kept,
size(kept) > 64 ? "/proc" : "/" + kept.join("/"))
{{- end -}}

{{- /* Where nothing is mounted: over the root, files of the system and of the operator, and credentials. */ -}}
{{- define "stockade.sensitivePath" -}}
^/$|^/etc$|^/(proc|sys|dev|run/secrets|var/run/secrets)(/|$)|{{/**/ -}}
^/etc/(stockade|claude-code|hosts|hostname|resolv\.conf|ld\.so\.(preload|conf|conf\.d|cache))(/|$)|{{/**/ -}}
/\.(ssh|aws|kube|docker|azure|git-credentials|npmrc|pypirc|netrc|gnupg|vault-token|config/(gcloud|gh))(/|$)|{{/**/ -}}
[^/]\.([pP][eE][mM]|[kK][eE][yY])(/|$)
{{- end -}}

{{- /* Keys that container runtimes and identity webhooks read as configuration, whatever prefixes are allowed. */ -}}
{{- define "stockade.runtimeKeys" -}}
^(dev\.gvisor|io\.katacontainers|io\.kubernetes|io\.containerd|io\.podman|io\.crio)\.|{{/**/ -}}
^(org\.systemd\.property|org\.criu|run\.oci|com\.docker|module\.wasm)\.|^aadpodidbinding|{{/**/ -}}
^[^/]*\.(crio\.io|cri-o\.io|nri\.io|nri\.containerd\.io)(/|$)
{{- end -}}

{{- /* A key of a label or annotation that the floor lets a sandbox's pod have. */ -}}
{{- define "stockade.cel.allowedKey" -}}
{{- $key := index . 1 -}}
(!{{ $key }}.matches(r"{{ include "stockade.runtimeKeys" (index . 0) }}") &&
(!{{ $key }}.contains("/") || {{ $key }} == "app.kubernetes.io/managed-by" || [{{ $key }}.split("/")[0]].all(prefix,
{{ include "stockade.cel.allowedPrefix" (list (index . 0) "prefix") }})))
{{- end -}}

{{- define "stockade.digest" -}}
(sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})
{{- end -}}

{{- /* [registry/]repository[:tag][@digest], as libs/policy/image_reference.cc reads it. */ -}}
{{- define "stockade.imageReference" -}}
{{- $label := "[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?" -}}
{{- $component := "[a-z0-9]+((\\.|__?|-+)[a-z0-9]+)*" -}}
^((\[[0-9a-fA-F:]+\]|{{ $label }}(\.{{ $label }})*)(:[0-9]{1,5})?/)?{{/**/ -}}
{{ $component }}(/{{ $component }})*(:[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127})?(@{{ include "stockade.digest" . }})?$
{{- end -}}
