"""A sandbox with Claude Code, whose model answers at the end of the cable."""

import contextlib

from attack_stage import AGENT

from pods import RESTRICTED, Pods

NAME = "coder"
POD = f"asb-{NAME}"


@contextlib.contextmanager
def coder(cluster, prefix, key, **spec):
    """A namespace with the sandbox, which is Ready; the gateway has the key, and keyword arguments are further fields."""
    header = {"name": "x-api-key", "secretKeyRef": {"name": "anthropic", "key": "api-key"}}
    sandbox = {
        "apiVersion": "stockade.dev/v1alpha1",
        "kind": "AgentSandbox",
        "metadata": {"name": NAME},
        "spec": {
            "podTemplate": {"spec": {"containers": [{"name": "agent", "image": AGENT}]}},
            "egress": {"model": {"anthropic": {"credential": "anthropic"}}},
            "credentials": [{"name": "anthropic", "header": header}],
        } | spec,
    }  # fmt: skip
    with cluster.new_namespace(prefix, RESTRICTED) as name:
        pods = Pods(cluster, name)
        pods.must("create", "secret", "generic", "anthropic", f"--from-literal=api-key={key}")
        pods.must("apply", "-f", "-", input=sandbox)
        pods.must("wait", "--for=condition=Ready", f"agentsandbox/{NAME}", "--timeout=120s", timeout=150)
        yield pods


def claude_code(agents, prompt, *options):
    """The CompletedProcess of Claude Code in the sandbox, asked once."""
    command = ["exec", POD, "-c", "agent", "--", "/usr/local/bin/claude", *options, "-p", prompt]
    return agents.cluster.kubectl("-n", agents.namespace, *command, timeout=180)
