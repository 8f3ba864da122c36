"""The AdmissionReview of the webhook's benchmark: of the form and about the size that an API server sends."""

import json


def agent_sandbox(name: str) -> dict:
    """A sandbox as a careful user writes one: two containers, and hardened as Pod Security's "restricted" asks."""
    security = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    return {
        "apiVersion": "stockade.dev/v1alpha1",
        "kind": "AgentSandbox",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/name": "agent", "app.kubernetes.io/part-of": "lab"}},
        "spec": {
            "podTemplate": {
                "metadata": {"labels": {"app.kubernetes.io/name": "agent"}},
                "spec": {
                    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
                    "terminationGracePeriodSeconds": 30,
                    "containers": [
                        {
                            "name": "agent",
                            "image": "registry.example.com/agents/research-agent:2.14.1",
                            "command": ["python3", "-m", "agent.main"],
                            "args": ["--workspace", "/workspace", "--log-level", "info"],
                            "workingDir": "/workspace",
                            "env": [
                                {"name": "PYTHONUNBUFFERED", "value": "1"},
                                {"name": "MODEL", "value": "large-2026"},
                                {"name": "MAX_STEPS", "value": "200"},
                                {"name": "INSTRUCTIONS", "value": "/instructions/AGENTS.md"},
                                {"name": "WORKSPACE", "value": "/workspace"},
                                {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                            ],
                            "resources": {
                                "requests": {"cpu": "250m", "memory": "512Mi"},
                                "limits": {"cpu": "1", "memory": "1Gi"},
                            },
                            "securityContext": security,
                        },
                        {
                            "name": "tools",
                            "image": "registry.example.com/agents/tool-server:1.8.0",
                            "args": ["--port", "8080"],
                            "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
                            "env": [{"name": "TOOLS", "value": "search,read,write,python"}],
                            "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 5},
                            "livenessProbe": {"httpGet": {"path": "/alive", "port": "http"}, "periodSeconds": 20},
                            "resources": {
                                "requests": {"cpu": "100m", "memory": "128Mi"},
                                "limits": {"cpu": "500m", "memory": "256Mi"},
                            },
                            "securityContext": security,
                        },
                    ],
                },
            },
            "mounts": [
                {
                    "name": "workspace",
                    "mountPath": "/workspace",
                    "access": "Ephemeral",
                    "empty": {},
                    "sizeLimit": "2Gi",
                },
                {
                    "name": "instructions",
                    "mountPath": "/instructions",
                    "configMap": {"name": "research-agent-instructions"},
                },
                {
                    "name": "cache",
                    "mountPath": "/home/agent/.cache",
                    "access": "Ephemeral",
                    "empty": {},
                    "sizeLimit": "512Mi",
                },
            ],
        },
    }


def large_sandbox() -> str:
    """The sandbox of that review with two more containers: 4 KiB as the API server encodes it."""
    sandbox = json.loads(admission_review())["request"]["object"]
    spec = sandbox["spec"]["podTemplate"]["spec"]
    tools = spec["containers"][1]
    spec["containers"].append(
        tools
        | {
            "name": "browser",
            "image": "registry.example.com/agents/headless-browser:131.0.2",
            "args": ["--remote-debugging-port=9222", "--no-first-run", "--user-data-dir=/tmp/browser"],
            "ports": [{"name": "cdp", "containerPort": 9222, "protocol": "TCP"}],
            "env": [{"name": "LANG", "value": "en_US.UTF-8"}, {"name": "TZ", "value": "Europe/Amsterdam"}],
            "readinessProbe": {"tcpSocket": {"port": "cdp"}, "periodSeconds": 5},
            "livenessProbe": {"tcpSocket": {"port": "cdp"}, "periodSeconds": 20},
        }
    )
    spec["initContainers"] = [
        {
            "name": "prepare",
            "image": "registry.example.com/agents/research-agent:2.14.1",
            "command": ["python3", "-m", "agent.prepare"],
            "args": ["--workspace", "/workspace", "--from", "/instructions/project.tar.gz", "--verify"],
            "workingDir": "/workspace",
            "env": [
                {"name": "PYTHONUNBUFFERED", "value": "1"},
                {"name": "WORKSPACE", "value": "/workspace"},
                {"name": "POD_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
            ],
            "resources": tools["resources"],
            "securityContext": tools["securityContext"],
        }
    ]
    return json.dumps(sandbox, separators=(",", ":"))


def admission_review() -> bytes:
    """A review of its creation, encoded as the API server does, without spaces."""
    sandbox = agent_sandbox("research-agent-7")
    group = {"group": "stockade.dev", "version": "v1alpha1"}
    sandbox["metadata"] |= {
        "namespace": "agents",
        "uid": "0b7c8a52-6a5e-4a3f-9a55-3f1d7a0c9e21",
        "generation": 1,
        "creationTimestamp": "2026-01-15T09:30:00Z",
        "managedFields": [
            {
                "manager": "kubectl-create",
                "operation": "Update",
                "apiVersion": "stockade.dev/v1alpha1",
                "time": "2026-01-15T09:30:00Z",
                "fieldsType": "FieldsV1",
                "fieldsV1": {
                    "f:metadata": {
                        "f:labels": {".": {}, "f:app.kubernetes.io/name": {}, "f:app.kubernetes.io/part-of": {}}
                    },
                    "f:spec": {
                        ".": {},
                        "f:inputTrust": {},
                        "f:isolation": {},
                        "f:mounts": {},
                        "f:operatingMode": {},
                        "f:podTemplate": {
                            ".": {},
                            "f:metadata": {".": {}, "f:labels": {".": {}, "f:app.kubernetes.io/name": {}}},
                            "f:spec": {".": {}, "f:containers": {}, "f:securityContext": {}},
                        },
                    },
                },
            }
        ],
    }
    sandbox["spec"] |= {"isolation": "GVisor", "inputTrust": "Untrusted", "operatingMode": "Running"}
    request = {
        "uid": "705ab4f5-6393-41e8-b7cc-42010a800002",
        "kind": group | {"kind": "AgentSandbox"},
        "resource": group | {"resource": "agentsandboxes"},
        "requestKind": group | {"kind": "AgentSandbox"},
        "requestResource": group | {"resource": "agentsandboxes"},
        "name": sandbox["metadata"]["name"],
        "namespace": "agents",
        "operation": "CREATE",
        "userInfo": {
            "username": "system:serviceaccount:agents:deployer",
            "uid": "5c1c7a70-3a0e-4c59-9b6d-6f7c3f0c2f11",
            "groups": ["system:serviceaccounts", "system:serviceaccounts:agents", "system:authenticated"],
            "extra": {"authentication.kubernetes.io/credential-id": ["JTI=9b1d3c44-0f4e-4d1b-8a42-0d1f5b9c2a77"]},
        },
        "object": sandbox,
        "oldObject": None,
        "dryRun": False,
        "options": {
            "kind": "CreateOptions",
            "apiVersion": "meta.k8s.io/v1",
            "fieldManager": "kubectl-create",
            "fieldValidation": "Strict",
        },
    }
    review = {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request}
    return json.dumps(review, separators=(",", ":")).encode()
