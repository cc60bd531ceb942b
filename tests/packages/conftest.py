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


@pytest.fixture(scope="session")
def built(bare):
    debian = bare.copy(bare.folder.parent / "builder")
    subprocess.run([ROOT / "tools/copy-source", debian.folder / "source"], check=True)
    debian.run("/source/deploy/container/build.sh", "/packages")
    return Built(debian)


@pytest.fixture
def target(bare, built, tmp_path):
    """A bare Debian with the packages in a folder, not installed."""
    debian = bare.copy(bare.folder.parent / f"target-{os.path.basename(tmp_path)}")
    shutil.copytree(built.folder, debian.folder / "packages")
    yield debian
    shutil.rmtree(debian.folder, ignore_errors=True)
