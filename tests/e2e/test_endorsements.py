"""Endorsements from services: what is fetched, how often, and what happens when the service fails."""

import json
import pathlib
import re
import subprocess
import threading

import pytest

from mesh import manifests
from mesh.coordinator import Coordinator
from mesh.marble import Marble
from mesh.services import Services

VECTORS = pathlib.Path(__file__).resolve().parents[1] / "vectors"


@pytest.fixture
def services():
    made = Services()
    yield made
    made.close()


@pytest.fixture
def meshed(workspace, platform, program, services):
    """A coordinator that gets the endorsements of its simulated platform from the service."""
    services.folder = platform.folder
    coordinator = Coordinator(workspace, platform, MARBLERUN_PCCS_URL=services.url)
    package = manifests.by_id(platform.measure(program))
    coordinator.set_manifest(manifests.simple(package))
    yield Marble(coordinator, program), coordinator
    assert coordinator.process.stop() == 0


def test_marbles_are_verified_with_endorsements_from_a_pccs(meshed, services):
    marble, _ = meshed
    for _ in range(3):
        marble.activate("app")
    paths = sorted(path.split("?")[0] for path in services.requests)
    assert paths == ["/sgx/certification/v4/pckcrl", "/sgx/certification/v4/qe/identity",
                     "/sgx/certification/v4/rootcacrl", "/sgx/certification/v4/tcb"], "each once"
    assert any("encoding=der" in path and ("ca=platform" in path or "ca=processor" in path)
               for path in services.requests)


@pytest.mark.concurrency
def test_many_marbles_at_once_fetch_nothing_twice(meshed, services):
    marble, coordinator = meshed
    threads = [threading.Thread(target=Marble(coordinator, marble.program).activate, args=("app",))
               for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(services.requests) == 4


def test_a_dead_service_leaves_what_the_platform_has(meshed, services):
    marble, _ = meshed
    services.broken = lambda path: (503, b"out of order", {})
    marble.activate("app")


@pytest.mark.parametrize("answer", [(200, b"<html>garbage</html>", {}), (200, b"", {}), (500, b"{}", {}),
                                    (200, b"{" * 100000, {}), (200, b"x" * (5 << 20), {}), (302, b"", {"Location": "/"})],
                         ids=["html", "empty", "error", "deep", "large", "redirect"])
def test_a_bad_service_is_as_good_as_none(binaries, services, answer, tmp_path):
    services.broken = lambda path: answer
    quote = VECTORS / "sgx/automata-00606a000000-2025-08/quote.bin"
    done = subprocess.run([binaries.cli, "evidence", "verify", quote, "--pccs", services.url, "--output", "json"],
                          capture_output=True, cwd=tmp_path, timeout=60)
    assert done.returncode == 2 and services.url.encode() in done.stderr


def verify(binaries, services, name, evidence, at, *flags):
    services.folder = VECTORS / name
    done = subprocess.run([binaries.cli, "evidence", "verify", VECTORS / name / evidence, "--pccs", services.url, "--at",
                           str(at), "--output", "json", *flags], capture_output=True, timeout=60)
    return done, json.loads(done.stdout) if done.stdout else None


def test_what_has_expired_by_the_clock_is_not_taken(binaries, services):
    done, _ = verify(binaries, services, "tdx/phala-v4-b0c06f000000-uptodate", "quote.bin", 1750809600)
    assert done.returncode == 2 and b"expired" in done.stderr
    assert services.requests == ["/tdx/certification/v4/tcb?fmspc=b0c06f000000"]


def test_a_kds_is_asked_for_the_chip_and_its_tcb(binaries, services):
    services.folder = VECTORS / "snp/enarx-milan-v2-csr-with-crl"
    verify(binaries, services, "snp/enarx-milan-v2-csr-with-crl", "report.bin", 1675209600)
    assert re.fullmatch("/vcek/v1/Milan/[0-9a-f]{128}[?]blSPL=02&teeSPL=00&snpSPL=06&ucodeSPL=93", services.requests[0])
    assert services.requests[1] == "/vcek/v1/Milan/cert_chain"


def test_a_kds_is_asked_for_genoa_when_it_does_not_know_the_chip_as_milan(binaries, services):
    services.folder = VECTORS / "snp/enarx-milan-v2-csr-with-crl"
    services.broken = lambda path: (404, b"", {}) if "/Milan/" in path else services.answer(path)
    verify(binaries, services, "snp/enarx-milan-v2-csr-with-crl", "report.bin", 1675209600)
    assert [path.split("/")[3] for path in services.requests[:3]] == ["Milan", "Genoa", "Genoa"]
    assert services.requests[2] == "/vcek/v1/Genoa/cert_chain"


@pytest.mark.parametrize("address", ["localhost:8081", "ftp://localhost", ""])
def test_an_address_that_is_none(binaries, address, tmp_path):
    quote = VECTORS / "sgx/automata-00606a000000-2025-08/quote.bin"
    done = subprocess.run([binaries.cli, "evidence", "verify", quote, "--pccs", address], capture_output=True,
                          cwd=tmp_path)
    assert done.returncode == 2
