"""Gramine's manifest templates render to what they promise."""
import os
import re
import subprocess
import tomllib

import jinja2
import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDER = os.path.join(ROOT, "deploy", "gramine")

VALUES = {
    "log_level": "error", "arch_libdir": "/lib/x86_64-linux-gnu", "bindir": "/usr/bin", "state": "state",
    "product_id": "3", "security_version": "7", "edmm": "0", "program": "/usr/bin/redis-server",
    "coordinator_policy": "coordinator-era.json", "data": "data", "enclave_size": "1G",
}
# of the host, and allowed in: names and addresses, nothing that decides what is trusted
PASSED = {
    "EDG_COORDINATOR_MESH_ADDR", "EDG_COORDINATOR_CLIENT_ADDR", "EDG_COORDINATOR_PROMETHEUS_ADDR",
    "EDG_COORDINATOR_DNS_NAMES", "EDG_MARBLE_TYPE", "EDG_MARBLE_COORDINATOR_ADDR", "EDG_MARBLE_DNS_NAMES",
    "EDG_MARBLE_ACTIVATION_TIMEOUT", "EDG_LOG_FORMAT", "EDG_DEBUG_LOGGING",
    "MARBLERUN_PCCS_URL", "MARBLERUN_KDS_URL",  # what comes from there is signed
}


class Runtime:
    """gramine.runtimedir() and gramine.libos, as gramine-manifest has them."""
    libos = "/usr/lib/gramine/libsysdb.so"

    @staticmethod
    def runtimedir():
        return "/usr/lib/gramine/runtime/glibc"


def ldd(*programs):
    return [f"/lib/needed-by-{os.path.basename(program)}.so" for program in programs]


@pytest.fixture(params=["coordinator", "marble"])
def manifest(request):
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    environment.globals.update(gramine=Runtime, ldd=ldd)
    with open(os.path.join(FOLDER, f"{request.param}.manifest.template"), encoding="utf-8") as f:
        return tomllib.loads(environment.from_string(f.read()).render(VALUES))


def entry_point(manifest):
    return manifest["libos"]["entrypoint"]


def test_a_release_build_with_quotes(manifest):
    assert manifest["sgx"]["debug"] is False
    assert manifest["sgx"]["remote_attestation"] == "dcap"
    assert (manifest["sgx"]["isvprodid"], manifest["sgx"]["isvsvn"]) == (3, 7)


def test_the_host_decides_nothing(manifest):
    insecure = [key for part in manifest.values() for key in part if key.startswith("insecure")]
    assert not insecure
    passed = {name for name, value in manifest["loader"]["env"].items() if isinstance(value, dict)}
    assert passed and passed <= PASSED
    assert manifest["sgx"]["allowed_files"] == ["file:state/"]


def test_what_the_chart_says_reaches_the_coordinator():
    """An image whose coordinator runs under Gramine takes the chart's settings."""
    with open(os.path.join(ROOT, "deploy/helm/templates/coordinator.yaml"), encoding="utf-8") as f:
        given = set(re.findall(r"- name: ([A-Z_]{5,})", f.read()))
    with open(os.path.join(FOLDER, "coordinator.manifest.template"), encoding="utf-8") as f:
        taken = set(re.findall(r"^loader\.env\.([A-Z_]+) =", f.read(), re.M))
    # evidence is not the host's to switch off
    assert len(given) > 6 and given - taken == {"OE_SIMULATION"}


def test_every_program_and_library_is_hashed(manifest):
    trusted = manifest["sgx"]["trusted_files"]
    started = [entry_point(manifest)]
    if "premain" in started[0]:
        started += manifest["loader"]["argv"]
    for program in started:
        assert f"file:{program}" in trusted
        assert f"file:/lib/needed-by-{os.path.basename(program)}.so" in trusted
    assert f"file:{Runtime.libos}" in trusted


def test_what_is_used_is_mounted(manifest):
    mounts = {mount["path"]: mount for mount in manifest["fs"]["mounts"]}
    for name, value in manifest["loader"]["env"].items():
        if isinstance(value, str) and name.startswith("EDG_"):
            assert value in mounts or os.path.dirname(value) in mounts, name
    for path in [entry_point(manifest), *manifest["loader"]["argv"]]:
        assert path in mounts or not path.startswith("/")
    for mount in mounts.values():
        assert mount.get("type") in (None, "tmpfs", "encrypted")
        assert ("uri" in mount) == (mount.get("type") != "tmpfs")


def test_the_launcher_verifies_the_coordinator():
    with open(os.path.join(FOLDER, "marble.manifest.template"), encoding="utf-8") as f:
        text = f.read()
    assert 'EDG_MARBLE_COORDINATOR_POLICY = "/coordinator-era.json"' in text
    assert '"file:{{ coordinator_policy }}"' in text


def test_the_variables_are_the_programs():
    """A variable that no program reads would be a typing mistake here or a change there."""
    for name in sorted(PASSED | {"EDG_COORDINATOR_SEAL_DIR", "EDG_MARBLE_UUID_FILE",
                                 "EDG_MARBLE_COORDINATOR_POLICY"}):
        found = subprocess.run(["grep", "-rqF", f'"{name}"', os.path.join(ROOT, "src")], check=False)
        assert found.returncode == 0, name
