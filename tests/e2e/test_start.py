"""How the coordinator starts, speaks and ends."""

import json
import re
import signal
import socket
import threading
import time

import pytest

from mesh import manifests
from mesh.coordinator import Coordinator
from mesh.marble import Marble

ADDRESSES = {"EDG_COORDINATOR_CLIENT_ADDR": "127.0.0.1:0", "EDG_COORDINATOR_MESH_ADDR": "127.0.0.1:0"}


def refuses(workspace, *words, status=1, **environment):
    done = workspace.run([workspace.binaries.coordinator], check=status, timeout=20,
                         **{**ADDRESSES, **environment})
    text = done.stderr.decode()
    for word in words:
        assert word in text, text
    return text


def test_no_tee_and_no_simulation_chosen(workspace):
    text = refuses(workspace, "attest", "marblerun sim init", "MARBLERUN_SIM_PLATFORM")
    assert "serving" not in text


def test_both_simulations_at_once(workspace, platform):
    refuses(workspace, "OE_SIMULATION", "MARBLERUN_SIM_PLATFORM", OE_SIMULATION="1",
            **platform.environment)


@pytest.mark.parametrize("name,value", [
    ("OE_SIMULATION", "yes"), ("EDG_LOG_FORMAT", "xml"), ("EDG_DEBUG_LOGGING", "on"),
    ("EDG_COORDINATOR_DEV_MODE", "true"), ("EDG_COORDINATOR_CLIENT_ADDR", "nonsense"),
    ("EDG_COORDINATOR_MESH_ADDR", "127.0.0.1:65536"), ("EDG_COORDINATOR_MESH_ADDR", "[::1:1"),
    ("EDG_COORDINATOR_DNS_NAMES", "two words"), ("EDG_COORDINATOR_DNS_NAMES", "https://mesh.example:4433"),
    ("EDG_STARTUP_MANIFEST", "/does/not/exist"), ("EDG_COORDINATOR_PROMETHEUS_ADDR", "9944")])
def test_a_setting_that_makes_no_sense_is_refused(workspace, platform, name, value):
    environment = {**platform.environment, name: value}
    if name == "OE_SIMULATION":
        del environment["MARBLERUN_SIM_PLATFORM"]
    text = refuses(workspace, **environment)
    assert name in text


def test_a_platform_that_is_none(workspace, platform):
    text = refuses(workspace, "platform", MARBLERUN_SIM_PLATFORM=workspace.folder / "nothing")
    assert "without hardware" not in text, "one is chosen already"
    (workspace.folder / "empty").mkdir()
    refuses(workspace, "empty", MARBLERUN_SIM_PLATFORM=workspace.folder / "empty")


def test_an_empty_variable_chooses_no_simulation(workspace):
    refuses(workspace, "attest", OE_SIMULATION="", MARBLERUN_SIM_PLATFORM="")


def test_an_address_in_use_is_named(workspace, platform, coordinator):
    taken = f"127.0.0.1:{coordinator.client_port}"
    refuses(workspace, taken, "client API", EDG_COORDINATOR_CLIENT_ADDR=taken, **platform.environment)


def test_startup_manifest(workspace, platform, program):
    manifest = manifests.simple(manifests.by_id(platform.measure(program)))
    path = workspace.write("manifest.json", json.dumps(manifest))
    started = Coordinator(workspace, platform, EDG_STARTUP_MANIFEST=path)
    assert started.state == 3
    Marble(started, program).activate("app")


def test_a_startup_manifest_gives_no_state_up(workspace, platform, program):
    manifest = manifests.simple(manifests.by_id(platform.measure(program)))
    path = workspace.write("manifest.json", json.dumps(manifest))
    state = workspace.new_folder("state")
    environment = {"EDG_COORDINATOR_SEAL_DIR": state, "EDG_STARTUP_MANIFEST": path}
    first = Coordinator(workspace, platform, **environment)
    root = first.root
    assert first.process.stop() == 0
    again = Coordinator(workspace, platform, **environment)
    assert again.state == 3 and again.root == root, "it has one already"
    assert again.process.stop() == 0
    (state / "sealed_key").rename(state / "elsewhere")
    locked = Coordinator(workspace, platform, **environment)
    assert locked.state == 1
    assert any("startup manifest is not set" in event["event"] for event in locked.events())
    assert locked.process.stop() == 0
    (state / "elsewhere").rename(state / "sealed_key")
    back = Coordinator(workspace, platform, **environment)
    assert back.state == 3 and back.root == root
    assert back.process.stop() == 0


def test_a_bad_startup_manifest_is_refused(workspace, platform):
    path = workspace.write("manifest.json", '{"Packages": {"a": {}}, "Marbles": {"m": {"Package": "a"}}}')
    refuses(workspace, "EDG_STARTUP_MANIFEST", "Packages", "a", EDG_STARTUP_MANIFEST=path,
            **platform.environment)


def test_simulation_is_announced(workspace, platform):
    for environment in ({"OE_SIMULATION": "1"}, platform.environment):
        started = workspace.start("coordinator", [workspace.binaries.coordinator],
                                  **ADDRESSES, **environment)
        log = started.wait_for(lambda text: "marble API" in text and text)
        assert re.search(r"^\S+Z warning .*(SIMULAT|OE_SIMULATION)", log, re.M)
        assert started.stop() == 0


def test_logs_as_text(workspace, platform):
    started = workspace.start("coordinator", [workspace.binaries.coordinator],
                              **ADDRESSES, **platform.environment)
    log = started.wait_for(lambda text: "marble API" in text and text)
    for line in log.splitlines():
        assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (debug|info|warning|error) \S", line)
    started.send(signal.SIGINT)
    assert started.wait() == 0
    assert "stopped" in started.log()


def test_logs_as_json(coordinator):
    coordinator.process.stop()
    lines = coordinator.process.log().splitlines()
    assert len(lines) > 3
    for line in lines:
        entry = json.loads(line)
        assert {"time", "level", "event"} <= set(entry)


def test_help_and_version_and_wrong_usage(workspace):
    binary = workspace.binaries.coordinator
    assert b"EDG_COORDINATOR_MESH_ADDR" in workspace.run([binary, "--help"]).stdout
    assert re.match(rb"marblerun-coordinator \d", workspace.run([binary, "--version"]).stdout)
    assert b"--nonsense" in workspace.run([binary, "--nonsense"], check=2).stderr


def test_starts_and_answers(workspace, platform):
    started = Coordinator(workspace, platform)
    assert started.get_insecurely("/api/v2/status").status == 200


def soon_refused(port):
    """Nobody listens there any more, a moment after the signal."""
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 5).close()
        except OSError:
            return True
        time.sleep(0.01)
    return False


def test_terminating_finishes_what_is_in_flight(mesh):
    """An activation that makes RSA keys is running when SIGTERM arrives; new ones are not taken."""
    mesh.set({"slow": {"Parameters": {"Env": {f"K{i}": f"{{{{ pem .Secrets.k{i}.Private }}}}"
                                              for i in range(4)}}}},
             Secrets={f"k{i}": {"Type": "cert-rsa", "Size": 4096} for i in range(4)})
    marble, outcome = mesh.marble(), []

    def run():
        outcome.append(marble.activate("slow", timeout=60))

    thread = threading.Thread(target=run)
    thread.start()
    time.sleep(0.4)
    process = mesh.coordinator.process
    process.send(signal.SIGTERM)
    process.wait_for(lambda log: "stopping" in log)
    assert process.running(), "the activation should still run: make it slower"
    for port in (mesh.coordinator.client_port, mesh.coordinator.marble_port):
        assert soon_refused(port)
    thread.join()
    assert process.wait() == 0
    assert len(outcome) == 1 and len(outcome[0].env) == 8
    for i in range(4):
        mesh.coordinator.workspace.secrets.add_pem(f"k{i}", outcome[0].env[f"K{i}"])


def test_ends_at_once_after_it_has_begun(workspace, platform):
    """Whoever starts and stops services does not wait between."""
    for _ in range(25):
        started = workspace.start("coordinator", [workspace.binaries.coordinator], **ADDRESSES,
                                  **platform.environment)
        started.wait_for(lambda log: "marble API" in log)
        assert started.stop(10) == 0


def test_an_idle_connection_does_not_hold_up_the_end(coordinator):
    idle = socket.create_connection(("127.0.0.1", coordinator.client_port))
    kept = coordinator.connect()
    kept.request("GET", "/api/v2/status")
    kept.getresponse().read()
    begin = time.monotonic()
    assert coordinator.process.stop() == 0
    assert time.monotonic() - begin < 5
    idle.close()
    kept.close()


def test_no_core_and_no_debugger(coordinator):
    """The process is not dumpable: its keys can't be read by others of the same user."""
    limits = open(f"/proc/{coordinator.process.pid}/limits").read()
    assert re.search(r"Max core file size\s+0\s+0", limits)
