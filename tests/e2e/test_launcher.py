"""marblerun-premain runs real programs, or says why not."""

import signal
import stat
import time

import pytest
from cryptography.hazmat.primitives import serialization

from mesh import certificates, manifests
from mesh.coordinator import Coordinator
from mesh.launcher import Launcher, policy_file
from mesh.platform import Platform


@pytest.fixture
def launcher(workspace, coordinator, platform):
    return Launcher(workspace, coordinator, platform)


def test_environment_and_identity(launcher):
    launcher.set_manifest({"Parameters": {"Env": {"GIVEN": "by the manifest"}}})
    report = launcher.run("one", "two words", EDG_MARBLE_DNS_NAMES="a.example,192.0.2.9", OWN="kept")
    env = report["env"]
    assert env["GIVEN"] == "by the manifest" and env["OWN"] == "kept"
    assert report["argv"][1:] == ["one", "two words"], "without Argv in the manifest, as started"
    leaf = certificates.split_pem(env["MARBLE_PREDEFINED_MARBLE_CERTIFICATE_CHAIN"])[0]
    assert certificates.names(leaf) == ["a.example", "192.0.2.9"]
    assert certificates.common_name(leaf) == launcher.uuid_file.read_text().strip()
    private = serialization.load_pem_private_key(env["MARBLE_PREDEFINED_PRIVATE_KEY"].encode(), None)
    assert certificates.public_der(private) == certificates.public_der(leaf)


def test_the_manifests_arguments_rule(launcher):
    launcher.set_manifest({"Parameters": {"Argv": ["./service", "--from", "the manifest", ""]}})
    report = launcher.run("--from", "an attacker")
    assert report["argv"][1:] == ["--from", "the manifest", ""]


def test_the_manifests_environment_rules(launcher):
    launcher.set_manifest({"Parameters": {"Env": {"CONFIG": "trusted", "EMPTY": ""}}})
    env = launcher.run(CONFIG="of the host", EMPTY="of the host",
                       MARBLE_PREDEFINED_ROOT_CA="of the host")["env"]
    assert env["CONFIG"] == "trusted" and env["EMPTY"] == ""
    assert env["MARBLE_PREDEFINED_ROOT_CA"].startswith("-----BEGIN CERTIFICATE-----")


def test_files_with_their_modes(launcher, workspace):
    folder = workspace.folder / "made" / "by" / "it"
    launcher.set_manifest({"Parameters": {"Files": {
        f"{folder}/key.pem": "{{ pem .MarbleRun.MarbleCert.Private }}",
        f"{folder}/bytes": {"Data": "00ff0a", "Encoding": "hex"}, "relative/file": "text"}}})
    workspace.allow_secrets_in(folder / "key.pem")
    old = workspace.write("relative/file", "an older and longer content", 0o644)
    launcher.run()
    assert (folder / "bytes").read_bytes() == b"\0\xff\n"
    assert b"PRIVATE KEY" in (folder / "key.pem").read_bytes()
    assert old.read_text() == "text"
    for path in (folder / "key.pem", folder / "bytes", old):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    for made in (folder, folder.parent, folder.parent.parent):
        assert stat.S_IMODE(made.stat().st_mode) == 0o700, made


def test_a_restarted_marble_is_the_same_marble(launcher):
    launcher.set_manifest({"Parameters": {"Env": {"KEY": "{{ hex .Secrets.key }}"}}},
                          Secrets={"key": {"Type": "symmetric-key", "Size": 256}})
    first = launcher.run()["env"]
    uuid = launcher.uuid_file.read_text()
    assert stat.S_IMODE(launcher.uuid_file.stat().st_mode) == 0o600
    second = launcher.run()["env"]
    launcher.workspace.secrets.add("derived key", bytes.fromhex(first["KEY"]))
    assert launcher.uuid_file.read_text() == uuid
    assert first["KEY"] == second["KEY"]
    assert first["MARBLE_PREDEFINED_PRIVATE_KEY"] != second["MARBLE_PREDEFINED_PRIVATE_KEY"]


def test_it_becomes_the_program(launcher, workspace):
    """exec: same process, signals arrive, exit status passes."""
    launcher.program = workspace.program("sleeper", "trap 'exit 7' TERM\necho $$ ready\n"
                                                    "while :; do sleep 0.05; done")
    launcher.set_manifest()
    started = workspace.start("premain", launcher.argv(), **launcher.environment())
    log = started.wait_for(lambda text: "ready" in text and text)
    assert f"{started.pid} ready" in log
    assert b"PRIVATE KEY" not in b"".join(started.command_lines())
    started.send(signal.SIGTERM)
    assert started.wait() == 7


def test_a_program_of_debian(launcher, workspace):
    launcher.program = "/usr/bin/env"
    launcher.set_manifest({"Parameters": {"Env": {"HELLO": "mesh"}, "Argv": ["env"]}})
    done = workspace.run(launcher.argv(), **launcher.environment())
    assert b"HELLO=mesh\n" in done.stdout


def test_a_changed_program_is_refused(launcher):
    launcher.set_manifest()
    with open(launcher.program, "ab") as program:
        program.write(b"\n")
    launcher.refused("UniqueID")


def test_refusals_are_final_and_name_the_coordinators_reason(launcher):
    launcher.set_manifest()
    begin = time.monotonic()
    launcher.refused("unknown marble type", EDG_MARBLE_TYPE="nobody")
    assert time.monotonic() - begin < 5
    refusals = [e for e in launcher.coordinator.events() if e["event"] == "activation refused"]
    assert len(refusals) == 1, "it was tried once"


@pytest.mark.parametrize("name,value", [
    ("EDG_MARBLE_TYPE", ""), ("EDG_MARBLE_COORDINATOR_ADDR", "nonsense"),
    ("EDG_MARBLE_DNS_NAMES", "two words"), ("EDG_MARBLE_ACTIVATION_TIMEOUT", "soon"),
    ("OE_SIMULATION", "1"), ("EDG_MARBLE_COORDINATOR_POLICY", "/does/not/exist")])
def test_settings_that_make_no_sense(launcher, name, value):
    launcher.set_manifest()
    launcher.refused(name if name != "EDG_MARBLE_COORDINATOR_POLICY" else value, **{name: value})


def test_uuid_file_that_is_none(launcher):
    launcher.set_manifest()
    launcher.uuid_file.write_text("no uuid")
    launcher.refused("uuid")


def test_no_program_and_no_such_program(launcher, workspace):
    launcher.set_manifest()
    workspace.run([workspace.binaries.premain], check=2, **launcher.environment())
    launcher.program = workspace.folder / "nothing"
    launcher.refused("nothing", status=127)
    launcher.program = workspace.write("no_program", "text", 0o600)
    launcher.refused("no_program", status=126)
    assert not any("activat" in e["event"] for e in launcher.coordinator.events())


def test_waits_for_the_manifest(launcher, workspace):
    started = workspace.start("premain", launcher.argv(), **launcher.environment())
    time.sleep(1)
    assert started.running(), started.log()
    launcher.set_manifest()
    assert started.wait() == 0, started.log()
    assert launcher.report()["env"]["MARBLE_PREDEFINED_ROOT_CA"]


def test_waits_for_the_coordinator(workspace, platform):
    import socket
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    class Later:
        marble_address = f"127.0.0.1:{port}"
    launcher = Launcher(workspace, Later, platform)
    started = workspace.start("premain", launcher.argv(), **launcher.environment())
    time.sleep(0.5)
    assert started.running(), started.log()
    coordinator = Coordinator(workspace, platform, EDG_COORDINATOR_MESH_ADDR=f"127.0.0.1:{port}")
    launcher.coordinator = coordinator
    launcher.set_manifest()
    assert started.wait() == 0, started.log()


def test_gives_up_after_its_time(launcher):
    begin = time.monotonic()
    launcher.refused("manifest", status=3, EDG_MARBLE_ACTIVATION_TIMEOUT="2")
    assert 1 < time.monotonic() - begin < 10


def test_a_coordinator_that_matches_the_policy(launcher, workspace, platform):
    launcher.set_manifest()
    path = policy_file(workspace, platform)
    assert launcher.run(EDG_MARBLE_COORDINATOR_POLICY=path)["env"]["MARBLE_PREDEFINED_ROOT_CA"]


def test_a_coordinator_that_does_not_match_learns_nothing(launcher, workspace, platform):
    launcher.set_manifest()
    path = policy_file(workspace, platform, UniqueID="ab" * 32)
    launcher.refused("UniqueID", EDG_MARBLE_COORDINATOR_POLICY=path)
    assert not any("activation" in e["event"] for e in launcher.coordinator.events())


def test_a_policy_refuses_a_coordinator_without_evidence(workspace, platform):
    plain = Coordinator(workspace)
    launcher = Launcher(workspace, plain, platform)
    plain.set_manifest(manifests.simple({"UniqueID": "00" * 32}))
    launcher.refused(EDG_MARBLE_COORDINATOR_POLICY=policy_file(workspace, platform))
    assert not any("activat" in e["event"] for e in plain.events())


def test_a_policy_refuses_a_coordinator_of_another_platform(workspace, platform):
    other = Platform(workspace, "other")
    launcher = Launcher(workspace, Coordinator(workspace, other), platform)
    launcher.refused(EDG_MARBLE_COORDINATOR_POLICY=policy_file(workspace, platform))
    assert not any("activat" in e["event"] for e in launcher.coordinator.events())


def test_a_policy_refuses_a_coordinator_of_an_unaccepted_tcb(launcher, workspace, platform):
    launcher.set_manifest()
    path = policy_file(workspace, platform)
    platform.set_tcb("OutOfDate")
    launcher.refused("OutOfDate", EDG_MARBLE_COORDINATOR_POLICY=path)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"UniqueId2": "00"}', '{"UniqueID": "zz"}'])
def test_a_policy_that_is_none_refuses(launcher, workspace, text):
    """Fail closed: what can't be read does not mean "anybody"."""
    launcher.set_manifest()
    launcher.refused(EDG_MARBLE_COORDINATOR_POLICY=workspace.write("policy.json", text))


def test_no_secret_is_given_to_a_program_in_its_arguments(launcher, workspace):
    launcher.program = workspace.program("idle", "echo ready\nsleep 30")
    launcher.set_manifest({"Parameters": {"Env": {"KEY": "{{ hex .Secrets.key }}"}}},
                          Secrets={"key": {"Type": "symmetric-key", "Size": 256, "Shared": True}})
    started = workspace.start("premain", launcher.argv("x"), **launcher.environment())
    started.wait_for(lambda text: "ready" in text)
    environment = open(f"/proc/{started.pid}/environ", "rb").read().split(b"\0")
    key, = [e[4:] for e in environment if e.startswith(b"KEY=")]
    workspace.secrets.add("shared key", bytes.fromhex(key.decode()))
    workspace.check_arguments()


def test_path_names_that_climb(launcher, workspace):
    """ATTACKS: a manifest's file stays the file that it names; links of the host lead nowhere."""
    target = workspace.write("precious", "precious")
    link = workspace.folder / "link"
    link.symlink_to(target)
    launcher.set_manifest({"Parameters": {"Files": {str(link): "attack"}}})
    done = workspace.run(launcher.argv(), check=False, **launcher.environment())
    assert target.read_text() == "precious", done.stderr
    if done.returncode == 0:
        assert link.read_text() == "attack" and not link.is_symlink()


def test_plain_simulation(workspace):
    plain = Coordinator(workspace)
    launcher = Launcher(workspace, plain, None)
    plain.set_manifest(manifests.simple({"UniqueID": "00" * 32}))
    assert launcher.run(OE_SIMULATION="1")["env"]["MARBLE_PREDEFINED_ROOT_CA"]
    launcher.report_path.unlink()
    text = launcher.refused()
    assert "simulation" in text.lower() or "TEE" in text
