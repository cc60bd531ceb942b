"""Every program says its version, both sides of a connection do; what is deprecated is logged once."""

import json
import re

import pytest

from mesh.command_line import Cli

DEPRECATED = ["/status", "/manifest", "/quote", "/secrets", "/recover", "/update", "/update-manifest", "/update-cancel"]


@pytest.fixture
def cli(workspace, coordinator, platform):
    return Cli(workspace, coordinator, platform)


def version_of(workspace, program):
    """Name and version."""
    name, version = workspace.run([program, "--version"]).stdout.decode().split()
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    return name, version


def test_every_program_says_the_same_version(workspace, binaries):
    said = [version_of(workspace, program)
            for program in (binaries.coordinator, binaries.premain, binaries.injector, binaries.observer)]
    assert [name for name, _ in said] == ["marblerun-coordinator", "marblerun-premain", "marblerun-injector",
                                         "marblerun-observer"]
    cli = workspace.run([binaries.cli, "--version"]).stdout.decode()
    assert {version for _, version in said} == set(re.findall(r"^CLI Version: v(.*)$", cli, re.M))
    assert len({version for _, version in said}) == 1


def test_the_version_of_both_sides(cli):
    own = json.loads(cli.run("version", "--output", "json").stdout)
    assert set(own) == {"cli"} and set(own["cli"]) == {"version", "commit"}
    both = json.loads(cli.run("version", cli.coordinator.client_address, "--era-config", cli.policy, "--sim-root",
                              cli.platform.root, "--output", "json").stdout)
    # of one build here
    assert both == {"cli": own["cli"], "coordinator": own["cli"]}
    assert both["coordinator"] == cli.coordinator.get("/api/v2/version").data
    text = cli.trusting("version").stdout.decode()
    assert text.splitlines() == [f"{side} Version: v{own['cli']['version']}" if line == 0 else
                                 f"Commit: {own['cli']['commit']}" for side in ("CLI", "Coordinator") for line in (0, 1)]


def test_the_coordinators_version_is_asked_of_a_verified_one_only(cli):
    refused = cli.run("version", cli.coordinator.client_address, check=False)
    assert refused.returncode == 1 and b"not trusted" in refused.stderr and not refused.stdout


def test_the_log_begins_with_the_version(coordinator, workspace):
    first = coordinator.events()[0]
    assert first["version"] == version_of(workspace, workspace.binaries.coordinator)[1]


def test_each_deprecated_endpoint_is_logged_once(coordinator):
    for path in DEPRECATED * 2:
        assert coordinator.get(path).status != 404
    coordinator.get("/api/v2/status")
    warned = [event["path"] for event in coordinator.events() if "deprecated" in event["event"]]
    assert warned == DEPRECATED
