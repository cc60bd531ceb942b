"""Secrets: every type, in every form that a template can give."""

import base64
import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from mesh import certificates

KEYS = {"rsa": {"Type": "cert-rsa", "Size": 2048}, "ed": {"Type": "cert-ed25519"},
        **{f"ec{bits}": {"Type": "cert-ecdsa", "Size": bits} for bits in (224, 256, 384, 521)}}
SYMMETRIC = {"sym128": {"Type": "symmetric-key", "Size": 128},
             "sym256": {"Type": "symmetric-key", "Size": 256},
             "sym8k": {"Type": "symmetric-key", "Size": 8000}}
PARTS = ("", ".Cert", ".Public", ".Private")
LABELS = {".Cert": "CERTIFICATE", ".Public": "PUBLIC KEY", ".Private": "PRIVATE KEY"}


def shared(definitions):
    return {name + "_shared": {**d, "Shared": True} for name, d in definitions.items()}


def forms(functions, names):
    """{a name: template} for each function, secret and part that go together."""
    found = {}
    for name in names:
        for part in PARTS if name.split("_")[0] in KEYS else PARTS[:1]:
            for function in functions:
                if function != "pem" or part:
                    found[f"{function} {name}{part}"] = f"{{{{ {function} .Secrets.{name}{part} }}}}"
    return found


def content(text, function):
    if function == "hex":
        return bytes.fromhex(text.decode())
    if function == "base64":
        return base64.b64decode(text, validate=True)
    if function == "pem":
        lines = text.decode().splitlines()
        return base64.b64decode("".join(lines[1:-1]), validate=True)
    return text


@pytest.fixture
def everything(mesh):
    """Two marbles of one type and one of another, each with all secrets in all forms."""
    secrets = {**KEYS, **SYMMETRIC, **shared(KEYS), **shared(SYMMETRIC)}
    entry = {"Parameters": {"Env": forms(("pem", "hex", "base64"), secrets),
                            "Files": forms(("pem", "hex", "base64", "raw"), secrets)}}
    mesh.set({"app": entry, "other": entry}, Secrets=secrets)
    granted = mesh.activate("app"), mesh.activate("app"), mesh.activate("other")
    keep = mesh.coordinator.workspace.secrets
    for one in granted:
        for name, value in one.files.items():
            if name.startswith("raw ") and (name.endswith(".Private") or "sym" in name):
                keep.add(name, value[-24:])
    return secrets, granted


def test_every_form_gives_the_same_bytes(everything):
    _, (granted, *_) = everything
    for place in (granted.env, granted.files):
        for name, value in place.items():
            if " " not in name:
                continue
            function, path = name.split(" ")
            assert content(value, function) == granted.files["raw " + path], name
            if function == "pem":
                label = LABELS["." + path.split(".")[1]]
                assert value.startswith(f"-----BEGIN {label}-----\n".encode())
                assert value.endswith(f"-----END {label}-----\n".encode())


def test_certificates_fit_their_keys_and_the_mesh(everything, workspace):
    secrets, granted = everything
    for one in granted:
        marble_root, = certificates.split_pem(one.env["MARBLE_PREDEFINED_ROOT_CA"])
        for name in (n for n in secrets if n.split("_")[0] in KEYS):
            certificate = x509.load_der_x509_certificate(one.files[f"raw {name}.Cert"])
            private = serialization.load_der_private_key(one.files[f"raw {name}.Private"], None)
            public = certificates.public_der(certificate)
            assert public == certificates.public_der(private)
            assert public == one.files[f"raw {name}.Public"] == one.files[f"raw {name}"]
            assert certificate.issuer == marble_root.subject
            marble_root.public_key().verify(certificate.signature, certificate.tbs_certificate_bytes,
                                            ec.ECDSA(certificate.signature_hash_algorithm))
            check_kind(secrets[name], private)


def check_kind(definition, private):
    if definition["Type"] == "cert-rsa":
        assert isinstance(private, rsa.RSAPrivateKey) and private.key_size == definition["Size"]
    elif definition["Type"] == "cert-ed25519":
        assert isinstance(private, ed25519.Ed25519PrivateKey)
    else:
        assert isinstance(private, ec.EllipticCurvePrivateKey)
        assert private.curve.key_size == definition["Size"]


def test_shared_secrets_are_equal_and_private_ones_are_not(everything):
    secrets, (first, second, other) = everything
    for name in secrets:
        suffix = ".Private" if name.split("_")[0] in KEYS else ""
        values = {one.files[f"raw {name}{suffix}"] for one in (first, second, other)}
        assert len(values) == (1 if secrets[name].get("Shared") else 3), name
        if not suffix:
            assert all(len(v) == secrets[name]["Size"] // 8 for v in values)


def test_defaults_of_certificates(everything):
    _, (granted, *_) = everything
    for name in ("ec256", "rsa_shared", "ed"):
        certificate = x509.load_der_x509_certificate(granted.files[f"raw {name}.Cert"])
        assert certificates.common_name(certificate) == "localhost"
        assert set(certificates.names(certificate)) == {"localhost", "127.0.0.1", "::1"}
        usage = certificates.extension(certificate, x509.KeyUsage)
        assert usage.digital_signature and usage.key_cert_sign
        assert set(certificates.extension(certificate, x509.ExtendedKeyUsage)) == {
            ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
        lifetime = certificate.not_valid_after - datetime.datetime.utcnow()
        assert datetime.timedelta(364) < lifetime <= datetime.timedelta(366)


def test_certificate_as_the_manifest_describes_it(mesh):
    mesh.set({"app": {"Parameters": {"Files": {"/a": "{{ raw .Secrets.a.Cert }}",
                                               "/b": "{{ raw .Secrets.b.Cert }}"}}}},
             Secrets={"a": {"Type": "cert-ecdsa", "Size": 256, "ValidFor": 7, "Cert": {
                 "Subject": {"CommonName": "MarbleRun Unit Test", "Organization": ["Mesh"],
                             "Country": ["DE"]},
                 "DNSNames": ["a.example", "b.example"], "IPAddresses": ["192.0.2.3"],
                 "KeyUsage": 1, "ExtKeyUsage": [1]}},
                 "b": {"Type": "cert-rsa", "Size": 2048, "Shared": True, "Cert": {
                     "NotAfter": "2041-02-03T04:05:06Z", "DNSNames": ["x", "y"]}}})
    granted = mesh.activate()
    a = x509.load_der_x509_certificate(granted.files["/a"])
    assert certificates.common_name(a) == "MarbleRun Unit Test"
    assert certificates.names(a) == ["a.example", "b.example", "192.0.2.3"]
    usage = certificates.extension(a, x509.KeyUsage)
    assert usage.digital_signature and not usage.key_cert_sign
    assert list(certificates.extension(a, x509.ExtendedKeyUsage)) == [ExtendedKeyUsageOID.SERVER_AUTH]
    lifetime = a.not_valid_after - datetime.datetime.utcnow()
    assert datetime.timedelta(6) < lifetime <= datetime.timedelta(7, 60)
    b = x509.load_der_x509_certificate(granted.files["/b"])
    assert certificates.common_name(b) == "MarbleRun Generated Certificate"
    assert b.not_valid_after == datetime.datetime(2041, 2, 3, 4, 5, 6)


def test_private_keys_follow_uuid_type_and_name(mesh):
    """What HKDF(root secret, UUID ‖ name, type) promises, as far as it shows outside."""
    template = {"Parameters": {"Env": {"A": "{{ hex .Secrets.a }}", "B": "{{ hex .Secrets.b }}"}}}
    mesh.set({"one": template, "two": template,
              "free1": {**template, "DisableSecretBinding": True},
              "free2": {**template, "DisableSecretBinding": True}},
             Secrets={name: {"Type": "symmetric-key", "Size": 256} for name in "ab"})
    marble, stranger = mesh.marble(), mesh.marble()

    def keys(who, marble_type):
        # each time by another client key and connection, as after a restart
        again = mesh.marble()
        env = again.activate(marble_type, UUID=who.uuid).env
        for name in "AB":
            mesh.coordinator.workspace.secrets.add("derived key", bytes.fromhex(env[name].decode()))
        return env["A"], env["B"]

    one = keys(marble, "one")
    assert one == keys(marble, "one"), "a restarted marble gets its keys again"
    assert one[0] != one[1], "names tell them apart"
    free = keys(marble, "free1")
    assert free == keys(marble, "free2"), "DisableSecretBinding leaves the type out"
    found = [*one, *keys(marble, "two"), *free, *keys(stranger, "one"), *keys(stranger, "free1")]
    assert len(set(found)) == len(found)


def test_an_unset_user_defined_secret_refuses_only_those_who_need_it(mesh):
    import grpc
    mesh.set({"needs": {"Parameters": {"Env": {"A": "{{ string .Secrets.user }}"}}},
              "needs_key": {"Parameters": {"Files": {"/a": "{{ raw .Secrets.key }}"}}}, "app": {}},
             Secrets={"user": {"Type": "plain", "UserDefined": True},
                      "key": {"Type": "symmetric-key", "Size": 128, "UserDefined": True}})
    for marble_type, name in (("needs", "user"), ("needs_key", "key")):
        with pytest.raises(grpc.RpcError) as refused:
            mesh.activate(marble_type)
        assert name in refused.value.details()
        assert refused.value.code() != grpc.StatusCode.OK
    mesh.activate("app")


def test_previous_secrets_equal_the_current_ones_before_a_rotation(mesh):
    mesh.set({"app": {"Parameters": {"Env": {"NOW": "{{ hex .Secrets.key }}",
                                             "BEFORE": "{{ hex .Previous.Secrets.key }}"}}}},
             Secrets={"key": {"Type": "symmetric-key", "Size": 256}})
    env = mesh.activate().env
    assert env["NOW"] == env["BEFORE"] and len(env["NOW"]) == 64
