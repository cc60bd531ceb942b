"""The Helm chart in deploy/helm: rendered for many values, held against the API's types, and against the programs."""

import base64
import copy
import json
import os
import pathlib
import re
import shutil

import jsonschema
import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mesh import helm, pods
from mesh.coordinator import Coordinator
from mesh.helm import Chart, Mistake, Refused
from mesh.injector import Injector
from mesh.kubernetes import KINDS, Types

TOP = pathlib.Path(__file__).resolve().parents[2]
CHART = Chart(TOP / "deploy/helm")
TYPES = {(version, kind): name for (_, version), (kind, name, _) in KINDS.items()}
VERSIONS = [Types("1.25"), Types("1.37")]
# kinds of cert-manager; what it defines is not Kubernetes' own
FOREIGN = {("cert-manager.io/v1", "Issuer"), ("cert-manager.io/v1", "Certificate")}
WITHOUT_EFFECT = {"coordinator.httpErrorLogLevel", "marbleInjector.httpErrorLogLevel", "coordinator.storeBackend",
                  "coordinator.stateSecretName", "coordinator.kekConfigMap", "coordinator.keyAPIName"}
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?)?")
DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")

INJECTOR = {"marbleInjector": {"start": True}}
SIMULATION = {"coordinator": {"simulation": True, "resources": None}, "tolerations": None}
VALUES = {
    "defaults": {},
    "injector": INJECTOR,
    "simulation": SIMULATION,
    # as the public documentation has it: --set coordinator.simulation=1
    "simulation by a number": {**INJECTOR, "coordinator": {"simulation": 1, "resources": None}, "tolerations": None},
    "cert-manager": {"marbleInjector": {"start": True, "useCertManager": True}},
    "certificate of the command line": {"marbleInjector": {"start": True, "CABundle": "Q0EK"}},
    "Azure": {"coordinator": {"resources": {"limits": {"kubernetes.azure.com/sgx_epc_mem_in_MiB": "10"}}},
              "tolerations": [{"key": "kubernetes.azure.com/sgx_epc_mem_in_MiB", "operator": "Exists"}],
              "marbleInjector": {"start": True, "resourceKey": "kubernetes.azure.com/sgx_epc_mem_in_MiB"}},
    "Alibaba": {"marbleInjector": {"start": True, "resourceKey": "alibabacloud.com/sgx_epc_MiB"}},
    "a TDX guest": {"coordinator": {"runtimeClassName": "kata-qemu-tdx", "resources": None,
                                    "podSecurityContext": {"runAsNonRoot": False, "runAsUser": 0}},
                    "tolerations": None},
    "no SGX for marbles": {"marbleInjector": {"start": True, "resourceKey": "", "tsmRuntimeClasses": "tdx"}},
    "metrics": {"coordinator": {"metrics": {"enabled": True, "port": 9000}},
                "marbleInjector": {"start": True, "metrics": {"enabled": True}}},
    "metrics for everybody": {"coordinator": {"metrics": {"enabled": True}}, "networkPolicy": {"metricsFrom": []}},
    "everything of its own": {
        "global": {"podAnnotations": {"a.example/b": "c: d"}, "podLabels": {"team": "mesh"}, "createdBy": "a team",
                   "coordinatorComponentLabel": "x.example/component", "coordinatorNamespaceLabel": "x.example/ns",
                   "pullSecret": "registry"},
        "coordinator": {"replicas": 0, "repository": "registry.example:5000/mesh", "image": "plane",
                        "version": "v2.0_rc.1", "hash": "sha256:" + "a" * 64, "pullPolicy": "Always",
                        "meshServerHost": "127.0.0.1", "meshServerPort": 12001, "clientServerPort": 14433,
                        "hostname": "mesh.example,192.0.2.7", "clusterDomain": "corp.example", "sealDir": "/state",
                        "debugLogging": True, "storageClass": "fast", "storageSize": "1Gi", "securityContext": None,
                        "podSecurityContext": None,
                        "extraEnv": [{"name": "MARBLERUN_KDS_URL", "value": "https://kds.example"}],
                        "probes": {"startup": {"failureThreshold": 30}}},
        "marbleInjector": {"start": True, "replicas": 3, "debugLogging": True, "failurePolicy": "Ignore",
                           "timeoutSeconds": 3, "objectSelector": {"matchLabels": {"mesh": "yes"}},
                           "namespaceSelector": {"matchLabels": {"mesh": "yes"}}, "resources": None},
        "tolerations": [{"operator": "Exists"}], "nodeSelector": {"disk": "ssd"},
        "podDisruptionBudget": {"coordinator": {"minAvailable": 0}, "injector": {"maxUnavailable": "50%"}},
        "networkPolicy": {"clientFrom": [{"namespaceSelector": {}}], "meshFrom": [{"podSelector": {}}],
                          "apiServerFrom": [{"ipBlock": {"cidr": "192.0.2.0/24"}}]}},
    "a version that is longer than a label": {"coordinator": {"version": "v1" + "-x" * 60}},
    "another claim": {"coordinator": {"pvcName": "mine"}},
    "neither policies nor budgets": {**INJECTOR, "networkPolicy": {"enabled": False},
                                     "podDisruptionBudget": {"enabled": False}},
    "a configuration file for the quote provider": {"dcap": {"qcnlConfig": '{\n  "pccs_url": "https://a/",\n}'}},
    "no quote provider": {"dcap": None},
    "a service without TLS checks": {"dcap": {"pccsUrl": "https://pccs.example:8081/sgx/certification/v4",
                                              "useSecureCert": "FALSE"}},
    "no selectors": {"marbleInjector": {"start": True, "objectSelector": None, "namespaceSelector": None},
                     "nodeSelector": None},
}


@pytest.fixture(params=VALUES)
def values(request):
    return copy.deepcopy(VALUES[request.param])


@pytest.fixture
def objects(values):
    return CHART.objects(values)


def find(objects, kind, name):
    found, = [o for o in objects if o["kind"] == kind and o["metadata"]["name"] == name]
    return found


def all_of(objects, kind):
    return [o for o in objects if o["kind"] == kind]


def pods_of(objects):
    return {o["metadata"]["name"]: o["spec"]["template"] for o in all_of(objects, "Deployment")}


def coordinator_of(changes=None):
    return pods_of(CHART.objects(changes))["marblerun-coordinator"]["spec"]["containers"][0]


def environment(container):
    return {e["name"]: e.get("value") for e in container["env"]}


# What holds for all values

def test_objects_are_what_the_api_takes(objects):
    for o in objects:
        kind = (o["apiVersion"], o["kind"])
        assert kind in FOREIGN or kind in TYPES, kind
        if kind in TYPES:
            for types in VERSIONS:
                assert types.mistakes(TYPES[kind], o) == []


def test_names_and_labels(objects):
    keys = [(o["kind"], o["metadata"]["name"]) for o in objects]
    assert len(keys) == len(set(keys))
    for o in objects:
        assert len(o["metadata"]["name"]) <= 63 and DNS_LABEL.fullmatch(o["metadata"]["name"])
        assert o["metadata"].get("namespace", "marblerun") == "marblerun"
        assert ("namespace" in o["metadata"]) == (o["kind"] != "MutatingWebhookConfiguration")
        metadata = [o["metadata"]] + ([o["spec"]["template"]["metadata"]] if o["kind"] == "Deployment" else [])
        for m in metadata:
            assert {"app.kubernetes.io/name", "app.kubernetes.io/component", "app.kubernetes.io/part-of",
                    "app.kubernetes.io/version", "app.kubernetes.io/created-by"} <= set(m["labels"])
            for name, value in m["labels"].items():
                if name != "app.kubernetes.io/created-by":
                    assert len(value) <= 63 and LABEL_VALUE.fullmatch(value), (name, value)


def selects(selector, pod):
    return selector.items() <= pod["metadata"]["labels"].items()


def test_selectors_find_their_pods(objects):
    templates = pods_of(objects)
    for o in objects:
        selector = {"Deployment": lambda s: s["selector"]["matchLabels"], "Service": lambda s: s["selector"],
                    "PodDisruptionBudget": lambda s: s["selector"]["matchLabels"],
                    "NetworkPolicy": lambda s: s["podSelector"]["matchLabels"]}.get(o["kind"])
        if not selector:
            continue
        found = [name for name, pod in templates.items() if selects(selector(o["spec"]), pod)]
        wanted = "marble-injector" if "injector" in o["metadata"]["name"] else "marblerun-coordinator"
        assert found == [wanted], o["metadata"]["name"]
        ports = {p["name"]: p for p in templates[wanted]["spec"]["containers"][0]["ports"]}
        for port in o["spec"].get("ports", []):
            assert port["targetPort"] in ports
        for rule in o["spec"].get("ingress", []):
            assert all(p["port"] in ports for p in rule["ports"])


def test_what_is_referred_to_is_there(objects, values):
    made = {(o["kind"], o["metadata"]["name"]) for o in objects}
    injector = values.get("marbleInjector", {})
    outside = {("PersistentVolumeClaim", "mine")}
    if injector.get("CABundle") or injector.get("useCertManager"):
        outside.add(("Secret", "marble-injector-webhook-certs"))
    for pod in pods_of(objects).values():
        spec = pod["spec"]
        assert ("ServiceAccount", spec["serviceAccountName"]) in made
        for volume in spec["volumes"]:
            kinds = {"secret": ("Secret", "secretName"), "configMap": ("ConfigMap", "name"),
                     "persistentVolumeClaim": ("PersistentVolumeClaim", "claimName")}
            source = next(k for k in volume if k != "name")
            if source in kinds:
                kind, field = kinds[source]
                assert (kind, volume[source][field]) in made | outside
        pods.decode({"spec": spec})
        mounted = {m["name"] for c in spec["containers"] for m in c["volumeMounts"]}
        assert mounted == {v["name"] for v in spec["volumes"]}
    for webhook in all_of(objects, "MutatingWebhookConfiguration"):
        assert ("Service", webhook["webhooks"][0]["clientConfig"]["service"]["name"]) in made


def test_pods_are_hardened(objects, values):
    for name, pod in pods_of(objects).items():
        spec, container = pod["spec"], pod["spec"]["containers"][0]
        assert spec["automountServiceAccountToken"] is False
        if values.get("coordinator", {}).get("securityContext", {}) is None and "coordinator" in name:
            continue  # taken away by the values
        in_guest = "runtimeClassName" in spec
        assert spec["securityContext"]["runAsNonRoot"] is not in_guest
        assert (spec["securityContext"]["runAsUser"] == 0) == in_guest
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"] is True and context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]} and context["privileged"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
        writable = {v["name"] for v in spec["volumes"] if "hostPath" in v}
        assert writable <= {"tsm"}


def test_probes_ask_what_answers(objects):
    for name, pod in pods_of(objects).items():
        container = pod["spec"]["containers"][0]
        probes = {kind: container[kind] for kind in container if kind.endswith("Probe")}
        assert {"livenessProbe", "readinessProbe"} <= set(probes)
        for probe in probes.values():
            assert probe["httpGet"]["scheme"] == "HTTPS"
            assert probe["httpGet"]["port"] in {p["name"] for p in container["ports"]}
        if name == "marblerun-coordinator":
            assert {p["httpGet"]["path"] for p in probes.values()} == {"/api/v2/status"}


def test_nothing_has_rights_in_the_cluster(objects):
    assert not [o for o in objects if "Role" in o["kind"]]
    assert all(o["automountServiceAccountToken"] is False for o in all_of(objects, "ServiceAccount"))


def test_values_satisfy_their_schema(values):
    jsonschema.validate(helm.merged(CHART.values, values), CHART.schema)


# What the values say

@pytest.mark.parametrize("changes,text", [
    ({"coordinator": {"distributedDeployment": True, "replicas": 3}}, "coordinator.distributedDeployment: "),
    ({"coordinator": {"replicas": 2}}, "coordinator.replicas: "),
    ({"coordinator": {"azureHSM": {"vaultURL": "https://v"}}}, "coordinator.azureHSM: "),
    ({"coordinator": {"azureHSM": {"keyName": "k"}}}, "coordinator.azureHSM: "),
    ({"coordinator": {"azureCredentials": {"enableWorkloadIdentity": True}}}, "coordinator.azureCredentials: "),
    ({"coordinator": {"azureCredentials": {"clientSecret": "s"}}}, "coordinator.azureCredentials: "),
    ({"marbleInjector": {"CABundle": "Q0EK", "useCertManager": True}}, "marbleInjector.CABundle and "),
    ({"coordinator": {"runtimeClassName": "tdx"}}, "coordinator.runtimeClassName: "),
    ({"coordinator": {"runtimeClassName": "tdx", "podSecurityContext": {"runAsUser": 0}}},
     "coordinator.runtimeClassName: "),
])
def test_what_does_not_exist_is_refused(changes, text):
    with pytest.raises(Refused) as refused:
        CHART.render(changes)
    assert str(refused.value).startswith(text)


@pytest.mark.parametrize("changes,where", [
    ({"coordinator": {"simulatoin": True}}, "simulatoin"),
    ({"marbleInjector": {"metrics": {"port": 0}}}, "0"),
    ({"coordinator": {"clientServerPort": "4433"}}, "4433"),
    ({"coordinator": {"simulation": "yes"}}, "yes"),
    ({"coordinator": {"hash": "abc"}}, "abc"),
    ({"coordinator": {"sealDir": "data"}}, "data"),
    ({"marbleInjector": {"failurePolicy": "Maybe"}}, "Maybe"),
    ({"networkPolicy": {"from": []}}, "from"),
    ({"coordinator": {"extraEnv": [{"value": "x"}]}}, "name"),
    ({"injector": {}}, "injector"),
])
def test_mistakes_in_values_are_refused(changes, where):
    with pytest.raises(jsonschema.ValidationError) as refused:
        jsonschema.validate(helm.merged(CHART.values, changes), CHART.schema)
    assert where in refused.value.message


def test_environment_of_the_coordinator():
    assert environment(coordinator_of()) == {
        "EDG_COORDINATOR_MESH_ADDR": "0.0.0.0:2001", "EDG_COORDINATOR_CLIENT_ADDR": "0.0.0.0:4433",
        "EDG_COORDINATOR_DNS_NAMES":
            "localhost,coordinator-mesh-api,coordinator-mesh-api.marblerun,coordinator-mesh-api.marblerun.svc,"
            "coordinator-mesh-api.marblerun.svc.cluster.local,coordinator-client-api,"
            "coordinator-client-api.marblerun,coordinator-client-api.marblerun.svc,"
            "coordinator-client-api.marblerun.svc.cluster.local",
        "EDG_COORDINATOR_SEAL_DIR": "/coordinator/data/", "EDG_LOG_FORMAT": "json", "OE_SIMULATION": "0",
        "MARBLERUN_PCCS_URL": "https://global.acccache.azure.net"}
    own = environment(coordinator_of(VALUES["everything of its own"]))
    assert own["EDG_COORDINATOR_DNS_NAMES"].startswith("mesh.example,192.0.2.7,localhost,")
    assert own["EDG_COORDINATOR_DNS_NAMES"].endswith("coordinator-client-api.marblerun.svc.corp.example")
    assert own["EDG_DEBUG_LOGGING"] == "1" and own["MARBLERUN_KDS_URL"] == "https://kds.example"
    assert environment(coordinator_of(VALUES["metrics"]))["EDG_COORDINATOR_PROMETHEUS_ADDR"] == ":9000"


@pytest.mark.parametrize("value,expected", [(True, "1"), (1, "1"), ("true", "1"), (False, "0"), (0, "0"),
                                            ("false", "0")])
def test_simulation(value, expected):
    """A text "false" is true in templates: here it is what it says."""
    given = environment(coordinator_of({"coordinator": {"simulation": value}}))
    assert given["OE_SIMULATION"] == expected
    assert ("MARBLERUN_PCCS_URL" in given) == (expected == "0")


@pytest.mark.parametrize("name,address,secure", [
    ("defaults", "https://global.acccache.azure.net/sgx/certification/v4/", True),
    ("a service without TLS checks", "https://pccs.example:8081/sgx/certification/v4", False),
])
def test_quote_provider(name, address, secure):
    config = find(CHART.objects(VALUES[name]), "ConfigMap", "coordinator-dcap-config")["data"]["sgx_default_qcnl.conf"]
    assert json.loads(config) == {"pccs_url": address, "use_secure_cert": secure}
    assert environment(coordinator_of(VALUES[name]))["MARBLERUN_PCCS_URL"] == address.split("/sgx/")[0]


def test_own_configuration_of_the_quote_provider():
    name = "a configuration file for the quote provider"
    config = find(CHART.objects(VALUES[name]), "ConfigMap", "coordinator-dcap-config")["data"]["sgx_default_qcnl.conf"]
    assert config == VALUES[name]["dcap"]["qcnlConfig"]
    assert "MARBLERUN_PCCS_URL" not in environment(coordinator_of(VALUES[name]))


def test_image():
    assert coordinator_of()["image"] == f"localhost/marblerun/coordinator:{CHART.about['appVersion']}"
    own = coordinator_of(VALUES["everything of its own"])["image"]
    assert own == "registry.example:5000/mesh/plane:v2.0_rc.1@sha256:" + "a" * 64


def test_state_outlives_the_release():
    claim = find(CHART.objects(), "PersistentVolumeClaim", "coordinator-pv-claim")
    assert claim["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert claim["spec"]["resources"]["requests"]["storage"] == "10Mi"
    deployment = find(CHART.objects(), "Deployment", "marblerun-coordinator")
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}
    assert not all_of(CHART.objects(VALUES["another claim"]), "PersistentVolumeClaim")


# The webhook's certificate

def webhook_of(objects):
    return all_of(objects, "MutatingWebhookConfiguration")[0]["webhooks"][0]


def test_the_chart_makes_a_certificate():
    objects = CHART.objects(INJECTOR, namespace="mesh")
    data = {k: base64.b64decode(v) for k, v in find(objects, "Secret", "marble-injector-webhook-certs")["data"].items()}
    assert base64.b64decode(webhook_of(objects)["clientConfig"]["caBundle"]) == data["ca.crt"]
    authority, leaf = (x509.load_pem_x509_certificate(data[n]) for n in ("ca.crt", "tls.crt"))
    authority.public_key().verify(leaf.signature, leaf.tbs_certificate_bytes, ec.ECDSA(leaf.signature_hash_algorithm))
    key = serialization.load_pem_private_key(data["tls.key"], None)
    assert key.public_key().public_numbers() == leaf.public_key().public_numbers()
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["marble-injector.mesh.svc",
                                                       "marble-injector.mesh.svc.cluster.local"]


def test_an_upgrade_keeps_the_certificate():
    secret = find(CHART.objects(INJECTOR), "Secret", "marble-injector-webhook-certs")
    cluster = {("Secret", "marblerun", "marble-injector-webhook-certs"): secret}
    again = CHART.objects(INJECTOR, cluster=cluster)
    assert find(again, "Secret", "marble-injector-webhook-certs") == secret
    assert webhook_of(again)["clientConfig"]["caBundle"] == secret["data"]["ca.crt"]
    del secret["data"]["ca.crt"]
    assert find(CHART.objects(INJECTOR, cluster=cluster), "Secret", "marble-injector-webhook-certs") != secret


def test_cert_manager_makes_the_certificate():
    objects = CHART.objects(VALUES["cert-manager"])
    made = find(objects, "Certificate", "marble-injector-serving-cert")
    assert made["spec"]["secretName"] == "marble-injector-webhook-certs" and not all_of(objects, "Secret")
    assert made["spec"]["issuerRef"]["name"] == all_of(objects, "Issuer")[0]["metadata"]["name"]
    webhook = all_of(objects, "MutatingWebhookConfiguration")[0]
    source = webhook["metadata"]["annotations"]["cert-manager.io/inject-ca-from"]
    assert source == f"marblerun/{made['metadata']['name']}"
    assert "caBundle" not in webhook_of(objects)["clientConfig"]


def test_the_command_line_makes_the_certificate():
    objects = CHART.objects(VALUES["certificate of the command line"])
    assert not all_of(objects, "Secret") and not all_of(objects, "Certificate")
    assert webhook_of(objects)["clientConfig"]["caBundle"] == "Q0EK"


# The chart and the programs

def test_the_injector_takes_its_arguments(workspace):
    """What the pods are started with, the program understands, and the webhook's path and port are its own."""
    objects = CHART.objects(INJECTOR)
    spec = pods_of(objects)["marble-injector"]["spec"]
    container = spec["containers"][0]
    arguments = [a for a in container["args"] if not a.startswith(("-tls", "-shutdownDelay"))]
    assert len(container["args"]) - len(arguments) == 3
    injector = Injector(workspace, *arguments, **{e["name"]: e["value"] for e in container["env"]})
    client = webhook_of(objects)["clientConfig"]["service"]
    assert client["path"] == "/mutate"
    patch = injector.patch(pods.review(pods.simple(), "shop"))
    assert json.dumps(patch).count("coordinator-mesh-api.marblerun:2001") == 1
    for probe in ("livenessProbe", "readinessProbe"):
        assert injector.request("GET", container[probe]["httpGet"]["path"]).status == 200
    assert injector.process.stop() == 0
    ports = {p["name"]: p["containerPort"] for p in container["ports"]}
    help_text = workspace.run([workspace.binaries.injector, "-help"]).stdout.decode()
    assert f"(:{ports['https']})" in help_text
    paths = [a.split("=")[1] for a in container["args"] if a.startswith("-tls") and "File" in a]
    assert all(f"({p})" in help_text for p in paths)
    assert {os.path.dirname(p) for p in paths} == {container["volumeMounts"][0]["mountPath"]}


def test_runtime_classes_are_the_programs(workspace):
    help_text = workspace.run([workspace.binaries.injector, "-help"]).stdout.decode()
    assert f"({CHART.values['marbleInjector']['tsmRuntimeClasses']})" in help_text


def test_the_coordinator_takes_its_environment(workspace):
    given = environment(coordinator_of(SIMULATION))
    given.update(EDG_COORDINATOR_MESH_ADDR="127.0.0.1:0", EDG_COORDINATOR_CLIENT_ADDR="127.0.0.1:0",
                 EDG_COORDINATOR_SEAL_DIR=str(workspace.folder / "seal"))
    coordinator = Coordinator(workspace, **given)
    names = coordinator.root_certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "coordinator-mesh-api.marblerun.svc.cluster.local" in names.get_values_for_type(x509.DNSName)
    assert coordinator.get("/api/v2/status").status == 200
    assert coordinator.process.stop() == 0


def test_variables_are_the_programs(objects):
    for pod in pods_of(objects).values():
        for name in environment(pod["spec"]["containers"][0]):
            assert any(f'"{name}"' in p.read_text() for p in (TOP / "src").rglob("*.c")), name


def test_the_webhook_sees_labelled_pods():
    webhook = webhook_of(CHART.objects(INJECTOR))
    assert webhook["objectSelector"]["matchExpressions"] == [
        {"key": pods.LABEL, "operator": "Exists", "values": []}]
    assert webhook["rules"] == [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"],
                                 "resources": ["pods"], "scope": "Namespaced"}]
    assert webhook["admissionReviewVersions"] == ["v1"] and webhook["sideEffects"] == "None"
    assert webhook["failurePolicy"] == "Fail"


PROBE_TIMES = {"initialDelaySeconds", "periodSeconds", "timeoutSeconds", "failureThreshold"}


def comparable(value):
    """Without what is new each time, whom it was made by, and how patient probes are."""
    if isinstance(value, list):
        return [comparable(v) for v in value]
    if not isinstance(value, dict):
        return value
    if "httpGet" in value:
        value = {k: v for k, v in value.items() if k not in PROBE_TIMES}
    made = {"ca.crt", "tls.crt", "tls.key", "caBundle", "app.kubernetes.io/created-by"}
    texts = {"sgx_default_qcnl.conf": json.loads}
    found = {k: "made" if k in made else texts[k](v) if k in texts else comparable(v)
             for k, v in value.items() if k != "annotations"}
    return {k: v for k, v in found.items() if v not in ([], {}, None)}


@pytest.mark.parametrize("flags,values", [
    (["--resource-key", "sgx.intel.com/epc"], INJECTOR),
    (["--disable-auto-injection"], {}),
    (["--simulation"], {**SIMULATION, "marbleInjector": {"start": True, "resourceKey": ""}}),
    (["--domain", "a.example,b.example", "--client-server-port", "5000", "--mesh-server-port", "5001", "--version", "v7",
      "--image-repository", "r.example/m", "--dcap-pccs-url", "https://p.example/", "--dcap-secure-cert", "false"],
     {"coordinator": {"hostname": "a.example,b.example", "clientServerPort": 5000, "meshServerPort": 5001,
                      "version": "v7", "repository": "r.example/m"},
      "marbleInjector": {"start": True, "version": "v7", "repository": "r.example/m"},
      "dcap": {"pccsUrl": "https://p.example/", "useSecureCert": False}}),
    (["--runtime-class", "kata-qemu-snp"],
     {"coordinator": {"runtimeClassName": "kata-qemu-snp", "resources": None,
                      "podSecurityContext": {"runAsNonRoot": False, "runAsUser": 0}}, "tolerations": None,
      "marbleInjector": {"start": True, "resourceKey": ""}}),
], ids=["defaults", "without injector", "simulation", "flags", "guest"])
def test_installation_by_command_line_makes_the_same(workspace, flags, values):
    """`marblerun install` and the chart agree on every object, but for the namespace, which Helm makes itself, and for
    two arguments that say what the injector's defaults are."""
    done = workspace.run([workspace.binaries.cli, "install", "--dry-run", *flags, "--output", "json"])
    theirs = {(o["kind"], o["metadata"]["name"]): comparable(o) for o in json.loads(done.stdout)["items"]
              if o["kind"] != "Namespace"}
    ours = {(o["kind"], o["metadata"]["name"]): comparable(o) for o in CHART.objects(values)}
    assert set(ours) == set(theirs)
    for name, o in ours.items():
        if name == ("Deployment", "marble-injector"):
            container = o["spec"]["template"]["spec"]["containers"][0]
            container["args"] = [a for a in container["args"]
                                 if not a.startswith(("-clusterDomain=cluster.local", "-tsmRuntimeClasses="))]
        assert o == theirs[name], name


# The document

def document():
    return (TOP / "docs/kubernetes.md").read_text()


def test_the_document_names_values_that_exist():
    named = set(re.findall(r"`((?:coordinator|marbleInjector|dcap|networkPolicy|podDisruptionBudget)\.[A-Za-z.]+)"
                           r"(?:=[^`]*)?`", document()))
    assert len(named) > 10
    for path in named:
        value = CHART.values
        for name in path.split("."):
            value = value[name]


def test_the_documents_pod(workspace):
    """The example is a deployment that the API takes, and becomes what the table says."""
    block = re.search(r"\n((?:    .*\n|\n)*?    kind: Deployment\n(?:    .*\n|\n)+)", document()).group(1)
    deployment = yaml.load(re.sub(r"^    ", "", block, flags=re.M), helm.UniqueLoader)
    for types in VERSIONS:
        assert types.mistakes("io.k8s.api.apps.v1.Deployment", deployment) == []
    pod = deployment["spec"]["template"]
    assert deployment["spec"]["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    injector = Injector(workspace)
    patch = injector.patch(pods.review(pod, deployment["metadata"]["namespace"]))
    added = {e["name"]: e["value"] for e in next(o["value"] for o in patch if o["path"].endswith("/env"))}
    table = dict(re.findall(r"^\| `(EDG_MARBLE_[A-Z_]+)` \| `([^`]+)`", document(), re.M))
    assert added == table
    assert injector.process.stop() == 0


# The chart itself

def test_about():
    about = CHART.about
    version = re.search(r"version: '([^']+)'", (TOP / "meson.build").read_text()).group(1)
    assert about["apiVersion"] == "v2" and about["name"] == "marblerun" and about["type"] == "application"
    assert about["version"] == about["appVersion"] == version
    assert re.fullmatch(r">=1\.\d+\.0-0", about["kubeVersion"]) and about["description"]


def test_files_are_clean():
    files = [p for p in CHART.folder.rglob("*") if p.is_file()]
    assert {p.relative_to(CHART.folder).parts[0] for p in files} == {
        ".helmignore", "Chart.yaml", "templates", "values.schema.json", "values.yaml"}
    for path in files:
        content = path.read_text()
        assert "\t" not in content and content.endswith("\n"), path.name
        assert not [line for line in content.splitlines() if line != line.rstrip()], path.name


def leaves(values, schema=None, path=""):
    for name, value in values.items():
        below = f"{path}.{name}" if path else name
        open_map = schema is not None and "properties" not in schema["properties"][name]
        if isinstance(value, dict) and value and not open_map:
            yield from leaves(value, schema and schema["properties"][name], below)
        else:
            yield below


def test_every_value_is_used_or_said_to_be_without_effect():
    chart = Chart(CHART.folder)
    for changes in VALUES.values():
        chart.render(changes)
    all_leaves = set(leaves(chart.values, chart.schema))
    unused = {leaf for leaf in all_leaves
              if not any(seen == leaf or seen.startswith(leaf + ".") for seen in chart.seen)}
    # empty maps are looked at, but hold nothing that could be
    unused = {leaf for leaf in unused if leaf.split(".")[-1] not in ("podAnnotations", "podLabels",
                                                                    "namespaceSelector")}
    assert unused == WITHOUT_EFFECT
    text = (chart.folder / "values.yaml").read_text()
    assert text.count("without effect") + text.count("have no effect") == 3


def test_the_schema_knows_every_value_and_no_other():
    def names(schema, path=""):
        for name, part in schema.get("properties", {}).items():
            below = f"{path}.{name}" if path else name
            if "properties" in part and "items" not in part:
                yield from names(part, below)
            else:
                yield below
    # a budget has one of two
    other = {"podDisruptionBudget.coordinator.maxUnavailable", "podDisruptionBudget.injector.minAvailable"}
    assert set(names(CHART.schema)) - other == set(leaves(CHART.values, CHART.schema))


# Names and defaults of MarbleRun's public chart (version 1.9): a values file for it can be used here.
PUBLIC = """
global: {podAnnotations: {}, podLabels: {}, createdBy: Helm,
  coordinatorComponentLabel: edgeless.systems/control-plane-component,
  coordinatorNamespaceLabel: edgeless.systems/control-plane-ns}
marbleInjector: {replicas: 1, image: marble-injector, pullPolicy: IfNotPresent, start: false,
  resourceKey: sgx.intel.com/epc, useCertManager: false, CABundle: "", httpErrorLogLevel: error,
  objectSelector: {matchExpressions: [{key: marblerun/marbletype, operator: Exists, values: []}]},
  namespaceSelector: {}}
coordinator: {replicas: 1, image: coordinator, pullPolicy: IfNotPresent, meshServerHost: 0.0.0.0,
  meshServerPort: 2001, clientServerHost: 0.0.0.0, clientServerPort: 4433, hostname: "",
  sealDir: /coordinator/data/, simulation: false, debugLogging: false, httpErrorLogLevel: error,
  probes: {readiness: {failureThreshold: 7, periodSeconds: 60, timeoutSeconds: 30},
    liveness: {failureThreshold: 3, periodSeconds: 60, timeoutSeconds: 30},
    startup: {initialDelaySeconds: 15, failureThreshold: 3, periodSeconds: 2, timeoutSeconds: 30}},
  distributedDeployment: false, storeBackend: k8s-secret, stateSecretName: marblerun-state,
  kekConfigMap: marblerun-sealed-kek, keyAPIName: coordinator-key-api,
  azureCredentials: {clientID: "", enableWorkloadIdentity: false, secretName: "", tenantID: "", clientSecret: ""},
  azureHSM: {keyName: "", keyVersion: "", vaultURL: "", maaURL: ""},
  storageClass: "", storageSize: 10Mi, pvcName: ""}
tolerations: [{key: sgx.intel.com/epc, operator: Exists, effect: NoSchedule}]
nodeSelector: {kubernetes.io/os: linux}
dcap: {qcnlConfig: "", pccsUrl: "https://global.acccache.azure.net/sgx/certification/v4/", useSecureCert: true}
"""
PUBLIC_IMAGE = {"repository": "ghcr.io/edgelesssys/marblerun", "version": "v1.9.1", "hash": "sha256:" + "0" * 64}


def test_values_of_the_public_chart():
    public = yaml.safe_load(PUBLIC)
    assert pods.is_within(public, CHART.values)
    for part in ("coordinator", "marbleInjector"):
        public[part].update(PUBLIC_IMAGE)
    public["coordinator"]["resources"] = {"limits": {"sgx.intel.com/epc": "10Mi", "sgx.intel.com/enclave": 1}}
    jsonschema.validate(helm.merged(CHART.values, public), CHART.schema)
    assert coordinator_of(public)["image"].startswith("ghcr.io/edgelesssys/marblerun/coordinator:v1.9.1@sha256:0")


# The renderer, which all this leans on

@pytest.fixture
def helm_itself(workspace):
    """Helm, where somebody has it: Debian does not."""
    program = shutil.which("helm")
    if not program:
        pytest.skip("helm is not here")

    def run(command, values, *arguments):
        path = workspace.write("values.yaml", yaml.safe_dump(values))
        return workspace.run([program, command, *arguments, TOP / "deploy/helm", "--namespace", "marblerun", "--values",
                              path, "--kube-version", "1.31.0"], check=False)
    return run


def without_certificates(objects):
    """What is made anew each time."""
    text = json.dumps(sorted(objects, key=lambda o: (o["kind"], o["metadata"]["name"])), sort_keys=True)
    return re.sub(r'"LS0t[\w+/=]+"', '"a PEM"', text)


def test_helm_renders_the_same(helm_itself):
    for name, values in VALUES.items():
        assert helm_itself("lint", values, "--strict").returncode == 0, name
        done = helm_itself("template", values, "marblerun")
        assert done.returncode == 0, (name, done.stderr)
        rendered = [o for o in yaml.safe_load_all(done.stdout) if o]
        assert without_certificates(rendered) == without_certificates(CHART.objects(copy.deepcopy(values))), name


def test_helm_refuses_the_same(helm_itself):
    for changes in ({"coordinator": {"distributedDeployment": True}}, {"coordinator": {"replica": 1}}):
        assert helm_itself("template", changes, "marblerun").returncode != 0
        with pytest.raises((Refused, Mistake, jsonschema.ValidationError)):
            jsonschema.validate(helm.merged(CHART.values, changes), CHART.schema)
            CHART.objects(changes)


@pytest.mark.parametrize("template,expected", [
    ("a {{- 1 }} b", "a1 b"), ("a {{ 1 -}} b", "a 1b"), ("a\n {{- /* c */}}\nb", "a\nb"), ("{{ -1 }}", "-1"),
    ('{{ "a}}" }}', "a}}"), ("{{ .Values.a.b }}", "x"), ("{{ with .Values.a }}{{ .b }}{{ end }}", "x"),
    ("{{ with .Values.no }}y{{ else }}n{{ end }}", "n"), ("{{ if .Values.no }}y{{ else if .Values.t }}t{{ end }}", "t"),
    ("{{ range list 1 2 }}{{ . }},{{ end }}", "1,2,"), ("{{ $v := 1 }}{{ if true }}{{ $v = 2 }}{{ end }}{{ $v }}", "2"),
    ("{{ $v := 1 }}{{ if true }}{{ $v := 2 }}{{ end }}{{ $v }}", "1"), ("{{ .Values.no | default 7 }}", "7"),
    ("{{ and .Values.t .Values.no | not }}", "true"), ("{{ or .Values.no .Values.a.b }}", "x"),
    ('{{ eq "a" "b" "a" }}', "true"), ('{{ printf "%s-%s" "a" (quote .Values.a.b) }}', 'a-"x"'),
    ("x:{{ toYaml .Values.a | nindent 2 }}", "x:\n  b: x"), ("{{ $.Values.t }}", "true"),
    ('{{ define "n" }}<{{ index . 1 }}>{{ end }}{{ include "n" (list $ 5) | quote }}', '"<5>"'),
])
def test_renderer(tmp_path, template, expected):
    assert render(tmp_path, template) == expected


@pytest.mark.parametrize("template", [
    "{{ .Values.no }}", "{{ .Values.no.more }}", "{{ quote .Values.no }}", "{{ $x }}", "{{ nosuch 1 }}",
    '{{ include "no" . }}', "{{ .Values.a }}", "{{ if true }}", "{{ end }}", "{{ nil }}", "{{ 1 2 }}",
])
def test_renderer_refuses(tmp_path, template):
    with pytest.raises((Mistake, AssertionError)):
        render(tmp_path, template)


def render(folder, template):
    (folder / "templates").mkdir()
    (folder / "templates/x.txt").write_text(template)
    (folder / "Chart.yaml").write_text("name: x\nversion: '1'\nappVersion: '1'\n")
    (folder / "values.yaml").write_text("a: {b: x}\nt: true\n")
    (folder / "values.schema.json").write_text("{}")
    return Chart(folder).render()["x.txt"]
