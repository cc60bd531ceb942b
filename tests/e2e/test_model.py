"""Random lives of a coordinator against a simple model of what must be true.

Several people act on one deployment, which is stopped, killed and recovered in between; after every step what the
coordinator says is what the model says. MODEL_SEED and MODEL_SECONDS choose which lives, and how many.
"""

import base64
import http.client
import json
import os
import random
import ssl
import threading
import time
import uuid

import grpc

from mesh.coordinator import Coordinator, Reply
from mesh.marble import Marble
from mesh.user import User
from test_people import audit_digest
from test_recovery import KEY, Owner

OWNERS, STEPS = ["ann", "bob", "cy"], 60
PEOPLE = [*OWNERS, "writer", "reader", "patcher", "nobody"]
MARBLES = [str(uuid.UUID(int=n)) for n in range(1, 4)]


def b64(raw):
    return base64.b64encode(raw).decode()




class Person(User):
    """A user whose connections stay open, one for each thread."""

    def __init__(self, folder, name):
        super().__init__(folder, name)
        self.connections = {}

    def leave(self):
        for connection in self.connections.values():
            connection.close()
        self.connections = {}

    def connection(self, coordinator):
        thread = threading.get_ident()
        if thread not in self.connections:
            context = ssl.create_default_context(cadata=coordinator.root.decode())
            context.load_cert_chain(self.cert_file, self.key_file)
            self.connections[thread] = http.client.HTTPSConnection("127.0.0.1", coordinator.client_port,
                                                                   context=context, timeout=60)
        return self.connections[thread]

    def request(self, coordinator, method, path, body=None):
        connection = self.connection(coordinator)
        connection.request(method, path, json.dumps(body) if isinstance(body, dict) else body)
        return Reply(connection.getresponse())


class Variant:
    """A manifest, in the few respects that the lives differ in."""

    def __init__(self, rng):
        self.number = rng.getrandbits(64)
        self.version = rng.randrange(1, 4)
        self.key_size = rng.choice([128, 256])
        self.shared_size = rng.choice([128, 256])
        self.own_size = rng.choice([128, 256])
        self.most = rng.choice([0, 0, 2, 5])
        self.threshold = rng.choice([0, 0, 1, 2, 3])
        self.owners = rng.sample(OWNERS, rng.randrange(max(1, self.threshold), len(OWNERS) + 1))
        self.writer = rng.choice(["writer", "ann"])
        self.rotate = rng.random() < 0.2

    def needed(self):
        return self.threshold or len(self.owners)

    def text(self, people, recovery):
        secret = {"Type": "symmetric-key"}
        env = {"KEY": "{{hex .Secrets.key}}", "SHARED": "{{hex .Secrets.shared}}", "OWN": "{{hex .Secrets.own}}",
               "NUMBER": str(self.number)}
        roles = {"patchers": ("Packages", ["app"], ["UpdateSecurityVersion"]),
                 "readers": ("Secrets", ["key", "shared"], ["ReadSecret"]),
                 "writers": ("Secrets", ["key"], ["WriteSecret"]),
                 "owners": ("Manifest", None, ["UpdateManifest"])}
        users = {name: [] for name in PEOPLE}
        for name in self.owners:
            users[name].append("owners")
        users[self.writer].append("writers")
        users["reader"].append("readers")
        users["patcher"].append("patchers")
        return json.dumps({
            "Packages": {"app": {"SignerID": "11" * 32, "ProductID": 1, "SecurityVersion": self.version}},
            "Marbles": {"app": {"Package": "app", "MaxActivations": self.most, "Parameters": {"Env": env}},
                        "small": {"Package": "app", "Parameters": {"Env": {"SHARED": env["SHARED"]}}}},
            "Secrets": {"key": {**secret, "Size": self.key_size, "UserDefined": True},
                        "shared": {**secret, "Size": self.shared_size, "Shared": True},
                        "own": {**secret, "Size": self.own_size}},
            "Users": {name: people[name].entry(*roles_of) for name, roles_of in users.items()},
            "Roles": {name: {"ResourceType": kind, "Actions": actions, **({"ResourceNames": names} if names else {})}
                      for name, (kind, names, actions) in roles.items()},
            "RecoveryKeys": {recovery.name: recovery.pem},
            "Config": {"UpdateThreshold": self.threshold, "RotateRootSecret": self.rotate},
        }).encode()


class Model:
    """What must be true."""

    def __init__(self):
        self.variant = self.text = None
        self.pending = None       # (variant, text, who has acknowledged)
        self.version = 0          # of the package
        self.key = None           # the user-defined secret
        self.shared = None        # as it was seen
        self.own = {}             # by UUID, as they were seen
        self.activations = 0      # as far as they are counted
        self.entries = []         # of the log
        self.epoch = 0

    def apply(self, variant, text):
        old = self.variant
        if old and (old.key_size != variant.key_size):
            self.key = None
        if old and (variant.rotate or old.shared_size != variant.shared_size):
            self.shared = None
        if old and (variant.rotate or old.own_size != variant.own_size):
            self.own = {}
        self.variant, self.text, self.pending = variant, text, None
        self.version = variant.version


class Life:
    def __init__(self, workspace, folder, seed):
        self.rng = random.Random(seed)
        self.workspace, self.folder = workspace, folder
        self.people = {name: Person(folder, name) for name in PEOPLE}
        self.recovery = Owner("recovery")
        self.marbles = {}
        self.model = Model()
        self.told = []  # what was done, for whoever has to find out why
        self.start()

    def start(self):
        self.coordinator = Coordinator(self.workspace, None, EDG_COORDINATOR_SEAL_DIR=str(self.folder / "state"))
        self.public = self.coordinator.connect()
        for name in MARBLES:
            self.marbles[name] = Marble(self.coordinator)
            self.marbles[name].uuid = name

    def leave(self):
        for person in self.people.values():
            person.leave()
        self.public.close()

    def get(self, path):
        self.public.request("GET", path)
        return Reply(self.public.getresponse())

    # ---- steps: each returns whether the model says that it must succeed, and a reply ----

    def set_manifest(self):
        variant = Variant(self.rng)
        text = variant.text(self.people, self.recovery)
        must = self.model.text is None
        reply = self.coordinator.post_manifest(text)
        if must and reply.status == 200:
            self.recovery.receive(reply.data["RecoverySecrets"])
            self.model.apply(variant, text)
        return must, reply

    def update_package(self):
        m, who = self.model, self.rng.choice(["patcher", "patcher", "patcher", "ann", "nobody"])
        version = max(0, m.version + self.rng.randrange(-1, 2))
        must = m.text is not None and not m.pending and who == "patcher" and version >= m.version
        reply = self.people[who].post_manifest(self.coordinator, "/api/v2/update",
                                               {"Packages": {"app": {"SecurityVersion": version}}})
        if must:
            m.version = version
        return must, reply

    def propose(self):
        m, who, variant = self.model, self.rng.choice([*OWNERS, "nobody"]), Variant(self.rng)
        text = variant.text(self.people, self.recovery)
        must = m.text is not None and not m.pending and who in m.variant.owners
        reply = self.people[who].post_manifest(self.coordinator, "/api/v2/update", text)
        if must:
            m.pending = (variant, text, [who])
            self.complete()
        return must, reply

    def complete(self):
        variant, text, done = self.model.pending
        if len(done) >= self.model.variant.needed():
            self.model.apply(variant, text)

    def acknowledge(self):
        m, who = self.model, self.rng.choice([*OWNERS, "nobody"])
        same = self.rng.random() < 0.9
        text = m.pending[1] if m.pending and same else Variant(self.rng).text(self.people, self.recovery)
        must = bool(m.pending) and same and who in m.variant.owners and who not in m.pending[2]
        reply = self.people[who].post_manifest(self.coordinator, "/api/v2/update-manifest", text)
        if must:
            m.pending[2].append(who)
            self.complete()
        return must, reply

    def cancel(self):
        m, who = self.model, self.rng.choice([*OWNERS, "nobody"])
        must = bool(m.pending) and who in m.variant.owners
        reply = self.people[who].post(self.coordinator, "/api/v2/update-cancel", b"")
        if must:
            m.pending = None
        return must, reply

    def upload(self):
        m, who = self.model, self.rng.choice(["writer", "ann", "reader"])
        value = self.rng.randbytes(self.rng.choice([16, 32]))
        must = m.text is not None and who == m.variant.writer and len(value) * 8 == m.variant.key_size
        reply = self.people[who].post(self.coordinator, "/api/v2/secrets", {"secrets": {"key": {"Key": b64(value)}}})
        if must:
            m.key = value
        return must, reply

    def read(self):
        m, who = self.model, self.rng.choice(["reader", "reader", "writer"])
        name = self.rng.choice(["key", "shared"])
        must = m.text is not None and who == "reader"
        reply = self.people[who].get(self.coordinator, f"/api/v2/secrets?s={name}")
        if must and reply.status == 200:
            value = reply.data["secrets"][name]["Private"]
            if name == "key":
                assert value == (b64(m.key) if m.key else None)
            else:
                self.saw_shared(base64.b64decode(value))
        return must, reply

    def saw_shared(self, value):
        m = self.model
        assert len(value) * 8 == m.variant.shared_size
        assert m.shared in (None, value), "a shared secret that nothing has changed"
        m.shared = value

    def activate(self):
        m, who, kind = self.model, self.rng.choice(MARBLES), self.rng.choice(["app", "app", "small"])
        most = m.variant.most if m.text is not None else 0
        must = m.text is not None and (kind == "small" or
                                       (m.key is not None and (not most or m.activations < most)))
        try:
            env = self.marbles[who].activate(kind).env
        except grpc.RpcError as e:
            assert not must, (e.code(), e.details())
            return must, None
        assert must, "an activation that must be refused"
        self.saw_shared(bytes.fromhex(env["SHARED"].decode()))
        if kind == "app":
            own = env["OWN"]
            m.activations += most > 0
            assert env["KEY"].decode() == m.key.hex() and env["NUMBER"].decode() == str(m.variant.number)
            assert m.own.get(who) in (None, own), "a marble's own secret that nothing has changed"
            assert own not in [other for name, other in m.own.items() if name != who]
            m.own[who] = own
        return must, None

    def restart(self):
        self.leave()
        assert self.coordinator.process.stop() == 0
        self.start()
        return True, None

    def kill(self):
        self.leave()
        self.coordinator.process.kill()
        self.start()
        return True, None

    def lose_key(self):
        if self.model.text is None:
            return True, None
        self.leave()
        self.coordinator.process.kill()
        (self.folder / "state" / KEY).unlink()
        self.start()
        assert self.coordinator.state == 1
        assert self.coordinator.post("/api/v2/recover", self.recovery.body()).data["remaining"] == 0
        self.leave()
        self.coordinator._root = None  # with the state comes its root
        self.public = self.coordinator.connect()
        return True, None

    # ---- after each ----

    def check(self):
        m = self.model
        assert self.get("/api/v2/status").data["code"] == (2 if m.text is None else 3)
        served = self.get("/api/v2/manifest")
        assert served.status != 200 if m.text is None else base64.b64decode(served.data["manifest"]) == m.text
        pending = self.get("/api/v2/update-manifest")
        if not m.pending:
            assert pending.status == 404 or m.text is None
        else:
            assert base64.b64decode(pending.data["manifest"]) == m.pending[1]
            assert sorted(pending.data["missingUsers"]) == sorted(set(m.variant.owners) - set(m.pending[2]))
        self.check_log()

    def check_log(self):
        if self.model.text is None:
            return
        log = self.get("/api/v2/log").data
        assert log["entries"][:len(self.model.entries)] == self.model.entries, "the log was rewritten"
        assert audit_digest(log["entries"]).hex() == log["head"]
        self.model.entries = log["entries"]
        statement = self.get("/api/v2/quote").data
        epoch = int.from_bytes(base64.b64decode(statement["state"])[:8], "big") if "state" in statement else 0
        assert epoch >= self.model.epoch, "the state went back"
        self.model.epoch = epoch

    def step(self):
        kinds = [(self.set_manifest, 2 if self.model.text else 20), (self.update_package, 8), (self.propose, 10),
                 (self.acknowledge, 22 if self.model.pending else 2), (self.cancel, 4), (self.upload, 10),
                 (self.read, 8), (self.activate, 14), (self.restart, 1), (self.kill, 1), (self.lose_key, 1)]
        act = self.rng.choices([k for k, _ in kinds], [w for _, w in kinds])[0]
        must, reply = act()
        self.told.append(f"{act.__name__}: must {'succeed' if must else 'be refused'}"
                         f"{'' if reply is None else ', ' + str(reply.status) + ' ' + reply.body.decode()[:160]}")
        if reply is not None:
            assert (reply.status == 200) == must
            assert reply.status < 500
        self.check()


def live(workspace, folder, seed):
    folder.mkdir()
    life = Life(workspace, folder, seed)
    try:
        for _ in range(STEPS):
            life.step()
    except AssertionError as e:
        raise AssertionError(f"MODEL_SEED={seed}, step {len(life.told)}: {e}\n" + "\n".join(life.told)) from e
    finally:
        life.leave()
    assert life.coordinator.process.stop() == 0


def test_random_lives(workspace, tmp_path_factory):
    folder = tmp_path_factory.mktemp("lives")  # users' keys are their own: not where leaked secrets are searched for
    fixed = os.environ.get("MODEL_SEED")
    end = time.monotonic() + float(os.environ.get("MODEL_SECONDS", "40"))
    seed = int(fixed) if fixed else random.SystemRandom().getrandbits(32)
    while True:
        live(workspace, folder / str(seed), seed)
        if fixed or time.monotonic() > end:
            break
        seed += 1
