"""State that survives: restarts, recovery by one or several parties, and a host that tampers."""

import base64
import hashlib
import json
import pathlib
import shutil
import socket
import time

import grpc
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from mesh import manifests
from mesh.coordinator import Coordinator
from mesh.marble import Marble
from mesh.user import User

OAEP = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
DATA, KEY = "sealed_data", "sealed_key"


class Owner:
    """Holds a recovery key."""

    def __init__(self, name):
        self.name = name
        self.key = rsa.generate_private_key(65537, 2048)
        self.pem = self.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
        self.secret = None

    def receive(self, secrets):
        self.secret = self.key.decrypt(base64.b64decode(secrets[self.name]), OAEP)
        return self

    def sign(self, secret=None):
        return self.key.sign(self.secret if secret is None else secret, padding.PKCS1v15(), hashes.SHA256())

    def body(self, secret=None, signature=None):
        return {"recoverySecret": base64.b64encode(self.secret if secret is None else secret).decode(),
                "recoverySecretSignature": base64.b64encode(
                    self.sign() if signature is None else signature).decode()}


class Deployment:
    """A coordinator that is stopped and started on one folder."""

    def __init__(self, workspace, platform, folder):
        self.workspace, self.platform, self.folder = workspace, platform, folder
        self.coordinator = None
        self.start()

    def start(self):
        self.coordinator = Coordinator(self.workspace, self.platform,
                                       EDG_COORDINATOR_SEAL_DIR=str(self.folder))
        return self.coordinator

    def stop(self):
        assert self.coordinator.process.stop() == 0, self.coordinator.process.log()

    def restart(self):
        self.stop()
        return self.start()

    def lose_key(self):
        self.stop()
        (self.folder / KEY).unlink()
        return self.start()


@pytest.fixture(params=["simulated platform", "plain simulation"])
def deployment(request, workspace, tmp_path):
    chosen = request.getfixturevalue("platform") if request.param == "simulated platform" else None
    made = Deployment(workspace, chosen, tmp_path / "state")
    yield made
    if made.coordinator.process.running():
        made.stop()


def manifest(owners=(), **sections):
    made = manifests.simple({"UniqueID": "00" * 32}, **sections)
    if owners:
        made["RecoveryKeys"] = {o.name: o.pem for o in owners}
    return made


def parties(count):
    return [Owner(f"owner{i}") for i in range(count)]


def set_up(deployment, owners, **sections):
    secrets = deployment.coordinator.set_manifest(manifest(owners, **sections))["RecoverySecrets"]
    for owner in owners:
        owner.receive(secrets)
    return identity(deployment)


def identity(deployment):
    c = deployment.coordinator
    return c.root, c.get("/api/v2/manifest").data


def recover(deployment, body):
    reply = deployment.coordinator.post("/api/v2/recover", body)
    deployment.coordinator._root = None  # with the state comes its root
    return reply


def remaining(reply):
    assert reply.status == 200, reply.body
    return reply.data["remaining"]


@pytest.mark.parametrize("content", [b"", b"\x20\x00\x00\x00{}and what another program has sealed", b"MRDATA99" + bytes(100)],
                         ids=["empty", "another program's", "of a later version"])
def test_what_is_no_state_of_ours_stays_as_it_is(deployment, content):
    """An operator who starts the wrong program, or an older version, on a folder can go back."""
    deployment.stop()
    for name in (DATA, KEY):
        (deployment.folder / name).write_bytes(content)
    for _ in range(2):
        coordinator = deployment.start()
        status = coordinator.get("/api/v2/status").data
        assert status["code"] == 1 and DATA in status["message"], status
        assert coordinator.get("/api/v2/recover/public-key").status == 409
        deployment.stop()
        assert [(deployment.folder / name).read_bytes() for name in (DATA, KEY)] == [content, content]
    deployment.start().set_manifest(manifest())
    assert deployment.restart().state == 3, "whoever sets a manifest gives it up"


def test_a_restart_changes_nothing(deployment):
    root = deployment.coordinator.root
    assert deployment.restart().root == root and deployment.coordinator.state == 2
    before = set_up(deployment, [])
    deployment.restart()
    assert deployment.coordinator.state == 3
    assert identity(deployment) == before


def test_a_kill_loses_nothing_that_was_acknowledged(deployment):
    before = set_up(deployment, [])
    deployment.coordinator.process.kill()
    deployment.start()
    assert identity(deployment) == before


def test_one_owner_recovers(deployment):
    owner, = parties(1)
    before = set_up(deployment, [owner])
    deployment.lose_key()
    assert deployment.coordinator.state == 1
    assert remaining(recover(deployment, owner.body())) == 0
    assert deployment.coordinator.state == 3
    assert identity(deployment) == before
    deployment.restart()
    assert deployment.coordinator.state == 3 and identity(deployment) == before


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_all_of_several_owners(deployment, order):
    owners = parties(3)
    before = set_up(deployment, owners)
    deployment.lose_key()
    assert [remaining(recover(deployment, owners[i].body())) for i in order] == [2, 1, 0]
    assert identity(deployment) == before


def test_a_threshold_of_owners(deployment):
    owners = parties(4)
    before = set_up(deployment, owners, Config={"RecoveryThreshold": 2})
    assert all(len(o.secret) == 33 for o in owners)
    deployment.lose_key()
    assert [remaining(recover(deployment, owners[i].body())) for i in (3, 1)] == [1, 0]
    assert identity(deployment) == before


def test_a_secret_may_come_encrypted(deployment):
    owner, = parties(1)
    set_up(deployment, [owner])
    deployment.lose_key()
    answer = deployment.coordinator.get("/api/v2/recover/public-key").data
    assert answer["algorithm"] == "RSA"
    key = serialization.load_der_public_key(base64.b64decode(answer["ephemeralPublicKey"]))
    assert remaining(recover(deployment, owner.body(key.encrypt(owner.secret, OAEP)))) == 0


def test_what_does_not_recover(deployment):
    owners = parties(2)
    foreign, = parties(1)
    set_up(deployment, owners)
    deployment.lose_key()
    a, b = owners
    assert remaining(recover(deployment, a.body())) == 1
    refusals = {
        "again": (a.body(), 409), "wrong secret": (b.body(bytes(32)), 403),
        "wrong signature": (b.body(signature=bytes(256)), 403),
        "no signature": ({"recoverySecret": b.body()["recoverySecret"]}, 403),
        "another's signature": (b.body(signature=a.sign(b.secret)), 403),
        "a stranger's signature": (b.body(signature=foreign.sign(b.secret)), 403),
        "nonsense": (b.body(bytes(100)), 400), "no base64": ({"recoverySecret": "%"}, 400),
        "nothing": ({}, 400), "no object": ([], 400),
    }
    for name, (body, status) in refusals.items():
        reply = recover(deployment, body)
        assert reply.status == status, (name, reply.body)
        assert reply.message
        assert deployment.coordinator.state == 1
    assert remaining(recover(deployment, b.body())) == 0
    assert deployment.coordinator.state == 3


def test_recovery_is_only_for_what_needs_it(deployment):
    owner, = parties(1)
    set_up(deployment, [owner])
    assert recover(deployment, owner.body()).status == 409
    assert deployment.coordinator.get("/api/v2/recover/public-key").status == 409
    deployment.lose_key()
    assert deployment.coordinator.get("/api/v2/manifest").status == 409
    assert deployment.coordinator.post("/recover", owner.secret).status == 400


def test_a_new_manifest_gives_the_old_state_up(deployment):
    owner, other = parties(2)
    before = set_up(deployment, [owner])
    deployment.lose_key()
    after = set_up(deployment, [other])
    assert deployment.coordinator.state == 3 and after[0] != before[0]
    deployment.restart()
    assert deployment.coordinator.state == 3 and identity(deployment) == after
    deployment.lose_key()
    assert recover(deployment, owner.body()).status == 403
    assert remaining(recover(deployment, other.body())) == 0


def test_without_recovery_keys_only_a_new_manifest_helps(deployment):
    set_up(deployment, [])
    deployment.lose_key()
    assert deployment.coordinator.state == 1
    assert "RecoveryKeys" in recover(deployment, {"recoverySecret": "", "recoverySecretSignature": ""}).message
    set_up(deployment, [])


@pytest.mark.parametrize("mode", ["ProductKey", "UniqueKey", "Disabled", ""])
def test_seal_modes(deployment, mode):
    owner, = parties(1)
    before = set_up(deployment, [owner], Config={"SealMode": mode})
    assert (deployment.folder / KEY).exists() == (mode != "Disabled")
    deployment.restart()
    if mode == "Disabled":
        assert deployment.coordinator.state == 1
        assert remaining(recover(deployment, owner.body())) == 0
        assert not (deployment.folder / KEY).exists()
        assert identity(deployment) == before


def test_an_update_may_change_the_recovery_keys(deployment, tmp_path_factory):
    old, new = parties(2)
    user = User(tmp_path_factory.mktemp("people"), "alice")
    users = {"Users": {"alice": user.entry("owners")},
             "Roles": {"owners": {"ResourceType": "Manifest", "Actions": ["UpdateManifest"]}}}
    set_up(deployment, [old], **users)
    same = user.post_manifest(deployment.coordinator, "/api/v2/update", manifest([old], **users)).data
    assert not same.get("recoverySecrets")
    answer = user.post_manifest(deployment.coordinator, "/api/v2/update", manifest([new], **users))
    new.receive(answer.data["recoverySecrets"])
    deployment.lose_key()
    assert recover(deployment, old.body()).status == 403
    assert remaining(recover(deployment, new.body())) == 0


# ---- the host ----

def test_an_old_key_does_not_open_a_newer_state(deployment):
    owner, = parties(1)
    deployment.stop()
    old = (deployment.folder / KEY).read_bytes()
    deployment.start()
    set_up(deployment, [owner])
    deployment.stop()
    (deployment.folder / KEY).write_bytes(old)
    deployment.start()
    assert deployment.coordinator.state == 1


def test_files_of_two_deployments_do_not_mix(deployment, workspace, tmp_path):
    set_up(deployment, [])
    deployment.stop()
    mine = {n: (deployment.folder / n).read_bytes() for n in (DATA, KEY)}
    shutil.rmtree(deployment.folder)
    deployment.start()
    set_up(deployment, parties(1))
    deployment.stop()
    for name in (DATA, KEY):
        kept = (deployment.folder / name).read_bytes()
        (deployment.folder / name).write_bytes(mine[name])
        deployment.start()
        assert deployment.coordinator.state == 1 or deployment.coordinator.state == 2
        assert deployment.coordinator.state != 3
        deployment.stop()
        (deployment.folder / name).write_bytes(kept)
    deployment.start()
    assert deployment.coordinator.state == 3


def test_an_attackers_state_is_not_taken_for_ours(deployment, workspace, tmp_path):
    """The attacker runs a coordinator of his own, whose state he can open, under our public manifest: its
    recovery keys are ours, so he gets secrets that he can't decrypt. He exchanges the recovery data for his."""
    ours, = parties(1)
    mallory = Owner(ours.name)
    set_up(deployment, [ours])
    deployment.stop()
    shutil.rmtree(deployment.folder)
    deployment.start()
    set_up(deployment, [mallory])  # the same names, another key: a manifest that is not ours
    deployment.lose_key()
    assert remaining(recover(deployment, mallory.body())) == 0
    served = json.loads(base64.b64decode(deployment.coordinator.get("/api/v2/manifest").data["manifest"]))
    assert served["RecoveryKeys"][ours.name] == mallory.pem, "relying parties see that it is not theirs"


def test_a_backup_moves_to_another_folder(deployment, tmp_path):
    before = set_up(deployment, [])
    deployment.stop()
    shutil.copytree(deployment.folder, tmp_path / "moved")
    deployment.folder = tmp_path / "moved"
    deployment.start()
    assert identity(deployment) == before


def test_two_coordinators_do_not_share_a_folder(deployment, workspace):
    with pytest.raises(Exception) as refusal:
        Coordinator(workspace, deployment.platform, EDG_COORDINATOR_SEAL_DIR=str(deployment.folder))
    assert "in use" in str(refusal.value)


# ---- a host that puts an older state back ----

def snapshot(deployment):
    return {n: (deployment.folder / n).read_bytes() for n in (DATA, KEY)}


def put_back(deployment, files):
    deployment.stop()
    for name, content in files.items():
        (deployment.folder / name).write_bytes(content)
    return deployment.start()


@pytest.fixture
def tpm(workspace, tmp_path):
    """A software TPM; gives the name by which the coordinator finds it."""
    port = free_ports()
    state = tmp_path / "tpm"
    state.mkdir()
    process = workspace.start("swtpm", [
        "swtpm", "socket", "--tpm2", "--tpmstate", f"dir={state}", "--flags", "not-need-init",
        "--server", f"type=tcp,bindaddr=127.0.0.1,port={port}",
        "--ctrl", f"type=tcp,bindaddr=127.0.0.1,port={port + 1}"])
    wait_for_port(port + 1)
    yield f"swtpm:host=127.0.0.1,port={port}"
    process.kill()


def free_ports():
    while True:
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            try:
                two.bind(("127.0.0.1", one.getsockname()[1] + 1))
            except OSError:
                continue
            return one.getsockname()[1]


def wait_for_port(port):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise AssertionError("the TPM does not start")


class Guarded(Deployment):
    def __init__(self, workspace, folder, tpm):
        self.tpm = tpm
        super().__init__(workspace, None, folder)

    def start(self):
        # A TPM without a resource manager serves one connection at a time.
        self.coordinator = Coordinator(self.workspace, None, EDG_COORDINATOR_SEAL_DIR=str(self.folder),
                                       **({"MARBLERUN_TPM": self.tpm} if self.tpm else {}))
        return self.coordinator


def test_a_tpm_prevents_rollback(workspace, tmp_path, tpm):
    owner, = parties(1)
    guarded = Guarded(workspace, tmp_path / "state", tpm)
    set_up(guarded, [owner])
    guarded.restart()
    assert guarded.coordinator.state == 3
    older = snapshot(guarded)
    guarded.restart()
    put_back(guarded, older)
    assert guarded.coordinator.state == 1
    assert "not the newest" in guarded.coordinator.process.log()
    assert remaining(recover(guarded, owner.body())) == 0
    guarded.restart()
    assert guarded.coordinator.state == 3
    guarded.stop()


def test_a_state_that_a_tpm_guards_does_not_open_without_it(workspace, tmp_path, tpm):
    guarded = Guarded(workspace, tmp_path / "state", tpm)
    set_up(guarded, parties(1))
    guarded.stop()
    guarded.tpm = None
    guarded.start()
    assert guarded.coordinator.state == 1
    guarded.stop()


# ---- states of earlier releases ----

STATES = pathlib.Path(__file__).resolve().parents[1] / "vectors" / "state"


@pytest.mark.parametrize("release", sorted(p.name for p in STATES.iterdir() if p.is_dir()))
def test_states_of_earlier_releases_open(workspace, tmp_path, release):
    folder = tmp_path / "state"
    folder.mkdir(0o700)
    for name in (DATA, KEY):
        shutil.copy(STATES / release / name, folder / name)
    old = Deployment(workspace, None, folder)
    assert old.coordinator.state == 3
    served = old.coordinator.get("/api/v2/manifest").data["manifest"]
    assert base64.b64decode(served) == (STATES / release / "manifest.json").read_bytes()
    old.restart()
    assert old.coordinator.state == 3
    old.stop()


# ---- the mesh notices ----

class Watched:
    """A mesh on the simulated platform, with an owner who may update its manifest."""

    def __init__(self, workspace, platform, program, folder, people, **config):
        self.platform, self.program = platform, program
        self.deployment = Deployment(workspace, platform, folder)
        self.owner = User(people, "owner")
        package = manifests.by_id(platform.measure(program))
        self.manifest = manifests.simple(package, {"app": {"MaxActivations": 100}}, Config=config)
        self.manifest["Users"] = {"owner": self.owner.entry("owners")}
        self.manifest["Roles"] = {"owners": {"ResourceType": "Manifest", "Actions": ["UpdateManifest"]}}
        self.deployment.coordinator.set_manifest(self.manifest)

    def activate(self, mark=b""):
        return Marble(self.deployment.coordinator, self.program).activate("app", StateMark=mark).state_mark

    def status(self):
        return self.deployment.coordinator.get("/api/v2/status").data["message"]

    def update(self):
        self.manifest["Marbles"]["other"] = {"Package": "app"}
        reply = self.owner.post_manifest(self.deployment.coordinator, "/api/v2/update", self.manifest)
        assert reply.status == 200, reply.body


@pytest.fixture
def watched(workspace, platform, program, tmp_path, tmp_path_factory):
    made = []

    def make(**config):
        made.append(Watched(workspace, platform, program, tmp_path / "state",
                            tmp_path_factory.mktemp("people"), **config))
        return made[0]

    yield make
    made[0].deployment.stop()


def test_marks_of_a_state_that_goes_on_say_nothing(watched):
    mesh = watched()
    first = mesh.activate()
    second = mesh.activate(first)
    assert first != second
    mesh.deployment.restart()
    mesh.activate(first)
    mesh.activate(second)
    assert "rolled back" not in mesh.status()


def test_a_marble_tells_a_coordinator_that_it_was_rolled_back(watched):
    mesh = watched()
    mesh.activate()
    mesh.deployment.stop()
    older = snapshot(mesh.deployment)
    mesh.deployment.start()
    seen = mesh.activate()
    put_back(mesh.deployment, older)
    mesh.activate()  # nobody has said anything yet; the history goes on, beyond the lost epoch
    mesh.activate()
    assert "rolled back" not in mesh.status()
    mesh.activate(seen)
    assert "rolled back" in mesh.status()
    log = mesh.deployment.coordinator.get("/api/v2/log").data["entries"]
    assert sum('"audit":"Rollback detected"' in entry for entry in log) == 1
    mesh.deployment.restart()
    assert "rolled back" in mesh.status(), "until the owners have seen it"
    mesh.update()
    assert "rolled back" not in mesh.status()


def test_a_coordinator_that_was_rolled_back_stops_admitting(watched):
    mesh = watched(StopOnRollback=True)
    mesh.deployment.stop()
    older = snapshot(mesh.deployment)
    mesh.deployment.start()
    seen = mesh.activate()
    put_back(mesh.deployment, older)
    for mark in (seen, b"", b"nonsense"):
        with pytest.raises(grpc.RpcError) as refusal:
            mesh.activate(mark)
        assert "rolled back" in refusal.value.details()
    mesh.update()
    mesh.activate()


def test_marks_of_others_say_nothing(watched):
    mesh = watched(StopOnRollback=True)
    seen = mesh.activate()
    for mark in (b"x" * 100, seen[:-1], bytes(len(seen)), b"\xff" * 8 + seen[8:]):
        mesh.activate(mark)
    assert "rolled back" not in mesh.status()


def test_the_command_line_refuses_to_go_back(watched, binaries, workspace, tmp_path):
    mesh = watched()
    policy = tmp_path / "era.json"
    policy.write_text(json.dumps({"UniqueID": mesh.platform.measure(binaries.coordinator)["UniqueID"]}))

    def verify(*flags):
        return workspace.run([binaries.cli, "status", mesh.deployment.coordinator.client_address, "--era-config", policy,
                              "--sim-root", mesh.platform.folder / "root_ca.pem", *flags], check=False)

    assert verify().returncode == 0
    mesh.deployment.stop()
    older = snapshot(mesh.deployment)
    mesh.deployment.start()
    mesh.activate()
    assert verify().returncode == 0
    put_back(mesh.deployment, older)
    refused = verify()
    assert refused.returncode == 1 and b"rolled back" in refused.stderr
    assert verify().returncode == 1
    assert verify("--accept-rollback").returncode == 0
    assert verify().returncode == 0


def test_statements_bind_where_state_and_log_stand(watched):
    mesh = watched()
    nonce = b"n" * 32
    path = "/api/v2/quote?nonce=" + base64.urlsafe_b64encode(nonce).decode().replace("=", "%3D")
    data = mesh.deployment.coordinator.get(path).data
    state = base64.b64decode(data["state"])
    quote = base64.b64decode(data["quote"])
    assert len(state) == 96
    assert quote[48 + 320 + 32:48 + 384] == hashlib.sha256(b"marblerun statement v1\0" + state).digest()
    assert int.from_bytes(state[:8], "big") > 0
    assert int.from_bytes(state[56:64], "big") == 1, "the manifest's entry"
    assert "state" not in mesh.deployment.coordinator.get("/api/v2/quote").data
