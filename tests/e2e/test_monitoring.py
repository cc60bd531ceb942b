"""GET /metrics and GET /events: what they say is true, bounded, and disturbs nobody."""

import base64
import contextlib
import datetime
import re
import socket
import threading
import time
import uuid

import grpc
import pytest

from conftest import Mesh
from mesh.coordinator import Coordinator
from mesh.marble import services
from mesh.monitoring import CONTRACT_NAMES, Monitored, promtool_complaints

ATTEMPTS = "coordinator_marble_activations_total"
SUCCESSES = "coordinator_marble_activations_success_total"
REQUESTS = "server_client_api_http_request_total"
ACTIVATE = {"grpc_type": "unary", "grpc_service": "rpc.Marble", "grpc_method": "Activate"}


@pytest.fixture
def coordinator(workspace, platform):
    started = Monitored(workspace, platform)
    yield started
    if started.process.running():
        assert started.process.stop() == 0, started.process.log()


def refused(mesh, marble_type="app", **changes):
    with pytest.raises(grpc.RpcError) as error:
        mesh.marble().activate(marble_type, **changes)
    return error.value.code()


def test_nothing_is_served_unless_asked_for(workspace, platform):
    started = Coordinator(workspace, platform)
    serving = [e["event"] for e in started.events() if e["event"].startswith("serving")]
    assert serving == ["serving the client API", "serving the marble API"]
    for path in ("/metrics", "/events"):
        assert started.get(path).status == 404


def test_an_address_that_makes_no_sense(workspace, platform):
    done = workspace.run([workspace.binaries.coordinator], check=1, timeout=20, **platform.environment,
                         EDG_COORDINATOR_PROMETHEUS_ADDR="9944")
    assert b"EDG_COORDINATOR_PROMETHEUS_ADDR" in done.stderr and b"host:port" in done.stderr


def test_state_and_version(mesh):
    scrape = mesh.coordinator.scrape()
    assert scrape.value("coordinator_state") == 2
    (labels, value), = scrape.samples("coordinator_version_info")
    version = mesh.coordinator.workspace.run([mesh.coordinator.workspace.binaries.coordinator, "--version"])
    assert labels["version"] == version.stdout.decode().split()[1] and value == 1
    assert re.fullmatch("[0-9a-f]{40}|unknown", labels["commit"])
    mesh.set()
    assert mesh.coordinator.scrape().value("coordinator_state") == 3


def test_the_epoch_rises_with_the_state(mesh):
    epochs = [mesh.coordinator.scrape().value("coordinator_state_epoch")]
    mesh.set({"app": {"MaxActivations": 5}})
    epochs.append(mesh.coordinator.scrape().value("coordinator_state_epoch"))
    mesh.activate()
    scrape = mesh.coordinator.scrape()
    epochs.append(scrape.value("coordinator_state_epoch"))
    assert epochs == sorted(set(epochs))
    assert scrape.value("coordinator_rollback_detected") == 0


def test_activations_are_counted(mesh):
    mesh.set({"app": {}, "once": {"MaxActivations": 1}})
    app, once = mesh.marble(), mesh.marble()
    for _ in range(3):
        app.activate("app")
    once.activate("once")
    with pytest.raises(grpc.RpcError):
        once.activate("once")
    scrape = mesh.coordinator.scrape()
    assert scrape.value(ATTEMPTS, type="app", uuid=app.uuid) == 3
    assert scrape.value(SUCCESSES, type="app", uuid=app.uuid) == 3
    assert scrape.value(ATTEMPTS, type="once", uuid=once.uuid) == 2
    assert scrape.value(SUCCESSES, type="once", uuid=once.uuid) == 1
    assert scrape.value("grpc_server_started_total", **ACTIVATE) == 5
    assert scrape.value("grpc_server_msg_received_total", **ACTIVATE) == 5
    assert scrape.value("grpc_server_msg_sent_total", **ACTIVATE) == 4
    assert scrape.value("grpc_server_handled_total", **ACTIVATE, grpc_code="OK") == 4
    assert scrape.value("grpc_server_handled_total", **ACTIVATE, grpc_code="PermissionDenied") == 1
    assert scrape.total("grpc_server_handled_total") == 5


def test_calls_that_never_reach_the_coordinator(mesh):
    mesh.set()
    assert refused(mesh, UUID="no uuid") == grpc.StatusCode.INVALID_ARGUMENT
    with mesh.marble().channel() as channel:
        garbage = channel.unary_unary("/rpc.Marble/Activate")
        with pytest.raises(grpc.RpcError):
            garbage(b"\xff\xff\xff", timeout=20)
        unknown = channel.unary_unary("/rpc.Marble/" + "x" * 100)
        with pytest.raises(grpc.RpcError):
            unknown(b"", timeout=20)
    mesh.marble().attest(bytes(32))
    scrape = mesh.coordinator.scrape()
    assert scrape.value("grpc_server_handled_total", **ACTIVATE, grpc_code="InvalidArgument") == 2
    assert scrape.value("grpc_server_started_total", **{**ACTIVATE, "grpc_method": "Attest"}) == 1
    assert scrape.total("grpc_server_started_total") == 3, "methods that don't exist have no series"
    assert scrape.value(ATTEMPTS, type="app", uuid="no uuid") == 1
    assert scrape.total(ATTEMPTS) == 1 and scrape.total(SUCCESSES) == 0


@pytest.mark.parametrize("said", ['"} 1\ncoordinator_state 9\n#', "\\", "caf\u00e9 \U0001f4a5", "a\tb\x00c", "x" * 5000])
def test_hostile_names_break_nothing(mesh, said):
    mesh.set()
    assert refused(mesh, said) in (grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.INVALID_ARGUMENT)
    scrape = mesh.coordinator.scrape()
    assert scrape.value("coordinator_state") == 3
    (labels, value), = scrape.samples(ATTEMPTS)
    expected = "other" if len(said) > 128 else said.split("\0")[0].replace("\t", "\ufffd")
    assert labels["type"] == expected and value == 1
    complaints = promtool_complaints(scrape.text)
    assert complaints is None or complaints <= CONTRACT_NAMES


def test_refused_strangers_fill_nothing(mesh):
    """And whoever is let in afterwards still has a series of its own."""
    mesh.set()
    strangers = 1500
    stranger = mesh.marble()
    with stranger.channel() as channel:
        stub = services.MarbleStub(channel)
        calls = []
        for _ in range(strangers):
            request = stranger.request("app", UUID=str(uuid.uuid4()), Quote=b"none")
            calls.append(stub.Activate.future(request, timeout=60))
        assert {c.code() for c in calls} == {grpc.StatusCode.PERMISSION_DENIED}
    admitted = mesh.marble()
    admitted.activate("app")
    scrape = mesh.coordinator.scrape()
    assert scrape.total(ATTEMPTS) == strangers + 1
    assert len(scrape.samples(ATTEMPTS)) == 500 + 1 + 1
    assert scrape.value(ATTEMPTS, type="app", uuid="other") == strangers - 500
    assert scrape.value(ATTEMPTS, type="app", uuid=admitted.uuid) == 1
    assert scrape.value(SUCCESSES, type="app", uuid=admitted.uuid) == 1


def test_requests_are_counted_by_endpoint(mesh):
    coordinator = mesh.coordinator
    mesh.set()
    sizes = [len(coordinator.get("/api/v2/manifest").body) for _ in range(4)]
    coordinator.get("/api/v2/manifest?x=1")
    coordinator.get("/manifest")
    coordinator.post("/api/v2/status", {})
    for path in ("/", "/api/v2/manifest/", "/api/v2/" + "x" * 1000, "/%22%7D"):
        assert coordinator.get(path).status == 404
    coordinator.request("BREW", "/api/v2/quote")
    scrape = coordinator.scrape()
    prefix = "server_client_api_http_"
    assert scrape.value(REQUESTS, path="/api/v2/manifest", method="get", code="200") == 5
    assert scrape.value(REQUESTS, path="/api/v2/manifest", method="post", code="200") == 1
    assert scrape.value(REQUESTS, path="/manifest", method="get", code="200") == 1
    assert scrape.value(REQUESTS, path="/api/v2/status", method="post", code="405") == 1
    assert scrape.value(REQUESTS, path="other", method="get", code="404") == 4
    assert {labels["path"] for labels, _ in scrape.samples(REQUESTS)} <= {
        "/api/v2/manifest", "/manifest", "/api/v2/status", "/api/v2/quote", "other"}
    for name in ("request_size_histogram_bytes", "response_size_histogram_bytes"):
        assert scrape.value(f"{prefix}{name}_count", path="/api/v2/manifest") == 6
        assert scrape.value(f"{prefix}{name}_bucket", path="/api/v2/manifest", le="+Inf") == 6
    assert scrape.value(f"{prefix}response_size_histogram_bytes_sum", path="/api/v2/manifest") > sum(sizes)
    durations = f"{prefix}request_duration_histogram_seconds"
    assert scrape.value(f"{durations}_count", path="/api/v2/manifest", method="get") == 5
    assert 0 < scrape.value(f"{durations}_sum", path="/api/v2/manifest", method="get") < 10
    bounds = [labels["le"] for labels, _ in scrape.samples(f"{durations}_bucket")
              if labels["path"] == "/manifest"]
    assert sorted(map(float, bounds)) == [0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, float("inf")]
    assert {value for _, value in scrape.samples(f"{prefix}in_flight_requests")} == {0}


def test_the_process_itself(coordinator):
    scrape = coordinator.scrape()
    status = coordinator.process.status
    assert 0.5 < scrape.value("process_resident_memory_bytes") / (status("VmRSS") << 10) < 2
    assert 8 < scrape.value("process_open_fds") < scrape.value("process_max_fds")
    assert time.time() - 60 < scrape.value("process_start_time_seconds") < time.time() + 1
    assert scrape.value("process_cpu_seconds_total") > 0
    assert scrape.families["process_cpu_seconds"].type == "counter"


def test_every_family_says_what_it_is(mesh):
    mesh.set()
    mesh.activate()
    scrape = mesh.coordinator.scrape()
    requests = {f"server_client_api_http_{what}" for what in (
        "request", "request_duration_histogram_seconds", "request_size_histogram_bytes",
        "response_size_histogram_bytes", "in_flight_requests")}
    calls = {f"grpc_server_{what}" for what in ("started", "handled", "msg_received", "msg_sent")}
    process = {f"process_{what}" for what in ("cpu_seconds", "open_fds", "max_fds", "start_time_seconds",
                                              "resident_memory_bytes", "virtual_memory_bytes")}
    assert set(scrape.families) == requests | calls | process | {
        "coordinator_state", "coordinator_state_epoch", "coordinator_rollback_detected",
        "coordinator_version_info", "coordinator_marble_activations",
        "coordinator_marble_activations_success"}
    for family in scrape.families.values():
        assert family.documentation.endswith(".") and family.type in ("counter", "gauge", "histogram")
    complaints = promtool_complaints(scrape.text)
    assert complaints is None or complaints <= CONTRACT_NAMES


def test_events(mesh):
    assert mesh.coordinator.activations() == []
    mesh.set({"app": {}, "other": {}})
    first, second = mesh.marble(), mesh.marble()
    quotes = [first.quote(), second.quote()]
    before = datetime.datetime.now(datetime.timezone.utc)
    first.activate("app", Quote=quotes[0])
    second.activate("other", Quote=quotes[1])
    refused(mesh, "app", Quote=b"none")
    events = mesh.coordinator.activations()
    assert [set(e) for e in events] == [{"time", "activation"}] * 2
    assert [e["activation"]["marbleType"] for e in events] == ["app", "other"]
    assert [e["activation"]["uuid"] for e in events] == [first.uuid, second.uuid]
    assert [base64.b64decode(e["activation"]["quote"]) for e in events] == quotes
    for event in events:
        at = datetime.datetime.fromisoformat(event["time"].replace("Z", "+00:00"))
        assert abs((at - before).total_seconds()) < 30


def test_events_are_bounded(mesh):
    """One marble with a large quote, again and again: the latest stay."""
    mesh.set()
    marble = mesh.marble()
    request = marble.request("app")
    rounds = (2 << 20) // len(request.Quote)
    with marble.channel() as channel:
        stub = services.MarbleStub(channel)
        for _ in range(rounds):
            stub.Activate(request, timeout=30)
    events = mesh.coordinator.activations()
    kept = sum(len(base64.b64decode(e["activation"]["quote"])) for e in events)
    assert 0.9 * (1 << 20) < kept <= 1 << 20 and len(events) < rounds
    assert mesh.coordinator.scrape().value(SUCCESSES, type="app", uuid=marble.uuid) == rounds
    times = [e["time"] for e in events]
    assert times == sorted(times)


@pytest.mark.parametrize("method,path,status", [
    ("GET", "/", 404), ("GET", "/metrics/", 404), ("GET", "/api/v2/status", 404), ("POST", "/metrics", 405),
    ("DELETE", "/events", 405), ("HEAD", "/metrics", 200), ("HEAD", "/events", 200)])
def test_only_two_documents_to_read(coordinator, method, path, status):
    reply = coordinator.watch(path, method)
    assert reply.status == status
    assert reply.body == b"" or method != "HEAD"


@pytest.mark.concurrency
def test_scrapes_during_activations(mesh):
    mesh.set()
    threads, each = 6, 15
    stop, seen, failures = threading.Event(), [], []

    def watch():
        while not stop.is_set():
            try:
                seen.append(mesh.coordinator.scrape().total(SUCCESSES))
                mesh.coordinator.activations()
            except Exception as e:
                failures.append(e)

    def activate():
        marble = mesh.marble()
        request = marble.request("app")
        with marble.channel() as channel:
            for _ in range(each):
                services.MarbleStub(channel).Activate(request, timeout=60)

    watchers = [threading.Thread(target=watch) for _ in range(2)]
    marbles = [threading.Thread(target=activate) for _ in range(threads)]
    for thread in watchers + marbles:
        thread.start()
    for thread in marbles:
        thread.join()
    stop.set()
    for thread in watchers:
        thread.join()
    assert not failures
    assert all(value <= threads * each for value in seen)
    scrape = mesh.coordinator.scrape()
    assert scrape.total(SUCCESSES) == scrape.total(ATTEMPTS) == threads * each
    assert len(mesh.coordinator.activations()) == threads * each


def test_hostile_scrapers_disturb_nobody(mesh):
    """Connections that say nothing, half a request, or ask without end and never listen."""
    mesh.set()
    marble = mesh.marble()
    request = marble.request("app")
    with marble.channel() as channel:
        for _ in range(100):
            services.MarbleStub(channel).Activate(request, timeout=30)
    before = mesh.coordinator.process.status("VmRSS")
    asking = b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n" * 1000
    hostile = []
    for i in range(60):
        connection = socket.create_connection(("127.0.0.1", mesh.coordinator.metrics_port), 10)
        connection.setblocking(False)
        with contextlib.suppress(OSError):
            connection.send([asking, b"GET /met", b"", asking][i % 4])
        hostile.append(connection)
    for _ in range(20):
        assert mesh.coordinator.state == 3
        mesh.activate()
    assert mesh.coordinator.process.status("VmRSS") - before < 512 << 10  # a sanitizer keeps much of what is freed
    for connection in hostile:
        connection.close()
    end = time.monotonic() + 20
    while True:  # their connections go as the loop notices
        with contextlib.suppress(OSError):
            if mesh.coordinator.scrape().total(SUCCESSES) == 120:
                break
        assert time.monotonic() < end
        time.sleep(0.02)


def test_plain_simulation_has_events_without_quotes(workspace):
    started = Monitored(workspace)
    mesh = Mesh(started, None, None)
    started.set_manifest({"Packages": {"app": {"UniqueID": "00" * 32}}, "Marbles": {"app": {"Package": "app"}}})
    mesh.activate()
    event, = started.activations()
    assert event["activation"]["marbleType"] == "app" and event["activation"]["quote"] == ""
