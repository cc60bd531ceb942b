"""install, uninstall, check and precheck against a stand-in for the API server that knows the API's published types."""

import base64
import http.client
import json
import re
import signal
import socket
import ssl

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mesh import certificates
from mesh.kubernetes import KINDS, ApiServer, Types, status

CANARY = "canary-4f6f1d0c8f7e4a5b9d3c"

EVERYTHING = {
    "Namespace marblerun",
    "ServiceAccount marblerun/marblerun-coordinator",
    "PersistentVolumeClaim marblerun/coordinator-pv-claim",
    "Service marblerun/coordinator-client-api",
    "Service marblerun/coordinator-mesh-api",
    "NetworkPolicy marblerun/marblerun-coordinator",
    "PodDisruptionBudget marblerun/marblerun-coordinator",
    "Deployment marblerun/marblerun-coordinator",
    "ServiceAccount marblerun/marble-injector",
    "Secret marblerun/marble-injector-webhook-certs",
    "Service marblerun/marble-injector",
    "NetworkPolicy marblerun/marble-injector",
    "PodDisruptionBudget marblerun/marble-injector",
    "Deployment marblerun/marble-injector",
    "MutatingWebhookConfiguration marble-injector-marblerun",
}
ENDORSEMENTS = {"ConfigMap marblerun/coordinator-dcap-config"}  # not with --simulation
STAYS = {"Namespace marblerun", "PersistentVolumeClaim marblerun/coordinator-pv-claim"}


class Cluster:
    def __init__(self, workspace):
        self.workspace = workspace
        self.server = ApiServer(workspace, tokens=[CANARY])
        self.kubeconfig = self.server.kubeconfig()

    def run(self, *arguments, check=True, **environment):
        done = self.workspace.run([self.workspace.binaries.cli, *arguments, "--kubeconfig", self.kubeconfig],
                                  check=check, **environment)
        output = done.stdout + done.stderr
        assert CANARY.encode() not in output
        assert b"Sanitizer" not in output and b"runtime error" not in output
        done.text, done.errors = done.stdout.decode(), done.stderr.decode()
        return done


@pytest.fixture
def cluster(workspace):
    workspace.secrets.add("the token", CANARY)
    made = Cluster(workspace)
    yield made
    made.server.stop()


def dry_run(workspace, *arguments):
    done = workspace.run([workspace.binaries.cli, "install", "--dry-run", *arguments])
    return list(yaml.safe_load_all(done.stdout))


def by_key(objects):
    return {f'{o["kind"]} {o["metadata"]["name"]}': o for o in objects}


def test_everything_is_made_once(cluster):
    done = cluster.run("install", "--simulation")
    assert set(cluster.server.objects) == EVERYTHING
    assert "is installed in namespace marblerun" in done.text
    made = [key for method, key in cluster.server.requests if method == "PATCH"]
    assert made[0] == "Namespace marblerun"
    assert made[-1].startswith("MutatingWebhookConfiguration"), "pods of marbles need the injector from then on"
    before = cluster.server.state()
    again = cluster.run("install", "--simulation", check=1)
    assert "there is an installation" in again.errors and "Deployment marblerun/marblerun-coordinator" in again.errors
    assert "marblerun uninstall" in again.errors
    assert cluster.server.state() == before


def test_uninstall_keeps_the_state_and_can_be_repeated(cluster):
    cluster.run("install", "--simulation")
    done = cluster.run("uninstall")
    assert set(cluster.server.objects) == STAYS
    assert "coordinator-pv-claim" in done.text
    deleted = [key for method, key in cluster.server.requests if method == "DELETE"]
    assert deleted[0].startswith("MutatingWebhookConfiguration"), "nobody's pods wait for an injector that is gone"
    assert "is not installed" in cluster.run("uninstall").text
    state = cluster.server.state()
    cluster.run("install", "--simulation")
    assert set(cluster.server.objects) == EVERYTHING
    assert {k: v for k, v in cluster.server.state().items() if k in STAYS} == state
    cluster.run("uninstall", "--delete-state")
    assert set(cluster.server.objects) == {"Namespace marblerun"}


def test_uninstall_waits(cluster):
    cluster.run("install", "--simulation")
    cluster.server.polls_until_gone = 1
    cluster.run("uninstall", "--wait")
    assert set(cluster.server.objects) == STAYS
    cluster.run("install", "--simulation")
    cluster.server.polls_until_gone = 10 ** 6
    late = cluster.run("uninstall", "--wait", "--timeout", "1", check=1)
    assert "is still there" in late.errors


def test_results_for_programs(cluster):
    cluster.server.nodes = [node("a", **{"sgx.intel.com/epc": "98566144", "sgx.intel.com/enclave": "110",
                                         "sgx.intel.com/provision": "110"})]
    made = json.loads(cluster.run("install", "-o", "json").stdout)
    assert set(made["created"]) == EVERYTHING | ENDORSEMENTS
    assert made["resourceKey"] == "sgx.intel.com/epc" and made["simulation"] is False and made["ready"] is False
    gone = json.loads(cluster.run("uninstall", "-o", "json").stdout)
    assert set(gone["deleted"]) == (EVERYTHING | ENDORSEMENTS) - STAYS
    assert json.loads(cluster.run("uninstall", "-o", "json").stdout)["deleted"] == []


FAILURES = {
    "refused": status(403, "Forbidden", 'User "me" cannot do this'),
    "broken": status(500, "InternalError", "Internal error occurred: etcdserver: request timed out"),
    "not json": (200, b"<html>a proxy</html>", {}),
    "invalid": status(422, "Invalid", "spec is invalid"),
}


@pytest.mark.parametrize("namespace", ["new", "there"])
@pytest.mark.parametrize("failure", FAILURES)
def test_whichever_request_fails_the_cluster_is_as_before(cluster, failure, namespace):
    server = cluster.server
    if namespace == "there":  # otherwise its deletion would hide what is left in it
        server.put("Namespace", "marblerun", apiVersion="v1")
    before, number = server.state(), 0
    while True:
        number += 1
        start = len(server.requests)
        server.fail = lambda n, *_: FAILURES[failure] if n == start + number else None
        done = cluster.run("install", "--simulation", check=False)
        server.fail = None
        if done.returncode == 0:
            break
        assert done.returncode == 1
        assert server.state() == before, f"request {number}: {server.requests[start:]}"
        tried = [r for r in server.requests[start:] if r[0] == "PATCH"]
        assert ("undone" in done.errors) == bool(tried), done.errors
    assert number == 2 * len(EVERYTHING) + 1 - (namespace == "there"), "each object is looked for and made"
    assert set(server.objects) == EVERYTHING


PASSING = {
    "reset": "reset",
    "the answer is lost": "lose the answer",
    "busy": status(429, "TooManyRequests", "too many requests")[:2] + ({"Retry-After": "0"},),
    "unavailable": status(503, "ServiceUnavailable", "the server is starting"),
    "slow down": status(500, "InternalError", "try again")[:2] + ({"Retry-After": "0"},),
}


@pytest.mark.parametrize("failure", PASSING)
def test_what_passes_is_tried_again(cluster, failure):
    server = cluster.server
    failing = {1, 2, 9, 16, 17, 25, 30, 31}
    server.fail = lambda n, *_: PASSING[failure] if n in failing else None
    cluster.run("install", "--simulation")
    assert set(server.objects) == EVERYTHING
    start = len(server.requests)
    server.fail = lambda n, *_: PASSING[failure] if n - start in failing else None
    cluster.run("uninstall")
    assert set(server.objects) == STAYS


def test_an_object_whose_answer_was_lost_is_undone(cluster):
    """The server makes it and is never heard again about it, until the undoing."""
    server = cluster.server
    server.put("Namespace", "marblerun", apiVersion="v1")

    def fail(number, method, place):
        return "lose the answer" if (method, place.kind) == ("PATCH", "PodDisruptionBudget") else None

    server.fail = fail
    done = cluster.run("install", "--simulation", check=1)
    assert "undone" in done.errors
    assert set(server.objects) == {"Namespace marblerun"}


def test_a_lost_answer_and_then_a_refusal(cluster):
    """The first attempt made it, the second one is refused: it is ours all the same."""
    seen = []
    cluster.server.put("Namespace", "marblerun", apiVersion="v1")

    def fail(number, method, place):
        if (method, place.kind) != ("PATCH", "PodDisruptionBudget"):
            return None
        seen.append(number)
        return "lose the answer" if len(seen) == 1 else FAILURES["refused"]

    cluster.server.fail = fail
    done = cluster.run("install", "--simulation", check=1)
    assert "undone" in done.errors and set(cluster.server.objects) == {"Namespace marblerun"}


def test_a_server_that_is_gone_leaves_what_is_named(cluster):
    server = cluster.server
    dead = []

    def fail(number, method, place):
        if dead or (method, place.kind) == ("PATCH", "Deployment"):
            dead.append(number)
            return "reset"
        return None

    server.fail = fail
    done = cluster.run("install", "--simulation", check=1)
    assert "left behind" in done.errors
    for key in server.objects:
        assert key in done.errors
    assert len(dead) <= 15, "a dead server is not asked for ever"


def test_what_others_made_meanwhile_stays(cluster):
    """Between our look and our apply, somebody makes a service of the name."""
    server = cluster.server
    server.put("Namespace", "marblerun", apiVersion="v1")

    def race(s, place):
        if place.name == "coordinator-mesh-api":
            s.put("Service", place.name, place.namespace, manager="helm", apiVersion="v1",
                  spec={"type": "LoadBalancer"})

    server.hooks["PATCH", "Service"] = race
    done = cluster.run("install", "--simulation", check=1)
    assert 'conflict with "helm": .spec.type' in done.errors and "undone" in done.errors
    assert set(server.objects) == {"Namespace marblerun", "Service marblerun/coordinator-mesh-api"}


def test_two_installations_at_once(cluster):
    """The other one is the same program: nothing conflicts, but only one of them may go on, and may undo."""
    server = cluster.server
    server.put("Namespace", "marblerun", apiVersion="v1")
    made = []

    def race(s, place):
        if place.name == "coordinator-mesh-api" and not made:
            made.append(s.put("Service", place.name, place.namespace, manager="marblerun", apiVersion="v1"))

    server.hooks["PATCH", "Service"] = race
    done = cluster.run("install", "--simulation", check=1)
    assert "somebody made it at the same time" in done.errors and "undone" in done.errors
    assert set(server.objects) == {"Namespace marblerun", "Service marblerun/coordinator-mesh-api"}


def test_the_namespace_of_others_stays(cluster):
    server = cluster.server
    server.put("Namespace", "marblerun", apiVersion="v1", metadata={"labels": {"team": "a"}})
    server.put("ConfigMap", "theirs", "marblerun", apiVersion="v1")
    before = server.state()
    server.fail = lambda n, method, place: FAILURES["refused"] if place.kind == "Deployment" else None
    cluster.run("install", "--simulation", check=1)
    server.fail = lambda n, method, place: FAILURES["refused"] if (method, place.kind) == ("PATCH", "Deployment") else None
    cluster.run("install", "--simulation", check=1)
    assert server.state() == before


def test_a_namespace_that_goes_is_waited_for(cluster):
    cluster.server.put("Namespace", "marblerun", apiVersion="v1", metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"})
    done = cluster.run("install", "--simulation", check=1)
    assert "is being deleted" in done.errors
    assert not [r for r in cluster.server.requests if r[0] == "PATCH"]


def test_waiting_for_pods(cluster):
    cluster.server.polls_until_ready = 2
    done = cluster.run("install", "--simulation", "--wait")
    assert "marble-injector pods ready: 0/1" in done.errors
    assert "marblerun-coordinator pods ready: 1/1" in done.errors
    assert "is ready in namespace marblerun" in done.text


@pytest.mark.parametrize("flags,policy", [(["--simulation"], "--insecure"), ([], "--era-config coordinator-era.json")])
def test_what_comes_next_is_said(cluster, flags, policy):
    """Ports and names are those of what was made."""
    text = cluster.run("install", *flags, "--namespace", "mesh", "--client-server-port", "5000").text
    check, forward, manifest = text.split("Next:\n")[1].splitlines()
    assert check.strip() == "marblerun check --namespace mesh"
    namespace, service, ports = re.fullmatch(r"  kubectl -n (\S+) port-forward (\S+) (\S+) &", forward).groups()
    kind, name = service.split("/")
    made, = [o for o in cluster.server.objects.values() if o["kind"].lower() == kind and o["metadata"]["name"] == name]
    assert made["metadata"]["namespace"] == namespace and ports == "5000:5000"
    assert [port["port"] for port in made["spec"]["ports"]] == [5000]
    assert manifest.strip() == f"marblerun manifest set manifest.json localhost:5000 {policy}"


def test_pods_that_do_not_come_up_undo_it(cluster):
    cluster.server.polls_until_ready = 10 ** 6
    done = cluster.run("install", "--simulation", "--wait", "--timeout", "1", check=1)
    assert "undone" in done.errors and "not ready in time: 0 of 1" in done.errors
    assert cluster.server.objects == {}
    cluster.server.polls_until_ready = 0
    cluster.server.never_ready = 'ReplicaSet "x" has timed out progressing.'
    done = cluster.run("install", "--simulation", "--wait", check=1)
    assert "timed out progressing" in done.errors
    assert cluster.server.objects == {}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_undoes_it(cluster, workspace, number):
    cluster.server.polls_until_ready = 10 ** 6
    process = workspace.start("install", [workspace.binaries.cli, "install", "--simulation", "--wait", "--kubeconfig",
                                          cluster.kubeconfig])
    process.wait_for(lambda log: "pods ready: 0/1" in log)
    process.send(number)
    assert process.wait() == 1
    assert "interrupted" in process.log() and "undone" in process.log()
    assert cluster.server.objects == {}


def test_uninstall_leaves_the_things_of_others(cluster):
    cluster.server.put("Namespace", "marblerun", apiVersion="v1")
    cluster.server.put("Service", "marble-injector", "marblerun", apiVersion="v1")
    before = cluster.server.state()
    done = cluster.run("uninstall", check=1)
    assert "is no part of Marblerun" in done.errors
    assert cluster.server.state() == before


def test_uninstall_leaves_a_release_of_helm(cluster):
    cluster.run("install", "--simulation")
    deployment = cluster.server.objects["Deployment marblerun/marblerun-coordinator"]
    deployment["metadata"]["annotations"] = {"meta.helm.sh/release-name": "mesh"}
    before = cluster.server.state()
    done = cluster.run("uninstall", check=1)
    assert "helm uninstall mesh --namespace marblerun" in done.errors
    assert cluster.server.state() == before


def test_another_namespace(cluster):
    cluster.run("install", "--simulation", "-n", "team-a")
    names = {key.replace("marblerun/", "team-a/", 1) for key in EVERYTHING}
    expected = {n.replace("Namespace marblerun", "Namespace team-a").replace("injector-marblerun", "injector-team-a")
                for n in names}
    assert set(cluster.server.objects) == expected
    cluster.run("check", "-n", "team-a")
    cluster.run("uninstall", "-n", "team-a")


@pytest.mark.parametrize("field", ["tls.crt", "tls.key"])
def test_a_refusal_that_repeats_the_secret_is_not_shown(cluster, field):
    cluster.server.refuse = lambda sent: (
        status(422, "Invalid", f'data[{field}]: Invalid value: "{sent["data"][field]}"')
        if sent["kind"] == "Secret" else None)
    done = cluster.run("install", "--simulation", check=1)
    assert "repeats a secret" in done.errors and "Invalid value" not in done.errors
    assert "-----BEGIN" not in done.errors and "LS0t" not in done.errors, "PEM in base64"


# what is made

def test_manifests_fit_the_published_types(workspace):
    types = {kind: name for kind, name, _ in KINDS.values()}
    for arguments in ([], ["--simulation"], ["--disable-auto-injection"], ["--resource-key", "example.com/sgx"],
                      ["--runtime-class", "kata-qemu-tdx"]):
        for made in dry_run(workspace, *arguments):
            for version in ("1.25", "1.37"):
                assert Types(version).mistakes(types[made["kind"]], made) == []


def test_the_types_find_mistakes():
    types = Types("1.37")
    good = {"metadata": {"name": "x"}, "spec": {"selector": {}, "template": {}}}
    name = "io.k8s.api.apps.v1.Deployment"
    assert types.mistakes(name, good) == []
    assert types.mistakes(name, {**good, "spec": {"template": {}}}) == [".spec.selector: required"]
    assert types.mistakes(name, {**good, "spce": {}}) == [': unknown field "spce"']
    assert types.mistakes(name, {**good, "metadata": {"labels": {"a": 1}}}) == [
        ".metadata.labels[a]: string is expected, not int"]


def test_yaml_and_json_say_the_same(workspace):
    done = workspace.run([workspace.binaries.cli, "install", "--dry-run", "--disable-auto-injection", "-o", "json"])
    listed = json.loads(done.stdout)
    assert listed["kind"] == "List"
    assert listed["items"] == dry_run(workspace, "--disable-auto-injection")


def test_pods_are_hardened(workspace):
    deployments = [o for o in dry_run(workspace) if o["kind"] == "Deployment"]
    assert len(deployments) == 2
    for deployment in deployments:
        pod = deployment["spec"]["template"]["spec"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True and pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"] == {"allowPrivilegeEscalation": False, "privileged": False,
                                                    "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
            assert container["livenessProbe"] and container["readinessProbe"]
    assert deployments[0]["spec"]["strategy"] == {"type": "Recreate"}, "never two on one state"


def test_selectors_select(workspace):
    objects = dry_run(workspace)
    pods = [o["spec"]["template"]["metadata"]["labels"] for o in objects if o["kind"] == "Deployment"]
    for thing in objects:
        spec = thing.get("spec", {})
        selector = spec.get("selector") or spec.get("podSelector")
        if selector:
            wanted = selector.get("matchLabels", selector)
            assert len([p for p in pods if wanted.items() <= p.items()]) == 1, thing["metadata"]["name"]


def environment_of(objects):
    container = by_key(objects)["Deployment marblerun-coordinator"]["spec"]["template"]["spec"]["containers"][0]
    return {v["name"]: v["value"] for v in container["env"]}, container


def test_flags_of_the_coordinator(workspace):
    objects = dry_run(workspace, "--domain", "mesh.example,10.0.0.1", "--domain", "other.example",
                      "--client-server-port", "5555", "--mesh-server-port", "6666", "--version", "v9.8.7",
                      "--image-repository", "registry.example:5000/mesh", "--dcap-pccs-url", "https://pccs.example/v4/",
                      "--dcap-secure-cert", "FALSE")
    variables, container = environment_of(objects)
    names = variables["EDG_COORDINATOR_DNS_NAMES"].split(",")
    assert names[:3] == ["mesh.example", "10.0.0.1", "other.example"]
    assert "coordinator-mesh-api.marblerun.svc.cluster.local" in names
    assert variables["MARBLERUN_PCCS_URL"] == "https://pccs.example/v4"
    assert variables["OE_SIMULATION"] == "0"
    assert container["image"] == "registry.example:5000/mesh/coordinator:v9.8.7"
    assert [p["containerPort"] for p in container["ports"]] == [5555, 6666]
    found = by_key(objects)
    assert found["Service coordinator-client-api"]["spec"]["ports"][0]["port"] == 5555
    assert found["Service coordinator-mesh-api"]["spec"]["ports"][0]["port"] == 6666
    config = json.loads(found["ConfigMap coordinator-dcap-config"]["data"]["sgx_default_qcnl.conf"])
    assert config == {"pccs_url": "https://pccs.example/v4/", "use_secure_cert": False}
    injector = found["Deployment marble-injector"]["spec"]["template"]["spec"]["containers"][0]
    assert "-coordAddr=coordinator-mesh-api.marblerun:6666" in injector["args"]


@pytest.mark.parametrize("url", ["https://p.example/sgx/certification/v4/", "https://p.example/sgx/certification/v4",
                                 "https://p.example/", "https://p.example"])
def test_the_coordinator_adds_the_path_of_the_interface_itself(workspace, url):
    assert environment_of(dry_run(workspace, "--dcap-pccs-url", url))[0]["MARBLERUN_PCCS_URL"] == "https://p.example"


def port_of(log, event):
    for line in log.splitlines():
        said = json.loads(line) if line.startswith("{") else {}
        if said.get("event") == event:
            return said["port"]
    return None


def test_the_coordinator_starts_with_it(workspace):
    """The very environment of the container, but for folder and ports; then what the probes ask."""
    variables, container = environment_of(dry_run(workspace, "--simulation", "--domain", "mesh.example"))
    variables["EDG_COORDINATOR_SEAL_DIR"] = workspace.folder / "state"
    for name in ("EDG_COORDINATOR_MESH_ADDR", "EDG_COORDINATOR_CLIENT_ADDR"):
        assert variables[name].startswith("0.0.0.0:")
        variables[name] = "127.0.0.1:0"
    process = workspace.start("coordinator", [workspace.binaries.coordinator], **variables)
    port = process.wait_for(lambda log: port_of(log, "serving the client API"))
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        asked = container[probe]["httpGet"]
        connection = http.client.HTTPSConnection("127.0.0.1", port, context=ssl._create_unverified_context())
        connection.request("GET", asked["path"])
        assert asked["scheme"] == "HTTPS" and connection.getresponse().status == 200
        certificate = connection.sock.getpeercert(binary_form=True) if connection.sock else certificate
        connection.close()
    assert {"mesh.example", "coordinator-client-api.marblerun.svc.cluster.local"} <= set(
        certificates.names(x509.load_der_x509_certificate(certificate)))
    assert process.stop() == 0


def test_the_injector_starts_with_it(workspace):
    """The container's arguments and the secret's files; and an API server that trusts the webhook's authority."""
    found = by_key(dry_run(workspace))
    volume = workspace.folder / "certificates"
    volume.mkdir()
    for name, content in found["Secret marble-injector-webhook-certs"]["data"].items():
        (volume / name).write_bytes(base64.b64decode(content))
    container = found["Deployment marble-injector"]["spec"]["template"]["spec"]["containers"][0]
    arguments = [a.replace("/etc/webhook/certs", str(volume)) for a in container["args"]]
    process = workspace.start("injector", [workspace.binaries.injector, *arguments, "-addr=127.0.0.1:0"],
                              EDG_LOG_FORMAT="json")
    port = process.wait_for(lambda log: port_of(log, "serving the webhook"))
    hook = found["MutatingWebhookConfiguration marble-injector-marblerun"]["webhooks"][0]
    service = hook["clientConfig"]["service"]
    context = ssl.create_default_context(cadata=base64.b64decode(hook["clientConfig"]["caBundle"]).decode())
    name = f'{service["name"]}.{service["namespace"]}.svc'

    def ask(method, path):
        with socket.create_connection(("127.0.0.1", port)) as raw, \
                context.wrap_socket(raw, server_hostname=name) as secured:
            secured.sendall(f"{method} {path} HTTP/1.1\r\nHost: {name}\r\nContent-Length: 0\r\n\r\n".encode())
            return int(secured.recv(100).split()[1])

    assert ask("GET", container["livenessProbe"]["httpGet"]["path"]) == 200
    assert ask("GET", container["readinessProbe"]["httpGet"]["path"]) == 200
    assert ask("GET", "/nothing") == 404
    assert ask("POST", service["path"]) not in (200, 404), "an empty review is none"
    assert process.stop() == 0


def test_simulation_needs_no_device(workspace):
    objects = dry_run(workspace, "--simulation")
    variables, container = environment_of(objects)
    assert variables["OE_SIMULATION"] == "1" and "MARBLERUN_PCCS_URL" not in variables
    assert container["resources"]["limits"] == {}
    found = by_key(objects)
    assert found["Deployment marblerun-coordinator"]["spec"]["template"]["spec"]["tolerations"] == []
    injector = found["Deployment marble-injector"]["spec"]["template"]["spec"]["containers"][0]
    assert "-sgxResource=" in injector["args"], "marbles get none either"


@pytest.mark.parametrize("key,limits", [
    ("sgx.intel.com/epc", {"sgx.intel.com/epc": "10Mi", "sgx.intel.com/enclave": "1",
                           "sgx.intel.com/provision": "1"}),
    ("kubernetes.azure.com/sgx_epc_mem_in_MiB", {"kubernetes.azure.com/sgx_epc_mem_in_MiB": "10"}),
    ("alibabacloud.com/sgx_epc_MiB", {"alibabacloud.com/sgx_epc_MiB": "10"}),
    ("example.com/epc", {"example.com/epc": "10"}),
])
def test_resources_of_device_plugins(workspace, key, limits):
    objects = dry_run(workspace, "--resource-key", key)
    assert environment_of(objects)[1]["resources"]["limits"] == limits
    tolerations = by_key(objects)["Deployment marblerun-coordinator"]["spec"]["template"]["spec"]["tolerations"]
    assert tolerations == [{"key": key, "operator": "Exists", "effect": "NoSchedule"}]


def test_a_configuration_of_the_quote_provider(workspace):
    text = '{\n  "pccs_url": "https://x.example/",\n  // a comment\n  "retry_times": 6\n}\n'
    path = workspace.write("qcnl.conf", text)
    objects = dry_run(workspace, "--dcap-qcnl-config-file", path)
    assert by_key(objects)["ConfigMap coordinator-dcap-config"]["data"]["sgx_default_qcnl.conf"] == text
    assert "MARBLERUN_PCCS_URL" not in environment_of(objects)[0]


def test_without_injection(workspace):
    kinds = [o["kind"] for o in dry_run(workspace, "--disable-auto-injection")]
    assert "MutatingWebhookConfiguration" not in kinds and "Secret" not in kinds and kinds.count("Deployment") == 1


def test_the_webhook_is_believed_by_its_authority_alone(workspace):
    found = by_key(dry_run(workspace, "-n", "team-a"))
    hook = found["MutatingWebhookConfiguration marble-injector-team-a"]["webhooks"][0]
    secret = found["Secret marble-injector-webhook-certs"]["data"]
    authority, leaf = (base64.b64decode(t) for t in (hook["clientConfig"]["caBundle"], secret["tls.crt"]))
    key = serialization.load_pem_private_key(base64.b64decode(secret["tls.key"]), None)
    ca_file, leaf_file = workspace.write("ca.pem", authority), workspace.write("leaf.pem", leaf)
    workspace.run(["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname",
                   "marble-injector.team-a.svc", "-CAfile", ca_file, leaf_file])
    certificate = x509.load_pem_x509_certificate(leaf)
    assert certificate.public_key().public_numbers() == key.public_key().public_numbers()
    assert isinstance(key.curve, ec.SECP256R1)
    assert certificates.names(certificate) == ["marble-injector.team-a.svc", "marble-injector.team-a.svc.cluster.local"]
    service = hook["clientConfig"]["service"]
    assert (service["name"], service["namespace"], service["path"]) == ("marble-injector", "team-a", "/mutate")
    assert hook["objectSelector"]["matchExpressions"] == [
        {"key": "marblerun/marbletype", "operator": "Exists", "values": []}]
    assert found["Service marble-injector"]["spec"]["ports"][0]["targetPort"] == "https"
    ports = found["Deployment marble-injector"]["spec"]["template"]["spec"]["containers"][0]["ports"]
    assert ports == [{"name": "https", "containerPort": 8443, "protocol": "TCP"}]


def test_dry_run_asks_nobody(workspace):
    workspace.run([workspace.binaries.cli, "install", "--dry-run", "--kubeconfig", "/nowhere"])


@pytest.mark.parametrize("arguments,words", [
    (["install", "--marblerun-chart-path", "chart"], "reads no chart"),
    (["install", "--distributed-deployment"], "are not supported"),
    (["install", "--simulation", "--resource-key", "x"], "not several"),
    (["install", "--runtime-class", "kata", "--resource-key", "x"], "not several"),
    (["install", "--runtime-class", "a/b"], "--runtime-class is"),
    (["install", "--namespace", "Big"], "--namespace is"),
    (["install", "--namespace", "../x"], "--namespace is"),
    (["install", "--version", "v1@sha"], "--version is"),
    (["install", "--version", ".v1"], "--version is"),
    (["install", "--image-repository", "a b"], "--image-repository is"),
    (["install", "--resource-key", "a b"], "--resource-key is"),
    (["install", "--client-server-port", "2001"], "are both 2001"),
    (["install", "--client-server-port", "80"], "a number from 1024"),
    (["install", "--dcap-secure-cert", "maybe"], "TRUE or FALSE"),
    (["install", "--dcap-qpl", "other"], "azure or intel"),
    (["install", "--dcap-pccs-url", "pccs.example"], "has to begin with https://"),
    (["install", "--dcap-qcnl-config-file", "f", "--dcap-pccs-url", "https://x"], "not both"),
    (["install", "mesh"], "one argument too many"),
    (["uninstall", "-n", "a/b"], "--namespace is"),
    (["precheck", "--request-timeout", "0"], "a number from 1"),
    (["check", "a:1", "b:2"], "one argument too many"),
])
def test_wrong_usage(workspace, arguments, words):
    done = workspace.run([workspace.binaries.cli, *arguments], check=2)
    assert words in done.stderr.decode()


def test_a_domain_that_is_none(workspace):
    done = workspace.run([workspace.binaries.cli, "install", "--dry-run", "--domain", "a b"], check=1)
    assert "--domain" in done.stderr.decode()


# the nodes

def node(name, labels=None, **capacity):
    return {"metadata": {"name": name, "labels": labels or {}}, "status": {"capacity": {"cpu": "4", **capacity}}}


INTEL = {"sgx.intel.com/epc": "98566144", "sgx.intel.com/enclave": "110", "sgx.intel.com/provision": "110"}
NFD = "feature.node.kubernetes.io/cpu-security."


def test_precheck(cluster):
    cluster.server.nodes = [
        node("plain"), node("intel", **INTEL), node("half", **{"sgx.intel.com/epc": "98566144"}),
        node("empty", **{**INTEL, "sgx.intel.com/epc": "0"}),
        node("azure", **{"kubernetes.azure.com/sgx_epc_mem_in_MiB": "168"}),
        node("tdx", {NFD + "tdx.enabled": "true"}), node("snp", {NFD + "sev.snp.enabled": "true"}),
        node("no", {NFD + "tdx.enabled": "false"}),
    ]
    text = cluster.run("precheck").text
    assert "8 nodes: 2 with SGX, 1 with TDX, 1 with SEV-SNP" in text
    assert "intel: 98566144 sgx.intel.com/epc" in text
    found = json.loads(cluster.run("precheck", "-o", "json").stdout)
    assert found["sgxResourceKey"] == "sgx.intel.com/epc"
    by_name = {n["name"]: n for n in found["nodes"]}
    assert by_name["half"]["sgxResourceKey"] is None and by_name["empty"]["sgxResourceKey"] is None
    assert by_name["azure"]["sgxCapacity"] == "168"
    assert by_name["tdx"]["tdx"] and by_name["snp"]["sevSnp"] and not by_name["no"]["tdx"]


def test_precheck_without_any(cluster):
    cluster.server.nodes = [node("plain")]
    assert "marblerun install --simulation" in cluster.run("precheck").text


def test_nodes_come_page_by_page(cluster):
    cluster.server.nodes = [node(f"n{i}", **INTEL) for i in range(7)]
    cluster.server.page_items = 3
    assert "7 nodes: 7 with SGX" in cluster.run("precheck").text
    cluster.server.stale_pages = 1
    assert "7 nodes: 7 with SGX" in cluster.run("precheck").text, "read anew"
    cluster.server.stale_pages = 10
    assert "gone (410)" in cluster.run("precheck", check=1).errors


def test_install_takes_the_resource_that_nodes_offer(cluster):
    cluster.server.nodes = [node("plain"), node("a", **{"alibabacloud.com/sgx_epc_MiB": "64"})]
    cluster.run("install")
    deployment = cluster.server.objects["Deployment marblerun/marblerun-coordinator"]
    assert deployment["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"] == {
        "alibabacloud.com/sgx_epc_MiB": "10"}


def test_install_warns_where_no_node_offers_sgx(cluster):
    cluster.server.nodes = [node("plain")]
    assert "no node offers SGX" in cluster.run("install").errors


def test_nodes_that_may_not_be_listed(cluster):
    cluster.server.fail = lambda n, method, place: FAILURES["refused"] if place.plural == "nodes" else None
    done = cluster.run("install", check=1)
    assert "--resource-key" in done.errors and "forbidden (403)" in done.errors
    cluster.run("install", "--resource-key", "sgx.intel.com/epc")


# check

def test_check(cluster):
    done = cluster.run("check", check=1)
    assert "not found (404)" in done.errors
    cluster.run("install", "--simulation")
    cluster.server.polls_until_ready = 1
    done = cluster.run("check")
    assert "is ready in namespace marblerun" in done.text
    found = json.loads(cluster.run("check", "-o", "json").stdout)
    assert found["deployments"] == [{"name": "marble-injector", "ready": 1, "wanted": 1},
                                    {"name": "marblerun-coordinator", "ready": 1, "wanted": 1}]


def test_check_without_injector(cluster):
    cluster.run("install", "--simulation", "--disable-auto-injection")
    assert "marble-injector is not installed" in cluster.run("check").errors


def test_check_gives_up(cluster):
    cluster.run("install", "--simulation")
    cluster.server.polls_until_ready = 10 ** 6
    assert "0 of 1 pods are" in cluster.run("check", "--timeout", "1", check=1).errors
