"""The man pages name every command, flag, variable and manifest property that there is, and none that is not."""
import os
import re
import subprocess

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("MARBLERUN_BUILD", os.path.join(ROOT, "build"))
CLI = os.path.join(BUILD, "src/cli/marblerun")
# Read by libraries and the C library on the program's behalf, or set by every system.
COMMON = {"PATH", "HOME", "TERM"}
# The launcher's word to the data plane: whoever sets it otherwise is overruled.
INTERNAL = {"MARBLERUN_TTLS"}


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as f:
        return f.read()


def page(*names):
    return "".join(read("man", name + ".scd") for name in names)


def command_line_help(*command):
    return subprocess.run([CLI, *command, "--help"], stdout=subprocess.PIPE, text=True, check=True).stdout


@pytest.fixture(scope="module")
def commands():
    found = re.findall(r"^  ([a-z][a-z0-9 -]*?) +[A-Z]", command_line_help(), re.M)
    assert "manifest update apply" in found
    return found


@pytest.fixture(scope="module")
def flags(commands):
    """(letter or "", name) of all commands."""
    found = set()
    for command in commands:
        text = command_line_help(*command.split()).split("\nFlags:")[-1]
        found |= set(re.findall(r"^ +(?:(-\w), )?(--[a-z0-9-]+)", text, re.M))
    return found


def test_every_command_is_in_the_page(commands):
    text = page("marblerun.1")
    missing = [c for c in commands if f"*{c}*" not in text and f"|*{c.split()[-1]}*" not in text]
    assert not missing


def test_every_command_in_the_page_exists(commands):
    heads = re.findall(r"^\*([a-z][a-z -]+)\*", page("marblerun.1").split("# COMMANDS")[1].split("# KUBERNETES")[0], re.M)
    assert len(heads) > 20 and set(heads) <= set(commands)


def test_help_and_page_give_each_command_the_same_arguments(commands):
    said = page("marblerun.1").split("# COMMANDS")[1].split("# KUBERNETES")[0]
    for command in commands:
        if command.startswith("certificate "):
            continue  # three in one entry
        usage = re.search(rf"^Usage: marblerun {command} ?(.*?) ?\[FLAGS\]$", command_line_help(*command.split()), re.M)[1]
        heads = re.findall(rf"\*{command}\*((?: [][_A-Z.|]+)*)(?=,|\n)", said)
        assert usage in [head.replace("_", "").strip() for head in heads], command


def test_every_command_says_its_exit_statuses_once(commands):
    for command in commands:
        assert command_line_help(*command.split()).count("Exit status") == 1, command


def test_every_flag_is_in_the_pages(flags):
    text = page("marblerun.1", "marblerun-sim.7")
    assert not [f for _, f in flags if f"*{f}*" not in text]
    assert not [f"{letter}: {f}" for letter, f in flags if letter and letter != "-h" and f"*{letter}*" not in text]


def test_every_flag_in_the_pages_exists(flags):
    text = page("marblerun.1", "marblerun-sim.7")
    assert set(re.findall(r"\*(--[a-z0-9-]+)", text)) <= {f for _, f in flags} | {"--help"}


def test_the_injectors_flags():
    said = set(re.findall(r"^\*(-[a-zA-Z]+)\*", page("marblerun-injector.8").split("# ENVIRONMENT")[0].replace(", *", "\n*"), re.M)) | {"-version"}
    done = subprocess.run([os.path.join(BUILD, "src/injector/marblerun-injector"), "-help"], stdout=subprocess.PIPE,
                          text=True, check=True)
    taken = set(re.findall(r'^\t\t\{ "(\w+)", ', read("src/injector/configuration.c"), re.M)) - {"h"}
    assert {f"-{name}" for name in taken} == said
    assert all(flag in done.stdout for flag in said)


PROGRAMS = {
    "marblerun-coordinator.8": ("daemon", "attest"),
    "marblerun-premain.1": ("premain", "marble", "ttls", "attest"),
    "marblerun-injector.8": ("injector",),
    "marblerun.1": ("cli",),
}
_READS = re.compile(r'\b(?:getenv|text|flag|read_\w+)\("([A-Z][A-Z_]+)"|name(?:\[\])? = "([A-Z][A-Z_]+)"')


def variables(*rooms):
    """What the programs of these rooms read from their environment."""
    found = set()
    for room in rooms:
        for folder, _, names in os.walk(os.path.join(ROOT, "src", room)):
            for name in names:
                if name.endswith(".c"):
                    with open(os.path.join(folder, name), encoding="utf-8") as f:
                        content = f.read()
                    found |= {a or b for a, b in _READS.findall(content)}
    return found - COMMON - INTERNAL


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_variable_is_in_the_page(name):
    found = variables(*PROGRAMS[name])
    assert found and not [v for v in found if f"*{v}*" not in page(name)]


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_variable_in_the_page_is_read_or_given(name):
    content = "".join(read("src", folder, file) for folder in os.listdir(os.path.join(ROOT, "src"))
                      if os.path.isdir(os.path.join(ROOT, "src", folder))
                      for file in os.listdir(os.path.join(ROOT, "src", folder)) if file.endswith(".c"))
    said = set(re.findall(r"\*((?:EDG|MARBLERUN|MARBLE|OE|KUBE)[A-Z_]+)\*", page(name)))
    assert said and not [v for v in said if f'"{v}"' not in content]


def test_the_page_about_the_environment_has_all_of_them():
    said = set(re.findall(r"\*([A-Z][A-Z_]+)\*", page("marblerun-environment.7")))
    read_by_programs = set().union(*(variables(*rooms) for rooms in PROGRAMS.values()))
    given = set(re.findall(r'"(MARBLE_[A-Z_]+)"', read("src/coordinator/activate.c")))
    assert said == read_by_programs | given


def test_the_page_about_configuration_has_what_servers_and_marbles_read():
    said = set(re.findall(r"`([A-Z][A-Z_]+)`", read("docs/configuration.md")))
    found = variables("daemon", "premain", "marble", "attest")
    assert said == {name for name in found if not name.startswith("MARBLE_PREDEFINED_")}


@pytest.mark.parametrize("program,name", [("daemon/marblerun-coordinator", "marblerun-coordinator.8"),
                                          ("premain/marblerun-premain", "marblerun-premain.1"),
                                          ("injector/marblerun-injector", "marblerun-injector.8")])
def test_help_and_page_have_the_same_variables(program, name):
    done = subprocess.run([os.path.join(BUILD, "src", program), "--help"], stdout=subprocess.PIPE, text=True, check=True)
    said = set(re.findall(r"\b(?:EDG|MARBLERUN|OE)_[A-Z_]+", done.stdout))
    heads = "".join(re.findall(r"^\*.*$", page(name).split("# ENVIRONMENT")[1].split("\n# ")[0], re.M))
    # of the launcher's, what only a library of the program reads
    library = {"EDG_COORDINATOR_CLIENT_ADDR"} if "premain" in name else set()
    assert said and said | library == set(re.findall(r"\*([A-Z_]+)\*", heads))


# Which names of these files are values and not properties of the manifest.
_PROPERTY = re.compile(r'\b[A-Z_]+\("([A-Z]\w+)"|\{ "([A-Z]\w*)"')
PARSERS = ["src/manifest/parse.c", "src/manifest/package.c", "src/manifest/tee.c", "src/manifest/infrastructure.c",
           "src/secrets/subject.c"]
PRODUCTS = {"Milan", "Genoa", "Turin"}
SET_BY_THE_COORDINATOR = {"Names"}


@pytest.mark.parametrize("path", PARSERS)
def test_every_property_of_the_manifest_is_in_the_page(path):
    found = {a or b for a, b in _PROPERTY.findall(read(path))} - PRODUCTS - SET_BY_THE_COORDINATOR
    text = page("marblerun-manifest.5")
    assert len(found) > 7 and not [n for n in found if not re.search(rf"(?<!\w){n}(?!\w)", text)]


def test_every_property_of_a_certificate_is_in_the_page():
    table = read("src/secrets/profile.c").split("cert_fields[]")[1].split("/* The coordinator sets these. */")[0]
    text = page("marblerun-manifest.5")
    for name in re.findall(r'\{ "(\w+)"', table):
        ranges = re.fullmatch(r"(?:Permitted|Excluded)(IPRanges|EmailAddresses|URIDomains)", name)
        assert f"*{ranges[1] if ranges else name}*" in text
