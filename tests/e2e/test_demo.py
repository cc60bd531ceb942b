"""`make demo`, as a newcomer runs it."""

import os
import pathlib
import subprocess

DEMO = pathlib.Path(__file__).parents[2] / "tools/demo"


def test_the_demo_ends_with_a_verified_mesh(workspace):
    done = subprocess.run([DEMO], capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL,
                          env=dict(os.environ, MARBLERUN_BUILD=str(workspace.binaries.build), TMPDIR=str(workspace.folder)))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("refused:") == 4 and "A verified mesh." in done.stdout
    assert 'peer_type="visitor",reason="wrong_type"} 1' in done.stdout
    assert not list(workspace.folder.glob("marblerun-demo.*"))
