"""Transparent TLS from the manifest to the program: coordinator, launcher, data plane."""

import json
import re
import shutil
import socket
import subprocess
import time
import urllib.request

import grpc
import pytest

from mesh import manifests
from mesh.coordinator import Coordinator
from mesh.marble import Marble
from mesh.world import free_port

ECHO = """#!/usr/bin/python3
import socket, sys
l = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("ready", flush=True)
while True:
    s, _ = l.accept()
    try:
        while data := s.recv(1000):
            s.sendall(b"echo " + data)
    except OSError as e:
        print("refused", e.errno, flush=True)
    s.close()
"""
ASK = """#!/usr/bin/python3
import os, socket, sys
s = socket.create_connection(("localhost", int(sys.argv[1])))
s.sendall(b"hello")
print(s.recv(100).decode(), "PRIVATE" in os.environ.get("MARBLE_TTLS_CONFIG", ""))
"""


@pytest.fixture
def programs(request, workspace, platform, coordinator):
    """With the parameters of the test: what the tag and the marbles say besides."""
    port, more = free_port(), getattr(request, "param", {})
    paths = {name: workspace.write(name, text, 0o700) for name, text in (("server", ECHO), ("client", ASK))}
    manifest = {
        "Packages": {name: manifests.by_id(platform.measure(path)) for name, path in paths.items()},
        "Marbles": {name: {"Package": name, "TLS": ["talk"], **more.get(name, {})} for name in paths},
        "TLS": {"talk": {"Incoming": [{"Port": str(port), **more.get("incoming", {})}],
                         "Outgoing": [{"Addr": "localhost", "Port": str(port), **more.get("outgoing", {})}]}}}
    manifest["Marbles"]["third"] = dict(manifest["Marbles"]["client"])
    coordinator.set_manifest(manifest)

    def argv(name):
        return [workspace.binaries.premain, paths[name if name in paths else "client"], port]

    def environment(name, **more):
        return dict(platform.environment, EDG_MARBLE_TYPE=name, EDG_MARBLE_UUID_FILE=workspace.folder / f"{name}.uuid",
                    EDG_MARBLE_COORDINATOR_ADDR=coordinator.marble_address, **more)

    return workspace, port, argv, environment


def test_two_marbles_talk(programs):
    workspace, port, argv, environment = programs
    server = workspace.start("server", argv("server"), **environment("server"))
    server.wait_for(lambda log: "ready" in log)
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.sendall(b"in plain text")
        assert b"echo" not in s.recv(100)
    server.wait_for(lambda log: "refused" in log)
    said = workspace.run(argv("client"), **environment("client")).stdout.decode()
    assert said == "echo hello False\n"
    server.kill()


def test_the_host_can_not_switch_it_off(programs):
    """What it puts into the environment for the loader or for the library is thrown away."""
    workspace, port, argv, environment = programs
    server = workspace.start("server", argv("server"), **environment("server", MARBLERUN_TTLS="", LD_PRELOAD="/none.so",
                                                                     LD_LIBRARY_PATH="/tmp", LD_BIND_NOW="1"))
    server.wait_for(lambda log: "ready" in log)
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.sendall(b"in plain text")
        assert b"echo" not in s.recv(100)
    environ = open(f"/proc/{server.pid}/environ", "rb").read()
    assert b"/none.so" not in environ and b"LD_LIBRARY_PATH" not in environ and b"LD_BIND_NOW" not in environ
    server.kill()


def test_without_the_library_nothing_starts(programs, tmp_path):
    """A launcher that does not find the data plane refuses; it does not start the program without."""
    workspace, _, argv, environment = programs
    alone = tmp_path / "marblerun-premain"
    shutil.copy(argv("server")[0], alone)
    done = workspace.run([alone, *argv("server")[1:]], check=1, **environment("server"))
    assert b"libmarblerun-ttls.so" in done.stderr and b"ready" not in done.stdout


TYPES = {"incoming": {"AllowedMarbles": ["client"]}, "outgoing": {"ExpectedMarbles": ["server"]}}


@pytest.mark.parametrize("programs", [TYPES], indirect=True)
def test_the_type_decides_who_may_talk(programs):
    """The same program under two types: the coordinator's certificate tells them apart, not what they say."""
    workspace, _, argv, environment = programs
    server = workspace.start("server", argv("server"), **environment("server"))
    server.wait_for(lambda log: "ready" in log)
    assert workspace.run(argv("client"), **environment("client")).stdout.decode() == "echo hello False\n"
    done = workspace.run(argv("third"), check=1, **environment("third"))
    assert b"echo" not in done.stdout and b"Error" in done.stderr
    server.kill()


@pytest.mark.parametrize("programs", [{"client": {"DenyUnlisted": True}}], indirect=True)
def test_a_marble_that_may_only_talk_to_the_mesh(programs):
    workspace, port, argv, environment = programs
    server = workspace.start("server", argv("server"), **environment("server"))
    server.wait_for(lambda log: "ready" in log)
    assert workspace.run(argv("client"), **environment("client")).stdout.decode() == "echo hello False\n"
    elsewhere = socket.create_server(("127.0.0.1", 0)).getsockname()[1]
    done = workspace.run([*argv("client")[:2], elsewhere], check=1, **environment("client"))
    assert b"ConnectionRefusedError" in done.stderr
    server.kill()


@pytest.mark.parametrize("programs, said, missing", [
    (TYPES, [], "peer-types"), (TYPES, ["tls", "deny-unlisted"], "peer-types"), (TYPES, ["peer-types"], None),
    ({"client": {"DenyUnlisted": True}}, ["peer-types"], "deny-unlisted"),
    ({"client": {"DenyUnlisted": True}}, ["deny-unlisted"], None), ({}, [], None)], indirect=["programs"])
def test_marbles_say_what_they_enforce(programs, said, missing, coordinator):
    """A marble whose data plane does not hold what the manifest demands is not let in."""
    marble = Marble(coordinator, programs[0].folder / "client")
    request = marble.request("client")
    request.Enforces.extend(said)
    if not missing:
        assert "MARBLE_TTLS_CONFIG" in marble.send(request).env
        return
    with pytest.raises(grpc.RpcError) as refusal:
        marble.send(request)
    assert refusal.value.code() == grpc.StatusCode.PERMISSION_DENIED and missing in refusal.value.details()


@pytest.mark.parametrize("programs", [dict(TYPES, client={"DenyUnlisted": True, "ResolvableNames": ["*.example"]})],
                         indirect=True)
def test_what_the_data_plane_is_told(programs, coordinator):
    marble = Marble(coordinator, programs[0].folder / "client")
    request = marble.request("client")
    request.Enforces.extend(["peer-types", "deny-unlisted"])
    tls = json.loads(marble.send(request).env["MARBLE_TTLS_CONFIG"])["tls"]
    assert next(iter(tls["Incoming"].values()))["allowedMarbles"] == ["client"]
    assert next(iter(tls["Outgoing"].values()))["expectedMarbles"] == ["server"]
    assert tls["denyUnlisted"] is True and tls["resolvableNames"] == ["*.example"]


def test_programs_that_it_can_not_reach(programs, workspace, platform, coordinator):
    """A statically linked program would talk in the clear: it is not started."""
    _, port, argv, environment = programs
    source = workspace.write("main.c", "int main(void) { return 0; }")
    static = workspace.folder / "static"
    subprocess.run(["gcc", "-static-pie", "-nostdlib", "-Wl,-e,main", source, "-o", static], check=True)
    package = {"static": manifests.by_id(platform.measure(static))}
    fresh = Coordinator(workspace, platform)
    fresh.set_manifest({"Packages": package, "Marbles": {"static": {"Package": "static", "TLS": ["talk"]}},
                        "TLS": {"talk": {"Incoming": [{"Port": str(port)}]}}})
    done = workspace.run([argv("server")[0], static], check=1,
                         **dict(environment("static"), EDG_MARBLE_COORDINATOR_ADDR=fresh.marble_address))
    assert b"statically linked" in done.stderr
    assert fresh.process.stop() == 0


@pytest.mark.parametrize("programs", [{"server": {"Parameters": {"Env": {
    "EDG_MARBLE_METRICS_ADDR": "127.0.0.1:0", "EDG_MARBLE_ACCESS_LOG": "access.log"}}}}], indirect=True)
def test_the_manifest_has_connections_counted(programs):
    """What the host wants instead does not count."""
    workspace, port, argv, environment = programs
    server = workspace.start("server", argv("server"), **environment("server", EDG_MARBLE_METRICS_ADDR="nonsense",
                                                                     EDG_MARBLE_ACCESS_LOG="/tmp/hosts-choice"))
    server.wait_for(lambda log: "ready" in log)
    metrics = re.search(r"serving metrics: port (\d+)", server.log())[1]
    workspace.run(argv("client"), **environment("client"))
    end = time.monotonic() + 20
    while not (lines := (workspace.folder / "access.log").read_text().splitlines()):
        assert time.monotonic() < end
        time.sleep(0.05)
    line = json.loads(lines[0])
    assert (line["type"], line["peerType"], line["address"]) == ("server", "client", f"*:{port}")
    assert line["peerUUID"] == (workspace.folder / "client.uuid").read_text().strip()
    with urllib.request.urlopen(f"http://127.0.0.1:{metrics}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    assert 'source_workload="client"' in text and 'destination_workload="server"' in text
    server.kill()


def test_a_host_can_not_choose_the_log_file(programs):
    workspace, port, argv, environment = programs
    done = workspace.run(argv("server"), check=False, **environment("server", EDG_MARBLE_ACCESS_LOG="/tmp/hosts-choice"))
    assert done.returncode == 1 and b"only taken from the marble's Env" in done.stderr
