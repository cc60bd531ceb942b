"""Checks of the source itself: habits that a reviewer would have to remark on again and again."""
import os
import re
import subprocess

import pytest
from include_rules import violations

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SOURCE = os.path.join(ROOT, "src")


def files(*suffixes, below=("src", "include", "tests")):
    for top in below:
        for folder, _, names in os.walk(os.path.join(ROOT, top)):
            for name in names:
                if name.endswith(suffixes):
                    yield os.path.join(folder, name)


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def test_rooms_include_only_what_they_may():
    assert violations(SOURCE) == []


@pytest.mark.parametrize("path,line", [
    ("net/http.c", '#include "manifest/model.h"'),
    ("codec/json.c", '#include "pki/key.h"'),
    ("template/parse.c", '#include "coordinator/mesh.h"'),
    ("cli/status.c", '#include "attest/verifier.h"'),
    ("kubernetes/client.c", '#include "cli/mesh_objects.h"'),
    ("base/log.c", '#include "codec/json.h"'),
    ("client_api/status.c", '#include "store/store.h"'),
])
def test_the_check_sees_a_broken_rule(tmp_path, path, line):
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text(line + "\n")
    assert violations(tmp_path) == [(path, line.split('"')[1])]


FORBIDDEN = {
    r"\b(strcpy|strcat|sprintf|vsprintf|gets|alloca|atoi|atol|strtok|tmpnam|mktemp|system|popen)\s*\(":
        "unbounded, or without an error",
    r"\b(printf|puts)\s*\(": "a library does not print",
    r"TODO|FIXME|XXX": "unfinished",
    r"memcmp\s*\([^;]*(secret|private|key_pem)": "secrets are compared by secret_equal",
}
PRINTS = ("cli", "premain", "daemon", "injector", "telemetry")


@pytest.mark.parametrize("pattern", FORBIDDEN)
def test_simple_mistakes(pattern):
    found = []
    for path in files(".c", ".h", below=("src", "include")):
        room = os.path.relpath(path, SOURCE).split(os.sep)[0]
        if "printf|puts" in pattern and room in PRINTS:
            continue
        for number, line in enumerate(read(path).splitlines(), 1):
            hook = line.startswith("HOOK ") or "sys->" in line  # stands before the C library's, or calls that one
            if re.search(pattern, line) and "XXXXXX" not in line and not hook:
                found.append(f"{os.path.relpath(path, ROOT)}:{number}: {line.strip()}")
    assert not found, FORBIDDEN[pattern]


def test_lines_are_at_most_120_columns():
    long = []
    for path in files(".c", ".h"):
        for number, line in enumerate(read(path).splitlines(), 1):
            if len(line.expandtabs(8)) > 120:
                long.append(f"{os.path.relpath(path, ROOT)}:{number}")
    assert not long


def test_files_are_at_most_600_lines():
    sizes = {os.path.relpath(p, ROOT): len(read(p).splitlines()) for p in files(".c", ".h", below=("src", "include"))}
    assert {p: n for p, n in sizes.items() if n > 600 and not p.endswith("_table.h")} == {}


def test_every_package_of_the_list_is_named_once():
    lines = [l.strip() for l in read(os.path.join(ROOT, "tools/packages.txt")).splitlines()]
    section, seen = None, set()
    for line in lines:
        if line.startswith("["):
            section, seen = line, set()
        elif line and not line.startswith("#"):
            assert line not in seen, f"{section}: {line}"
            seen.add(line)


def test_binaries_are_hardened():
    build = os.environ["MARBLERUN_BUILD"]
    binaries = [os.path.join(build, "src", p) for p in
                ("daemon/marblerun-coordinator", "premain/marblerun-premain", "cli/marblerun",
                 "injector/marblerun-injector")]
    for binary in binaries:
        header = subprocess.check_output(["readelf", "-hW", binary], text=True)
        assert "DYN" in header, f"{binary} is not position-independent"
        dynamic = subprocess.check_output(["readelf", "-dW", binary], text=True)
        assert "BIND_NOW" in dynamic or "NOW" in dynamic, f"{binary} binds lazily"
        program = subprocess.check_output(["readelf", "-lW", binary], text=True)
        assert "GNU_RELRO" in program and not re.search(r"GNU_STACK.*RWE", program)
        symbols = subprocess.check_output(["readelf", "-sW", "--dyn-syms", binary], text=True)
        assert "__stack_chk_fail" in symbols, f"{binary} has no stack protector"
