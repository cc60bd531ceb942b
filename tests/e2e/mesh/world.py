"""Programs with and without the data plane, whose certificates one authority has issued."""

import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

from mesh import plane

PYTHON = "/usr/bin/python3"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class World:
    """One authority, one port, and programs that are started with or without the data plane."""

    def __init__(self, workspace):
        self.workspace, self.folder = workspace, workspace.folder
        self.launch = workspace.binaries.build / "tests/ttls/plane-launch"
        self.authority, self.port = plane.Authority(), free_port()
        self.started, self.public = [], []
        self.server = self.issue("server")
        self.client = self.issue("client")

    def issue(self, marble_type, **options):
        return self.authority.issue(marble_type, **options)

    def files(self, name, credentials):
        """PEM files for programs that do TLS themselves: certificate, key, root."""
        paths = [self.folder / f"{name}.{end}" for end in ("crt", "key", "ca")]
        for path, text in zip(paths, (*credentials, self.authority.pem)):
            path.write_text(text)
        return [str(p) for p in paths]

    def incoming(self, name="server.json", credentials=None, **more):
        entry = plane.entry(self.authority, credentials or self.server, clientAuth=True)
        entry.update(more)
        return plane.config(self.folder, name, incoming={f"*:{self.port}": entry})

    def outgoing(self, name="client.json", credentials=None, address="localhost", **more):
        entry = plane.entry(self.authority, credentials or self.client)
        entry.update(more)
        return plane.config(self.folder, name, outgoing={f"{address}:{self.port}": entry})

    def start(self, config, *command, name="program", ready=None, **environment):
        process = self.workspace.start(name, [*([self.launch, config] if config else []), *command], **environment)
        self.started.append(process)
        if ready is None:
            self.wait_for_port(process)
        else:
            process.wait_for(lambda log: ready in log)
        return process

    @contextlib.contextmanager
    def listening_on(self, port):
        """What is started inside is waited for on another port."""
        kept, self.port = self.port, port
        yield
        self.port = kept

    def wait_for_port(self, process):
        end = time.monotonic() + 20
        while time.monotonic() < end and process.running():
            listening = subprocess.run(["ss", "-Hltn", f"sport = :{self.port}"], capture_output=True, text=True,
                                       check=True).stdout
            if listening:
                return
            time.sleep(0.02)
        raise AssertionError(process.log())

    def run(self, config, *command, seconds=60, check=True, library=None, **options):
        """Its output; `config` None: without the data plane."""
        own = {"HOME": str(self.folder), **({"PLANE_LIBRARY": str(library)} if library else {})}
        done = subprocess.run([*map(str, [self.launch, config] if config else []), *map(str, command)],
                              cwd=self.folder, capture_output=True, timeout=seconds,
                              env=dict(os.environ, **own), **options)
        assert not check or done.returncode == 0, (done.returncode, done.stdout[-2000:], done.stderr[-2000:])
        return done.stdout if check else done

    def python(self, config, code, **options):
        return self.run(config, PYTHON, "-c", f"port = {self.port}\n{code}", **options).decode().strip()

    def public_folder(self):
        """One that programs of other users can reach."""
        self.public.append(pathlib.Path(tempfile.mkdtemp(prefix="plane-")))
        self.public[-1].chmod(0o755)
        return self.public[-1]

    def end(self):
        for process in self.started:
            process.stop()
        for folder in self.public:
            shutil.rmtree(folder)
