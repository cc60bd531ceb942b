"""A running coordinator and its client API."""

import base64
import http.client
import json
import ssl

from mesh import certificates
from mesh.marble import server_certificate


class Reply:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def data(self):
        return self.json["data"]

    @property
    def message(self):
        return self.json["message"]


def _port(log, event):
    for line in log.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if entry.get("event") == event:
            return entry["port"]
    return None


class Coordinator:
    """Listens on free ports of the loopback; logs JSON."""

    def __init__(self, workspace, platform=None, binary=None, **environment):
        self.workspace = workspace
        self.platform = platform
        own = {"EDG_COORDINATOR_CLIENT_ADDR": "127.0.0.1:0",
               "EDG_COORDINATOR_MESH_ADDR": "127.0.0.1:0", "EDG_LOG_FORMAT": "json",
               "EDG_COORDINATOR_SEAL_DIR": str(workspace.new_folder("state"))}
        own.update(platform.environment if platform else {"OE_SIMULATION": "1"})
        own.update(environment)
        self.process = workspace.start("coordinator", [binary or workspace.binaries.coordinator], **own)
        self.client_port = self._wait_for_port("serving the client API")
        self.marble_port = self._wait_for_port("serving the marble API")
        self.client_address = f"127.0.0.1:{self.client_port}"
        self.marble_address = f"127.0.0.1:{self.marble_port}"
        self._root = None

    def _wait_for_port(self, event):
        return self.process.wait_for(lambda log: _port(log, event))

    @property
    def root(self):
        """The root certificate in PEM, as served."""
        if self._root is None:
            self._root = server_certificate(self.client_port)
        return self._root

    @property
    def root_certificate(self):
        return certificates.split_pem(self.root)[0]

    def connect(self, timeout=30):
        context = ssl.create_default_context(cadata=self.root.decode())
        return http.client.HTTPSConnection("127.0.0.1", self.client_port, context=context,
                                           timeout=timeout)

    def request(self, method, path, body=None, headers=None, timeout=30):
        connection = self.connect(timeout)
        try:
            connection.request(method, path, body, headers or {})
            return Reply(connection.getresponse())
        finally:
            connection.close()

    def get(self, path):
        return self.request("GET", path)

    def get_insecurely(self, path):
        """Without looking at the server's certificate."""
        context = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection("127.0.0.1", self.client_port, context=context)
        try:
            connection.request("GET", path)
            return Reply(connection.getresponse())
        finally:
            connection.close()

    def post(self, path, body):
        if not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        return self.request("POST", path, body, {"Content-Type": "application/json"})

    def post_manifest(self, manifest):
        text = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
        return self.post("/api/v2/manifest", {"manifest": base64.b64encode(text).decode()})

    def set_manifest(self, manifest):
        reply = self.post_manifest(manifest)
        assert reply.status == 200, reply.body
        return reply.data

    @property
    def state(self):
        return self.get("/api/v2/status").data["code"]

    def events(self):
        return [json.loads(line) for line in self.process.log().splitlines() if line.startswith("{")]
