#include "tests/unit/property/sandbox_values.h"

namespace stockade::property {

using codec::Json;

const Json& TameValues() {
  static const Json values = Json::parse(R"json({
    "isolation": ["Container", "GVisor", "GVisor", "MicroVM"],
    "inputTrust": ["Untrusted", "Trusted", "Trusted"],
    "operatingMode": ["Running", "Suspended"],
    "access.exec": ["Allow", "Deny"], "access.attach": ["Allow", "Deny"],
    "access.portForward": ["Allow", "Deny"],
    "labels": [{}, {"app": "agent"}, {"app.kubernetes.io/name": "agent", "team": "research"}],
    "annotations": [{}, {"note": "a\"b\\c"}, {"prometheus.io/scrape": "false"}],

    "spec.restartPolicy": ["Always", "OnFailure", "Never"],
    "terminationGracePeriodSeconds": [0, 1, 30, 60],
    "automountServiceAccountToken": [false], "enableServiceLinks": [false],
    "dnsPolicy": ["None"], "dnsConfig": [{"nameservers": ["127.0.0.1"]}],
    "hostNetwork": [false], "hostPID": [false], "hostIPC": [false],
    "shareProcessNamespace": [false], "serviceAccountName": ["default"],
    "schedulerName": ["default-scheduler"], "os": [{"name": "linux"}],
    "imagePullSecrets": [[{"name": "pull"}], [{"name": "a"}, {"name": "b.c"}]],
    "nodeSelector": [{}, {"pool": "agents"}],
    "tolerations": [[], [{"key": "agents", "operator": "Exists"}],
                    [{"key": "agents", "value": "x", "effect": "NoSchedule"}]],
    "affinity": [{}, {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
        {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"a": "b"}}}]}}],
    "topologySpreadConstraints": [[{"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone",
        "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": {"matchLabels": {"a": "b"}}}]],

    "fsGroup": [1000, 20000], "runAsGroup": [1000, 20000], "runAsUser": [1000, 65534],
    "fsGroupChangePolicy": ["Always", "OnRootMismatch"], "runAsNonRoot": [true],
    "supplementalGroups": [[], [1000, 2000]], "supplementalGroupsPolicy": ["Merge", "Strict"],
    "seccompProfile": [{"type": "RuntimeDefault"},
                       {"type": "Localhost", "localhostProfile": "agent.json"}],
    "appArmorProfile": [{"type": "RuntimeDefault"}],
    "seLinuxOptions": [{}, {"level": "s0:c1,c2"}, {"type": "container_t"}],
    "sysctls": [[], [{"name": "net.ipv4.tcp_syncookies", "value": "1"}]],
    "allowPrivilegeEscalation": [false], "privileged": [false], "procMount": ["Default"],
    "readOnlyRootFilesystem": [true],
    "capabilities": [{}, {"drop": ["ALL"]}, {"drop": ["NET_RAW", "KILL"]}],

    "image": ["registry.example/agent:1", "registry.example:5000/team/agent:v1.2",
        "registry.example/agent@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"],
    "image.reference": ["registry.example/data:1"], "image.pullPolicy": ["Always"],
    "imagePullPolicy": ["Always", "IfNotPresent", "Never"],
    "command": [["sleep", "infinity"], ["/bin/sh", "-c", "true"]], "args": [[], ["--flag=\u00e9"]],
    "workingDir": ["/workspace", "/"], "stdin": [true, false], "tty": [true, false],
    "terminationMessagePath": ["/dev/termination-log"],
    "terminationMessagePolicy": ["File", "FallbackToLogsOnError"],
    "resources": [{}, {"limits": {"cpu": 1}}, {"requests": {"memory": "1Gi"}},
        {"requests": {"cpu": "100m"}, "limits": {"cpu": "0.5", "memory": "536870912"}},
        {"limits": {"ephemeral-storage": "2Gi"}}],
    "spec.resources": [{}, {"limits": {"memory": "4Gi"}},
        {"requests": {"cpu": "1"}, "limits": {"cpu": "4"}}],
    "resizePolicy": [[{"resourceName": "cpu", "restartPolicy": "NotRequired"}]],
    "ports": [[], [{"containerPort": 8080}],
        [{"name": "dns", "containerPort": 53, "protocol": "UDP"}, {"containerPort": 9000}]],
    "env.value": ["", "x", "$(HOME)/a"], "prefix": ["APP_", "MY_"],
    "configMapKeyRef": [{"name": "settings", "key": "mode"},
                        {"name": "settings", "key": "mode", "optional": true}],
    "configMapRef": [{"name": "settings"}],
    "fieldRef": [{"fieldPath": "metadata.name"}, {"fieldPath": "status.podIP"}],
    "resourceFieldRef": [{"resource": "limits.memory"}],
    "readOnly": [true, true, false], "mountPropagation": ["None"],
    "subPath": ["", "a", "a/b"],
    "httpGet": [{"port": 8080}, {"path": "/healthz", "port": 8080, "scheme": "HTTPS"}],
    "tcpSocket": [{"port": 8080}], "grpc": [{"port": 9000}, {"port": 9000, "service": "agent"}],
    "exec": [{"command": ["true"]}], "sleep": [{"seconds": 1}],
    "initialDelaySeconds": [0, 5], "periodSeconds": [1, 10], "timeoutSeconds": [1],
    "failureThreshold": [1, 3], "successThreshold": [1],

    "configMap": [{"name": "settings"}, {"name": "settings", "optional": true, "defaultMode": 292},
                  {"name": "settings", "items": [{"key": "a", "path": "b/c", "mode": 256}]}],
    "emptyDir": [{}, {"medium": "Memory", "sizeLimit": "64Mi"}, {"sizeLimit": 1073741824}],
    "persistentVolumeClaim": [{"claimName": "data"}, {"claimName": "data", "readOnly": true}],
    "mounts.persistentVolumeClaim": [{"claimName": "data"}],
    "volumes.image": [{"reference": "registry.example/data:1", "pullPolicy": "IfNotPresent"}],
    "mounts.image": [{"reference": "registry.example/data:1"}],
    "downwardAPI": [{"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}],
    "ephemeral": [{"volumeClaimTemplate": {"spec": {"accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}}}}}],
    "projected": [{"sources": [{"configMap": {"name": "settings"}},
        {"downwardAPI": {"items": [{"path": "n", "fieldRef": {"fieldPath": "metadata.name"}}]}}]}],

    "mounts.access": ["ReadOnly"], "volumeClaimTemplate": [{"name": "workspace"}],
    "empty": [{}, {"medium": "Memory"}], "mounts.sizeLimit": ["1Gi", 1048576],
    "volumeClaimTemplates": [[{"metadata": {"name": "workspace"}, "spec": {
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}}}]],
    "ingress": [[], [{"from": [{"podSelector": {}}]}],
        [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}], "ports": [{"port": 8080}]}]],
    "lifecycle.shutdownTime": ["2126-01-01T00:00:00Z", "2126-01-01T00:00:00.5+01:00"],
    "lifecycle.maxLifetimeSeconds": [1, 86400, 315360000],
    "lifecycle.shutdownPolicy": ["Retain", "Delete"], "lifecycle.volumePolicy": ["Retain", "Delete"],
    "lifecycle.restart": [{}, {"maxAttempts": 1}, {"backoff": {"maxSeconds": 10}},
        {"maxAttempts": 1000, "backoff": {"initialSeconds": 1, "maxSeconds": 1}}],
    "agentSettings": [{}, {"sandbox": {"enabled": false}},
        {"permissions": {"allow": ["Read", "Bash(git diff *)"], "ask": ["Bash(git push *)"],
                         "deny": ["WebSearch"], "defaultMode": "dontAsk"}},
        {"mcp": {"allow": [{"command": ["tool"]}]}, "plugins": {"allow": ["acme/plugins"]}}],
    "service": [{"ports": [{"port": 8080}]},
        {"ports": [{"name": "a", "port": 80, "targetPort": 8080}, {"name": "b", "port": 81}]}]
  })json");
  return values;
}

const Json& WalkedFields() {
  static const Json fields = Json::parse(R"json([
    "podTemplate", "podTemplate.metadata", "podTemplate.spec", "containers", "initContainers",
    "volumes", "securityContext", "env", "envFrom", "valueFrom", "volumeMounts", "lifecycle",
    "postStart", "preStop", "livenessProbe", "readinessProbe", "startupProbe", "mounts", "access"
  ])json");
  return fields;
}

const Json& Unions() {
  static const Json unions = Json::parse(R"json({
    "volumes": ["name"],
    "env": ["name"],
    "valueFrom": [],
    "envFrom": ["prefix"],
    "postStart": [], "preStop": [],
    "livenessProbe": ["initialDelaySeconds", "periodSeconds", "timeoutSeconds", "failureThreshold",
                      "successThreshold", "terminationGracePeriodSeconds"],
    "readinessProbe": ["initialDelaySeconds", "periodSeconds", "timeoutSeconds", "failureThreshold",
                       "successThreshold"],
    "startupProbe": ["initialDelaySeconds", "periodSeconds", "timeoutSeconds", "failureThreshold",
                     "successThreshold", "terminationGracePeriodSeconds"],
    "mounts": ["name", "mountPath", "access", "sizeLimit"]
  })json");
  return unions;
}

const Json& NastyStrings() {
  static const Json strings = Json::parse(R"json([
    "", " ", "/", "..", "/proc/self/fd/8", "/proc", "//proc/", "/workspace/../sys", "dev/null",
    "/home/agent/.ssh", "/etc/stockade", "stockade-proxy", "stockade-ca", "asb-other-data",
    "Unconfined", "Unmasked", "Localhost", "Bidirectional", "windows", "ClusterFirst", "default",
    "system-node-critical", "kubernetes.io/hostname", "RestartAllContainers", "Block", "HugePages",
    "LD_PRELOAD", "https_proxy", "L", "ALL", "SYS_ADMIN", "spc_t", "kernel.core_pattern", "a+b",
    "127.0.0.1", "169.254.169.254", "0", "-1", "1e30", "nvidia.com/gpu", "Always", "None",
    "PersistentVolumeClaim", "a\nb", "\u202ereversed", "\u0000", "caf\u00e9", "A B"
  ])json");
  return strings;
}

const Json& NastyIntegers() {
  static const Json integers = Json::parse(
      "[0, -1, 1, 61, 999, 3128, 65536, 2147483647, 2147483648, 4294967296, "
      "9223372036854775807, -9223372036854775808]");
  return integers;
}

const Json& NastyKeys() {
  static const Json keys = Json::parse(R"json([
    "stockade.dev/sandbox", "dev.gvisor.internal.nvproxy", "io.katacontainers.config.hypervisor.path",
    "k8s.v1.cni.cncf.io/networks", "kubernetes.io/hostname", "node-role.kubernetes.io/control-plane",
    "cpu", "memory", "ephemeral-storage", "nvidia.com/gpu", "hugepages-2Mi", "storage", "a", "",
    "container.apparmor.security.beta.kubernetes.io/c0", "kubectl.kubernetes.io/default-container"
  ])json");
  return keys;
}

}  // namespace stockade::property
