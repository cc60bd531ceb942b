"""Several people run a mesh by the command line: the coordinator, its users' keys and tokens are real."""

import base64
import json
import stat

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from mesh import certificates, manifests
from mesh.command_line import Cli
from mesh.token import Token
from mesh.user import KEYS, User

ROLES = {
    "readers": {"ResourceType": "Secrets", "ResourceNames": ["text", "pair", "shared"], "Actions": ["ReadSecret"]},
    "writers": {"ResourceType": "Secrets", "ResourceNames": ["text", "pair"], "Actions": ["WriteSecret"]},
    "patchers": {"ResourceType": "Packages", "ResourceNames": ["app"], "Actions": ["UpdateSecurityVersion"]},
    "owners": {"ResourceType": "Manifest", "Actions": ["UpdateManifest"]},
}
SECRETS = {
    "text": {"Type": "plain", "UserDefined": True},
    "pair": {"Type": "cert-ecdsa", "Size": 256, "UserDefined": True},
    "shared": {"Type": "symmetric-key", "Size": 256, "Shared": True},
}
ALL = tuple(ROLES)
OAEP = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)


class People:
    def __init__(self, mesh, keys):
        self.mesh, self.keys = mesh, keys
        self.workspace, self.coordinator = mesh.coordinator.workspace, mesh.coordinator
        self.cli = Cli(self.workspace, mesh.coordinator, mesh.platform)
        self.users = {}

    def user(self, name, kind="p256", roles=ALL):
        made = User(self.keys, name, kind)
        self.workspace.secrets.add_pem(f"key of {name}", made.key_file.read_bytes())
        self.users[name] = made.entry(*roles)
        return made

    def manifest(self, **sections):
        package = manifests.by_signer(self.mesh.platform.measure(self.mesh.program), SecurityVersion=1)
        return manifests.simple(package, Secrets=SECRETS, Roles=ROLES, Users=self.users, **sections)

    def write(self, name, manifest):
        return self.workspace.write(name, json.dumps(manifest))

    def set(self, **sections):
        """By the command line, which then knows the coordinator."""
        self.cli.trusting("manifest", "set", self.write("manifest.json", self.manifest(**sections)), "-r",
                          self.workspace.folder / "recovery.json")

    def run(self, *arguments, flags=(), check=True, **environment):
        return self.cli.run(*arguments, self.coordinator.client_address, *flags, check=check, **environment)


@pytest.fixture
def people(mesh, tmp_path_factory):
    return People(mesh, tmp_path_factory.mktemp("people"))


def put_text(people, user, value=b"a text of the test's own"):
    path = people.workspace.write("text.json", json.dumps(
        {"text": {"Key": base64.b64encode(value).decode()}}))
    return people.run("secret", "set", path, flags=user.flags)


@pytest.mark.parametrize("kind", KEYS)
def test_every_kind_of_key(people, kind):
    user = people.user("alice", kind)
    people.set()
    put_text(people, user)
    out = people.run("secret", "get", "text", flags=user.flags).stdout.decode()
    assert "not set yet" not in out
    assert base64.b64encode(b"a text of the test's own").decode() in out


@pytest.mark.parametrize("kind", ["rsa2048", "p256", "p384"])
def test_every_kind_of_key_in_a_token(people, kind):
    token = Token(people.workspace)
    user = people.user("alice", kind)
    token.put(user, "alice")
    people.set()
    flags = ["--pkcs11-config", token.config, "--pkcs11-key-label", "alice", "--pkcs11-cert-label", "alice"]
    path = people.workspace.write("text.json", '{"text": {"Key": "YQ=="}}')
    people.run("secret", "set", path, flags=flags, **token.environment)
    assert b"YQ==" in people.run("secret", "get", "text", flags=flags, **token.environment).stdout


def test_who_may_not_is_told_what_is_missing(people):
    people.user("alice")
    reader = people.user("reader", roles=["readers"])
    stranger = User(people.keys, "stranger")
    people.set()
    path = people.workspace.write("text.json", '{"text": {"Key": "YQ=="}}')
    refused = people.run("secret", "set", path, flags=reader.flags, check=1).stderr
    assert b"WriteSecret" in refused
    update = people.write("new.json", people.manifest(Config={"FeatureGates": []}))
    assert b"UpdateManifest" in people.run("manifest", "update", "apply", update, flags=reader.flags,
                                           check=1).stderr
    assert b"Error" in people.run("secret", "get", "text", flags=stranger.flags, check=1).stderr
    assert b"not set yet" in people.run("secret", "get", "text", flags=reader.flags).stdout


def test_a_certificate_from_pem(people):
    alice = people.user("alice")
    people.set()
    owner = User(people.keys, "owner")
    pem = people.keys / "both.pem"
    pem.write_bytes(owner.cert_file.read_bytes() + owner.key_file.read_bytes())
    people.run("secret", "set", pem, flags=[*alice.flags, "--from-pem", "pair"])
    out = people.keys / "got.json"
    people.run("secret", "get", "pair", "shared", flags=[*alice.flags, "-o", out])
    got = json.loads(out.read_text())
    assert x509.load_der_x509_certificate(base64.b64decode(got["pair"]["Cert"])) == owner.certificate
    assert len(base64.b64decode(got["shared"]["Public"])) == 32
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    text = people.run("secret", "get", "pair", flags=alice.flags).stdout.decode()
    assert got["pair"]["Cert"] in text and got["pair"]["Private"] in text
    stranger = User(people.keys, "other")
    pem.write_bytes(owner.cert_file.read_bytes() + stranger.key_file.read_bytes())
    people.run("secret", "set", pem, flags=[*alice.flags, "--from-pem", "pair"], check=1)


def test_a_newer_version_of_a_package(people):
    alice = people.user("alice")
    people.set()
    update = people.write("update.json", {"Packages": {"app": {"SecurityVersion": 3}}})
    done = people.run("manifest", "update", "apply", update, flags=alice.flags)
    assert b"applied" in done.stderr
    shown = json.loads(people.run("manifest", "get", flags=["--display-update"]).stdout)
    assert shown["Packages"]["app"]["SecurityVersion"] == 3
    log = [json.loads(line) for line in people.run("manifest", "log").stdout.decode().splitlines()]
    assert len(log) == 2 and "time" in log[1]
    refused = people.run("manifest", "update", "apply", people.write("u.json", {"Packages": {"app": {
        "SecurityVersion": 2}}}), flags=alice.flags, check=1)
    assert b"SecurityVersion" in refused.stderr


def test_an_update_that_several_agree_to(people):
    alice, bob, carol = (people.user(n) for n in ("alice", "bob", "carol"))
    people.set()
    new = people.write("new.json", people.manifest(Config={"FeatureGates": ["SignQuoteEndpoint"]}))
    other = people.write("other.json", people.manifest())
    assert people.run("manifest", "update", "get", check=1).stderr
    done = people.run("manifest", "update", "apply", new, flags=alice.flags)
    assert b"2 acknowledgements are missing" in done.stderr and b"bob, carol" in done.stderr
    assert people.run("manifest", "update", "get").stdout == new.read_bytes()
    missing = people.run("manifest", "update", "get", flags=["--missing"]).stdout
    assert b"bob" in missing and b"carol" in missing and b"alice" not in missing
    people.run("manifest", "update", "acknowledge", other, flags=bob.flags, check=1)
    done = people.run("manifest", "update", "acknowledge", new, flags=bob.flags)
    assert b"1 acknowledgement is missing" in done.stderr and b"carol" in done.stderr
    done = people.run("manifest", "update", "acknowledge", new, flags=carol.flags)
    assert b"applied" in done.stderr
    people.cli.trusting("manifest", "verify", new)
    assert people.run("manifest", "update", "get", check=1).stderr


def test_an_update_that_is_cancelled(people):
    alice, bob = people.user("alice"), people.user("bob")
    people.set()
    new = people.write("new.json", people.manifest(Config={"FeatureGates": ["SignQuoteEndpoint"]}))
    people.run("manifest", "update", "apply", new, flags=alice.flags)
    assert b"cancelled" in people.run("manifest", "update", "cancel", flags=bob.flags).stderr
    people.run("manifest", "update", "acknowledge", new, flags=bob.flags, check=1)
    people.cli.trusting("manifest", "verify", people.workspace.folder / "manifest.json")


def test_new_recovery_keys_give_new_recovery_data(people):
    alice = people.user("alice")
    people.set()
    key = rsa.generate_private_key(65537, 2048)
    new = people.write("new.json", people.manifest(RecoveryKeys={"one": certificates.public_pem(key)}))
    out = people.workspace.folder / "new-recovery.json"
    people.run("manifest", "update", "apply", new, flags=[*alice.flags, "--recoverydata", out])
    sealed = base64.b64decode(json.loads(out.read_text())["RecoverySecrets"]["one"])
    assert len(key.decrypt(sealed, OAEP)) == 32


def test_check_of_a_coordinator(people):
    assert people.cli.trusting("check").stdout.startswith(b"2: ")
    people.user("alice")
    people.set()
    assert people.run("check").stdout.startswith(b"3: ")


# The log


def test_the_log_verified(people):
    alice = people.user("alice")
    reader = people.user("reader", roles=["readers"])
    people.set()
    put_text(people, alice)
    people.run("secret", "get", "text", flags=reader.flags)
    done = people.run("manifest", "log", flags=["--verify"])
    table = done.stdout.decode().splitlines()
    assert [line.split()[0] for line in table] == ["1", "2", "3"]
    assert "manifest" in table[0] and "user=alice" in table[1] and 'secrets=["text"]' in table[2]
    assert b"3 entries" in done.stderr and b"signed by the root key" in done.stderr
    people.run("secret", "get", "text", flags=reader.flags)
    done = people.run("manifest", "log", flags=["--verify"])
    assert b"4 entries, of which 3 were seen before" in done.stderr
    out = people.workspace.folder / "log.json"
    people.run("manifest", "log", flags=["--verify", "-o", out])
    assert len([json.loads(line) for line in out.read_text().splitlines()]) == 4


def test_a_log_with_many_pages(people):
    alice = people.user("alice", roles=["readers"])
    people.set()
    for _ in range(1005):
        assert alice.get(people.coordinator, "/api/v2/secrets?s=shared").status == 200
    done = people.run("manifest", "log", flags=["--verify"])
    assert len(done.stdout.splitlines()) == 1006 and b"1006 entries" in done.stderr


def test_a_log_that_is_not_the_one_seen(people):
    people.user("alice")
    people.set()
    people.run("manifest", "log", flags=["--verify"])
    kept = people.cli.kept.with_name(people.cli.kept.name + ".states")
    states = json.loads(kept.read_text())
    (state,) = states.values()
    before = dict(state)
    for changes in ({"checkedDigest": "00" * 32}, {"checkedEntries": 7}, {"logDigest": "00" * 32},
                    {"logEntries": 9, "checkedEntries": 9}):
        state.clear()
        state.update(before, **changes)
        kept.write_text(json.dumps(states))
        refused = people.run("manifest", "log", flags=["--verify"], check=1)
        assert b"rolled back" in refused.stderr and refused.stdout == b"", changes
    done = people.run("manifest", "log", flags=["--verify", "--accept-rollback"])
    assert b"Warning" in done.stderr and done.stdout
    assert b"seen before" in people.run("manifest", "log", flags=["--verify"]).stderr
