"""Workloads of every kind that makes pods, as small as the API server takes them."""

TEMPLATED = (
    ("apps/v1", "DaemonSet"), ("apps/v1", "Deployment"), ("apps/v1", "ReplicaSet"), ("apps/v1", "StatefulSet"),
    ("batch/v1", "CronJob"), ("batch/v1", "Job"), ("v1", "PodTemplate"), ("v1", "ReplicationController"),
)  # fmt: skip


def workload(version, kind, name, labels, container):
    """One whose pods have those labels and that container."""
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"template": template}
    if kind in ("CronJob", "Job"):
        template["spec"]["restartPolicy"] = "Never"
    elif kind == "ReplicationController":
        spec["selector"] = labels
    else:
        spec["selector"] = {"matchLabels": labels}
    if kind == "StatefulSet":
        spec["serviceName"] = name
    if kind == "CronJob":
        spec = {"schedule": "* * * * *", "jobTemplate": {"spec": spec}}
    made = {"apiVersion": version, "kind": kind, "metadata": {"name": name}}
    return made | ({"template": template} if kind == "PodTemplate" else {"spec": spec})
