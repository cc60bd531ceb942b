"""Fixtures: every test has its own folder, platform and coordinator, on the loopback only."""

import os
import pathlib

import pytest

from mesh import manifests
from mesh.coordinator import Coordinator
from mesh.marble import Marble
from mesh.platform import Platform
from mesh.samples import Installed
from mesh.workspace import Workspace
from mesh.world import World

_TOP = pathlib.Path(__file__).resolve().parents[2]


def pytest_configure(config):
    config.addinivalue_line("markers", "concurrency: races; run under ThreadSanitizer, too")


class Binaries:
    def __init__(self, build):
        self.build = build
        self.coordinator = self._find("src/daemon/marblerun-coordinator")
        self.premain = self._find("src/premain/marblerun-premain")
        self.cli = self._find("src/cli/marblerun")
        self.injector = self._find("src/injector/marblerun-injector")
        self.observer = self._find("src/telemetry/marblerun-observer")
        self.issue_quote = self._find("tests/e2e/tools/issue_quote")

    def _find(self, path):
        found = self.build / path
        if not found.exists():
            pytest.exit(f"{found} is not there: build first, or name the folder by MARBLERUN_BUILD", 2)
        return found


@pytest.fixture(scope="session")
def binaries():
    return Binaries(_TOP / os.environ.get("MARBLERUN_BUILD", "build"))


@pytest.fixture(scope="session")
def installed(binaries, tmp_path_factory):
    return Installed(binaries.build, tmp_path_factory.mktemp("installed"))


@pytest.fixture
def workspace(tmp_path, binaries):
    made = Workspace(tmp_path, binaries)
    yield made
    made.check()


@pytest.fixture
def platform(workspace):
    return Platform(workspace)


@pytest.fixture
def coordinator(workspace, platform):
    """Waits for a manifest, attests on the simulated platform. Ends cleanly, or the test fails."""
    started = Coordinator(workspace, platform)
    yield started
    workspace.check_arguments()
    if started.process.running():
        assert started.process.stop() == 0, started.process.log()


@pytest.fixture
def program(workspace):
    return workspace.program()


@pytest.fixture
def world(workspace):
    """Programs that are started with or without the data plane."""
    made = World(workspace)
    yield made
    made.end()


@pytest.fixture
def mesh(coordinator, platform, program):
    """A mesh in which `program` may be any marble."""
    return Mesh(coordinator, platform, program)


class Mesh:
    def __init__(self, coordinator, platform, program):
        self.coordinator = coordinator
        self.platform = platform
        self.program = program

    def set(self, marbles=None, **sections):
        package = manifests.by_id(self.platform.measure(self.program))
        return self.coordinator.set_manifest(manifests.simple(package, marbles, **sections))

    def marble(self, **options):
        return Marble(self.coordinator, self.program, **options)

    def activate(self, marble_type="app", **changes):
        return self.marble().activate(marble_type, **changes)
