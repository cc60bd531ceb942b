"""Debian packages: clean for lintian, the same bytes twice, installed, used, upgraded and removed in a bare Debian."""
import configparser
import hashlib
import re
import shutil
import subprocess

import pytest
from conftest import ROOT

# "unknown-field": Debian Policy 7.8 asks for Static-Built-Using; the lintian of Debian 12 does not know it yet.
KNOWN_WARNINGS = {"unknown-field"}
STATE = "/var/lib/marblerun-coordinator"
# libtss2 makes a user; its packages leave these when they are purged.
OF_DEPENDENCIES = {"etc/passwd-", "etc/group-", "etc/shadow-", "etc/gshadow-", "run/adduser", "etc/ld.so.cache"}
SERVER = ["marblerun-coordinator", "marblerun", "marblerun-marble"]


def digests(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.deb")}


def build_year(folder):
    info, = folder.glob("*.buildinfo")
    return re.search(r"^Build-Date: \w+, \d+ \w+ (\d+)", info.read_text(), re.M)[1]


def test_lintian_finds_no_fault(built):
    changes, = built.folder.glob("*.changes")
    done = subprocess.run(["lintian", "--allow-root", "-L", ">=warning", changes], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True, check=False)
    found = re.findall(r"^([EW]): [^:\n]+: (\S+)", done.stdout, re.M)
    assert [tag for kind, tag in found if kind == "E"] == [], done.stdout
    assert {tag for _, tag in found} <= KNOWN_WARNINGS, done.stdout


def test_another_folder_user_locale_umask_and_year_give_the_same_bytes(built):
    debian = built.debian
    debian.apt("install", "faketime", "locales")
    debian.run("localedef", "-i", "tr_TR", "-f", "UTF-8", "tr_TR.UTF-8")
    debian.run("useradd", "--uid", "1234", "--create-home", "builder")
    elsewhere = debian.folder / "home/builder/some/where/else"
    shutil.copytree(debian.folder / "source", elsewhere, symlinks=True)
    debian.run("chown", "-R", "builder:", "/home/builder")
    debian.run("faketime", "-f", "+400d", "/home/builder/some/where/else/tools/build-deb", "/home/builder/packages",
               user="builder:builder", umask="077", LC_ALL="tr_TR.UTF-8", TZ="Pacific/Kiritimati",
               HOME="/home/builder", USER="builder", NO_FAKE_STAT="1")
    again = debian.folder / "home/builder/packages"
    assert build_year(built.folder) != build_year(again)
    first, second = digests(built.folder), digests(again)
    assert len(first) > 8 and first == second


def test_the_release_file_says_what_was_built(built):
    built.debian.run("/source/tools/release-file", "/packages")
    text = (built.folder / "RELEASE").read_text()
    for name, digest in digests(built.folder).items():
        assert f"  {digest}  {name}\n" in text
    revision = subprocess.run(["git", "rev-parse", "HEAD"], cwd=built.debian.folder / "source", stdout=subprocess.PIPE,
                              text=True, check=True).stdout.strip()
    assert re.search(f"^Commit: {revision}(-modified)?$", text, re.M) and re.search(r"^Compiler: gcc-\d+ \(= ", text, re.M)
    assert re.search(r"^  libssl-dev \(= ", text, re.M)
    programs = re.findall(r"^  ([0-9a-f]{64})  usr/bin/(\S+)$", text.split("UniqueID")[0], re.M)
    assert {name for _, name in programs} == {"marblerun", "marblerun-coordinator", "marblerun-premain",
                                              "marblerun-injector"}
    built.debian.run("sh", "-c", "dpkg-deb -x /packages/marblerun-coordinator_*.deb /tmp/c; "
                     "dpkg-deb -x /packages/marblerun_*.deb /tmp/c; cd /tmp; c/usr/bin/marblerun sim init platform")
    measured = built.debian.run("/tmp/c/usr/bin/marblerun", "sim", "measure", "/tmp/platform",
                                "/tmp/c/usr/bin/marblerun-coordinator").stdout
    unique_id = re.search(r"UniqueID\W+([0-9a-f]{64})", measured)[1]
    assert f"  {unique_id}  usr/bin/marblerun-coordinator\n" in text.split("UniqueID")[1]


def unit_environment(debian):
    """What the unit says, as systemd reads it."""
    unit, = debian.folder.glob("lib/systemd/system/marblerun-coordinator.service")
    parsed = configparser.RawConfigParser(strict=False, interpolation=None)
    parsed.optionxform = str
    parsed.read(unit)
    service = parsed["Service"]
    name, value = service["Environment"].replace("%S", "/var/lib").split("=", 1)
    assert service["EnvironmentFile"] == "-/etc/default/marblerun-coordinator"
    lines = (debian.folder / "etc/default/marblerun-coordinator").read_text().splitlines()
    given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    return service["ExecStart"], {name: value, **given}


def first_mesh(debian):
    start, environment = unit_environment(debian)
    assert environment["EDG_COORDINATOR_SEAL_DIR"] == STATE
    shutil.copy(ROOT / "tests/packages/first-mesh.sh", debian.folder / "tmp/first-mesh.sh")
    return debian.run("/tmp/first-mesh.sh", STATE, START=start, **environment).stdout


def greeting(output):
    return re.search(r"I am greeter and my key is [0-9a-f]{32}$", output, re.M)[0]


def other_version(debian, name, version):
    """The package as a release of another number would have it."""
    debian.run("sh", "-ec", f"rm -rf /tmp/p; dpkg-deb -R /packages/{name}_*.deb /tmp/p; "
               f"sed -i 's/^Version: .*/Version: {version}/' /tmp/p/DEBIAN/control; "
               f"dpkg-deb --root-owner-group -b /tmp/p /tmp/{name}_{version}.deb")
    return f"/tmp/{name}_{version}.deb"


def installed(debian, names):
    return [f"/packages/{path.name}" for name in names for path in (debian.folder / "packages").glob(f"{name}_*.deb")]


def test_installed_used_upgraded_downgraded_removed_purged(target):
    target.apt("update")
    before = target.files()
    packages = installed(target, SERVER)
    target.apt("install", *packages)
    # as an administrator does
    default = target.folder / "etc/default/marblerun-coordinator"
    default.write_text(default.read_text() + "EDG_COORDINATOR_MESH_ADDR=127.0.0.1:0\n"
                       "EDG_COORDINATOR_CLIENT_ADDR=127.0.0.1:0\n")
    output = first_mesh(target)
    assert re.search(r"^Coordinator Version: v\d", output, re.M)
    first = greeting(output)

    target.apt("install", other_version(target, "marblerun-coordinator", "99.0"))
    assert "MESH_ADDR=127.0.0.1:0" in default.read_text()
    assert greeting(first_mesh(target)) == first
    target.apt("install", "--allow-downgrades", packages[0])
    assert greeting(first_mesh(target)) == first

    target.apt("remove", *SERVER)
    assert default.exists() and (target.folder / f".{STATE}/sealed_data").exists()
    assert not (target.folder / "usr/bin/marblerun-coordinator").exists()
    target.apt("purge", "marblerun-coordinator")
    target.apt("autoremove", "--purge")
    assert target.files() - before - OF_DEPENDENCIES == set()


def test_a_program_builds_against_the_development_package(target):
    target.apt("update")
    target.apt("install", "gcc", "libc6-dev", "pkg-config",
               *installed(target, ["libmarblerun0", "libmarblerun-verify0", "libmarblerun-manifest0",
                                   "libmarblerun-dev"]))
    (target.folder / "tmp/program.c").write_text(
        "#include <marblerun/verify.h>\n#include <stdio.h>\n"
        "int main(void) { marblerun_verifier *v = marblerun_verifier_new(); marblerun_verifier_free(v);\n"
        "return puts(marblerun_step_name(0)) < 0; }\n")
    for library in ("marblerun", "marblerun-verify"):
        target.run("sh", "-ec", f"cc /tmp/program.c -o /tmp/program $(pkg-config --cflags --libs {library}); /tmp/program")


@pytest.mark.parametrize("name", ["coordinator", "injector"])
def test_an_images_last_stage(target, name):
    """The Containerfile's last step, then its entry point as its user."""
    shutil.copytree(ROOT / "deploy/container", target.folder / "steps")
    target.run("/steps/install.sh", *installed(target, [f"marblerun-{name}"]))
    assert list((target.folder / "var/lib/apt/lists").iterdir()) == []
    assert re.match(rf"marblerun-{name} \d", target.run(f"/usr/bin/marblerun-{name}", "--version",
                                                       user="65532:65532").stdout)
    if name == "coordinator":
        # without a TEE it refuses, and says so; its folder is its own
        refused = target.run("/usr/bin/marblerun-coordinator", check=False, user="65532:65532",
                             EDG_COORDINATOR_SEAL_DIR="/coordinator/data")
        assert refused.returncode == 1 and "TEE" in refused.stdout
        target.run("test", "-w", "/coordinator/data", user="65532:65532")
