"""Every command of the documentation works: each block is typed, page by page, as pages.txt says."""

import configparser
import contextlib
import json
import pathlib
import re
import shutil
import subprocess
import urllib.request

import jinja2
import jinja2.meta
import pytest
import yaml

from mesh import fragments, manifests, pods
from mesh.coordinator import Coordinator
from mesh.helm import Chart
from mesh.kubernetes import ApiServer
from mesh.monitoring import REFUSED_LINE
from mesh.pages import PROGRAMS, TOP, Looking, Shell, blocks, decided, pages, read_table, shows, spans, typed
from mesh.platform import Platform
from mesh.samples import Samples
from mesh.user import User
from mesh.workspace import Failure
from mesh.world import free_port

TABLE = read_table((pathlib.Path(__file__).parent / "pages.txt").read_text())
PAGES = pages()
# Programs that pages name and no machine of ours has, or that would change the machine.
FOREIGN = {"apt", "copy_bom", "cp", "curl", "cut", "gramine-manifest", "gramine-sgx", "gramine-sgx-sign", "helm",
           "install", "journalctl", "kubectl", "mkdir", "occlum", "openssl", "pkcs11-tool", "podman", "softhsm2-util", "systemctl"}
PIN = "a-pin-of-12-digits"
INTEL = {"sgx.intel.com/epc": "98566144", "sgx.intel.com/enclave": "110", "sgx.intel.com/provision": "110"}


class Repeated(dict):
    """Settings that may be given several times, one a line."""

    def __setitem__(self, name, value):
        if name in self and isinstance(value, list) and isinstance(self[name], list):
            value = self[name] + value
        super().__setitem__(name, value)


class Page:
    """What a reader has when the page begins: the programs, and a folder."""

    def __init__(self, workspace, installed):
        self.workspace, self.installed = workspace, installed
        self.folder, self.environment, self.replace, self.code = workspace.folder, {}, {}, []
        self.path = workspace.new_folder("bin")
        self.path.mkdir()
        binaries = workspace.binaries
        for name, binary in (("marblerun", binaries.cli), ("marblerun-coordinator", binaries.coordinator),
                             ("marblerun-premain", binaries.premain), ("marblerun-injector", binaries.injector)):
            (self.path / name).symlink_to(binary)
        self.prepare()
        self.shell = Shell(workspace, self.folder, self.path, **self.environment)

    def prepare(self):
        """Before the first block."""

    def end(self):
        self.shell.end()

    def program(self, name, text):
        """A program that stands in for one of the reader's."""
        path = self.path / name
        path.unlink(missing_ok=True)
        path.write_text(f"#!/bin/bash\n{text}\n")
        path.chmod(0o700)

    def text(self, block):
        text = block.text
        for old, new in self.replace.items():
            text = text.replace(old, new)
        return text

    def do(self, step, block):
        if step.by_hand:
            getattr(self, step.begins)()
        else:
            getattr(self, step.treatment)(block, step.argument)

    # treatments

    def run(self, block, _):
        self.shell.run(typed(self.text(block)), block)

    def serve(self, block, _):
        self.shell.run(typed(self.text(block) + " &"), block)

    def show(self, block, _):
        commands, _, expected = self.text(block).partition("\n\n")
        self.shell.run(typed(commands), block)
        assert shows(expected, self.shell.output), f"{block}\nprinted:\n{self.shell.output}"

    def look(self, block, _):
        Looking(self.workspace, FOREIGN).look(self.text(block), block)
        for path in re.findall(r"\bdeploy/\S+", block.text):
            assert (TOP / path).exists(), f"{block}: {path}"

    def save(self, block, name):
        json.loads(self.text(block))
        (self.folder / name).write_text(self.text(block))

    def known(self):
        """What stands for … in manifests."""
        return {}

    def manifest(self, block, name):
        manifest = fragments.completed(self.text(block), **self.known())
        with contextlib.closing(Trial(self.workspace)) as trial:
            reply = trial.coordinator.post_manifest(manifest)
            assert reply.status == 200, f"{block}\n{reply.body.decode()}\n{json.dumps(manifest, indent=1)}"
        if name:
            (self.folder / name).write_text(json.dumps(manifest))

    def members(self, block, _):
        """Members of an object that is not ours."""
        json.loads("{" + block.text + "}")

    def c(self, block, _):
        self.code.append(block.text)

    # of single pages

    def chart(self, block, _):
        """Our chart takes these values."""
        Looking(self.workspace, FOREIGN).look(block.text, block)
        changes = values_of(re.findall(r"--set (\S+)=(\S+)", block.text))
        assert changes and Chart(TOP / "deploy/helm").objects(changes)

    def render_the_table(self):
        """Each row of the page's table of deployments is understood, and each value that is named is one."""
        chart = Chart(TOP / "deploy/helm")
        page = PAGES["docs/kubernetes.md"]
        rows = re.findall(r"^\| [^`|]+ \| (`.*`.*) \|$", page.split("| deployment |")[1].split("\n\n")[0], re.M)
        assert len(rows) > 2
        for row in rows:
            assert chart.objects(values_of(re.findall(r"`([\w.]+)=([^`]*)`", row)))
        for name in re.findall(r"`((?:coordinator|marbleInjector|global|dcap|networkPolicy)\.[\w.]+)(?:=[^`]*)?`", page):
            place = chart.values
            for part in name.split("."):
                assert part in place, name
                place = place.get(part) or {}

    def pod(self, block, _):
        assert pods.API.mistakes("io.k8s.api.apps.v1.Deployment", yaml.safe_load(block.text)) == []

    def unit(self, block, _):
        """systemd understands it, and its programs know the variables and would start."""
        parsed = configparser.RawConfigParser(strict=False, dict_type=Repeated)
        parsed.optionxform = str
        parsed.read_string(block.text)
        service = parsed["Service"]
        command = f"{service['Environment']}\n{service['ExecStart'].removeprefix('/usr/bin/')}".replace("\n", " ")
        Looking(self.workspace, FOREIGN).look(command, block)
        if shutil.which("systemd-analyze"):
            path = self.workspace.write("page.service", block.text.replace(service["ExecStart"], "/bin/true"))
            assert "page.service" not in self.workspace.run(["systemd-analyze", "verify", path]).stderr.decode()

    def template(self, block, name):
        """The values that the command gives are those that Gramine's template asks for."""
        Looking(self.workspace, FOREIGN).look(self.text(block), block)
        given = set(re.findall(r"-D(\w+)=", block.text))
        parsed = jinja2.Environment().parse((TOP / f"deploy/gramine/{name}.manifest.template").read_text())
        assert given == jinja2.meta.find_undeclared_variables(parsed) - {"gramine", "ldd"}, block


def values_of(pairs):
    """As Helm understands --set."""
    changes = {}
    for name, value in pairs:
        *way, last = name.split(".")
        place = changes
        for part in way:
            place = place.setdefault(part, {})
        place[last] = yaml.safe_load(value)
    return changes


class Trial:
    """A coordinator for one manifest."""

    def __init__(self, workspace):
        self.coordinator = Coordinator(workspace)

    def close(self):
        assert self.coordinator.process.stop() == 0, self.coordinator.process.log()


class Quickstart(Page):
    """Ports of its own instead of the usual ones. What `make` would do, it only says."""

    def prepare(self):
        client, mesh = self.client, _ = free_port(), free_port()
        self.environment.update({
            "EDG_COORDINATOR_CLIENT_ADDR": f"127.0.0.1:{client}", "EDG_COORDINATOR_MESH_ADDR": f"127.0.0.1:{mesh}",
            "EDG_MARBLE_COORDINATOR_ADDR": f"localhost:{mesh}"})
        self.replace["localhost:4433"] = f"localhost:{client}"
        self.program("make", f'exec /usr/bin/make -n -C {TOP} "$@"')
        self.program("sudo", 'exec "$@"')


class FirstMesh(Quickstart):
    def known(self):
        measured = re.search(r"[0-9a-f]{64}", self.shell.output)[0]
        return {"UniqueID": measured}


class Manifest(FirstMesh):
    def known(self):
        if not (self.folder / "manifest.json").exists():
            return super().known()
        return {"Certificate": User(self.folder, "alice").cert_file.read_text()}

    def make_the_mistakes(self):
        """Each row of the page's last table."""
        rows = re.findall(r"^\| `(.*?)` \| `(.*?)` \|$", PAGES["docs/manifest.md"].split("## Mistakes")[1], re.M)
        assert len(rows) > 10
        for mistake, message in rows:
            with contextlib.closing(Trial(self.workspace)) as trial:
                reply = trial.coordinator.post_manifest(fragments.completed(mistake))
                assert reply.status == 400 and message in reply.message, f"{mistake}: {reply.body.decode()}"


class Simulation(Page):
    def prepare(self):
        self.workspace.program("service")


class Mesh(Page):
    """A verified coordinator without a manifest, in a TEE whose root the reader's machine knows."""

    def prepare(self):
        self.platform = Platform(self.workspace)
        self.state = self.workspace.new_folder("state")
        self.program("marblerun", f'exec {self.workspace.binaries.cli} "$@" --sim-root {self.platform.root}')
        policy = manifests.by_id(self.platform.measure(self.workspace.binaries.coordinator))
        self.workspace.write("coordinator-era.json", json.dumps(policy))
        self.start()
        self.environment["ADDRESS"] = self.coordinator.client_address
        self.replace["localhost:4433"] = "$ADDRESS"

    def start(self, **environment):
        self.coordinator = Coordinator(self.workspace, self.platform, EDG_COORDINATOR_SEAL_DIR=self.state,
                                       **environment)

    def end(self):
        super().end()
        assert self.coordinator.process.stop() == 0, self.coordinator.process.log()

    def known(self):
        return {"RecoveryKey": self.shell.output} if "PUBLIC KEY" in self.shell.output else {}

    def lose_the_sealed_key(self):
        assert self.coordinator.process.stop() == 0
        (self.state / "sealed_key").unlink()
        self.start()
        assert self.coordinator.get_insecurely("/api/v2/status").data["code"] == 1
        self.shell.run(f"ADDRESS={self.coordinator.client_address}", "the coordinator has another port")


class MeshWithManifest(Mesh):
    def prepare(self):
        super().prepare()
        program = manifests.by_id(self.platform.measure(self.workspace.program()))
        text = json.dumps(manifests.simple(program)).encode()
        assert self.coordinator.post_manifest(text).status == 200
        self.workspace.write("manifest.json", text)


class Users(Mesh):
    def prepare(self):
        super().prepare()
        self.bob, self.carol = (User(self.folder, name) for name in ("bob", "carol"))
        tokens = self.workspace.new_folder("tokens")
        tokens.mkdir()
        self.environment["SOFTHSM2_CONF"] = self.workspace.write("softhsm2.conf", f"directories.tokendir = {tokens}\n")
        self.workspace.write("pin", PIN + "\n")
        # they ask on the terminal
        self.program("softhsm2-util", f'exec /usr/bin/softhsm2-util "$@" --pin {PIN} '
                                      f'$([ "$1" != --init-token ] || echo --so-pin so-pin-unused)')
        self.program("pkcs11-tool", f'exec /usr/bin/pkcs11-tool "$@" --pin {PIN}')
        self.replace["/home/alice/pin"] = str(self.folder / "pin")
        der = self.bob.der
        private = self.workspace.run(["openssl", "pkcs8", "-topk8", "-nocrypt", "-in", self.bob.key_file, "-outform",
                                      "DER"]).stdout
        self.replace["<base64 of DER>"] = fragments.base64_text(der)
        self.replace["<base64 of PKCS#8 DER>"] = fragments.base64_text(private)

    def known(self):
        return {"Certificate": (self.folder / "alice.crt").read_text()}

    def set_the_manifest(self):
        """The page's part of it, with a service, secrets of their types, and the other two users."""
        manifest = json.loads((self.folder / "manifest.json").read_text())
        program = self.workspace.program()
        self.platform.sign(program, 1, 9)
        manifest["Packages"]["frontend"] = manifests.by_signer(self.platform.measure(program), SecurityVersion=4)
        manifest["Secrets"]["token"] = {"Type": "plain", "UserDefined": True}
        manifest["Secrets"]["server"] = {"Type": "cert-ecdsa", "Size": 256, "Shared": True, "UserDefined": True}
        manifest["Roles"]["secrets"]["ResourceNames"].append("server")
        for user in (self.bob, self.carol):
            manifest["Users"][user.name] = user.entry("updates")
        self.written = manifest
        (self.folder / "manifest.json").write_text(json.dumps(manifest))
        self.shell.run("marblerun manifest set manifest.json $ADDRESS", "what the page begins with")

    def make_a_secret_in_pem(self):
        (self.folder / "server.pem").write_text(self.bob.cert_file.read_text() + self.bob.key_file.read_text())

    def write_a_new_manifest(self):
        self.shell.run("marblerun manifest diff packages.json $ADDRESS", "an update of packages")
        assert "SecurityVersion" in self.shell.output
        self.written["Marbles"]["another"] = {"Package": "frontend"}
        (self.folder / "old.json").write_bytes((self.folder / "manifest.json").read_bytes())
        (self.folder / "new.json").write_text(json.dumps(self.written))

    def propose_again(self):
        self.shell.run("marblerun manifest update apply new.json $ADDRESS --cert alice.crt --key alice.key",
                       "it was cancelled")


class Migrating(Mesh):
    """The old coordinator is one of ours: the interface is what this is about."""

    def prepare(self):
        super().prepare()
        self.alice = User(self.folder, "alice")
        self.old = Coordinator(self.workspace, self.platform)
        self.environment["OLD"] = self.old.client_address
        self.old.set_manifest(self.made())
        self.workspace.write("manifest.yaml", yaml.safe_dump(self.made()))
        trial, mesh = free_port(), free_port()
        self.replace["localhost:4433"] = f"localhost:{trial}"
        self.replace["OE_SIMULATION=1 "] = (f"OE_SIMULATION=1 EDG_COORDINATOR_CLIENT_ADDR=127.0.0.1:{trial} "
                                            f"EDG_COORDINATOR_MESH_ADDR=127.0.0.1:{mesh} ")

    def made(self, **secret):
        names = ["token", "server"]
        actions = ["ReadSecret", "WriteSecret"] if secret else ["ReadSecret"]
        return manifests.simple({"UniqueID": "0" * 64}, Users={"alice": self.alice.entry("secrets")}, Secrets={
            "token": {"Type": "symmetric-key", "Size": 128, "Shared": True, **secret},
            "server": {"Type": "cert-ecdsa", "Size": 256, "Shared": True, **secret},
        }, Roles={"secrets": {"ResourceType": "Secrets", "ResourceNames": names, "Actions": actions}})

    def take_the_secrets_along(self):
        assert json.loads((self.folder / "manifest.json").read_text()) == self.made(), "from YAML"
        (self.folder / "manifest.json").write_text(json.dumps(self.made(UserDefined=True)))

    def compare_the_secrets(self):
        for name in ("token", "server"):
            old, new = (self.alice.get(c, f"/api/v2/secrets?s={name}").data["secrets"][name]
                        for c in (self.old, self.coordinator))
            assert [old[part] for part in ("Private", "Cert")] == [new[part] for part in ("Private", "Cert")]

    def end(self):
        super().end()
        assert self.old.process.stop() == 0


class Cluster(Page):
    def prepare(self):
        self.server = ApiServer(self.workspace)
        self.server.nodes = [{"metadata": {"name": "one", "labels": {}}, "status": {"capacity": INTEL}}]
        self.environment["KUBECONFIG"] = str(self.server.kubeconfig())

    def end(self):
        super().end()
        self.server.stop()


class Library(Page):
    """The page's pieces of C are one program."""

    def prepare(self):
        pieces = [b.text for b in blocks("", PAGES["docs/marble-library.md"]) if "marblerun_" in b.text]
        body = "\n".join(pieces)
        (self.folder / "service.c").write_text(
            "#include <stdio.h>\n#include <openssl/ssl.h>\n#include <marblerun/marble.h>\n"
            f"static void service(int socket)\n{{\n{body}\n}}\nint main(void) {{ service(0); }}\n")
        flags = " ".join(["-Wall", "-Werror", *self.installed.sanitizer()])
        self.program("cc", f'exec /usr/bin/cc {flags} "$@"')
        self.environment["PKG_CONFIG_PATH"] = self.installed.config

    def end(self):
        super().end()
        assert "\n".join(self.code) in (self.folder / "service.c").read_text()


class Monitoring(Quickstart):
    def prepare(self):
        super().prepare()
        self.platform = Platform(self.workspace)
        self.environment.update(self.platform.environment)
        self.redis, self.observer = free_port(), free_port()
        self.replace["127.0.0.1:9944"] = f"127.0.0.1:{free_port()}"
        self.replace["127.0.0.1:9945"] = f"127.0.0.1:{self.observer}"
        self.replace["/usr/share/marblerun/monitoring"] = str(TOP / "deploy/monitoring")

    def admit_redis(self):
        redis = manifests.by_id(self.platform.measure(shutil.which("redis-server")))
        entry = {"TLS": ["store"], "Parameters": {"Argv": ["redis-server", "--port", str(self.redis), "--save", ""]}}
        manifest = manifests.simple(redis, {"redis": entry}, TLS={"store": {"Incoming": [{"Port": str(self.redis)}]}})
        (self.folder / "manifest.json").write_text(json.dumps(manifest))
        policy = manifests.by_id(self.platform.measure(self.workspace.binaries.coordinator))
        (self.folder / "coordinator-era.json").write_text(json.dumps(policy))
        self.shell.run(f"export EDG_MARBLE_TYPE=redis; marblerun manifest set manifest.json localhost:{self.client} "
                       f"--sim-root {self.platform.root}", "a marble with TLS tags")

    def ask_the_observer(self):
        for path in ("metrics", "metrics.jsonl"):
            with urllib.request.urlopen(f"http://127.0.0.1:{self.observer}/{path}", timeout=20) as reply:
                assert reply.status == 200

    def scraping(self, block, _):
        path = self.workspace.write("prometheus.yml", self.text(block))
        self.workspace.run(["promtool", "check", "config", path])

    def events(self, block, _):
        event, = json.loads(block.text)
        assert set(event) == {"time", "activation"}
        assert set(event["activation"]) == {"marbleType", "uuid", "quote"}

    def access_log(self, block, _):
        assert set(json.loads(block.text)) == REFUSED_LINE


class Sample(Page):
    """A coordinator with the sample's manifest, and the programs in the reader's folder."""

    def prepare(self):
        platform = Platform(self.workspace)
        self.coordinator = Coordinator(self.workspace, platform)
        samples = Samples(self.workspace, self.coordinator, platform, self.installed)
        samples.add(self.language)
        samples.set()
        self.folder = self.workspace.folder / self.language
        (self.folder / "platform").symlink_to(platform.folder)
        self.environment.update({"EDG_MARBLE_COORDINATOR_ADDR": self.coordinator.marble_address,
                                 "LD_LIBRARY_PATH": self.installed.libraries})
        self.replace.update({"localhost:4433": self.coordinator.client_address, "7000": str(free_port())})

    def run(self, block, _):
        super().run(block, _)
        assert "hello" in self.shell.output

    def end(self):
        super().end()
        assert self.coordinator.process.stop() == 0, self.coordinator.process.log()


class SampleInC(Sample):
    language = "c"


class SampleInNode(Sample):
    language = "node"


class SampleInPython(Sample):
    language = "python"


@pytest.mark.parametrize("name", PAGES)
def test_every_command_works(workspace, installed, name):
    assert name in TABLE or not blocks(name, PAGES[name]), f"{name} is not in pages.txt"
    setup, steps = TABLE.get(name, ("Page", []))
    todo = decided(steps, blocks(name, PAGES[name]))
    page = globals()[setup](workspace, installed)
    try:
        for step, block in todo:
            page.do(step, block)
    finally:
        page.end()


def test_the_table_names_pages_that_are_there():
    assert set(TABLE) <= set(PAGES)


@pytest.fixture
def looking(workspace):
    return Looking(workspace, FOREIGN)


@pytest.mark.parametrize("name", PAGES)
def test_commands_within_the_text(looking, name):
    """As `marblerun manifest set FILE`: the program takes them."""
    for span in spans(PAGES[name]):
        if re.split(r"[ =]", span)[0] in PROGRAMS and not re.search(r"[<>]", span):
            looking.look(re.sub(r"\|", " ", span), f"{name}: {span}")


def helps(binaries):
    """{command: what its help says}, of all commands of the command line."""
    main = subprocess.check_output([binaries.cli, "--help"], text=True)
    commands = re.findall(r"^  ([a-z][a-z0-9 -]*?) +[A-Z]", main, re.M)
    return {name: subprocess.check_output([binaries.cli, *name.split(), "--help"], text=True) for name in commands}


def known_flags(binaries):
    return {flag for text in helps(binaries).values() for flag in re.findall(r"(--[a-z0-9-]+)", text)}


def test_examples_of_the_help(looking, binaries):
    """And they are of the command whose help it is."""
    examples = 0
    for name, text in helps(binaries).items():
        if "\nExamples:\n" not in text:
            continue
        block = re.split(r"\n(?=\S)", text.split("\nExamples:\n")[1])[0]
        for line in re.sub(r"\\\n\s*", " ", block).strip().splitlines():
            looking.look(line.strip(), f"marblerun {name} --help")
            examples += f"marblerun {name}" in line
    assert examples > 30


@pytest.mark.parametrize("name", ["coordinator", "premain", "cli"])
def test_what_the_programs_propose(looking, binaries, name):
    text = subprocess.check_output([getattr(binaries, name), "--help"], text=True)
    text = re.sub(r"\\\n\s*", " ", text)
    lines = re.findall(r"^  ((?:[A-Z_]+=\S+ )*marblerun(?:-\w+)? .*)$", text, re.M)
    assert lines
    for line in lines:
        looking.look(line, f"{name} --help")


# of Debian's tools and of our own tests
OTHER_FLAGS = {"--allow-downgrades"}
OWN_FLAGS = re.compile(r"--[a-z][a-z0-9-]+")


def test_flags_within_the_text(binaries):
    known = known_flags(binaries) | OTHER_FLAGS
    for name, text in PAGES.items():
        for span in spans(text):
            if span.startswith("--"):
                assert set(OWN_FLAGS.findall(span)) <= known, f"{name}: {span}"


_VARIABLE = re.compile(r"\b(?:EDG|MARBLERUN|OE|MARBLE)_[A-Z0-9_]*[A-Z0-9]\b")


# MarbleRun's, which this page says are not read.
NOT_OURS = {"docs/migrating.md": {"EDG_DISTRIBUTED_COORDINATOR", "EDG_STORE_BACKEND", "EDG_MAA_URL",
                                  "EDG_HTTP_ERROR_LOG_LEVEL"}}


def known_variables():
    """What the man pages say, and what the headers call by such a name."""
    text = "".join(path.read_text() for path in [*TOP.glob("man/*.scd"), *TOP.glob("include/marblerun/*.h")])
    return set(_VARIABLE.findall(text))


@pytest.mark.parametrize("name", PAGES)
def test_variables_are_in_the_man_pages(name):
    named = set(_VARIABLE.findall(PAGES[name]))
    assert named <= known_variables() | NOT_OURS.get(name, set())


WRONG = {
    "a flag that is none": "marblerun status localhost:4433 --era-confg coordinator-era.json",
    "a command that is none": "marblerun manifest verifi manifest.json localhost:4433",
    "a value that is none": "marblerun check --timeout never",
    "a variable that is none": "EDG_MARBLE_TYP=web marblerun-premain ./web",
    "a variable of another program": "EDG_MARBLE_TYPE=web marblerun-coordinator",
    "an argument too many": "marblerun-coordinator --simulate",
    "a flag of the injector": "marblerun-injector -coordAddress=here:2001",
    "a program that nobody knows": "marblrun status",
    "no shell": "marblerun status $(",
    "a target of make": "make demonstration",
    "behind a pipe": "marblerun status --era-confg | true",
}


@pytest.mark.parametrize("mistake", WRONG)
def test_a_wrong_command_is_noticed(looking, mistake):
    with pytest.raises(Failure):
        looking.look(WRONG[mistake], mistake)


def test_a_wrong_command_that_is_typed_is_noticed(workspace, installed):
    page = Page(workspace, installed)
    try:
        page.shell.run("marblerun version --output json", "right")
        with pytest.raises(Failure, match="unknown flag --outputs"):
            page.shell.run("marblerun version --outputs json\ntrue", "wrong")
    finally:
        page.end()


def test_what_should_be_refused_and_is_not_is_noticed(workspace, installed):
    page = Page(workspace, installed)
    try:
        page.shell.run(typed("marblerun sim show nowhere   # refused"), "right")
        with pytest.raises(Failure, match="this was not refused"):
            page.shell.run(typed("marblerun version   # refused: for a reason\ntrue"), "wrong")
    finally:
        page.end()


@pytest.mark.parametrize("steps,text", [
    ("run one\n", "    one\n\ntext\n\n    two\n"), ("run one\nrun two\n", "    one\n"),
    ("run one\n", "```sh\nother\n```\n"),
])
def test_a_block_without_a_decision_is_noticed(steps, text):
    (_, table), = read_table("page: Page\n" + "".join(f" {line}\n" for line in steps.splitlines())).values()
    with pytest.raises(AssertionError):
        decided(table, blocks("page", text))


def test_the_index_has_every_page():
    linked = set(re.findall(r"\((\w[\w.-]+\.md)\)", PAGES["docs/README.md"]))
    assert linked == {pathlib.Path(name).name for name in PAGES if name.startswith("docs/")} - {"README.md"}


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name):
    for target in re.findall(r"\]\(([^)\s]+)\)", PAGES[name]):
        path, _, anchor = target.partition("#")
        if re.match(r"https?:", target):
            continue
        found = (TOP / name).parent / path if path else TOP / name
        assert found.exists(), f"{name}: {target}"
        if anchor:
            heads = re.findall(r"^#+ (.*)$", found.read_text(), re.M)
            assert anchor in {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}, target
