"""Activation by a client that is not ours."""

import json
import os

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from mesh import certificates, manifests
from mesh.coordinator import Coordinator
from mesh.marble import Marble, open_enclave

PREDEFINED = {"MARBLE_PREDEFINED_ROOT_CA", "MARBLE_PREDEFINED_MARBLE_CERTIFICATE_CHAIN",
              "MARBLE_PREDEFINED_PRIVATE_KEY", "MARBLE_PREDEFINED_COORDINATOR_ROOT_CA"}


@pytest.mark.parametrize("curve", [ec.SECP256R1, ec.SECP384R1, ec.SECP521R1])
@pytest.mark.parametrize("header", [False, True], ids=["bare", "open-enclave"])
def test_client_certificates_of_any_curve_quotes_with_and_without_header(mesh, curve, header):
    mesh.set()
    marble = mesh.marble(curve=curve)
    quote = open_enclave(marble.quote()) if header else marble.quote()
    granted = marble.activate("app", Quote=quote)
    assert set(granted.env) == PREDEFINED
    assert granted.files == {} and granted.argv == []
    assert certificates.common_name(granted.leaf) == marble.uuid


def test_files_environment_and_arguments_as_the_manifest_gives_them(mesh):
    everything = bytes(range(256))
    mesh.set({"app": {"Parameters": {
        "Files": {"/tmp/text": "foo\n", "relative/é": "bär", "/empty": "",
                  "/hex": {"Data": everything.hex(), "Encoding": "hex"},
                  "/base64": {"Data": "Zm9vCmJhcg==", "Encoding": "base64"},
                  "/untouched": {"Data": "{{ nothing of ours }}", "NoTemplates": True},
                  "/template": {"Data": "7b7b202278222020 7d7d".replace(" ", ""), "Encoding": "hex"}},
        "Env": {"IS_FIRST": "true", "EMPTY": "", "ENCODED": {"Data": "776f7264", "Encoding": "hex"},
                "PLAIN": {"Data": "{{", "Encoding": "string", "NoTemplates": True}},
        "Argv": ["./app", "--first", "", "with blank", "{{ .Secrets.no }}", "é"]}}})
    granted = mesh.activate()
    assert granted.files == {"/tmp/text": b"foo\n", "relative/é": "bär".encode(), "/empty": b"",
                             "/hex": everything, "/base64": b"foo\nbar",
                             "/untouched": b"{{ nothing of ours }}", "/template": b"x"}
    own = {name: value for name, value in granted.env.items() if name not in PREDEFINED}
    assert own == {"IS_FIRST": b"true", "EMPTY": b"", "ENCODED": b"word", "PLAIN": b"{{"}
    assert granted.argv == ["./app", "--first", "", "with blank", "{{ .Secrets.no }}", "é"]


def test_certificates_of_the_mesh_in_templates(mesh):
    mesh.set({"app": {"Parameters": {"Env": {
        "ROOT_CA": "{{ pem .MarbleRun.RootCA.Cert }}",
        "MARBLE_CERT": "{{ pem .MarbleRun.MarbleCert.Cert }}",
        "MARBLE_KEY": "{{ pem .MarbleRun.MarbleCert.Private }}",
        "ROOT": "{{ pem .MarbleRun.CoordinatorRoot.Cert }}",
        "INTERMEDIATE": "{{ pem .MarbleRun.CoordinatorIntermediate.Cert }}"},
        "Files": {"/cert.der": "{{ raw .MarbleRun.MarbleCert.Cert }}",
                  "/public.der": "{{ raw .MarbleRun.MarbleCert.Public }}"}}}})
    granted = mesh.activate()
    assert granted.env["ROOT_CA"] == granted.env["MARBLE_PREDEFINED_ROOT_CA"]
    assert granted.env["MARBLE_KEY"] == granted.private_key
    assert granted.env["ROOT"] == granted.env["MARBLE_PREDEFINED_COORDINATOR_ROOT_CA"]
    leaf, = certificates.split_pem(granted.env["MARBLE_CERT"])
    assert leaf == granted.leaf
    assert granted.files["/cert.der"] == certificates.der(leaf)
    assert granted.files["/public.der"] == certificates.public_der(leaf)
    intermediate, = certificates.split_pem(granted.env["INTERMEDIATE"])
    assert intermediate == granted.chain[1]


def test_tls_configuration_of_the_tags(mesh):
    mesh.set({"app": {"TLS": ["web", "db"]}, "bare": {}},
             TLS={"web": {"Incoming": [{"Port": "443", "Cert": "web", "DisableClientAuth": True},
                                       {"Port": "8443"}]},
                  "db": {"Outgoing": [{"Port": "3306", "Addr": "db.example"},
                                      {"Port": "6379", "Addr": "192.0.2.1"}]},
                  "unused": {"Outgoing": [{"Port": "1", "Addr": "x"}]}},
             Secrets={"web": {"Type": "cert-ecdsa", "Size": 256, "Shared": True}})
    granted = mesh.activate()
    config = json.loads(granted.env["MARBLE_TTLS_CONFIG"])
    assert set(config) == {"tls"} and set(config["tls"]) == {"Incoming", "Outgoing"}
    incoming, outgoing = config["tls"]["Incoming"], config["tls"]["Outgoing"]
    assert set(incoming) == {"*:443", "*:8443"}
    assert set(outgoing) == {"db.example:3306", "192.0.2.1:6379"}
    own = {"cacrt": granted.env["MARBLE_PREDEFINED_ROOT_CA"].decode(),
           "clicrt": granted.env["MARBLE_PREDEFINED_MARBLE_CERTIFICATE_CHAIN"].decode(),
           "clikey": granted.private_key.decode()}
    assert incoming["*:8443"] == {**own, "clientAuth": True}
    for entry in outgoing.values():
        assert {name: entry[name] for name in own} == own
    web = incoming["*:443"]
    assert web["clientAuth"] is False
    certificate = certificates.split_pem(web["clicrt"])[0]
    assert certificates.common_name(certificate) == "localhost"
    mesh.coordinator.workspace.secrets.add_pem("key of web", web["clikey"])
    assert "MARBLE_TTLS_CONFIG" not in mesh.activate("bare").env


def test_uuid_in_any_spelling_is_the_same_marble(mesh):
    mesh.set({"app": manifests.env(KEY="{{ hex .Secrets.key }}")},
             Secrets={"key": {"Type": "symmetric-key", "Size": 256}})
    marble = mesh.marble()
    spelled = [marble.uuid, marble.uuid.upper()]
    keys = set()
    for text in spelled:
        granted = marble.activate("app", UUID=text)
        assert certificates.common_name(granted.leaf) == marble.uuid
        keys.add(granted.env["KEY"])
    assert len(keys) == 1


def test_plain_simulation_asks_for_no_evidence(workspace):
    started = Coordinator(workspace)
    assert started.get("/api/v2/quote").data["quote"] == ""
    started.set_manifest(manifests.simple({"UniqueID": "11" * 32}))
    granted = Marble(started).activate("app")
    assert set(granted.env) == PREDEFINED
    assert granted.leaf


def test_the_coordinator_shows_its_evidence_to_a_marble_before_it_speaks(mesh):
    nonce = os.urandom(32)
    shown = mesh.marble().attest(nonce)
    intermediate, root = certificates.split_pem(shown.CertificateChain)
    assert certificates.der(root) == certificates.der(mesh.coordinator.root_certificate)
    from mesh.marble import server_certificate
    serving, = certificates.split_pem(server_certificate(mesh.coordinator.marble_port))
    assert certificates.public_der(serving) == certificates.public_der(intermediate)
    start = 48 + 320
    assert shown.Quote[start:start + 32] == certificates.sha256(certificates.der(root), nonce)
    assert "tcb_info.json" in json.loads(shown.Collateral)


def test_two_marbles_are_nobody_elses(mesh):
    mesh.set()
    first, second = mesh.activate(), mesh.activate()
    assert certificates.common_name(first.leaf) != certificates.common_name(second.leaf)
    assert first.private_key != second.private_key


def test_thousands_of_other_marbles_change_nothing(mesh):
    mesh.set({"app": {"Parameters": {"Env": {"WHO": "app"}}},
              **{f"other{i}": {"Parameters": {"Env": {"WHO": f"other{i}"}}} for i in range(3000)}})
    assert mesh.activate().env["WHO"] == b"app"
    assert mesh.activate("other2999").env["WHO"] == b"other2999"
