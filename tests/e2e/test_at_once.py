"""Several people and marbles act at the same time: every answer is one that some order of the acts would give."""

import base64
import json
import random
import threading

import grpc
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from mesh.marble import Marble
from test_model import Life, Variant, b64
from test_recovery import Deployment, manifest, parties

pytestmark = pytest.mark.concurrency
ROUNDS = 25


class Crowd(Life):
    """The people of the random lives, without a model: they do not wait for each other."""

    def __init__(self, workspace, folder):
        super().__init__(workspace, folder, 1)
        self.first = Variant(self.rng)
        self.first.owners, self.first.threshold, self.first.most = ["ann", "bob", "cy"], 2, 0
        self.first.key_size, self.first.writer = 128, "writer"
        self.coordinator.set_manifest(self.first.text(self.people, self.recovery))
        self.wrong = []

    def next_text(self, rng):
        """Another manifest with the same rules."""
        variant = Variant(rng)
        for name in ("owners", "threshold", "most", "key_size", "writer"):
            setattr(variant, name, getattr(self.first, name))
        return variant.text(self.people, self.recovery)

    def run(self, *acts):
        def loop(act, number):
            rng = random.Random(number)
            try:
                for _ in range(ROUNDS):
                    act(rng)
            except Exception as e:  # told by the test's own thread
                self.wrong.append(f"{act.__name__}: {e!r}")

        threads = [threading.Thread(target=loop, args=(act, n)) for n, act in enumerate(acts)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not self.wrong
        self.leave()
        assert self.coordinator.process.stop() == 0, self.coordinator.process.log()

    def said(self, reply, *statuses):
        assert reply.status in statuses, reply.body

    def propose(self, rng):
        reply = self.people["ann"].post_manifest(self.coordinator, "/api/v2/update", self.next_text(rng))
        self.said(reply, 200, 409)

    def acknowledge(self, rng):
        pending = self.people["bob"].get(self.coordinator, "/api/v2/update-manifest")
        self.said(pending, 200, 404)
        if pending.status == 200:
            text = base64.b64decode(pending.data["manifest"])
            reply = self.people["bob"].post_manifest(self.coordinator, "/api/v2/update-manifest", text)
            self.said(reply, 200, 400, 404, 409, 503)

    def cancel(self, rng):
        self.said(self.people["cy"].post(self.coordinator, "/api/v2/update-cancel", b""), 200, 404)

    def upload(self, rng):
        body = {"secrets": {"key": {"Key": b64(rng.randbytes(16))}}}
        self.said(self.people["writer"].post(self.coordinator, "/api/v2/secrets", body), 200, 503)

    def read(self, rng):
        reply = self.people["reader"].get(self.coordinator, "/api/v2/secrets?s=key&s=shared")
        self.said(reply, 200)

    def patch(self, rng):
        reply = self.people["patcher"].post_manifest(self.coordinator, "/api/v2/update",
                                                     {"Packages": {"app": {"SecurityVersion": 4}}})
        self.said(reply, 200, 400, 409, 503)

    def look(self, rng):
        """Manifest, fingerprint and signature are of one state; so are status and statement."""
        served = self.people["nobody"].get(self.coordinator, "/api/v2/manifest").data
        self.coordinator.root_certificate.public_key().verify(
            base64.b64decode(served["manifestSignatureRootECDSA"]), base64.b64decode(served["manifest"]),
            ec.ECDSA(hashes.SHA256()))
        for path in ("/api/v2/status", "/api/v2/quote", "/api/v2/log", "/api/v2/update"):
            self.said(self.people["nobody"].get(self.coordinator, path), 200)

    def join(self, rng):
        marble = Marble(self.coordinator)
        try:
            assert marble.activate("small").env["SHARED"]
        except grpc.RpcError as e:
            assert e.code() == grpc.StatusCode.UNAVAILABLE, (e.code(), e.details())


@pytest.fixture
def crowd(workspace, tmp_path_factory):
    return Crowd(workspace, tmp_path_factory.mktemp("crowd"))


def test_updates_against_acknowledgments_and_cancellations(crowd):
    crowd.run(crowd.propose, crowd.acknowledge, crowd.cancel, crowd.look, crowd.look)


def test_secrets_and_package_updates_while_marbles_join(crowd):
    crowd.run(crowd.upload, crowd.upload, crowd.read, crowd.patch, crowd.join, crowd.join, crowd.look)


def test_everything_at_once(crowd):
    crowd.run(crowd.propose, crowd.acknowledge, crowd.cancel, crowd.upload, crowd.read, crowd.patch, crowd.look,
              crowd.join)


def test_two_parties_recover_at_once(workspace, tmp_path_factory):
    """Each part counts once, whoever is first; the state comes back once."""
    deployment = Deployment(workspace, None, tmp_path_factory.mktemp("state") / "state")
    owners = parties(4)
    secrets = deployment.coordinator.set_manifest(manifest(owners))["RecoverySecrets"]
    for owner in owners:
        owner.receive(secrets)
    deployment.lose_key()
    replies = []

    def recover(owner):
        replies.append(deployment.coordinator.request("POST", "/api/v2/recover", owner))

    bodies = [json.dumps(owner.body()) for owner in owners for _ in range(2)]
    deployment.coordinator.root  # before the threads ask for it
    threads = [threading.Thread(target=recover, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = sorted(r.data["remaining"] for r in replies if r.status == 200)
    assert taken == [0, 1, 2, 3] and len(replies) == 8, [r.body for r in replies]
    deployment.coordinator._root = None
    assert deployment.coordinator.state == 3
    deployment.stop()
