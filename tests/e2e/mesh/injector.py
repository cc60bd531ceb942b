"""A running injector, its certificate files as Kubernetes mounts them, and a client of its webhook."""

import base64
import http.client
import json
import os
import ssl

from cryptography import x509

from mesh import certificates
from mesh.coordinator import Reply

SERVICE = "marble-injector.marblerun.svc"


class SecretVolume:
    """tls.crt and tls.key are links into ..data, and ..data is a link that is replaced: both change at once."""

    def __init__(self, folder):
        self.folder = folder
        self._generation = 0
        folder.mkdir()
        self.authority_key = certificates.make_key()
        self.authority = certificates.self_signed(
            self.authority_key, "authority", [x509.BasicConstraints(ca=True, path_length=None)])
        self.renew()
        for name in ("tls.crt", "tls.key"):
            os.symlink(f"..data/{name}", folder / name)

    def issue(self, authority=None):
        """A new pair in PEM, and its certificate."""
        key = certificates.make_key()
        issuer, issuer_key = authority or (self.authority, self.authority_key)
        made = certificates.issued(key, "webhook", issuer, issuer_key,
                                   [x509.SubjectAlternativeName([x509.DNSName(SERVICE)])])
        return certificates.pem(made), certificates.pem(key), made

    def write(self, certificate, key):
        self._generation += 1
        folder = self.folder / f"..{self._generation}"
        folder.mkdir()
        (folder / "tls.crt").write_bytes(certificate)
        (folder / "tls.key").write_bytes(key)
        os.symlink(folder.name, self.folder / "..new")
        os.replace(self.folder / "..new", self.folder / "..data")

    def renew(self):
        """The new certificate in DER."""
        certificate, key, made = self.issue()
        self.write(certificate, key)
        return certificates.der(made)


class Injector:
    """Listens on free ports of the loopback; logs JSON. `arguments` go before what is needed."""

    def __init__(self, workspace, *arguments, volume=None, **environment):
        self.workspace = workspace
        self.volume = volume or SecretVolume(workspace.new_folder("certificates"))
        argv = [workspace.binaries.injector, *arguments, "-addr=127.0.0.1:0",
                f"-tlsCertFile={self.volume.folder}/tls.crt", f"-tlsKeyFile={self.volume.folder}/tls.key"]
        self.process = workspace.start("injector", argv, **{"EDG_LOG_FORMAT": "json", **environment})
        self.port = self.wait_for_event("serving the webhook")["port"]

    def events(self):
        return [json.loads(line) for line in self.process.log().splitlines() if line.startswith("{")]

    def wait_for_event(self, name, seconds=20):
        return self.process.wait_for(lambda _: next((e for e in self.events() if e["event"] == name), None),
                                     seconds)

    def context(self):
        made = certificates.trusting(certificates.pem(self.volume.authority))
        made.check_hostname = True
        return made

    def connect(self, context=None):
        """As an API server: the service's name, whatever the address."""
        connection = _Connection("127.0.0.1", self.port, context=context or self.context(), timeout=30)
        connection.connect()
        return connection

    def request(self, method, path, body=None, headers=None, connection=None):
        used = connection or self.connect()
        try:
            used.request(method, path, body, headers or {})
            return Reply(used.getresponse())
        finally:
            if not connection:
                used.close()

    def post(self, review, connection=None, content_type="application/json"):
        body = review if isinstance(review, bytes) else json.dumps(review).encode()
        return self.request("POST", "/mutate?timeout=10s", body, {"Content-Type": content_type}, connection)

    def review(self, review, connection=None):
        """The response of a review that is answered."""
        reply = self.post(review, connection)
        assert reply.status == 200, reply.body
        assert reply.headers["content-type"] == "application/json"
        assert reply.json["kind"] == "AdmissionReview" and reply.json["apiVersion"] == review["apiVersion"]
        assert reply.json["response"]["uid"] == review["request"]["uid"]
        return reply.json["response"]

    def patch(self, review, connection=None):
        """The operations; None when there are none."""
        response = self.review(review, connection)
        assert response["allowed"] is True, response
        if "patch" not in response:
            return None
        assert response["patchType"] == "JSONPatch"
        return json.loads(base64.b64decode(response["patch"], validate=True))


class _Connection(http.client.HTTPSConnection):
    """Checks the certificate against the service's name, and remembers it."""

    def connect(self):
        http.client.HTTPConnection.connect(self)
        self.sock = self._context.wrap_socket(self.sock, server_hostname=SERVICE)
        self.server_certificate = self.sock.getpeercert(binary_form=True)
