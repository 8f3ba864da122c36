"""The attacks that are one call of the attacker in an agent's container, with what has to come of each."""

import dataclasses

NETWORK, SECRETS, FILES, RIGHTS = (
    "The network", "Secrets and processes", "Files, mounts and devices", "Rights and the kernel")


@dataclasses.dataclass(frozen=True)
class Row:
    """`seen` is what has to come of `attack` in each tier, or one text for both. `control` is where the same attack has
    to succeed, and how its outcome begins: "free", a pod that nothing bounds, "victim", another sandbox, or "friend", a
    pod that the other sandbox lets in as it does the attackers. `possible`
    names, for each tier that does not stop the attack, the control of status.controls that says so. `shows` is the
    control whose effect is seen where the attack is stopped."""

    heading: str
    tried: str
    attack: str
    seen: str | dict
    control: tuple = None
    possible: dict = dataclasses.field(default_factory=dict)
    shows: str = ""

    def expected_in(self, tier):
        return self.seen if isinstance(self.seen, str) else self.seen[tier]

    @property
    def expected(self):
        if not self.possible:
            return "stopped"
        if len(self.possible) == 1:
            ((tier, control),) = self.possible.items()
            return f"open in {tier}: {control}"
        return f"open: {', '.join(sorted(set(self.possible.values())))}"


def connect(tried, fact, control="free"):
    return Row(NETWORK, tried, f"connect:{fact}", "no connection", (control, "connected"), shows="NetworkDenyAll")


def ask(tried, fact):
    return Row(NETWORK, tried, f"ask:{fact}", "no answer", ("free", "answered"), shows="NetworkDenyAll")


def link_local(tried, fact):
    """kube-router polices IPv4 alone in a cluster of IPv4 alone."""
    return Row(NETWORK, tried, f"link_local:{fact}", "connected", ("free", "connected"),
               possible={"GVisor": "NetworkDenyAll", "Container": "NetworkDenyAll"})  # fmt: skip


ROWS = (
    connect("the API server at its Service", "api"),
    connect("the API server at its node", "api's node"),
    connect("the kubelet", "kubelet"),
    connect("the kubelet at the address of the pods' bridge", "bridge"),
    connect("another port of the node", "kube-proxy"),
    connect("a NodePort Service", "node port"),
    connect("the metadata address", "metadata"),
    connect("the internet, past the gateway", "internet"),
    connect("another sandbox, which lets it in", "victim", "friend"),
    connect("another sandbox's gateway", "victim's gateway", "victim"),
    ask("the cluster's DNS at its Service, by UDP", "dns"),
    ask("the cluster's DNS at its pod, by UDP", "dns's pod"),
    ask("a public name server, by UDP", "public name server"),
    Row(NETWORK, "a host's name", "resolve", "no name server", ("free", "resolved"), shows="NoDNS"),
    Row(NETWORK, "ICMP", "ping", "no answer", ("free", "answered"), shows="NetworkDenyAll"),
    Row(NETWORK, "raw sockets", "raw_sockets", "refused", ("free", "opened: IP, ICMP, packets"),
        shows="NoCapabilities"),
    link_local("the node by IPv6, at its link-local address", "kubelet, link-local"),
    link_local("another sandbox by IPv6, at its link-local address", "victim, link-local"),
    Row(NETWORK, "its own gateway, past the sidecar", "gateway_without_identity", "refused"),
    Row(NETWORK, "a host that is not listed, through the sidecar", "sidecar:other.example.com", "403"),
    Row(NETWORK, "ports at which the sidecar listens, besides its proxy's", "listeners", "none"),
    Row(NETWORK, "abstract sockets of the sidecar", "abstract_sockets", "none"),
    Row(SECRETS, "processes of others", "processes", "none but its own", ("free", "envoy")),
    Row(SECRETS, "ptrace of a process that is not its own", "ptrace", "no such process", ("free", "attached")),
    Row(SECRETS, "the paths and variables where credentials lie", "credential_paths", "none",
        ("free", "found: /var/run/secrets/kubernetes.io/serviceaccount/token"), shows="NoServiceAccountToken"),
    Row(FILES, "writing to the root file system", "write_to_root", "read-only", ("free", "written"),
        shows="ReadOnlyRootFilesystem"),
    Row(FILES, "mounts: a file system, a directory, proc, root to be written", "mounts", "refused",
        ("free", "mounted: a file system, over a directory, root, to be written, proc"), shows="NoCapabilities"),
    Row(FILES, "opening /proc/sys, sysrq-trigger and control groups for writing", "kernel_files", "refused",
        ("free", "opened")),
    Row(FILES, "reading what a runtime masks: /proc/kcore and others", "masked_files", "nothing to read",
        ("free", "read")),
    Row(FILES, "device files, made or opened", "devices", "refused", ("free", "reached")),
    Row(FILES, "its labels, as the downward API shows them: writing them", "write_labels", "refused"),
    Row(FILES, "running what it wrote to /tmp", "run_what_it_wrote", "runs", ("free", "runs"),
        possible={"GVisor": "NoExecScratch", "Container": "NoExecScratch"}),
    Row(RIGHTS, "capabilities", "capabilities", "none", ("free", "gained"), shows="NoCapabilities"),
    Row(RIGHTS, "becoming root", "become_root", "refused", ("free", "root"), shows="NonRoot"),
    Row(RIGHTS, "a program of root's with the bit set-user-ID", "set_user_id", "user 10001", ("free", "root"),
        shows="NoPrivilegeEscalation"),
    Row(RIGHTS, "a user namespace and mounts, and what they give", "user_namespace",
        {"GVisor": "its own: raw sockets, a file system, a name, /sys/fs/cgroup to write to", "Container": "refused"},
        ("free", "its own: raw sockets, a file system"), possible={"GVisor": "SeccompProfile"}),
    Row(RIGHTS, "system calls by which kernels were taken over", "system_calls",
        {"GVisor": "answered: perf_event_open, open_by_handle_at, keyctl, setns", "Container": "refused"},
        ("free", "answered: bpf"),
        possible={"GVisor": "SeccompProfile"}, shows="SeccompProfile"),
    Row(RIGHTS, "seeing the node's kernel", "kernel", {"GVisor": "another", "Container": "the node's"},
        ("free", "the node's"), possible={"Container": "RuntimeIsolation"}, shows="RuntimeIsolation"),
    Row(RIGHTS, "the kernel's log", "kernel_log", {"GVisor": "gVisor's", "Container": "refused"},
        ("free", "the node's")),
)  # fmt: skip
