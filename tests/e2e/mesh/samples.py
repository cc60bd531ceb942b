"""The samples, as their README files say: measured, in a mesh, by the launcher or by themselves."""

import json
import os
import pathlib
import shutil
import subprocess

TOP = pathlib.Path(__file__).resolve().parents[3]
SAMPLES = TOP / "samples"


def find(tree, name):
    return next(pathlib.Path(folder) / name for folder, _, names in os.walk(tree) if name in names)


class Installed:
    """What `make install` puts somewhere, to build against by pkg-config."""

    def __init__(self, build, folder):
        subprocess.run(["meson", "install", "-C", build, "--quiet", "--destdir", folder, "--no-rebuild"],
                       check=True, stdout=subprocess.DEVNULL)
        self.libraries = find(folder, "libmarblerun.so").parent
        # pkg-config reads it as if that folder were the root of a system
        config = find(folder, "marblerun.pc")
        lines = config.read_text().splitlines()
        prefix = find(folder, "marble.h").parents[2]
        self.config = folder / "pkgconfig"
        self.config.mkdir()
        (self.config / config.name).write_text("\n".join(
            f"prefix={prefix}" if line.startswith("prefix=") else line for line in lines) + "\n")

    def sanitizer(self):
        content = (self.libraries / "libmarblerun.so").read_bytes()
        for name, sanitizer in ((b"__asan_init", "address,undefined"), (b"__tsan_init", "thread")):
            if name in content:
                return [f"-fsanitize={sanitizer}"]
        return []

    def make(self, folder, program):
        """As the sample's README says."""
        flags = " ".join(["-Werror", *self.sanitizer()])
        subprocess.run(["make", "--silent", "-C", folder, program], check=True,
                       env=dict(os.environ, PKG_CONFIG_PATH=str(self.config), CFLAGS=flags, LDFLAGS=flags))
        return folder / program


class Samples:
    """Programs of one language in a folder of the test, and the marbles that they are."""

    def __init__(self, workspace, coordinator, platform, installed):
        self.workspace, self.coordinator, self.platform = workspace, coordinator, platform
        self.installed = installed
        self.manifest = {"Packages": {}, "Marbles": {}, "Config": {"FeatureGates": ["MonotonicCounter"]}}
        self.programs = {}

    def add(self, language):
        """Its manifest joins ours, with packages of its own; of marbles of the same name the last one counts."""
        manifest = json.loads((SAMPLES / language / "manifest.json").read_text())
        for package in manifest["Packages"]:
            program = self._program(language, package)
            self.programs[language, package] = program
            self.manifest["Packages"][f"{language}-{package}"] = {
                "UniqueID": self.platform.measure(program)["UniqueID"]}
        for name, marble in manifest["Marbles"].items():
            self.manifest["Marbles"][name] = dict(marble, Package=f"{language}-{marble['Package']}")
        assert manifest.get("Config", self.manifest["Config"]) == self.manifest["Config"]

    def _program(self, language, package):
        folder = self.workspace.folder / language
        folder.mkdir(exist_ok=True)
        if language == "c":
            for name in (f"{package}.c", "Makefile"):
                shutil.copy(SAMPLES / "c" / name, folder)
            return self.installed.make(folder, package)
        source = next((SAMPLES / language).glob(f"{package}.*"))
        return pathlib.Path(shutil.copy(source, folder / source.name))

    def set(self):
        self.coordinator.set_manifest(self.manifest)

    def environment(self, marble_type, **more):
        given = {"EDG_MARBLE_TYPE": marble_type, "EDG_MARBLE_COORDINATOR_ADDR": self.coordinator.marble_address,
                 "EDG_MARBLE_UUID_FILE": self.workspace.folder / f"{marble_type}.uuid",
                 "LD_LIBRARY_PATH": self.installed.libraries, **self.platform.environment}
        given.update(more)
        return given

    def argv(self, language, package, *arguments, launcher=True):
        program = [self.programs[language, package], *arguments]
        return [self.workspace.binaries.premain, *program] if launcher else program

    def serve(self, language, launcher=True, marble_type="greeter"):
        """Its process, with .port."""
        process = self.workspace.start(f"{language}-server", self.argv(language, "server", 0, launcher=launcher),
                                       **self.environment(marble_type))
        words = "listening on port "
        process.port = process.wait_for(lambda log: words in log and log.split(words)[1].partition("\n")[::2][0])
        return process

    def greet(self, language, port, marble_type="guest", host="localhost", launcher=True, check=True, **changes):
        argv = self.argv(language, "client", host, port, "a line", launcher=launcher)
        done = self.workspace.run(argv, check=check, **self.environment(marble_type, **changes))
        return (done.stdout + done.stderr).decode()

    def uuid(self, marble_type):
        return (self.workspace.folder / f"{marble_type}.uuid").read_text().strip()
