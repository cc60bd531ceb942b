"""Manifests in the shapes that public ones have are taken; one that breaks a rule is refused with
section, entry and rule."""

import copy
import json
import pathlib

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from mesh import certificates

DEBUG = {"Debug": True, "UniqueID": "<replace with the value printed during the build>"}
SIGNER = "43361affedeb75affee9baec7e054a5e14883213e5a121b67d74a0e12e9d2b7a"


def web_server():
    return {"Packages": {"nginx": DEBUG}, "Marbles": {"frontend": {"Package": "nginx", "Parameters": {
        "Argv": ["./nginx", "-c", "nginx.conf"],
        "Files": {"/dev/attestation/keys/default": "{{ raw .Secrets.FileKey }}",
                  "/secrets/server.crt": "{{ pem .Secrets.ServerCert.Cert }}",
                  "/secrets/server.key": "{{ pem .Secrets.ServerCert.Private }}"}}}},
        "Secrets": {"FileKey": {"Type": "symmetric-key", "Size": 128},
                    # DNSNames in the wrong place, as public samples have it: Go ignores it there
                    "ServerCert": {"Type": "cert-ecdsa", "Size": 256, "Cert": {"Subject": {
                        "CommonName": "localhost", "DNSNames": ["localhost"]}}}}}


def database():
    configuration = "port 0\ntls-port 6379\ntls-cert-file redis.crt\ntls-key-file redis.key\n"
    files = {"/dev/attestation/protected_files_key": "{{ raw .Secrets.ProtectedFilesKey }}",
             "/data/redis.conf": configuration, "/data/redis.crt": "{{ pem .MarbleRun.MarbleCert.Cert  }}",
             "/data/redis.key": "{{ pem .MarbleRun.MarbleCert.Private }}",
             "/data/ca.crt": "{{ pem .MarbleRun.RootCA.Cert }}"}
    return {"Packages": {"redis": {"Debug": True, "SignerID": SIGNER, "ProductID": 13,
                                   "SecurityVersion": 1}},
            "Marbles": {name: {"Package": "redis", "Parameters": {"Files": files, "Argv": [
                "redis-server", "/data/redis.conf"]}} for name in ("redis-main", "redis-replica")},
            "Secrets": {"ProtectedFilesKey": {"Type": "symmetric-key", "Size": 128}}}


def encrypted_folder():
    """The part of a manifest that deploy/gramine/README.md shows."""
    readme = pathlib.Path(__file__).resolve().parents[2] / "deploy" / "gramine" / "README.md"
    text = readme.read_text(encoding="utf-8")
    shown = text[text.index('    "Marbles": {'):]
    return {"Packages": {"redis": DEBUG}, **json.loads("{" + shown + "}")}


def user(name):
    return certificates.pem(certificates.self_signed(certificates.make_key(), name)).decode()


def recovery_key():
    key = rsa.generate_private_key(65537, 3072).public_key()
    return key.public_bytes(serialization.Encoding.PEM,
                            serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def everything():
    """All sections at once."""
    return {
        "Packages": {"backend": {"UniqueID": SIGNER, "AcceptedTCBStatuses": ["UpToDate", "OutOfDate"],
                                 "AcceptedAdvisories": ["INTEL-SA-00001"]},
                     "frontend": {"SignerID": SIGNER, "ProductID": 44, "SecurityVersion": 3}},
        "Marbles": {"first": {"Package": "backend", "MaxActivations": 1, "TLS": ["web"], "Parameters": {
            "Files": {"/a": {"Encoding": "base64", "NoTemplates": True, "Data": "YmFy"}},
            "Env": {"KEY": "{{ string .Secrets.apiKey }}"}, "Argv": ["./backend"]}},
            "second": {"Package": "frontend", "Parameters": None}},
        "Secrets": {"apiKey": {"Type": "plain", "UserDefined": True},
                    "key": {"Type": "symmetric-key", "Size": 128, "Shared": True},
                    "cert": {"Type": "cert-rsa", "Size": 2048, "Shared": True, "ValidFor": 7,
                             "Cert": {"Subject": {"CommonName": "x"}, "IPAddresses": None}}},
        "Users": {"alice": {"Certificate": user("alice"), "Roles": ["secrets", "updates"]},
                  "bob": {"Certificate": user("bob"), "Roles": ["updates", "packages"]}},
        "Roles": {"secrets": {"ResourceType": "Secrets", "ResourceNames": ["apiKey"],
                              "Actions": ["ReadSecret", "WriteSecret"]},
                  "packages": {"ResourceType": "Packages", "ResourceNames": ["frontend"],
                               "Actions": ["UpdateSecurityVersion"]},
                  "updates": {"ResourceType": "Manifest", "Actions": ["UpdateManifest"]}},
        "RecoveryKeys": {"charlie": recovery_key(), "dora": recovery_key()},
        "TLS": {"web": {"Outgoing": [{"Port": "8080", "Addr": "service.namespace"}, {"Port": "8080", "Addr": "::1"},
                                     {"Port": "8080", "Addr": "[2001:db8::1]"}, {"Port": "1", "Addr": "192.0.2.1"}],
                        "Incoming": [{"Port": "8443", "Cert": "cert", "DisableClientAuth": True}]}},
        "Infrastructures": {"azure": {}},
        "Config": {"SealMode": "ProductKey", "FeatureGates": ["SignQuoteEndpoint", "MonotonicCounter"],
                   "UpdateThreshold": 1, "RecoveryThreshold": 2},
    }


@pytest.fixture(scope="module")
def whole():
    return everything()


@pytest.mark.parametrize("make", [web_server, database, encrypted_folder, everything])
def test_taken_as_it_is(coordinator, make):
    coordinator.set_manifest(make())
    assert coordinator.state == 3


def test_names_match_as_in_go(coordinator):
    text = json.dumps(everything())
    for name in ("Packages", "UniqueID", "Marbles", "Parameters", "Secrets", "MaxActivations", "Type"):
        text = text.replace(f'"{name}":', f'"{name.lower()}":')
    coordinator.set_manifest(text.encode())


DROP = object()
# What is changed, and what the refusal must name.
RULES = {
    "package without identity": ("Packages/backend", {}, "backend"),
    "both identities": ("Packages/frontend/UniqueID", SIGNER, "frontend"),
    "signer without product": ("Packages/frontend/ProductID", DROP, "ProductID"),
    "signer without version": ("Packages/frontend/SecurityVersion", DROP, "SecurityVersion"),
    "no hexadecimal ID": ("Packages/backend/UniqueID", "xyz", "64 hexadecimal digits"),
    "short ID": ("Packages/backend/UniqueID", "00", "64 hexadecimal digits"),
    "unknown TCB status": ("Packages/backend/AcceptedTCBStatuses", ["Fine"], "Fine"),
    "no package": ("Marbles/first/Package", "nowhere", "nowhere"),
    "no tag": ("Marbles/first/TLS", ["nowhere"], "nowhere"),
    "negative budget": ("Marbles/first/MaxActivations", -1, "MaxActivations"),
    "budget that is a word": ("Marbles/first/MaxActivations", "1", "MaxActivations"),
    "unknown encoding": ("Marbles/first/Parameters/Files", {"/a": {"Data": "x", "Encoding": "rot13"}},
                         "rot13"),
    "bad base64": ("Marbles/first/Parameters/Files", {"/a": {"Data": "?", "Encoding": "base64"}}, "/a"),
    "unknown secret in a template": ("Marbles/first/Parameters/Env", {"K": "{{ hex .Secrets.no }}"}, "K"),
    "unknown secret type": ("Secrets/key/Type", "cert-dsa", "cert-dsa"),
    "odd size": ("Secrets/key/Size", 127, "Size"),
    "no size": ("Secrets/key/Size", DROP, "Size"),
    "no curve": ("Secrets/cert", {"Type": "cert-ecdsa", "Size": 255}, "255"),
    "tiny RSA": ("Secrets/cert/Size", 512, "512"),
    "two ends": ("Secrets/cert/Cert", {"NotAfter": "2040-01-01T00:00:00Z"}, "NotAfter"),
    "plain but not user-defined": ("Secrets/apiKey/UserDefined", False, "UserDefined"),
    "no user certificate": ("Users/alice/Certificate", "x", "alice"),
    "no role": ("Users/alice/Roles", ["nowhere"], "nowhere"),
    "unknown resource type": ("Roles/packages/ResourceType", "Everything", "Everything"),
    "unknown action": ("Roles/packages/Actions", ["Destroy"], "Destroy"),
    "action of another type": ("Roles/packages/Actions", ["ReadSecret"], "UpdateSecurityVersion"),
    "unknown resource": ("Roles/packages/ResourceNames", ["nowhere"], "nowhere"),
    "write to what is generated": ("Roles/secrets/ResourceNames", ["key"], "key"),
    "no recovery key": ("RecoveryKeys/charlie", "x", "charlie"),
    "unknown certificate of a tag": ("TLS/web/Incoming", [
        {"Port": "1", "Cert": "nowhere", "DisableClientAuth": True}], "nowhere"),
    "certificate with client authentication": ("TLS/web/Incoming", [
        {"Port": "1", "Cert": "cert"}], "DisableClientAuth"),
    "no client authentication without certificate": ("TLS/web/Incoming", [
        {"Port": "1", "DisableClientAuth": True}], "DisableClientAuth"),
    "unknown marble allowed": ("TLS/web/Incoming", [{"Port": "1", "AllowedMarbles": ["nowhere"]}], "nowhere"),
    "nobody allowed": ("TLS/web/Incoming", [{"Port": "1", "AllowedMarbles": []}], "AllowedMarbles"),
    "allowed twice": ("TLS/web/Incoming", [{"Port": "1", "AllowedMarbles": ["first", "first"]}], "twice"),
    "types of clients without certificate": ("TLS/web/Incoming", [
        {"Port": "1", "Cert": "cert", "DisableClientAuth": True, "AllowedMarbles": ["first"]}], "AllowedMarbles"),
    "expected of a client": ("TLS/web/Incoming", [{"Port": "1", "ExpectedMarbles": ["first"]}], "ExpectedMarbles"),
    "allowed at a server": ("TLS/web/Outgoing", [
        {"Port": "1", "Addr": "a", "AllowedMarbles": ["first"]}], "AllowedMarbles"),
    "unknown marble expected": ("TLS/web/Outgoing", [
        {"Port": "1", "Addr": "a", "ExpectedMarbles": ["nowhere"]}], "nowhere"),
    "a port in the address": ("TLS/web/Outgoing", [{"Port": "443", "Addr": "db.example:443"}], "Addr"),
    "a URL for an address": ("TLS/web/Outgoing", [{"Port": "443", "Addr": "https://db.example"}], "Addr"),
    "half a bracket": ("TLS/web/Outgoing", [{"Port": "443", "Addr": "[::1"}], "Addr"),
    "a bracket": ("TLS/web/Outgoing", [{"Port": "443", "Addr": "["}], "Addr"),
    "two lists for one port": ("TLS/web/Incoming", [
        {"Port": "1", "AllowedMarbles": ["first"]}, {"Port": "1"}], "different settings"),
    "names without denial": ("Marbles/first/ResolvableNames", ["a.example"], "DenyUnlisted"),
    "names that are patterns": ("Marbles/first", {"Package": "backend", "DenyUnlisted": True,
                                                 "ResolvableNames": ["a.*"]}, "ResolvableNames"),
    "unknown seal mode": ("Config/SealMode", "Never", "SealMode"),
    "unknown feature": ("Config/FeatureGates", ["Magic"], "Magic"),
    "update threshold": ("Config/UpdateThreshold", 3, "UpdateThreshold"),
    "recovery threshold of one": ("Config/RecoveryThreshold", 1, "RecoveryThreshold"),
    "recovery threshold beyond keys": ("Config/RecoveryThreshold", 3, "RecoveryThreshold"),
    "misspelt restriction": ("Marbles/first/MaxActivation", 1, "MaxActivation"),
    "restriction that is not enforced": ("Infrastructures/azure", {"QESVN": 2}, "QESVN"),
    "no object": ("Packages", [], "Packages"),
}


def changed(manifest, path, value):
    manifest = copy.deepcopy(manifest)
    *parents, last = path.split("/")
    place = manifest
    for name in parents:
        place = place[name]
    if value is DROP:
        del place[last]
    else:
        place[last] = value
    return manifest


@pytest.mark.parametrize("rule", RULES)
def test_one_rule_broken(request, rule):
    whole = request.getfixturevalue("whole")
    coordinator = request.getfixturevalue("refusing")
    path, value, word = RULES[rule]
    reply = coordinator.post_manifest(changed(whole, path, value))
    assert reply.status == 400, f"taken: {reply.body}"
    section, entry = path.split("/")[0], path.split("/")[1:2]
    for part in (section, *entry, word):
        assert part in reply.message, reply.message


@pytest.fixture(scope="module")
def refusing(tmp_path_factory, binaries):
    """One coordinator for all: a refused manifest changes nothing, so that the last is still taken."""
    from mesh.coordinator import Coordinator
    from mesh.workspace import Workspace
    workspace = Workspace(tmp_path_factory.mktemp("refusing"), binaries)
    started = Coordinator(workspace)
    yield started
    started.set_manifest(everything())
    assert started.process.stop() == 0
    workspace.check()


def test_users_share_no_certificate(refusing, whole):
    manifest = copy.deepcopy(whole)
    manifest["Users"]["bob"]["Certificate"] = manifest["Users"]["alice"]["Certificate"]
    reply = refusing.post_manifest(manifest)
    assert reply.status == 400 and "Users" in reply.message


def test_nobody_reads_a_marbles_own_secret(refusing, whole):
    manifest = copy.deepcopy(whole)
    manifest["Secrets"]["own"] = {"Type": "symmetric-key", "Size": 128}
    manifest["Roles"]["own"] = {"ResourceType": "Secrets", "ResourceNames": ["own"],
                                "Actions": ["ReadSecret"]}
    reply = refusing.post_manifest(manifest)
    assert reply.status == 400 and "own" in reply.message


def test_a_name_twice(refusing):
    text = b'{"Packages": {"a": {"Debug": true}, "a": {"Debug": true}}, "Marbles": {}}'
    reply = refusing.post_manifest(text)
    assert reply.status == 400 and "a" in reply.message
