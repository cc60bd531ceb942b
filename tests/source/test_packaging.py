"""Packages, unit and images: what can be seen without building them. tests/packages builds and installs them."""
import os
import re
import shutil
import subprocess

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
UNIT = "marblerun-coordinator.service"
# systemd-analyze security: 10 is no protection at all. What is left is the network, which is what the program is for.
EXPOSURE_MAX = 1.4


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as f:
        return f.read()


def project_version():
    return re.search(r"version: '([^']+)'", read("meson.build"))[1]


def section(name):
    return re.findall(r"^[a-z].*", read("tools", "packages.txt").split(f"[{name}]")[1].split("\n[")[0], re.M)


def test_the_packages_have_the_projects_version():
    assert read("debian", "changelog").split("(")[1].split(")")[0] == project_version()
    for folder in ("marble", "manifest", "diff"):
        assert re.findall(r"version: '(\d[^']*)'", read("src", folder, "meson.build")) == [project_version()]


def test_build_depends_are_what_make_installs():
    wanted = {line.split(" | ")[0] for line in section("build")} - {"gcc", "libc6-dev"}
    control = read("debian", "control").split("Build-Depends:")[1].split("\nStandards")[0]
    assert {word.strip() for word in control.split(",")} - {"debhelper-compat (= 13)"} == wanted


@pytest.fixture(params=["git", "no git", "a copy"])
def source(request, tmp_path):
    """A folder with this source's files, and the environment that tools/copy-source runs in."""
    known = ["meson.build", *(os.path.relpath(os.path.join(folder, name), ROOT) for top in ("tools", "debian")
                              for folder, _, names in os.walk(os.path.join(ROOT, top)) for name in names
                              if "__pycache__" not in folder)]
    for name in known:
        os.makedirs(os.path.dirname(tmp_path / "source" / name), exist_ok=True)
        shutil.copy2(os.path.join(ROOT, name), tmp_path / "source" / name)
    (tmp_path / "source/build").mkdir()
    (tmp_path / "source/build/program").touch()
    (tmp_path / "source/.gitignore").write_text("/build*\n")
    environment = {"PATH": os.environ["PATH"], "GIT_CEILING_DIRECTORIES": str(tmp_path)}
    if request.param == "a copy":
        (tmp_path / "source/.revision").write_text("abc 1700000000\n")
    else:
        for command in (["init", "-q"], ["add", "-A"],
                        ["-c", "user.name=a", "-c", "user.email=a@b.example", "commit", "-qm", "a"]):
            subprocess.run(["git", *command], cwd=tmp_path / "source", check=True)
    if request.param == "no git":
        (tmp_path / "bin").mkdir()
        for tool in ("dirname", "realpath", "mkdir", "tar", "sed", "date", "sh"):
            os.symlink(shutil.which(tool), tmp_path / "bin" / tool)
        environment["PATH"] = str(tmp_path / "bin")
    return request.param, {*known, ".gitignore", ".revision"}, environment


def test_a_copy_of_the_source_is_whole(source, tmp_path):
    """Also in an image's first stage, where there may be no git."""
    kind, known, environment = source
    done = subprocess.run([tmp_path / "source/tools/copy-source", tmp_path / "copy"], env=environment,
                          stderr=subprocess.PIPE, text=True, check=True)
    copied = {os.path.relpath(os.path.join(folder, name), tmp_path / "copy")
              for folder, _, names in os.walk(tmp_path / "copy") for name in names}
    assert copied == known
    commit, seconds = (tmp_path / "copy/.revision").read_text().split()
    assert re.fullmatch({"git": "[0-9a-f]{40}", "no git": "unknown", "a copy": "abc"}[kind], commit)
    assert int(seconds) > 1600000000 and bool(done.stderr) == (kind == "no git")


def test_the_state_formats_are_those_of_the_source():
    said = re.findall(r"^\| `sealed_\w+` \| `(\w{8})` \|", read("docs", "upgrading.md"), re.M)
    source = re.findall(r'_magic\[8\] = "(\w{8})"', read("src", "store", "sealed_format.c"))
    assert len(said) == 2 and set(said) == set(source)


@pytest.fixture
def analyze(tmp_path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not here")
    # The program that it names is a build's: the unit names where it will be installed.
    (tmp_path / UNIT).write_text(read("deploy", "systemd", UNIT).replace("ExecStart=/usr/bin/marblerun-coordinator",
                                                                        "ExecStart=/bin/true"))

    def run(*arguments):
        return subprocess.run(["systemd-analyze", *arguments, str(tmp_path / UNIT)], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)

    def add(drop_in):
        os.makedirs(tmp_path / f"{UNIT}.d", exist_ok=True)
        shutil.copy(os.path.join(ROOT, "deploy", "systemd", drop_in), tmp_path / f"{UNIT}.d")
    run.add = add
    return run


@pytest.mark.parametrize("drop_in", [None, "tpm.conf", "guest.conf"])
def test_the_unit_is_understood(analyze, drop_in):
    if drop_in:
        analyze.add(drop_in)
    done = analyze("verify", "--man=no")
    assert done.returncode == 0 and done.stdout == ""


def test_the_unit_is_in_a_sandbox(analyze):
    done = analyze("security", "--offline=true", "--no-pager")
    exposure = float(re.search(r"exposure level for \S+: (\S+)", done.stdout)[1])
    assert exposure <= EXPOSURE_MAX, done.stdout


def test_what_the_unit_reads_is_read_by_the_program():
    """The variables in /etc/default are the program's, and all comments: nothing is set unasked."""
    names = re.findall(r"^#([A-Z][A-Z_]+)=", read("deploy", "systemd", "marblerun-coordinator.default"), re.M)
    assert len(names) > 5 and not re.findall(r"^[^#\n]", read("deploy", "systemd", "marblerun-coordinator.default"), re.M)
    for name in names:
        assert f'"{name}"' in read("src", "daemon", "configuration.c"), name
        assert name in read("man", "marblerun-coordinator.8.scd")


@pytest.mark.parametrize("name", ["coordinator", "injector"])
def test_images_are_made_by_the_tested_scripts(name):
    lines = read("deploy", "container", f"{name}.Containerfile").replace("\\\n", " ").splitlines()
    steps = [line for line in lines if line.startswith("RUN")]
    assert len(steps) == 2
    assert steps[0] == "RUN /source/deploy/container/build.sh /packages"
    assert steps[1].endswith(f"sh -c '/steps/install.sh /packages/marblerun-{name}_*.deb'")
    assert "USER 65532:65532" in lines
    assert f'ENTRYPOINT ["/usr/bin/marblerun-{name}"]' in lines
    assert all(line.split()[1].startswith("docker.io/library/debian:") for line in lines if line.startswith("FROM"))
