{{- /* What values.schema.json cannot say, or not in words that help: texts that are not of their form, and values that do
not go together. Each message names the value and says what to write instead. */ -}}

{{- /* Texts: the value, what it has to match, and what to write. Of a list each entry is meant. */ -}}
{{- define "stockade.forms" -}}
{{- $name := "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$" -}}
{{- $classWords := "write the name of a PriorityClass, such as system-cluster-critical, or leave it empty" -}}
{{- $nameOrEmpty := "^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$" -}}
{{- $duration := "^([0-9]+(h|m|s))+$" -}}
{{- $interval := "^[0-9]+(ms|s|m|h)$" -}}
{{- $image := "^([a-z0-9][a-z0-9.-]*(:[0-9]+)?/)?[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$" -}}
{{- $tag := "^([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?$" -}}
{{- $digest := "^(sha256:[0-9a-f]{64})?$" -}}
{{- $imageWords := "write the image's name in lower case, without a tag or a digest, which have values of their own" -}}
{{- $tagWords := "write a tag such as 0.1.0, or leave it empty for the chart's own version" -}}
{{- $digestWords := "write sha256: and 64 hexadecimal digits, or leave it empty to go by the tag" -}}
{{- $durationWords := "write hours, minutes and seconds, such as 2160h or 1h30m; there is no unit for days" -}}
{{- $intervalWords := "write one number with ms, s, m or h, such as 30s" -}}
{{- $share := "^([0-9]+|[0-9]+%)$" -}}
{{- $shareWords := "write a number of pods, or a percentage such as 50%" -}}
{{- list
  (list "image.registry" "^([A-Za-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._/-]*)?)?$" "write HOST[:PORT][/PATH] without https://, such as registry.example.com/platform")
  (list "watchNamespaces" "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$" "write the name of a namespace, such as team-a")
  (list "operator.image.repository" $image $imageWords)
  (list "operator.image.tag" $tag $tagWords)
  (list "operator.image.digest" $digest $digestWords)
  (list "webhook.image.repository" $image $imageWords)
  (list "webhook.image.tag" $tag $tagWords)
  (list "webhook.image.digest" $digest $digestWords)
  (list "operator.priorityClassName" $nameOrEmpty $classWords)
  (list "webhook.priorityClassName" $nameOrEmpty $classWords)
  (list "operator.publicRoots.configMap" $nameOrEmpty "write the name of a ConfigMap in the release's namespace, or leave it empty")
  (list "operator.publicRoots.key" "^[-._a-zA-Z0-9]{1,253}$" "write a key of that ConfigMap, such as ca.crt")
  (list "operator.podDisruptionBudget.maxUnavailable" $share $shareWords)
  (list "webhook.podDisruptionBudget.minAvailable" $share $shareWords)
  (list "webhook.url" "^(https://[^/ ]+/?)?$" "write https://host:port, without a path")
  (list "webhook.certificates.secretName" $name "write the name of a Secret, such as stockade-webhook-tls")
  (list "webhook.certificates.clientCAConfigMap" $nameOrEmpty "write the name of a ConfigMap in the release's namespace, or leave it empty")
  (list "webhook.certificates.certManager.duration" $duration $durationWords)
  (list "webhook.certificates.certManager.renewBefore" $duration $durationWords)
  (list "listenAddress" "^((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])([.](25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])){3}|\\[[0-9a-f:]+\\])$" "write an IPv4 address, or an IPv6 address in brackets: \"[::]\" listens on both families")
  (list "clusterDomain" $name "write the cluster's DNS domain, such as cluster.local")
  (list "networkPolicy.apiServerCIDRs" "^[0-9a-fA-F.:]+/[0-9]+$" "write an address with the length of its prefix, such as 10.0.0.1/32")
  (list "flowSchema.priorityLevel" $name "write the name of a PriorityLevelConfiguration, such as workload-high")
  (list "monitoring.serviceMonitor.interval" $interval $intervalWords)
  (list "monitoring.serviceMonitor.scrapeTimeout" $interval $intervalWords)
  | toJson -}}
{{- end -}}

{{- /* The same of the configuration of both programs, whose fields need not be there. A file that a program refuses
would keep it from starting, with the webhook already registered. */ -}}
{{- define "stockade.configForms" -}}
{{- $name := "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$" -}}
{{- $class := "write the name of a RuntimeClass, such as gvisor" -}}
{{- $size := "^([0-9]*[1-9][0-9]*([.][0-9]*)?|[0-9]*[.][0-9]*[1-9][0-9]*)([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]+)?$" -}}
{{- $sizeWords := "write a quantity above zero, such as 2, 500m or 1Gi" -}}
{{- list
  (list "runtimeClasses.Container" "^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$" $class)
  (list "runtimeClasses.GVisor" $name $class)
  (list "runtimeClasses.MicroVM" $name $class)
  (list "defaults.home" "^/" "write an absolute path, such as /home/agent")
  (list "defaults.tmpSize" $size $sizeWords)
  (list "defaults.homeSize" $size $sizeWords)
  (list "defaults.scratchSize" $size $sizeWords)
  (list "defaults.requests.cpu" $size $sizeWords)
  (list "defaults.requests.memory" $size $sizeWords)
  (list "defaults.requests.ephemeral-storage" $size $sizeWords)
  (list "defaults.limits.cpu" $size $sizeWords)
  (list "defaults.limits.memory" $size $sizeWords)
  (list "defaults.limits.ephemeral-storage" $size $sizeWords)
  (list "egress.clusterRanges" "^[0-9a-fA-F.:]+/[0-9]+$" "write a range of addresses, such as 10.0.0.0/8")
  (list "egress.resolvers" "^([0-9]+([.][0-9]+){3}|[0-9a-fA-F]*:[0-9a-fA-F:.]*)$" "write an IP address")
  (list "egress.trustDomain" $name "write a DNS name, such as stockade.local")
  | toJson -}}
{{- end -}}

{{- /* One row: the values, the path of what is looked at, and the row. What is not there has any form. */ -}}
{{- define "stockade.validateForm" -}}
{{- $value := index . 0 -}}
{{- $path := index . 1 -}}
{{- $row := index . 2 -}}
{{- range splitList "." $path -}}
{{- if kindIs "map" $value -}}{{- $value = index $value . -}}{{- end -}}
{{- end -}}
{{- if not (kindIs "invalid" $value) -}}
{{- $isList := kindIs "slice" $value -}}
{{- range $number, $text := ternary $value (list $value) $isList -}}
{{- if not (regexMatch (index $row 1) (toString $text)) -}}
{{- fail (printf "%s%s is %q: %s" $path (ternary (printf "[%d]" $number) "" $isList) (toString $text) (index $row 2)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "stockade.validateForms" -}}
{{- range $row := include "stockade.forms" . | fromJsonArray -}}
{{- include "stockade.validateForm" (list $.Values (index $row 0) $row) -}}
{{- end -}}
{{- range $row := include "stockade.configForms" . | fromJsonArray -}}
{{- range $component := list "operator" "webhook" -}}
{{- include "stockade.validateForm" (list $.Values (printf "%s.config.%s" $component (index $row 0)) $row) -}}
{{- end -}}
{{- end -}}
{{- range $class, $handler := .Values.runtimeClasses.create -}}
{{- if not (regexMatch "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$" $class) -}}
{{- fail (printf "runtimeClasses.create has the key %q: write the name of a RuntimeClass in lower case, such as gvisor" $class) -}}
{{- end -}}
{{- if not (regexMatch "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$" $handler) -}}
{{- fail (printf "runtimeClasses.create.%s is %q: write the handler's name in the nodes' container runtime, such as runsc" $class $handler) -}}
{{- end -}}
{{- end -}}
{{- range $number, $secret := .Values.image.pullSecrets -}}
{{- if not (regexMatch "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$" $secret.name) -}}
{{- fail (printf "image.pullSecrets[%d].name is %q: write the name of a Secret in the release's namespace" $number $secret.name) -}}
{{- end -}}
{{- end -}}
{{- $alerts := list -}}
{{- range (.Files.Get "files/alerts.yaml" | fromYaml).groups -}}
{{- range .rules -}}{{- $alerts = append $alerts .alert -}}{{- end -}}
{{- end -}}
{{- range .Values.monitoring.prometheusRule.disabled -}}
{{- if not (has . $alerts) -}}
{{- fail (printf "monitoring.prometheusRule.disabled has %q: the alerts are %s" . (join ", " $alerts)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* Fields of the configuration files that the chart sets, and by what value. */ -}}
{{- define "stockade.validateConfig" -}}
{{- $reserved := list
  (list "operator" "apiVersion" "") (list "operator" "kind" "") (list "operator" "http" "listenAddress")
  (list "operator" "clusterDomain" "clusterDomain")
  (list "operator" "watchNamespaces" "watchNamespaces") (list "webhook" "watchNamespaces" "watchNamespaces")
  (list "operator" "leaderElection.enabled" "") (list "operator" "leaderElection.namespace" "")
  (list "operator" "leaderElection.lease" "")
  (list "webhook" "apiVersion" "") (list "webhook" "kind" "") (list "webhook" "http" "listenAddress")
  (list "webhook" "listen" "listenAddress") (list "webhook" "certificates" "webhook.certificates")
  (list "webhook" "guards.operatorUser" "guards.operatorUser") -}}
{{- range $row := $reserved -}}
{{- $component := index $row 0 -}}
{{- $keys := splitList "." (index $row 1) -}}
{{- $section := (index $.Values $component).config -}}
{{- range initial $keys -}}{{- $section = index $section . | default dict -}}{{- end -}}
{{- if hasKey $section (last $keys) -}}
{{- $instead := index $row 2 -}}
{{- fail (printf "%s.config.%s is set by the chart: remove it%s" $component (index $row 1) (ternary (printf ", and set the value %s" $instead) "" (ne $instead ""))) -}}
{{- end -}}
{{- end -}}
{{- include "stockade.validateShared" . -}}
{{- include "stockade.validateElection" . -}}
{{- end -}}

{{- /* What the operator refuses at its start is refused before its pods are replaced. */ -}}
{{- define "stockade.validateElection" -}}
{{- $election := .Values.operator.config.leaderElection | default dict -}}
{{- $lease := $election.leaseDurationSeconds | default 15 | int -}}
{{- $renew := $election.renewDeadlineSeconds | default 10 | int -}}
{{- $retry := $election.retryPeriodSeconds | default 2 | int -}}
{{- if ge $renew $lease -}}
{{- fail (printf "operator.config.leaderElection.renewDeadlineSeconds is %d, and leaseDurationSeconds %d: raise leaseDurationSeconds above it, or a leader would still write when another has begun" $renew $lease) -}}
{{- end -}}
{{- if ge $retry $renew -}}
{{- fail (printf "operator.config.leaderElection.retryPeriodSeconds is %d, and renewDeadlineSeconds %d: lower it below that, or a leader ends after one renewal that fails" $retry $renew) -}}
{{- end -}}
{{- end -}}

{{- /* A scrape interval in milliseconds. */ -}}
{{- define "stockade.milliseconds" -}}
{{- mul (regexFind "^[0-9]+" . | atoi) (index (dict "ms" 1 "s" 1000 "m" 60000 "h" 3600000) (regexFind "[a-z]+$" .)) -}}
{{- end -}}

{{- define "stockade.validateMonitoring" -}}
{{- with .Values.monitoring.serviceMonitor -}}
{{- if gt (include "stockade.milliseconds" .scrapeTimeout | atoi) (include "stockade.milliseconds" .interval | atoi) -}}
{{- fail (printf "monitoring.serviceMonitor.scrapeTimeout is %s, which is longer than interval, %s: the Prometheus operator would take neither; lower the one or raise the other" .scrapeTimeout .interval) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* What both programs judge by: what webhook.config says has to be what operator.config says, or its default. */ -}}
{{- define "stockade.validateShared" -}}
{{- $classes := .Values.operator.config.runtimeClasses | default dict -}}
{{- range $tier, $class := .Values.webhook.config.runtimeClasses | default dict -}}
{{- if ne $class (index $classes $tier | default (index (dict "Container" "" "GVisor" "gvisor" "MicroVM" "kata") $tier)) -}}
{{- fail (printf "webhook.config.runtimeClasses.%s is %q, and the operator's is another: remove it, and set operator.config.runtimeClasses alone, which the webhook gets as well, or the guards refuse the operator's pods" $tier $class) -}}
{{- end -}}
{{- end -}}
{{- $ours := (.Values.operator.config.defaults | default dict).limits | default dict -}}
{{- range $resource, $limit := (.Values.webhook.config.defaults | default dict).limits | default dict -}}
{{- if ne (toString $limit) (index $ours $resource | default "" | toString) -}}
{{- fail (printf "webhook.config.defaults.limits.%s is %q, and the operator's is another: remove it, and set operator.config.defaults.limits alone, which the webhook gets as well, or it judges by other limits than the pods get" $resource (toString $limit)) -}}
{{- end -}}
{{- end -}}
{{- $policy := .Values.webhook.config.policy | default dict -}}
{{- if hasKey $policy "allowedMetadataPrefixes" -}}
{{- if ne (toJson $policy.allowedMetadataPrefixes) (toJson (.Values.operator.config.policy | default dict).allowedMetadataPrefixes) -}}
{{- fail "webhook.config.policy.allowedMetadataPrefixes is set, and the operator's is another: remove it, and set operator.config.policy.allowedMetadataPrefixes alone, which the webhook gets as well, or the operator stalls what the webhook allows" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "stockade.validatePublicRoots" -}}
{{- if .Values.operator.publicRoots.configMap -}}
{{- if not .Values.operator.config.egress -}}
{{- fail "operator.publicRoots.configMap is set, and operator.config has no egress, so that no gateway needs public roots: set operator.config.egress.images.proxy, or leave it empty" -}}
{{- end -}}
{{- if hasKey .Values.operator.config.egress "publicRootsFile" -}}
{{- fail "operator.config.egress.publicRootsFile is set by the chart where operator.publicRoots.configMap is: remove one of them" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* A duration such as 1h30m in seconds. */ -}}
{{- define "stockade.seconds" -}}
{{- $sum := 0 -}}
{{- range $part := regexFindAll "[0-9]+[hms]" . -1 -}}
{{- $sum = add $sum (mul (regexFind "[0-9]+" $part | atoi) (index (dict "h" 3600 "m" 60 "s" 1) (regexFind "[hms]" $part))) -}}
{{- end -}}
{{- $sum -}}
{{- end -}}

{{- define "stockade.validateCertificates" -}}
{{- if not (regexMatch "^([A-Za-z0-9+/]+={0,2})?$" .Values.webhook.caBundle) -}}
{{- fail "webhook.caBundle is no base64: give the PEM of the authority, encoded once, as base64 -w0 ca.crt prints it" -}}
{{- end -}}
{{- if and .Values.webhook.caBundle (include "stockade.deploysWebhook" .) (eq .Values.webhook.certificates.mode "selfManaged") -}}
{{- fail "webhook.caBundle is set, and webhook.certificates.mode is selfManaged, in which the webhook sets it: leave it empty, or set the mode to files or certManager" -}}
{{- end -}}
{{- if and (eq .Values.webhook.certificates.mode "certManager") (eq .Values.webhook.certificates.secretName "stockade-webhook-authority") -}}
{{- fail "webhook.certificates.secretName is \"stockade-webhook-authority\", which is where the authority is kept: write another name, such as stockade-webhook-tls" -}}
{{- end -}}
{{- $manager := .Values.webhook.certificates.certManager -}}
{{- if and $manager.issuerRef (not $manager.issuerRef.name) -}}
{{- fail "webhook.certificates.certManager.issuerRef has no name: write the name of your Issuer or ClusterIssuer, or leave issuerRef empty for an authority of the chart's own" -}}
{{- end -}}
{{- if and $manager.issuerRef.kind (not $manager.issuerRef.group) (not (has $manager.issuerRef.kind (list "Issuer" "ClusterIssuer"))) -}}
{{- fail (printf "webhook.certificates.certManager.issuerRef.kind is %q: write Issuer or ClusterIssuer, or set issuerRef.group, to which such a kind belongs" $manager.issuerRef.kind) -}}
{{- end -}}
{{- $duration := include "stockade.seconds" $manager.duration | int -}}
{{- $renewBefore := include "stockade.seconds" $manager.renewBefore | int -}}
{{- /* The least that cert-manager takes. */ -}}
{{- if lt $duration 3600 -}}
{{- fail (printf "webhook.certificates.certManager.duration is %s: set it to 1h or more" $manager.duration) -}}
{{- end -}}
{{- if lt $renewBefore 300 -}}
{{- fail (printf "webhook.certificates.certManager.renewBefore is %s: set it to 5m or more" $manager.renewBefore) -}}
{{- end -}}
{{- if ge $renewBefore $duration -}}
{{- fail (printf "webhook.certificates.certManager.renewBefore is %s, which is not less than duration, %s: set it to a third of that" $manager.renewBefore $manager.duration) -}}
{{- end -}}
{{- /* How many days before a certificate's end each alert is about; a certificate that lives less long, or is renewed
later, would have it fire though nothing is wrong. */ -}}
{{- $rule := .Values.monitoring.prometheusRule -}}
{{- if and $rule.enabled (include "stockade.deploysWebhook" .) (eq .Values.webhook.certificates.mode "certManager") -}}
{{- range $alert, $days := dict "StockadeCertificateExpires" 1 "StockadeCertificateExpiresSoon" 7 -}}
{{- if and (le $renewBefore (mul $days 86400 | int)) (not (has $alert $rule.disabled)) -}}
{{- fail (printf "webhook.certificates.certManager.renewBefore is %s, and the alert %s fires when a certificate ends within %d days: set renewBefore to more than %dh, or name the alert in monitoring.prometheusRule.disabled" $manager.renewBefore $alert $days (mul $days 24)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* How many there are, and how many may be away. */ -}}
{{- define "stockade.validateReplicas" -}}
{{- $autoscaling := .Values.webhook.autoscaling -}}
{{- if and $autoscaling.enabled (gt (int $autoscaling.minReplicas) (int $autoscaling.maxReplicas)) -}}
{{- fail (printf "webhook.autoscaling.minReplicas is %v, which is more than maxReplicas, %v: lower the one or raise the other" $autoscaling.minReplicas $autoscaling.maxReplicas) -}}
{{- end -}}
{{- if and $autoscaling.enabled (not (dig "requests" "cpu" "" .Values.webhook.resources)) -}}
{{- fail "webhook.autoscaling.enabled is true, and webhook.resources.requests has no cpu, of which targetCPUUtilization is a share: set webhook.resources.requests.cpu, such as 100m" -}}
{{- end -}}
{{- $least := ternary $autoscaling.minReplicas .Values.webhook.replicas $autoscaling.enabled | int -}}
{{- with .Values.webhook.podDisruptionBudget -}}
{{- /* Of a percentage Kubernetes rounds the pods up. */ -}}
{{- $share := toString .minAvailable -}}
{{- $kept := ternary (div (add (mul (trimSuffix "%" $share | atoi) $least) 99) 100) (atoi $share) (hasSuffix "%" $share) -}}
{{- if and .enabled (ge (int $kept) $least) -}}
{{- fail (printf "webhook.podDisruptionBudget.minAvailable is %v, and there are %d replicas, so that no node with one could ever be drained: lower it, raise the number of replicas, or set podDisruptionBudget.enabled to false" .minAvailable $least) -}}
{{- end -}}
{{- end -}}
{{- with .Values.operator.podDisruptionBudget -}}
{{- if and .enabled (has (toString .maxUnavailable) (list "0" "0%")) -}}
{{- fail (printf "operator.podDisruptionBudget.maxUnavailable is %v, so that no node with an operator could ever be drained: set it to 1, or podDisruptionBudget.enabled to false" .maxUnavailable) -}}
{{- end -}}
{{- end -}}
{{- $needed := add (int .Values.webhook.shutdownDelaySeconds) 12 -}}
{{- if lt (int .Values.webhook.terminationGracePeriodSeconds) (int $needed) -}}
{{- fail (printf "webhook.terminationGracePeriodSeconds is %v: set it to %v or more, which is webhook.shutdownDelaySeconds and the 12 seconds in which reviews under way are finished" .Values.webhook.terminationGracePeriodSeconds $needed) -}}
{{- end -}}
{{- end -}}

{{- /* Keys of labels and annotations that the chart writes itself: twice the same key is no YAML, and another value of
one would part pods and Services. */ -}}
{{- define "stockade.validateKeys" -}}
{{- $labels := list "app.kubernetes.io/name" "app.kubernetes.io/instance" "app.kubernetes.io/component"
  "app.kubernetes.io/version" "app.kubernetes.io/managed-by" "helm.sh/chart" -}}
{{- $ofPods := list "app.kubernetes.io/name" "app.kubernetes.io/instance" "app.kubernetes.io/component" -}}
{{- $monitoring := .Values.monitoring -}}
{{- $common := keys .Values.commonLabels -}}
{{- range $row := list
  (list "commonLabels" .Values.commonLabels $labels list)
  (list "operator.podLabels" .Values.operator.podLabels $ofPods list)
  (list "webhook.podLabels" .Values.webhook.podLabels $ofPods list)
  (list "operator.podAnnotations" .Values.operator.podAnnotations (list "checksum/config") list)
  (list "webhook.podAnnotations" .Values.webhook.podAnnotations (list "checksum/config") list)
  (list "monitoring.serviceMonitor.labels" $monitoring.serviceMonitor.labels $labels $common)
  (list "monitoring.prometheusRule.labels" $monitoring.prometheusRule.labels $labels $common)
  (list "monitoring.dashboard.labels" $monitoring.dashboard.labels $labels $common) -}}
{{- range $key, $_ := index $row 1 -}}
{{- if or (has $key (index $row 2)) (hasPrefix "stockade.dev/" $key) -}}
{{- fail (printf "%s has the key %q, which the chart or the operator writes itself: remove it, or choose another" (index $row 0) $key) -}}
{{- end -}}
{{- if has $key (index $row 3) -}}
{{- fail (printf "%s has the key %q, which commonLabels has as well: remove it from one of them" (index $row 0) $key) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "stockade.validate" -}}
{{- include "stockade.validateForms" . -}}
{{- include "stockade.validateConfig" . -}}
{{- include "stockade.validatePublicRoots" . -}}
{{- include "stockade.validateCertificates" . -}}
{{- include "stockade.validateReplicas" . -}}
{{- include "stockade.validateMonitoring" . -}}
{{- include "stockade.validateKeys" . -}}
{{- if and (not .Values.webhook.deploy) (not .Values.webhook.url) -}}
{{- fail "webhook.deploy is false and webhook.url is empty, so that nothing would answer the API server: set webhook.url to the https://host:port of the webhook that runs outside the cluster, or webhook.deploy to true" -}}
{{- end -}}
{{- $account := printf "system:serviceaccount:%s:stockade-operator" .Release.Namespace -}}
{{- if and .Values.operator.deploy .Values.guards.operatorUser (ne .Values.guards.operatorUser $account) -}}
{{- fail (printf "guards.operatorUser is %q, and the operator of this release is %s, which the guards would then refuse: leave it empty, or set operator.deploy to false" .Values.guards.operatorUser $account) -}}
{{- end -}}
{{- /* Who installs only what lies in namespaces may not look. */ -}}
{{- if and (ne .Release.Name "stockade") (include "stockade.clusterPart" .) -}}
{{- $other := lookup "rbac.authorization.k8s.io/v1" "ClusterRole" "" "stockade-operator" -}}
{{- $owner := dig "metadata" "annotations" "meta.helm.sh/release-name" .Release.Name ($other | default dict) -}}
{{- if ne $owner .Release.Name -}}
{{- fail (printf "this cluster has the release %q of Stockade: there can be only one" $owner) -}}
{{- end -}}
{{- end -}}
{{- end -}}
