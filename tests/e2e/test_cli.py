"""The command line: an operator sets a manifest, a relying party verifies the mesh."""

import json
import hashlib
import re
import stat

import pytest

from mesh import certificates
from mesh.command_line import Cli
from mesh.coordinator import Coordinator
from mesh.platform import Platform


@pytest.fixture
def cli(workspace, coordinator, platform):
    return Cli(workspace, coordinator, platform)


def text_of(done):
    return (done.stdout + done.stderr).decode()


def test_status(cli):
    done = cli.trusting("status")
    assert b"2" in done.stdout and b"manifest" in done.stdout
    done = cli.run("status", cli.coordinator.client_address, "--era-config", cli.policy, "--sim-root",
                   cli.platform.root, "--output", "json")
    found = json.loads(done.stdout)
    assert found["code"] == 2 and found["message"]


def test_set_get_and_verify(cli):
    path = cli.manifest()
    cli.trusting("manifest", "set", path)
    assert cli.coordinator.state == 3
    out = cli.workspace.folder / "got.json"
    cli.run("manifest", "get", cli.coordinator.client_address, "--era-config", cli.policy, "--sim-root",
            cli.platform.root, "-o", out)
    assert out.read_bytes() == path.read_bytes()
    cli.trusting("manifest", "verify", path)
    kept = certificates.split_pem(cli.kept.read_bytes())
    assert cli.coordinator.root_certificate in kept


def test_verify_by_signature(cli):
    path = cli.manifest()
    cli.trusting("manifest", "set", path)
    signature = cli.run("manifest", "signature", path).stdout.decode()
    assert hashlib.sha256(path.read_bytes()).hexdigest() in signature
    cli.trusting("manifest", "verify", hashlib.sha256(path.read_bytes()).hexdigest())
    refused = cli.trusting("manifest", "verify", "0" * 64, check=False)
    assert refused.returncode != 0


def test_verify_refuses_another_manifest(cli):
    cli.trusting("manifest", "set", cli.manifest())
    other = cli.workspace.write("other.json", cli.manifest().read_bytes() + b" ")
    refused = cli.trusting("manifest", "verify", other, check=False)
    assert refused.returncode != 0 and b"manifest" in refused.stderr.lower()


def test_verify_refuses_a_coordinator_that_is_another_program(cli):
    cli.policy.write_text(json.dumps({"UniqueID": "ab" * 32}))
    refused = cli.trusting("manifest", "set", cli.manifest(), check=False)
    assert refused.returncode != 0 and b"UniqueID" in refused.stderr
    assert cli.coordinator.state == 2, "nothing was sent"
    assert not cli.kept.exists()


def test_a_simulated_root_must_be_named(cli, workspace):
    refused = cli.run("status", cli.coordinator.client_address, "--era-config", cli.policy, check=False)
    assert refused.returncode != 0 and b"root" in refused.stderr.lower()
    other = Platform(workspace, "other")
    refused = cli.run("status", cli.coordinator.client_address, "--era-config", cli.policy,
                      "--sim-root", other.root, check=False)
    assert refused.returncode != 0
    assert not cli.kept.exists()


def test_a_simulated_platform_is_visible(cli):
    assert "simulated" in text_of(cli.trusting("status")).lower()


def test_certificates(cli):
    data = cli.coordinator.get("/api/v2/quote").data["cert"]
    intermediate, root = certificates.split_pem(data)
    for kind, expected in (("root", [root]), ("intermediate", [intermediate]),
                           ("chain", [intermediate, root])):
        out = cli.workspace.folder / f"{kind}.pem"
        cli.run("certificate", kind, cli.coordinator.client_address, "--era-config", cli.policy,
                "--sim-root", cli.platform.root, "-o", out)
        assert certificates.split_pem(out.read_bytes()) == expected
        cli.workspace.run(["curl", "-sS", "--cacert", out,
                           f"https://{cli.coordinator.client_address}/api/v2/status"],
                          check=True if kind != "intermediate" else False)


def test_later_connections_use_exactly_the_verified_keys(cli, workspace, platform):
    """Another coordinator with the same names, program and platform is not the one that was verified."""
    path = cli.manifest()
    cli.trusting("manifest", "set", path)
    cli.trusting("manifest", "verify", path)
    before = cli.kept.read_bytes()
    port = cli.coordinator.client_port
    assert cli.coordinator.process.stop() == 0
    impostor = Coordinator(workspace, platform, EDG_COORDINATOR_CLIENT_ADDR=f"127.0.0.1:{port}")
    assert impostor.client_address == cli.coordinator.client_address
    refused = cli.run("status", impostor.client_address, check=False)
    assert refused.returncode != 0, text_of(refused)
    assert b"certificate" in refused.stderr.lower()
    assert cli.kept.read_bytes() == before


def test_insecure_is_said_aloud(workspace):
    plain = Coordinator(workspace)
    done = workspace.run([workspace.binaries.cli, "status", plain.client_address, "--insecure"])
    assert b"insecure" in done.stderr.lower() or b"warning" in done.stderr.lower()
    refused = workspace.run([workspace.binaries.cli, "status", plain.client_address], check=False)
    assert refused.returncode != 0


def test_nonce_and_quote_of_a_relying_party(cli):
    saved = cli.workspace.folder / "quote"
    cli.run("status", cli.coordinator.client_address, "--era-config", cli.policy, "--sim-root",
            cli.platform.root, "--nonce", "my nonce", "--save-sgx-quote", saved)
    quote = saved.read_bytes()
    expected = certificates.sha256(certificates.der(cli.coordinator.root_certificate), b"my nonce")
    assert quote[368:400] == expected


def test_accepted_tcb_statuses(cli):
    cli.platform.set_tcb("OutOfDate")
    refused = cli.trusting("status", check=False)
    assert refused.returncode != 0 and b"OutOfDate" in refused.stderr
    cli.run("status", cli.coordinator.client_address, "--era-config", cli.policy, "--sim-root",
            cli.platform.root, "--accepted-tcb-statuses", "UpToDate,OutOfDate")


def test_recovery_data_is_kept_private(cli):
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives import serialization
    key = rsa.generate_private_key(65537, 2048).public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    path = cli.manifest(RecoveryKeys={"me": key})
    out = cli.workspace.folder / "recovery.json"
    cli.run("manifest", "set", path, cli.coordinator.client_address, "--era-config", cli.policy,
            "--sim-root", cli.platform.root, "--recoverydata", out)
    assert set(json.loads(out.read_text())["RecoverySecrets"]) == {"me"}
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_a_refused_manifest_says_why(cli):
    path = cli.workspace.write("bad.json", '{"Packages": {"a": {"Debug": true}}, "Marbles": {"m": {'
                                           '"Package": "b"}}}')
    refused = cli.trusting("manifest", "set", path, check=False)
    assert refused.returncode != 0
    for word in (b"Marbles", b"m", b"b"):
        assert word in refused.stderr


def test_nobody_there(cli):
    refused = cli.run("status", "127.0.0.1:1", "--insecure", check=False)
    assert refused.returncode not in (0, 2) and b"127.0.0.1:1" in refused.stderr
    assert b"nonce" not in refused.stderr


@pytest.mark.parametrize("address", ["localhost", "localhost:", "localhost:65536", "https://localhost:4433", "::1:4433",
                                     "localhost:4433/api", ""])
def test_what_is_no_address_is_said_first(cli, address):
    """Before it is asked for a policy, or for what was kept."""
    for command in (["status"], ["manifest", "get"], ["certificate", "root"], ["version"]):
        refused = cli.run(*command, address, check=False)
        assert refused.returncode == 1 and f'"{address}" is no address'.encode() in refused.stderr


def test_the_marbles_port_is_not_the_clients(cli):
    """Whether the coordinator is known already or not."""
    cli.trusting("manifest", "set", cli.manifest())
    marbles = cli.coordinator.marble_address
    for policy, text in (([], f"{marbles} is not the client API of the coordinator that was verified"),
                         (["--era-config", cli.policy, "--sim-root", cli.platform.root],
                          f"no answer of a client API at {marbles}")):
        refused = cli.run("status", marbles, *policy, check=False)
        assert text.encode() in refused.stderr and b"2001 is for marbles" in refused.stderr
        assert b"nonce" not in refused.stderr


def test_a_manifest_in_yaml(cli):
    path = cli.workspace.write("manifest.yaml", "Packages:\n  web: {}\n")
    refused = cli.trusting("manifest", "set", path, check=False)
    assert b"a manifest is a JSON object" in refused.stderr and b"migrating.md" in refused.stderr
    path = cli.workspace.write("manifest.json", '\n{"Packages": {')
    refused = cli.trusting("manifest", "set", path, check=False)
    assert b"manifest.json: line" in refused.stderr and b"migrating.md" not in refused.stderr


@pytest.mark.parametrize("given,missing", [("--cert", "--key"), ("--key", "--cert")])
def test_half_a_user(cli, given, missing):
    refused = cli.run("secret", "get", "a", cli.coordinator.client_address, given, "alice", check=2)
    assert f"Error: {missing} is missing".encode() in refused.stderr


@pytest.mark.parametrize("arguments", [["nonsense"], ["status"], ["status", "--nonsense", "x"],
                                       ["manifest"], ["manifest", "nonsense"], ["sim", "init"],
                                       ["status", "a", "b"]])
def test_wrong_usage(cli, arguments):
    refused = cli.run(*arguments, check=2)
    assert refused.stderr and not refused.stdout


@pytest.mark.parametrize("arguments,meant", [
    (["staus", "a"], 'did you mean "status"?'), (["manifest", "st"], 'did you mean "manifest set"?'),
    (["manifest", "update", "aply"], 'did you mean "manifest update apply"?'),
    (["Manifests", "get"], 'did you mean "manifest"?'),
    (["status", "a", "--era-confg", "x"], "did you mean --era-config?"),
    (["status", "a", "--simroot=x"], "unknown flag --simroot: did you mean --sim-root?"),
    (["--insecurre", "status"], "did you mean --insecure?"),
    (["frobnicate"], None), (["status", "--frobnicate"], None), (["status", "-q"], None), (["status", "--"], None)])
def test_what_was_probably_meant(cli, arguments, meant):
    said = cli.run(*arguments, check=2).stderr.decode()
    assert meant in said if meant else "did you mean" not in said


def test_help_and_version(cli):
    for arguments in ([], ["status"], ["manifest"], ["manifest", "verify"], ["sim"], ["certificate"]):
        done = cli.run(*arguments, "--help")
        assert b"Usage" in done.stdout and not done.stderr
    assert re.search(rb"\d+\.\d+", cli.run("version").stdout)


def test_no_colour_where_there_is_no_terminal(cli):
    for done in (cli.trusting("status"), cli.run("--help"), cli.run("nonsense", check=False)):
        assert b"\x1b" not in done.stdout + done.stderr


def test_sim_init_refuses_to_overwrite(cli):
    before = cli.platform.root.read_bytes()
    assert cli.run("sim", "init", cli.platform.folder, check=False).returncode != 0
    assert cli.platform.root.read_bytes() == before
    assert stat.S_IMODE(cli.platform.folder.stat().st_mode) == 0o700


def test_sim_measures_every_byte(cli, workspace):
    program = workspace.program()
    first = cli.platform.measure(program)
    assert first == cli.platform.measure(program)
    content = program.read_bytes()
    program.write_bytes(content + b"\n")
    assert cli.platform.measure(program)["UniqueID"] != first["UniqueID"]
    program.write_bytes(content)
    assert cli.platform.measure(program) == first
    cli.platform.sign(program, product=9, version=4, debug=True)
    signed = cli.platform.measure(program)
    assert (signed["ProductID"], signed["SecurityVersion"], signed["Debug"]) == (9, 4, True)
