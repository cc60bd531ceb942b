"""Pods of many shapes, and what must hold for a pod before and after it was injected."""

import uuid

from mesh.kubernetes import Types

LABEL = "marblerun/marbletype"
API = Types("1.37")
KINDS = ("emptyDir", "configMap", "secret", "projected", "downwardAPI", "hostPath")


def review(pod, namespace="shop", operation="CREATE", dry_run=False):
    """As an API server sends it."""
    kind = {"group": "", "version": "v1", "kind": "Pod"}
    resource = {"group": "", "version": "v1", "resource": "pods"}
    return {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": {
        "uid": str(uuid.uuid4()), "kind": kind, "resource": resource, "requestKind": kind,
        "requestResource": resource, "namespace": namespace, "operation": operation,
        "userInfo": {"username": "system:serviceaccount:kube-system:replicaset-controller",
                     "groups": ["system:serviceaccounts", "system:authenticated"]},
        "object": pod, "oldObject": None, "dryRun": dry_run,
        "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"}}}


def simple(marble_type="web", **labels):
    return {"kind": "Pod", "apiVersion": "v1",
            "metadata": {"generateName": "web-", "labels": {LABEL: marble_type, **labels}},
            "spec": {"containers": [{"name": "web", "image": "registry.example/web"}]}}


class Generator:
    """Pods that an API server could hand on: valid, but of any shape."""

    def __init__(self, random):
        self.random = random

    def _maybe(self, holder, key, make, chance=0.5):
        """The member, or none, or null: Go writes empty lists and maps in all these ways."""
        dice = self.random.random()
        if dice < chance:
            holder[key] = make()
        elif dice < chance + 0.1:
            holder[key] = None

    def _text(self):
        return self.random.choice(["a", "zwei", "λόγος", "\u2028", "x" * 40, "1", "", "~1/~0", '"\\', "𝔘"])

    def _label(self):
        return self.random.choice(["web", "Web.Svc", "a_b", "v-1", "w" * 63, "7"])

    def _environment(self):
        names = self.random.sample(["EDG_MARBLE_TYPE", "EDG_MARBLE_COORDINATOR_ADDR", "EDG_MARBLE_DNS_NAMES",
                                    "EDG_MARBLE_UUID_FILE", "PATH", "A", "B_2"], self.random.randint(0, 5))
        made = []
        for name in names:
            entry = {"name": name}
            kind = self.random.randint(0, 3)
            if kind == 0:
                entry["valueFrom"] = {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.podIP"}}
            elif kind > 1:
                entry["value"] = self._text()
            made.append(entry)
        return made

    def _mounts(self, volumes, marble_type):
        paths = self.random.sample(["/data", "/etc/x", f"/{marble_type}-uid", "/sys/kernel/config", "/sys",
                                    "/sys/kernel/configs", "/var/run/secrets"], self.random.randint(0, 3))
        return [{"name": self.random.choice(volumes)["name"],
                 "mountPath": path + self.random.choice(["", "/"])} for path in paths] if volumes else []

    def _quantities(self):
        names = self.random.sample(["cpu", "memory", "sgx.intel.com/epc", "sgx.intel.com/enclave",
                                    "kubernetes.azure.com/sgx_epc_mem_in_MiB", "x~y.example/z"],
                                   self.random.randint(0, 3))
        return {name: self.random.choice(["1", "20Mi", "500m"]) for name in names}

    def _resources(self):
        made = {}
        self._maybe(made, "limits", self._quantities)
        requests = self._quantities()
        for name, value in (made.get("limits") or {}).items():
            if "/" in name and name in requests:
                requests[name] = value  # of extended resources they must agree
        self._maybe(made, "requests", lambda: requests)
        return made

    def _container(self, name, volumes, marble_type):
        made = {"name": name, "image": "registry.example/" + name, "imagePullPolicy": "Always"}
        self._maybe(made, "env", self._environment, 0.6)
        self._maybe(made, "volumeMounts", lambda: self._mounts(volumes, marble_type), 0.6)
        self._maybe(made, "resources", self._resources, 0.7)
        self._maybe(made, "command", lambda: [self._text(), self._text()])
        return made

    def _volume(self, name):
        kind = self.random.choice(KINDS)
        source = {}
        if kind == "downwardAPI":
            source = {"items": [{"path": self.random.choice(["uuid-file", "labels"]), "fieldRef": {
                "apiVersion": "v1", "fieldPath": self.random.choice(["metadata.uid", "metadata.labels"])}}]}
        elif kind == "hostPath":
            source = {"path": self.random.choice(["/sys/kernel/config", "/dev", "/tmp"])}
        return {"name": name, kind: source}

    def _toleration(self):
        made = {}
        for key, values in (("key", ["sgx.intel.com/epc", "gpu", "kubernetes.azure.com/sgx_epc_mem_in_MiB"]),
                            ("operator", ["Exists", "Equal"]), ("effect", ["NoSchedule", "NoExecute", ""])):
            if self.random.random() < 0.7:
                made[key] = self.random.choice(values)
        return made

    def pod(self):
        marble_type = self._label()
        names = self.random.sample(["marblerun-uuid", "marblerun-uuid-2", "marblerun-tsm", "data", "v" * 63],
                                   self.random.randint(0, 4))
        volumes = [self._volume(name) for name in names]
        containers = self.random.sample(["web", "proxy", "db", "init", "c-4"], self.random.randint(2, 5))
        spec = {"containers": [self._container(n, volumes, marble_type) for n in containers[1:]]}
        self._maybe(spec, "volumes", lambda: volumes, 2 if volumes else 0.3)
        self._maybe(spec, "initContainers", lambda: [self._container(containers[0], volumes, marble_type)])
        self._maybe(spec, "tolerations", lambda: [self._toleration() for _ in range(self.random.randint(0, 3))])
        self._maybe(spec, "runtimeClassName", lambda: self.random.choice(["kata-qemu-tdx", "kata", "gvisor"]), 0.3)
        labels = {LABEL: marble_type, "app": "x"}
        if self.random.random() < 0.1:
            del labels[LABEL]
        self._maybe(labels, "marblerun/marblecontainer", lambda: self.random.choice([*containers, "nobody"]), 0.3)
        self._maybe(labels, "marblerun/resource-injection",
                    lambda: self.random.choice(["disabled", "enabled"]), 0.2)
        labels = {name: value for name, value in labels.items() if value is not None}
        return {"apiVersion": "v1", "kind": "Pod", "status": {}, "spec": spec,
                "metadata": {"generateName": "p-", "labels": labels, "annotations": {self._text(): self._text()}}}


def containers_of(pod):
    for kind in ("containers", "initContainers"):
        for container in pod["spec"].get(kind) or []:
            yield kind, container


def injected_names(pod):
    """Which containers become marbles, by the rules in docs/kubernetes.md."""
    labels = pod["metadata"].get("labels") or {}
    only = labels.get("marblerun/marblecontainer")
    if LABEL not in labels:
        return set()
    return {c["name"] for kind, c in containers_of(pod) if (c["name"] == only if only else kind == "containers")}


def without_nulls(value):
    """Null is as good as absent."""
    if isinstance(value, dict):
        return {k: without_nulls(v) for k, v in value.items() if v is not None}
    return [without_nulls(v) for v in value] if isinstance(value, list) else value


def decode(pod):
    """What an API server checks of a pod, as far as a patch could break it."""
    assert API.mistakes("io.k8s.api.core.v1.Pod", without_nulls(pod)) == []
    volumes = [v["name"] for v in pod["spec"].get("volumes") or []]
    assert len(volumes) == len(set(volumes)), "two volumes of one name"
    assert all(len(name) <= 63 for name in volumes)
    for volume in pod["spec"].get("volumes") or []:
        assert len(volume) == 2, "a volume has one source"
    for _, container in containers_of(pod):
        names = [e["name"] for e in container.get("env") or []]
        assert len(names) == len(set(names)) and all(isinstance(n, str) and n for n in names)
        mounts = [m["mountPath"].rstrip("/") for m in container.get("volumeMounts") or []]
        assert len(mounts) == len(set(mounts)), "two mounts at one path"
        assert all(m["name"] in volumes for m in container.get("volumeMounts") or [])
        _decode_resources(container.get("resources") or {})
    for toleration in pod["spec"].get("tolerations") or []:
        assert set(toleration) <= {"key", "operator", "value", "effect", "tolerationSeconds"}


def _decode_resources(resources):
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    assert all(isinstance(v, str) for v in [*limits.values(), *requests.values()])
    for name in limits.keys() & requests.keys():
        if "/" in name:
            assert limits[name] == requests[name], "the limit of an extended resource is its request"


def is_within(before, after):
    """Everything that was there is there, and stands where it stood."""
    if isinstance(before, dict):
        return isinstance(after, dict) and all(
            value is None or key in after and is_within(value, after[key]) for key, value in before.items())
    if isinstance(before, list):
        return isinstance(after, list) and len(after) >= len(before) and all(
            is_within(a, b) for a, b in zip(before, after))
    return type(before) is type(after) and before == after


def without_spec(pod, *more):
    """The pod without what an injection may change."""
    spec = {k: v for k, v in pod["spec"].items()
            if k not in ("containers", "initContainers", "volumes", "tolerations", *more)}
    return {**pod, "spec": spec}
