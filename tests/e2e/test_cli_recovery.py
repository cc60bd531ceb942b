"""Recovery by the command line: what each party sends, and what stays on its machine."""

import base64
import json
import stat

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from mesh import certificates, manifests
from mesh.command_line import Cli
from mesh.coordinator import Coordinator
from mesh.stand_in import StandIn, base64_of
from mesh.token import Token

RECOVER, PUBLIC_KEY = "/api/v2/recover", "/api/v2/recover/public-key"
OAEP = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)


class Party:
    def __init__(self, workspace, name, share, bits=2048):
        self.workspace, self.share = workspace, share
        self.key = rsa.generate_private_key(65537, bits)
        self.sealed = self.key.public_key().encrypt(share, OAEP)
        self.key_file = workspace.write(f"{name}.key", certificates.pem(self.key))
        self.file = workspace.write(f"{name}.bin", self.sealed)
        workspace.secrets.add_pem(f"recovery key of {name}", certificates.pem(self.key))
        workspace.secrets.add(f"share of {name}", share)
        workspace.allow_secrets_in(self.key_file)

    def check_signature(self, signature):
        self.key.public_key().verify(signature, self.share, padding.PKCS1v15(), hashes.SHA256())


@pytest.fixture
def party(workspace):
    return Party(workspace, "alice", bytes(range(100, 133)))


@pytest.fixture
def server(workspace):
    made = StandIn(workspace)
    made.succeed("POST", RECOVER, {"remaining": 0, "message": "done"})
    yield made
    made.stop()


@pytest.fixture
def cli(workspace):
    def run(*arguments, check=True, **environment):
        return workspace.run([workspace.binaries.cli, *arguments], check=check, **environment)
    return run


def sent(server, party):
    """The share that was sent, its signature checked."""
    body = server.last.body
    party.check_signature(base64.b64decode(body["recoverySecretSignature"]))
    return base64.b64decode(body["recoverySecret"])


@pytest.mark.parametrize("size", [16, 32, 33])
@pytest.mark.parametrize("bits", [2048, 4096])
def test_recover(cli, workspace, server, size, bits):
    party = Party(workspace, "bob", bytes(range(7, 7 + size)), bits)
    done = cli("recover", party.file, server.address, "--insecure", "--key", party.key_file)
    assert sent(server, party) == party.share
    assert b"recovered" in done.stderr


def test_recover_says_what_remains(cli, server, party):
    server.succeed("POST", RECOVER, {"remaining": 2, "message": "more"})
    done = cli("recover", party.file, server.address, "--insecure", "--key", party.key_file)
    assert b"2 more are needed" in done.stderr and b"recovered" not in done.stderr
    server.succeed("POST", RECOVER, {"remaining": 1, "message": "more"})
    done = cli("recover", party.file, server.address, "--insecure", "--key", party.key_file)
    assert b"1 more is needed" in done.stderr


def test_recover_of_the_recovery_data(cli, workspace, server, party):
    other = Party(workspace, "other", bytes(33))
    data = {"RecoverySecrets": {"other": base64_of(other.sealed), "alice": base64_of(party.sealed)}}
    path = workspace.write("recovery.json", json.dumps(data))
    cli("recover", path, server.address, "--insecure", "--key", party.key_file)
    assert sent(server, party) == party.share
    path.write_text(base64_of(party.sealed) + "\n")
    cli("recover", path, server.address, "--insecure", "--key", party.key_file)
    assert sent(server, party) == party.share


def test_recover_of_a_decrypted_share(cli, workspace, server, party):
    path = workspace.write("plain", party.share)
    workspace.allow_secrets_in(path)
    cli("recover", path, server.address, "--insecure", "--key", party.key_file)
    assert sent(server, party) == party.share


def test_a_refused_share(cli, server, party):
    server.refuse("POST", RECOVER, 400, "the share was used before")
    done = cli("recover", party.file, server.address, "--insecure", "--key", party.key_file, check=1)
    assert b"used before" in done.stderr


def test_another_partys_key(cli, workspace, server, party):
    other = Party(workspace, "other", bytes(33))
    done = cli("recover", party.file, server.address, "--insecure", "--key", other.key_file, check=1)
    assert b"another party" in done.stderr and not server.requests


def test_no_key(cli, server, party):
    done = cli("recover", party.file, server.address, "--insecure", check=2)
    assert b"--key" in done.stderr and not server.requests


def test_a_key_that_is_not_rsa(cli, workspace, server, party):
    key = workspace.write("ec.key", certificates.pem(ec.generate_private_key(ec.SECP256R1())))
    done = cli("recover", party.file, server.address, "--insecure", "--key", key, check=1)
    assert b"not an RSA key" in done.stderr and not server.requests


def test_an_unverified_coordinator_gets_no_share(cli, server, party):
    """Neither a policy nor --insecure; the certificate that was kept is another than in recovery."""
    done = cli("recover", party.file, server.address, "--key", party.key_file, check=1)
    assert b"--era-config" in done.stderr and not server.requests


@pytest.fixture
def token(workspace):
    return Token(workspace)


@pytest.mark.parametrize("names", [("--pkcs11-key-label", "recovery"), ("--pkcs11-key-id", "0c")])
def test_recover_by_a_token(cli, server, party, token, names):
    token.put_key(party.key, "recovery", "0c")
    cli("recover", party.file, server.address, "--insecure", "--pkcs11-config", token.config, *names,
        **token.environment)
    assert sent(server, party) == party.share


def ephemeral(server):
    key = rsa.generate_private_key(65537, 3072)
    der = key.public_key().public_bytes(serialization.Encoding.DER,
                                        serialization.PublicFormat.SubjectPublicKeyInfo)
    server.succeed("GET", PUBLIC_KEY, {"algorithm": "RSA", "ephemeralPublicKey": base64_of(der)})
    return key


@pytest.mark.parametrize("in_token", [False, True])
def test_a_key_on_another_machine(cli, workspace, server, party, token, in_token):
    key = ephemeral(server)
    public, signature, sealed = (workspace.folder / n for n in ("ephemeral.pem", "secret.sig", "secret.enc"))
    cli("recover-with-signature", "public-key", server.address, "--insecure", "-o", public)
    assert public.read_text() == certificates.public_pem(key)
    assert cli("recover-with-signature", "public-key", server.address, "--insecure").stdout == public.read_bytes()
    token.put_key(party.key, "recovery")
    own = (["--pkcs11-config", token.config, "--pkcs11-key-label", "recovery"] if in_token
           else ["--key", party.key_file])
    cli("recover-with-signature", "sign-secret", party.file, *own, "-o", signature, **token.environment)
    cli("recover-with-signature", "encrypt-secret", party.file, *own, "-o", sealed, "--coordinator-pub-key",
        public, **token.environment)
    done = cli("recover-with-signature", sealed, server.address, "--insecure", "-s", signature)
    assert key.decrypt(sent(server, party), OAEP) == party.share
    assert b"recovered" in done.stderr


def test_a_decrypted_share_needs_no_key_to_be_encrypted(cli, workspace, server, party):
    key = ephemeral(server)
    plain = workspace.write("plain", party.share)
    workspace.allow_secrets_in(plain)
    public = workspace.write("ephemeral.pem", certificates.public_pem(key))
    sealed = workspace.folder / "sealed"
    cli("recover-with-signature", "encrypt-secret", plain, "-o", sealed, "--coordinator-pub-key", public)
    assert key.decrypt(sealed.read_bytes(), OAEP) == party.share


def test_what_is_missing_is_said(cli, workspace, party):
    public = workspace.write("ephemeral.pem", certificates.public_pem(party.key))
    key = ["--key", party.key_file]
    for arguments, missing in (
            (["sign-secret", party.file, *key], b"--output"),
            (["sign-secret", party.file, "-o", "x"], b"--key"),
            (["encrypt-secret", party.file, *key, "-o", "x"], b"--coordinator-pub-key"),
            (["encrypt-secret", party.file, *key, "--coordinator-pub-key", public], b"--output"),
            (["secret.enc", "127.0.0.1:1"], b"--signature"),
            (["nonsense"], b"missing")):
        assert missing in cli("recover-with-signature", *arguments, check=2).stderr
    done = cli("recover-with-signature", "encrypt-secret", party.file, "-o", "x", "--coordinator-pub-key",
               public, check=1)
    assert b"--key" in done.stderr


@pytest.mark.parametrize("content", [b"", b"nothing", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"])
def test_no_public_key(cli, workspace, party, content):
    public = workspace.write("bad.pem", content)
    done = cli("recover-with-signature", "encrypt-secret", party.file, "--key", party.key_file, "-o", "x",
               "--coordinator-pub-key", public, check=1)
    assert b"bad.pem" in done.stderr and not (workspace.folder / "x").exists()


def test_a_public_key_that_is_none(cli, server):
    for answer in ({"ephemeralPublicKey": "AAAA"}, {"ephemeralPublicKey": "?"}, {}):
        server.succeed("GET", PUBLIC_KEY, answer)
        done = cli("recover-with-signature", "public-key", server.address, "--insecure", check=1)
        assert b"ephemeralPublicKey" in done.stderr and done.stdout == b""


# With a coordinator


class Deployment:
    """A coordinator that can lose its key, and owners of recovery keys."""

    def __init__(self, workspace, platform):
        self.workspace, self.platform = workspace, platform
        self.coordinator = self._start()
        self.cli = Cli(workspace, self.coordinator, platform)
        self.recovery = workspace.folder / "recovery.json"
        self.owners = {}

    def _start(self):
        return Coordinator(self.workspace, self.platform, EDG_COORDINATOR_SEAL_DIR=self.workspace.folder / "state")

    def own(self, *names):
        """Each with a recovery key in a file."""
        for name in names:
            key = rsa.generate_private_key(65537, 2048)
            file = self.workspace.write(f"{name}.key", certificates.pem(key))
            self.workspace.secrets.add_pem(f"recovery key of {name}", certificates.pem(key))
            self.workspace.allow_secrets_in(file)
            self.owners[name] = key, file

    def set(self, **sections):
        keys = {name: certificates.public_pem(key) for name, (key, _) in self.owners.items()}
        package = manifests.by_id(self.platform.measure(self.workspace.program()))
        text = json.dumps(manifests.simple(package, RecoveryKeys=keys, **sections))
        self.cli.trusting("manifest", "set", self.workspace.write("manifest.json", text), "-r", self.recovery)

    def lose_key(self):
        assert self.coordinator.process.stop() == 0
        (self.workspace.folder / "state/sealed_key").unlink()
        self.coordinator = self.cli.coordinator = self._start()

    def recover(self, name, check=True):
        return self.cli.run("recover", self.recovery, self.coordinator.client_address, "--key",
                            self.owners[name][1], *self.trust, check=check).stderr

    @property
    def trust(self):
        return ["--era-config", self.cli.policy, "--sim-root", self.platform.root]

    def check_recovered(self):
        """By the certificate that was kept when the manifest was set."""
        done = self.cli.run("status", self.coordinator.client_address)
        assert done.stdout.startswith(b"3: ")


@pytest.fixture
def deployment(workspace, platform):
    return Deployment(workspace, platform)


def test_one_owner(deployment):
    deployment.own("alice")
    deployment.set()
    deployment.lose_key()
    assert deployment.cli.trusting("status").stdout.startswith(b"1: ")
    lost = deployment.cli.run("status", deployment.coordinator.client_address, check=1).stderr
    assert b"waits for recovery" in lost
    assert b"recovered" in deployment.recover("alice")
    deployment.check_recovered()
    assert b"Error" in deployment.recover("alice", check=1), "there is nothing to recover"


def test_all_owners_are_needed(deployment):
    deployment.own("alice", "bob", "carol")
    deployment.set()
    deployment.lose_key()
    assert b"2 more are needed" in deployment.recover("carol")
    again = deployment.recover("carol", check=1)
    assert b"Error" in again
    assert b"1 more is needed" in deployment.recover("alice")
    assert b"recovered" in deployment.recover("bob")
    deployment.check_recovered()


def test_some_owners_suffice(deployment):
    deployment.own("alice", "bob", "carol")
    deployment.set(Config={"RecoveryThreshold": 2})
    deployment.lose_key()
    assert b"1 more is needed" in deployment.recover("carol")
    assert b"recovered" in deployment.recover("alice")
    deployment.check_recovered()


@pytest.mark.parametrize("in_token", [False, True])
def test_an_owner_on_another_machine(deployment, token, in_token):
    deployment.own("alice", "bob")
    deployment.set(Config={"RecoveryThreshold": 2})
    deployment.lose_key()
    cli, address = deployment.cli, deployment.coordinator.client_address
    key, file = deployment.owners["alice"]
    token.put_key(key, "alice")
    own = (["--pkcs11-config", token.config, "--pkcs11-key-label", "alice"] if in_token else ["--key", file])
    cli.run("recover-with-signature", "public-key", address, *deployment.trust, "-o", "ephemeral.pem")
    cli.run("recover-with-signature", "sign-secret", deployment.recovery, *own, "-o", "secret.sig",
            **token.environment)
    cli.run("recover-with-signature", "encrypt-secret", deployment.recovery, *own, "-o", "secret.enc",
            "--coordinator-pub-key", "ephemeral.pem", **token.environment)
    done = cli.run("recover-with-signature", "secret.enc", address, "-s", "secret.sig", *deployment.trust)
    assert b"1 more is needed" in done.stderr
    assert b"recovered" in deployment.recover("bob")
    deployment.check_recovered()


def test_a_signature_of_another_owner(deployment):
    deployment.own("alice", "bob")
    deployment.set(Config={"RecoveryThreshold": 2})
    deployment.lose_key()
    cli, address = deployment.cli, deployment.coordinator.client_address
    cli.run("recover-with-signature", "public-key", address, *deployment.trust, "-o", "ephemeral.pem")
    cli.run("recover-with-signature", "sign-secret", deployment.recovery, "--key",
            deployment.owners["bob"][1], "-o", "secret.sig")
    cli.run("recover-with-signature", "encrypt-secret", deployment.recovery, "--key",
            deployment.owners["alice"][1], "-o", "secret.enc", "--coordinator-pub-key", "ephemeral.pem")
    refused = cli.run("recover-with-signature", "secret.enc", address, "-s", "secret.sig", *deployment.trust,
                      check=1)
    assert b"sign" in refused.stderr
    assert deployment.coordinator.get_insecurely("/api/v2/status").data["code"] == 1


def test_a_key_that_recovers_from_its_token(deployment, token):
    deployment.own("alice")
    deployment.set()
    deployment.lose_key()
    token.put_key(deployment.owners["alice"][0], "alice")
    done = deployment.cli.run("recover", deployment.recovery, deployment.coordinator.client_address,
                              *deployment.trust, "--pkcs11-config", token.config, "--pkcs11-key-label",
                              "alice", **token.environment)
    assert b"recovered" in done.stderr
    deployment.check_recovered()


def test_the_log_goes_on_after_recovery(deployment):
    deployment.own("alice")
    deployment.set()
    log = ["manifest", "log", "--verify"]
    before = deployment.cli.run(*log, deployment.coordinator.client_address).stdout
    deployment.lose_key()
    deployment.recover("alice")
    done = deployment.cli.run(*log, deployment.coordinator.client_address)
    assert done.stdout.startswith(before) and len(done.stdout) > len(before)
    assert b"of which 1 were seen before" in done.stderr
