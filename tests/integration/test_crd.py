"""The AgentSandbox schema on a real API server: what it accepts, what it refuses and how it says so."""

import copy
import json
import re
import subprocess

import pytest
import yaml

from cluster import CRDS, EXAMPLES, ROOT

CRD = CRDS / "stockade.dev_agentsandboxes.yaml"
REJECTED = sorted((EXAMPLES / "rejected").glob("*.yaml"))
MAX_ANNOTATIONS = 256 * 1024  # bytes of all annotations of an object, last-applied-configuration included


def sandbox(name="sandbox", **spec):
    """A valid AgentSandbox with the given fields of spec."""
    containers = [{"name": "agent", "image": "registry.example/agent:1"}]
    return {
        "apiVersion": "stockade.dev/v1alpha1",
        "kind": "AgentSandbox",
        "metadata": {"name": name},
        "spec": {"podTemplate": {"spec": {"containers": containers}}} | spec,
    }


def with_pod(**pod):
    containers = [{"name": "agent", "image": "registry.example/agent:1"}]
    return sandbox(podTemplate={"spec": {"containers": containers} | pod})


def with_container(**container):
    return with_pod(containers=[{"name": "agent", "image": "registry.example/agent:1"} | container])


def with_pod_metadata(**metadata):
    return sandbox(podTemplate=sandbox()["spec"]["podTemplate"] | {"metadata": metadata})


def with_mount(**mount):
    return sandbox(mounts=[{"name": "data", "mountPath": "/data"} | mount])


def with_template(mount_of="data", **metadata):
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return sandbox(
        volumeClaimTemplates=[{"metadata": {"name": "data"} | metadata, "spec": claim}],
        mounts=[
            {
                "name": "data",
                "mountPath": "/data",
                "access": "Persistent",
                "volumeClaimTemplate": {"name": mount_of},
            }
        ],
    )


def with_peer(**peer):
    return sandbox(ingress=[{"from": [peer]}])


def with_ingress_port(**port):
    return sandbox(ingress=[{"from": [{"podSelector": {}}], "ports": [port]}])


def with_ports(*ports):
    return sandbox(service={"ports": list(ports)})


EMPTY = {"empty": {}, "access": "Ephemeral"}
CLAIM = {"persistentVolumeClaim": {"claimName": "data"}}

# name: (object, parts of the message)
INVALID = {
    "no spec": (
        {"apiVersion": "stockade.dev/v1alpha1", "kind": "AgentSandbox", "metadata": {"name": "x"}},
        ["spec: Required value"],
    ),
    "no podTemplate": (sandbox(podTemplate=None), ["spec.podTemplate: Required value"]),
    "no pod spec": (sandbox(podTemplate={}), ["spec.podTemplate.spec: Required value"]),
    "no containers": (
        with_pod(containers=[]),
        ["spec.podTemplate.spec.containers", "at least 1 items"],
    ),
    "container without name": (
        with_pod(containers=[{"image": "registry.example/agent:1"}]),
        ["spec.podTemplate.spec.containers[0].name: Required value"],
    ),
    "unknown field": (with_container(imagePolicy="Never"), ["unknown field", "imagePolicy"]),
    "unknown field of spec": (sandbox(exits={}), ['unknown field "spec.exits"']),
    "wrong type deep in the pod": (
        with_container(securityContext={"privileged": "no"}),
        ["containers[0].securityContext.privileged", "must be of type boolean"],
    ),
    "restartPolicy of no pod": (
        with_pod(restartPolicy="Sometimes"),
        ["spec.podTemplate.spec.restartPolicy", '"Always", "Never", "OnFailure"'],
    ),
    "imagePullPolicy": (with_container(imagePullPolicy="Often"), ["containers[0].imagePullPolicy", '"IfNotPresent"']),
    "restartPolicy of a container": (
        with_container(restartPolicy="always"),
        ["containers[0].restartPolicy", '"Always", "Never", "OnFailure"'],
    ),
    "recursiveReadOnly": (
        with_container(volumeMounts=[{"name": "a", "mountPath": "/a", "readOnly": True, "recursiveReadOnly": "Yes"}]),
        ["volumeMounts[0].recursiveReadOnly", '"Disabled", "Enabled", "IfPossible"'],
    ),
    "resizePolicy": (
        with_container(resizePolicy=[{"resourceName": "disk", "restartPolicy": "NotRequired"}]),
        ["resizePolicy[0].resourceName", '"cpu", "memory"'],
    ),
    "seLinuxChangePolicy": (
        with_pod(securityContext={"seLinuxChangePolicy": "Never"}),
        ["spec.securityContext.seLinuxChangePolicy", '"MountOption", "Recursive"'],
    ),
    "operator of a label selector": (
        with_pod(topologySpreadConstraints=[
            {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway",
             "labelSelector": {"matchExpressions": [{"key": "a", "operator": "Equals", "values": ["b"]}]}},
        ]),
        ["matchExpressions[0].operator", '"DoesNotExist", "Exists", "In", "NotIn"'],
    ),
    "protocol": (
        with_container(ports=[{"containerPort": 80, "protocol": "QUIC"}]),
        ["containers[0].ports[0].protocol", '"SCTP", "TCP", "UDP"'],
    ),
    "port": (
        with_container(ports=[{"containerPort": 99999}]),
        ["containers[0].ports[0].containerPort", "less than or equal to 65535"],
    ),
    "container name": (with_container(name="A_b"), ["spec.podTemplate.spec.containers[0].name", "should match"]),
    "label value": (with_pod_metadata(labels={"a": "x y"}), ["spec.podTemplate.metadata.labels.a", "should match"]),
    "name too long": (sandbox("a" * 51), ["metadata.name", "DNS label of at most 50 characters"]),
    "name with a dot": (sandbox("a.b"), ["metadata.name", "DNS label of at most 50 characters"]),
    "name ends with a dash": (sandbox("a-"), ["metadata.name"]),
    "isolation": (
        sandbox(isolation="None"),
        ["spec.isolation", '"Container", "GVisor", "MicroVM"'],
    ),
    "inputTrust": (sandbox(inputTrust="trusted"), ["spec.inputTrust", '"Untrusted", "Trusted"']),
    "operatingMode": (
        sandbox(operatingMode="Off"),
        ["spec.operatingMode", '"Running", "Suspended"'],
    ),
    "pod labels that no pod takes": (
        with_pod_metadata(labels={"a": "x" * 64}),
        ["spec.podTemplate.metadata.labels.a", "63"],
    ),
    "pod name in the template": (
        with_pod_metadata(name="x"),
        ['unknown field "spec.podTemplate.metadata.name"'],
    ),
    "reserved container": (
        with_container(name="stockade-proxy"),
        ["spec.podTemplate.spec.containers[0].name", "ReservedName: "],
    ),
    "reserved init container": (
        with_pod(initContainers=[{"name": "stockade-canary", "image": "registry.example/agent:1"}]),
        ["spec.podTemplate.spec.initContainers[0].name", "ReservedName: "],
    ),
    "reserved ephemeral container": (
        with_pod(ephemeralContainers=[{"name": "stockade-debug", "image": "registry.example/agent:1"}]),
        ["spec.podTemplate.spec.ephemeralContainers[0].name", "ReservedName: "],
    ),
    "two containers of one name": (
        with_pod(containers=[{"name": "agent", "image": "registry.example/agent:1"}] * 2),
        ["spec.podTemplate.spec.containers[1]", "Duplicate value"],
    ),
    "quantity that is none": (
        with_container(resources={"limits": {"cpu": "plenty"}}),
        ["containers[0].resources.limits.cpu", "plenty"],
    ),
    "mount without path": (
        sandbox(mounts=[{"name": "data"} | EMPTY]),
        ["spec.mounts[0].mountPath: Required value"],
    ),
    "mount without source": (with_mount(), ["spec.mounts[0]", "exactly one source is needed"]),
    "mount with two sources": (
        with_mount(**CLAIM, configMap={"name": "data"}),
        ["spec.mounts[0]", "exactly one source is needed"],
    ),
    "mount source unknown": (
        with_mount(hostPath={"path": "/"}),
        ['unknown field "spec.mounts[0].hostPath"'],
    ),
    "empty that is read-only": (
        with_mount(empty={}),
        ["spec.mounts[0].access", "access Ephemeral and the source empty go together"],
    ),
    "Ephemeral claim": (
        with_mount(access="Ephemeral", **CLAIM),
        ["spec.mounts[0].access", "access Ephemeral and the source empty go together"],
    ),
    "Persistent configMap": (
        with_mount(access="Persistent", configMap={"name": "data"}),
        ["spec.mounts[0].access", "needs the source persistentVolumeClaim or volumeClaimTemplate"],
    ),
    "Persistent image": (
        with_mount(access="Persistent", image={"reference": "registry.example/data:1"}),
        ["spec.mounts[0].access", "needs the source persistentVolumeClaim or volumeClaimTemplate"],
    ),
    "access unknown": (
        with_mount(access="ReadWrite", **CLAIM),
        ["spec.mounts[0].access", "Unsupported value"],
    ),
    "sizeLimit of a claim": (
        with_mount(sizeLimit="1Gi", **CLAIM),
        ["spec.mounts[0].sizeLimit", "sizeLimit is only for the source empty"],
    ),
    "sizeLimit of zero": (
        with_mount(sizeLimit=0, **EMPTY),
        ["spec.mounts[0].sizeLimit", "more than zero"],
    ),
    "sizeLimit below zero": (
        with_mount(sizeLimit="-1Gi", **EMPTY),
        ["spec.mounts[0].sizeLimit", "more than zero"],
    ),
    "sizeLimit in words": (with_mount(sizeLimit="much", **EMPTY), ["spec.mounts[0].sizeLimit"]),
    "medium": (
        with_mount(empty={"medium": "HugePages"}, access="Ephemeral"),
        ["spec.mounts[0].empty.medium"],
    ),
    "configMap without name": (
        with_mount(configMap={}),
        ["spec.mounts[0].configMap.name: Required value"],
    ),
    "image without reference": (
        with_mount(image={}),
        ["spec.mounts[0].image.reference: Required value"],
    ),
    "reserved mount": (
        with_mount(name="stockade-tmp", **EMPTY),
        ["spec.mounts[0].name", "ReservedName: "],
    ),
    "mount with a capital": (with_mount(name="Data", **EMPTY), ["spec.mounts[0].name"]),
    "relative path": (with_mount(mountPath="data", **EMPTY), ["spec.mounts[0].mountPath"]),
    "path with a colon": (with_mount(mountPath="/a:b", **EMPTY), ["spec.mounts[0].mountPath"]),
    "the root": (with_mount(mountPath="/", **EMPTY), ["spec.mounts[0].mountPath"]),
    "path upwards": (
        with_mount(mountPath="/data/../proc", **EMPTY),
        ["spec.mounts[0].mountPath", "shortest form"],
    ),
    "path that ends upwards": (
        with_mount(mountPath="/data/..", **EMPTY),
        ["spec.mounts[0].mountPath", "shortest form"],
    ),
    "path on the spot": (
        with_mount(mountPath="/./proc", **EMPTY),
        ["spec.mounts[0].mountPath", "shortest form"],
    ),
    "path with an empty segment": (
        with_mount(mountPath="//proc", **EMPTY),
        ["spec.mounts[0].mountPath", "shortest form"],
    ),
    "path with a slash at the end": (
        with_mount(mountPath="/data/", **EMPTY),
        ["spec.mounts[0].mountPath", "shortest form"],
    ),
    "path with a line break": (
        with_mount(mountPath="/data\nx", **EMPTY),
        ["spec.mounts[0].mountPath", "shortest form"],
    ),
    "two mounts of one name": (
        sandbox(mounts=[{"name": "a", "mountPath": "/a"} | EMPTY, {"name": "a", "mountPath": "/b"} | EMPTY]),
        ["spec.mounts[1]", "Duplicate value"],
    ),
    "two mounts at one path": (
        sandbox(mounts=[{"name": "a", "mountPath": "/a"} | EMPTY, {"name": "b", "mountPath": "/a"} | EMPTY]),
        ["spec.mounts", "two mounts have the same mountPath"],
    ),
    "too many mounts": (
        sandbox(mounts=[{"name": f"m{i}", "mountPath": f"/m{i}"} | EMPTY for i in range(33)]),
        ["spec.mounts", "at most 32 items"],
    ),
    "mount of a template that is not there": (
        with_template(mount_of="other"),
        ["spec.mounts", "one of spec.volumeClaimTemplates"],
    ),
    "mount of a template without templates": (
        with_mount(volumeClaimTemplate={"name": "data"}),
        ["spec.mounts", "one of spec.volumeClaimTemplates"],
    ),
    "template without name": (
        with_template(name=None),
        ["spec.volumeClaimTemplates[0].metadata.name: Required value"],
    ),
    "reserved template": (
        with_template(name="stockade-data", mount_of="stockade-data"),
        ["spec.volumeClaimTemplates[0].metadata.name", "ReservedName: "],
    ),
    "two templates of one name": (
        sandbox(volumeClaimTemplates=[{"metadata": {"name": "data"}, "spec": {}}] * 2),
        ["spec.volumeClaimTemplates", "the same metadata.name"],
    ),
    "ingress from everybody": (sandbox(ingress=[{}]), ["spec.ingress[0].from: Required value"]),
    "ingress from an empty list": (
        sandbox(ingress=[{"from": []}]),
        ["spec.ingress[0].from", "at least 1 items"],
    ),
    "peer that says nothing": (
        with_peer(),
        ["spec.ingress[0].from[0]", "either an ipBlock, or a podSelector"],
    ),
    "peer of both sorts": (
        with_peer(ipBlock={"cidr": "10.0.0.0/8"}, podSelector={}),
        ["spec.ingress[0].from[0]", "either an ipBlock, or a podSelector"],
    ),
    "range that is none": (
        with_peer(ipBlock={"cidr": "10.0.0.0"}),
        ["spec.ingress[0].from[0].ipBlock.cidr", "must be an address range"],
    ),
    "exception that is none": (
        with_peer(ipBlock={"cidr": "10.0.0.0/8", "except": ["ten"]}),
        ["spec.ingress[0].from[0].ipBlock.except[0]", "must be an address range"],
    ),
    "ingress port 0": (
        with_ingress_port(port=0),
        ["spec.ingress[0].ports[0].port", "from 1 to 65535"],
    ),
    "ingress port name": (
        with_ingress_port(port="HTTP"),
        ["spec.ingress[0].ports[0].port", "from 1 to 65535"],
    ),
    "ingress protocol": (
        with_ingress_port(port=80, protocol="ICMP"),
        ["spec.ingress[0].ports[0].protocol"],
    ),
    "ports that end before they begin": (
        with_ingress_port(port=80, endPort=79),
        ["spec.ingress[0].ports[0].endPort", "a numeric port that is not greater"],
    ),
    "endPort of a named port": (
        with_ingress_port(port="http", endPort=90),
        ["spec.ingress[0].ports[0].endPort", "a numeric port that is not greater"],
    ),
    "endPort alone": (with_ingress_port(endPort=90), ["spec.ingress[0].ports[0].endPort"]),
    "service without ports": (sandbox(service={}), ["spec.service.ports: Required value"]),
    "service port 0": (with_ports({"port": 0}), ["spec.service.ports[0].port"]),
    "service port too high": (with_ports({"port": 65536}), ["spec.service.ports[0].port"]),
    "service port twice": (
        with_ports({"name": "a", "port": 80}, {"name": "b", "port": 80, "protocol": "TCP"}),
        ["spec.service.ports[1]", "Duplicate value"],
    ),
    "second service port without name": (
        with_ports({"name": "a", "port": 80}, {"port": 81}),
        ["spec.service.ports", "each needs a name of its own"],
    ),
    "service port name twice": (
        with_ports({"name": "a", "port": 80}, {"name": "a", "port": 81}),
        ["spec.service.ports", "each needs a name of its own"],
    ),
    "targetPort 0": (
        with_ports({"port": 80, "targetPort": 0}),
        ["spec.service.ports[0].targetPort", "from 1 to 65535"],
    ),
    "node port": (
        with_ports({"port": 80, "nodePort": 30080}),
        ['unknown field "spec.service.ports[0].nodePort"'],
    ),
}

VALID = {
    "name of 50 characters": sandbox("a" * 50),
    "name that begins with a digit": sandbox("0"),
    "every isolation": sandbox(isolation="MicroVM", inputTrust="Trusted"),
    "quantities as numbers and strings": with_container(
        resources={"requests": {"cpu": 1, "memory": "1.5Gi"}, "limits": {"cpu": "500m", "memory": 1073741824}}
    ),
    "port by number": with_container(livenessProbe={"httpGet": {"port": 8080}}),
    "port by name": with_container(livenessProbe={"httpGet": {"port": "http"}}),
    "one port with two protocols": with_container(
        ports=[{"containerPort": 53}, {"containerPort": 53, "protocol": "UDP"}]
    ),
    "32 containers": with_pod(
        containers=[{"name": f"agent-{i}", "image": "registry.example/agent:1"} for i in range(32)]
    ),
    "name with the prefix inside": with_container(name="my-stockade-proxy"),
    "claim made by the pod": with_pod(
        volumes=[
            {
                "name": "x",
                "ephemeral": {"volumeClaimTemplate": {"metadata": {"labels": {"a": "b"}}, "spec": {}}},
            }
        ]
    ),
    "read-only claim": with_mount(**CLAIM),
    "persistent claim": with_mount(access="Persistent", **CLAIM),
    "claim template": with_template(),
    "configMap with items": with_mount(
        configMap={"name": "data", "items": [{"key": "a", "path": "b"}], "optional": True}
    ),
    "image": with_mount(image={"reference": "registry.example/data:1", "pullPolicy": "IfNotPresent"}),
    "memory": with_mount(empty={"medium": "Memory"}, access="Ephemeral", sizeLimit="64Mi"),
    "medium by default": with_mount(empty={"medium": ""}, access="Ephemeral", sizeLimit=1048576),
    "path with dots in names": with_mount(mountPath="/a/.config/..data/b.c", **EMPTY),
    "32 mounts": sandbox(mounts=[{"name": f"m{i}", "mountPath": f"/m{i}"} | EMPTY for i in range(32)]),
    "peers": sandbox(
        ingress=[
            {
                "from": [
                    {"ipBlock": {"cidr": "2001:db8::/32", "except": ["2001:db8:1::/48"]}},
                    {"podSelector": {}, "namespaceSelector": {"matchLabels": {"a": "b"}}},
                ],
                "ports": [{"port": 80, "endPort": 90}, {"port": "http", "protocol": "UDP"}, {}],
            }
        ]
    ),
    "service": with_ports({"port": 80}),
    "service with two protocols": with_ports(
        {"name": "dns", "port": 53}, {"name": "dns-udp", "port": 53, "protocol": "UDP", "targetPort": "dns"}
    ),
}


def test_the_checked_in_crds_are_current():
    done = subprocess.run(
        [ROOT / "hack" / "generate-crds", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_client_side_apply_can_carry_the_crd(cluster):
    """Its last-applied-configuration has to fit beside other annotations."""
    stored = json.dumps(yaml.safe_load(CRD.read_text(encoding="utf-8")), separators=(",", ":"))
    assert len(stored) < MAX_ANNOTATIONS - 12 * 1024
    applied = cluster.kubectl("apply", "--dry-run=server", "-f", str(CRD))
    assert applied.returncode == 0, applied.stderr


def test_the_schema_is_accepted_without_reservation(cluster):
    conditions = cluster.get("crd", "agentsandboxes.stockade.dev")["status"]["conditions"]
    assert {c["type"]: c["status"] for c in conditions} == {"NamesAccepted": "True", "Established": "True"}


@pytest.mark.parametrize("case", INVALID)
def test_invalid_is_refused(kubectl, case):
    wrong, parts = INVALID[case]
    done = kubectl("create", "--dry-run=server", "--validate=strict", "-f", "-", input=wrong)
    assert done.returncode != 0, "the API server accepted it"
    for part in parts:
        assert part in done.stderr


@pytest.mark.parametrize("case", VALID)
def test_valid_is_accepted(kubectl, case):
    done = kubectl("create", "--dry-run=server", "--validate=strict", "-f", "-", input=VALID[case])
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_an_example_is_accepted(cluster, namespace, path):
    cluster.must("apply", "--validate=strict", "-n", namespace, "-f", str(path))
    again = cluster.must(
        "apply", "--server-side", "--force-conflicts", "--validate=strict", "-n", namespace, "-f", str(path)
    )
    assert path.stem in again, "the example's sandbox is not named after its file"
    assert path.read_text(encoding="utf-8").startswith("# ")


@pytest.mark.parametrize("path", REJECTED, ids=lambda path: path.stem)
def test_a_rejected_example_is_wrong_in_one_way_only(kubectl, path):
    """Nothing but its one reason may be wrong: the schema accepts it, or names the code and the field."""
    expected = re.match(r"# expect: ([A-Z][A-Za-z]+) (spec\.\S+)\n", path.read_text(encoding="utf-8"))
    assert expected, "the first line has to be: # expect: CODE FIELD"
    code, field = expected.groups()
    done = kubectl("create", "--dry-run=server", "--validate=strict", "-f", str(path))
    assert done.returncode == 0 or (code in done.stderr and field in done.stderr), done.stderr


def test_defaults_are_filled_in(cluster, namespace):
    wanted = sandbox()
    wanted["spec"]["mounts"] = [{"name": "data", "mountPath": "/data"} | CLAIM]
    wanted["spec"]["service"] = {"ports": [{"port": 80}]}
    cluster.must("create", "-n", namespace, "-f", "-", input=wanted)
    spec = cluster.get("asb", "sandbox", "-n", namespace)["spec"]
    assert (spec["isolation"], spec["inputTrust"], spec["operatingMode"]) == ("GVisor", "Untrusted", "Running")
    assert spec["mounts"][0]["access"] == "ReadOnly"
    assert spec["service"]["ports"][0]["protocol"] == "TCP"
    assert spec["podTemplate"] == sandbox()["spec"]["podTemplate"], "the user's pod template was changed"


def test_a_new_sandbox_is_not_ready_before_the_operator_has_seen_it(cluster):
    created = yaml.safe_load(
        cluster.must("create", "--dry-run=server", "-o", "yaml", "-f", "-", input=sandbox())
    )
    assert created["status"]["conditions"] == [
        {
            "type": "Ready",
            "status": "Unknown",
            "reason": "Pending",
            "message": "Waiting for the operator",
            "lastTransitionTime": "1970-01-01T00:00:00Z",
        }
    ]


STATUS = {
    "observedGeneration": 1,
    "conditions": [
        {
            "type": "Ready",
            "status": "True",
            "reason": "PodReady",
            "message": "",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
            "observedGeneration": 1,
        }
    ],
    "podName": "asb-sandbox",
    "nodeName": "node-0",
    "podIPs": [{"ip": "10.0.0.1"}, {"ip": "2001:db8::1"}],
    "serviceFQDN": "sandbox.default.svc.cluster.local",
    "selector": "stockade.dev/sandbox=sandbox",
    "isolation": {"tier": "GVisor", "runtimeClassName": "gvisor"},
    "controls": [{"name": "Seccomp", "state": "Declared", "detail": "gVisor does not apply seccomp profiles."}],
}


def test_status_is_a_subresource_with_columns(cluster, namespace):
    cluster.must("create", "-n", namespace, "-f", "-", input=sandbox(operatingMode="Suspended"))

    def patch(status):
        return cluster.kubectl(
            "patch", "asb", "sandbox", "-n", namespace, "--subresource=status", "--type=merge",
            "--dry-run=server", "-p", json.dumps({"status": status}), "-o", "yaml",
        )

    done = patch(STATUS)
    assert done.returncode == 0, done.stderr
    patched = yaml.safe_load(done.stdout)["status"]
    assert {key: patched.get(key) for key in STATUS} == STATUS, "the schema pruned a field of the status"

    for path, value in [
        (("conditions", 0, "status"), "Yes"),
        (("conditions", 0, "reason"), ""),
        (("controls", 0, "state"), "Unknown"),
        (("isolation", "tier"), "Wasm"),
    ]:
        wrong = copy.deepcopy(STATUS)
        place = wrong
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
        refused = patch(wrong)
        assert refused.returncode != 0 and str(path[-1]) in refused.stderr, path

    header = cluster.must("get", "asb", "-n", namespace).splitlines()[0].split()
    assert header == ["NAME", "ISOLATION", "EGRESS", "READY", "REASON", "POD", "AGE"]
    assert "sandbox" in cluster.must("get", "stockade", "-n", namespace)


def test_explain_describes_every_field_of_spec_and_status(cluster):
    for field in ("spec", "spec.mounts", "spec.service.ports", "spec.volumeClaimTemplates", "spec.ingress", "status"):
        text = cluster.must("explain", f"agentsandboxes.{field}")
        assert "<no description>" not in text, f"a field of {field} has no description"
