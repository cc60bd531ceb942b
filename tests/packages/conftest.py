"""One bare Debian is made for all tests; packages are built in a copy of it, as the images' first stage does."""
import os
import pathlib
import shutil
import subprocess

import pytest
from bare_debian import BareDebian, missing

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def bare(tmp_path_factory):
    reason = missing()
    if reason:
        pytest.skip(f"no bare Debian can be made: {reason}")
    folder = tmp_path_factory.mktemp("debian") / "bare"
    folder.mkdir()
    yield BareDebian.make(folder)
    # nothing is mounted here any more: mounts ended with their namespaces
    shutil.rmtree(folder.parent, ignore_errors=True)


class Built:
    """The Debian that built, and what it built."""

    def __init__(self, debian):
        self.debian = debian
        self.folder = debian.folder / "packages"

    def package(self, name):
        found, = self.folder.glob(f"{name}_*.deb")
        return found


def copy_as_a_container_does(folder):
    """COPY . /source: with the history, without what .containerignore names, and root's."""
    ignored = [f"--exclude=./{line}" for line in (ROOT / ".containerignore").read_text().split()]
    folder.mkdir()
    subprocess.run(["sh", "-c", 'tar -c "$@" . | tar -x --no-same-owner -C "$0"', folder, *ignored], cwd=ROOT, check=True)
    if not (ROOT / ".git").is_dir():  # a work tree of a repository that is elsewhere
        (folder / ".git").unlink(missing_ok=True)
        for command in (["init", "-q"], ["add", "-A"], ["-c", "user.name=a", "-c", "user.email=a@b.example", "commit", "-qm", "a"]):
            subprocess.run(["git", *command], cwd=folder, check=True)


@pytest.fixture(scope="session")
def built(bare):
    debian = bare.copy(bare.folder.parent / "builder")
    copy_as_a_container_does(debian.folder / "source")
    debian.run("/source/deploy/container/build.sh", "/packages")
    return Built(debian)


@pytest.fixture
def target(bare, built, tmp_path):
    """A bare Debian with the packages in a folder, not installed."""
    debian = bare.copy(bare.folder.parent / f"target-{os.path.basename(tmp_path)}")
    shutil.copytree(built.folder, debian.folder / "packages")
    yield debian
    shutil.rmtree(debian.folder, ignore_errors=True)
