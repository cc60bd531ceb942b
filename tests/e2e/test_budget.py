"""MaxActivations, alone and under races."""

import collections
import threading
import time

import grpc
import pytest

from mesh.marble import services

pytestmark = pytest.mark.concurrency


def test_budget_is_spent_one_by_one(mesh):
    mesh.set({"twice": {"MaxActivations": 2}, "once": {"MaxActivations": 1}, "free": {}})
    mesh.activate("twice")
    mesh.activate("twice")
    for _ in range(2):
        with pytest.raises(grpc.RpcError) as refused:
            mesh.activate("twice")
        assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED
        assert "max activations" in refused.value.details()
    mesh.activate("once")
    for _ in range(3):
        mesh.activate("free")


def test_refused_activations_cost_nothing(mesh):
    mesh.set({"once": {"MaxActivations": 1}})
    for changes in ({"Quote": b"x"}, {"UUID": "x"}, {"CSR": b"x"}):
        with pytest.raises(grpc.RpcError):
            mesh.activate("once", **changes)
    mesh.activate("once")


def test_a_marble_that_needs_an_unset_secret_costs_nothing(mesh):
    mesh.set({"app": {"MaxActivations": 1, "Parameters": {"Env": {"A": "{{ string .Secrets.a }}"}}}},
             Secrets={"a": {"Type": "plain", "UserDefined": True}})
    for _ in range(2):
        with pytest.raises(grpc.RpcError) as refused:
            mesh.activate("app")
        assert "max activations" not in refused.value.details()


def race(mesh, marble_type, racers):
    """All marbles are connected before the first one asks. Counts outcomes."""
    marbles = [mesh.marble() for _ in range(racers)]
    requests = [m.request(marble_type) for m in marbles]
    channels = [m.channel() for m in marbles]
    for channel in channels:
        grpc.channel_ready_future(channel).result(30)
    outcomes, start = collections.Counter(), threading.Barrier(racers)
    keys = set()

    def run(channel, request):
        start.wait()
        try:
            granted = services.MarbleStub(channel).Activate(request, timeout=60)
            keys.add(granted.Parameters.Env["MARBLE_PREDEFINED_PRIVATE_KEY"])
            outcomes["let in"] += 1
        except grpc.RpcError as refused:
            outcomes[refused.code()] += 1

    threads = [threading.Thread(target=run, args=pair) for pair in zip(channels, requests)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for channel in channels:
        channel.close()
    assert len(keys) == outcomes["let in"], "nobody gets another's key"
    return outcomes


@pytest.mark.parametrize("places", [10, 7])
def test_fifty_race_for_a_few_places(mesh, places):
    """Each makes keys between being let in and being counted, so that they overlap there; an odd and an
    even number, in case they go in step."""
    keys = {f"k{i}": {"Type": "cert-ecdsa", "Size": 384} for i in range(3)}
    env = {name: f"{{{{ pem .Secrets.{name}.Private }}}}" for name in keys}
    mesh.set({"app": {"MaxActivations": places, "Parameters": {"Env": env}}}, Secrets=keys)
    outcomes = race(mesh, "app", 50)
    assert outcomes == {"let in": places, grpc.StatusCode.PERMISSION_DENIED: 50 - places}


def test_forty_race_without_a_budget(mesh):
    mesh.set({"app": {"Parameters": {"Env": {"K": "{{ pem .Secrets.k.Private }}"}}}},
             Secrets={"k": {"Type": "cert-ecdsa", "Size": 256}})
    assert race(mesh, "app", 40) == {"let in": 40}


def test_two_manifests_race_and_one_wins(mesh):
    from mesh import manifests
    package = manifests.by_id(mesh.platform.measure(mesh.program))
    texts = [manifests.simple(package, {f"app{i}": {}}) for i in range(8)]
    replies, start = [], threading.Barrier(len(texts))

    def run(text):
        start.wait()
        replies.append(mesh.coordinator.post_manifest(text).status)

    threads = [threading.Thread(target=run, args=(t,)) for t in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(replies)[0] == 200 and replies.count(200) == 1, replies
    assert mesh.coordinator.state == 3


def test_marbles_activate_while_a_manifest_is_set(mesh):
    """Before it they are refused as early, after it let in; nothing in between."""
    marbles = [mesh.marble() for _ in range(6)]
    requests = [m.request("app") for m in marbles]
    outcomes = collections.Counter()
    stop = threading.Event()

    def run(marble, request):
        with marble.channel() as channel:
            stub = services.MarbleStub(channel)
            while not stop.is_set():
                try:
                    stub.Activate(request, timeout=30)
                    outcomes["let in"] += 1
                except grpc.RpcError as refused:
                    outcomes[refused.code()] += 1

    threads = [threading.Thread(target=run, args=pair) for pair in zip(marbles, requests)]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: outcomes[grpc.StatusCode.FAILED_PRECONDITION] >= 6)
        mesh.set()
        wait_until(lambda: outcomes["let in"] > 12)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert set(outcomes) == {"let in", grpc.StatusCode.FAILED_PRECONDITION}


def wait_until(true, seconds=30):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)
