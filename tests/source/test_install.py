"""make install puts everything where it belongs, and what is installed can be built against."""
import os
import re
import shutil
import subprocess

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("MARBLERUN_BUILD", os.path.join(ROOT, "build"))

PROGRAM = r"""
#include <marblerun/verify.h>
#include <marblerun/marble.h>
#include <marblerun/issue.h>
#include <marblerun/sim.h>
#include <stdio.h>
int main(void)
{
	static struct marblerun_verdict verdict;
	marblerun_verifier *verifier = marblerun_verifier_new();
	struct marblerun_bytes nothing = { 0 };
	int refused = marblerun_verify(verifier, nothing, NULL, 0, &verdict);
	marblerun_verifier_free(verifier);
	printf("%s %s\n", marblerun_version(), marblerun_step_name(verdict.step));
	return refused == 1 ? 0 : 1;
}
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    where = tmp_path_factory.mktemp("installed")
    subprocess.run(["meson", "install", "-C", BUILD, "--quiet", "--destdir", where, "--no-rebuild"],
                   check=True, stdout=subprocess.DEVNULL)
    prefixes = [p for p, folders, _ in os.walk(where) if "include" in folders]
    return prefixes[0]


@pytest.mark.parametrize("path", [
    "bin/marblerun", "bin/marblerun-coordinator", "bin/marblerun-premain", "bin/marblerun-injector",
    "include/marblerun/verify.h", "include/marblerun/marble.h", "include/marblerun/issue.h",
    "include/marblerun/sim.h", "include/marblerun/manifest.h", "include/marblerun/coordinator.h",
    "share/man/man1/marblerun.1", "share/man/man1/marblerun-premain.1",
    "share/man/man8/marblerun-coordinator.8", "share/man/man8/marblerun-injector.8", "share/man/man5/marblerun-manifest.5",
    "share/man/man7/marblerun-environment.7",
    "share/bash-completion/completions/marblerun", "share/zsh/site-functions/_marblerun",
    "share/fish/vendor_completions.d/marblerun.fish", "share/marblerun/gramine/README.md",
    "share/marblerun/gramine/coordinator.manifest.template", "share/marblerun/gramine/marble.manifest.template",
    "share/marblerun/monitoring/marblerun-alerts.yaml", "share/marblerun/monitoring/marblerun-dashboard.json",
])
def test_is_installed(tree, path):
    assert os.path.exists(os.path.join(tree, path))


def find(tree, name):
    return [os.path.join(folder, name) for folder, _, names in os.walk(tree) if name in names]


def test_the_pages_that_others_name_are_installed(tree):
    """What man pages and messages call docs/NAME.md."""
    installed = os.listdir(os.path.join(tree, "share/doc/marblerun/docs"))
    assert sorted(installed) == sorted(os.listdir(os.path.join(ROOT, "docs")))
    named = set()
    for top in ("man", "src", "deploy"):
        for folder, _, names in os.walk(os.path.join(ROOT, top)):
            for name in names:
                with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as f:
                    named |= set(re.findall(r"\bdocs/([a-z-]+\.md)", f.read()))
    assert len(named) > 3 and named <= set(installed)


def test_the_readme_says_what_is_there(tree):
    """Each program and library, in its table."""
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as f:
        said = set(re.findall(r"`([a-z-]+?)(?:\.so)?`", f.read().split("## What is in it")[1].split("\n\n")[1]))
    libraries = next(folder for folder, _, names in os.walk(tree) if "libmarblerun.so" in names)
    own = os.path.join(libraries, "marblerun")
    there = os.listdir(os.path.join(tree, "bin")) + os.listdir(own)
    there += [name for name in os.listdir(libraries) if name.startswith("libmarblerun") and name.endswith(".so")]
    assert len(there) >= 9 and said == {name.removesuffix(".so") for name in there}


@pytest.mark.parametrize("static", [False, True])
def test_a_program_builds_against_it(tree, tmp_path, static):
    config, = find(tree, "marblerun.pc")
    library = os.path.dirname(find(tree, "libmarblerun.so")[0])
    source = tmp_path / "program.c"
    source.write_text(PROGRAM)
    environment = dict(os.environ, PKG_CONFIG_PATH=os.path.dirname(config))
    needs = subprocess.check_output(["pkg-config", "--libs", *(["--static"] if static else []), "marblerun"],
                                    env=environment, text=True).split()
    if static:
        needs = [n if n != "-lmarblerun" else os.path.join(library, "libmarblerun.a") for n in needs]
    flags = []
    content = open(find(tree, "libmarblerun.so")[0], "rb").read()
    for name, sanitizer in ((b"__asan_init", "address,undefined"), (b"__tsan_init", "thread")):
        if name in content:
            flags.append(f"-fsanitize={sanitizer}")
    built = tmp_path / "program"
    subprocess.run(["cc", *flags, f"-I{tree}/include", source, "-o", built, f"-L{library}", *needs], check=True)
    done = subprocess.run([built], env=dict(os.environ, LD_LIBRARY_PATH=library), stdout=subprocess.PIPE, text=True)
    assert done.returncode == 0 and done.stdout == f"{version()} format\n"


def version():
    with open(os.path.join(ROOT, "meson.build"), encoding="utf-8") as f:
        return re.search(r"version: '([^']+)'", f.read())[1]


def test_the_data_plane_says_its_version(tree):
    assert f"libmarblerun-ttls {version()}\0".encode() in open(find(tree, "libmarblerun-ttls.so")[0], "rb").read()


def test_a_cpp_program_builds_against_it(tree, tmp_path):
    compiler = shutil.which("c++")
    if not compiler:
        pytest.skip("no C++ compiler here")
    source = tmp_path / "program.cc"
    source.write_text(PROGRAM.replace("{ 0 }", "{}") + """
#include <openssl/ssl.h>
extern "C" int use(marblerun_marble *marble, SSL **connection);
int use(marblerun_marble *marble, SSL **connection)
{
	const char *const types[] = { "greeter" };
	marblerun_tls_options options = {};
	options.peer_types = types;
	options.peer_type_count = 1;
	char reason[MARBLERUN_REASON_SIZE];
	marblerun_peer peer;
	SSL_CTX *context;
	if (marblerun_tls_client(marble, &options, &context, reason))
		return 1;
	*connection = SSL_new(context);
	return marblerun_connection_peer(*connection, &peer, reason);
}
""")
    subprocess.run([compiler, "-std=c++11", "-Wall", "-Wextra", "-Werror", f"-I{tree}/include", "-c", source, "-o",
                    tmp_path / "program.o"], check=True)


MANIFESTS = r"""
#include <marblerun/manifest.h>
#include <stdio.h>
int main(void)
{
	char reason[MARBLERUN_REASON_SIZE], *json;
	struct marblerun_bytes empty = { (const uint8_t *)"{}", 2 };
	int refused = marblerun_manifest_diff(empty, empty, &json, reason);
	puts(reason);
	return refused == 1 ? 0 : 1;
}
"""


def test_the_library_for_manifests(tree, tmp_path):
    config, = find(tree, "marblerun-manifest.pc")
    library = os.path.dirname(find(tree, "libmarblerun-manifest.so")[0])
    content = open(find(tree, "libmarblerun-manifest.so")[0], "rb").read()
    if b"__asan_init" in content or b"__tsan_init" in content:
        pytest.skip("a sanitizer needs flags of its own")
    source, built = tmp_path / "manifests.c", tmp_path / "manifests"
    source.write_text(MANIFESTS)
    needs = subprocess.check_output(["pkg-config", "--libs", "marblerun-manifest"], text=True,
                                    env=dict(os.environ, PKG_CONFIG_PATH=os.path.dirname(config))).split()
    subprocess.run(["cc", f"-I{tree}/include", source, "-o", built, f"-L{library}", *needs], check=True)
    done = subprocess.run([built], env=dict(os.environ, LD_LIBRARY_PATH=library), stdout=subprocess.PIPE, text=True)
    assert done.returncode == 0 and done.stdout == "old manifest: Packages: at least one package expected\n"


@pytest.mark.parametrize("name", ["libmarblerun.so", "libmarblerun-manifest.so"])
def test_only_the_public_names_are_visible(tree, name):
    library = find(tree, name)[0]
    if b"__asan_init" in open(library, "rb").read() or b"__tsan_init" in open(library, "rb").read():
        pytest.skip("a sanitizer adds names of its own")
    lines = subprocess.check_output(["nm", "-D", "--defined-only", library], text=True).splitlines()
    assert {l.split()[-1] for l in lines if not l.split()[-1].startswith("marblerun_")} == set()


def test_man_pages_are_clean(tree):
    if not shutil.which("man"):
        pytest.skip("no man here")
    for folder, _, names in os.walk(os.path.join(tree, "share/man")):
        for name in names:
            done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", os.path.join(folder, name)],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            assert done.returncode == 0 and not done.stderr
