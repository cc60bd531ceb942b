"""A server in the coordinator's place: records what it is asked, answers what the test says."""

import base64
import http.server
import json
import ssl
import threading

from cryptography.hazmat.primitives.asymmetric import ec

from mesh import certificates


class Request:
    def __init__(self, method, path, body, peer):
        self.method, self.path, self.peer = method, path, peer
        self.body = json.loads(body) if body else None


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _answer(self):
        stand_in = self.server.stand_in
        size = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(size)
        path, _, query = self.path.partition("?")
        if path == "/api/v2/quote":
            reply = 200, {"status": "success", "data": {"cert": stand_in.chain, "quote": ""}}
        else:
            peer = self.connection.getpeercert(binary_form=True)
            stand_in.requests.append(Request(self.command, self.path, body, peer))
            reply = stand_in.answers.get((self.command, path), (404, {
                "status": "error", "data": None, "message": "nothing is here"}))
        if reply is None:
            self.close_connection = True
            return
        text = json.dumps(reply[1]).encode()
        self.send_response(reply[0])
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = _answer

    def log_message(self, *_):
        pass


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # a client that went away is the test's business


class StandIn:
    """Serves with a root certificate of its own; believes each of `users` (certificates)."""

    def __init__(self, workspace, users=(), port=0):
        self.key = key = certificates.make_key(ec.SECP256R1)
        root = certificates.self_signed(key, "root")
        below = certificates.make_key(ec.SECP256R1)
        intermediate = certificates.issued(below, "intermediate", root, key)
        self.chain = (certificates.pem(intermediate) + certificates.pem(root)).decode()
        self.requests, self.answers = [], {}
        file = workspace.write("stand-in.pem", certificates.pem(key) + certificates.pem(root))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        if users:
            context.load_verify_locations(cadata="".join(certificates.pem(u).decode() for u in users))
            context.verify_mode = ssl.CERT_OPTIONAL
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.stand_in = self
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def stop(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def succeed(self, method, path, data=None):
        self.answers[method, path] = 200, {"status": "success", "data": data}

    def refuse(self, method, path, status, message):
        self.answers[method, path] = status, {"status": "error", "data": None, "message": message}

    def break_off(self, method, path):
        """As MarbleRun's coordinator does with requests that it does not know."""
        self.answers[method, path] = None

    @property
    def last(self):
        return self.requests[-1]


def base64_of(raw):
    return base64.b64encode(raw).decode()
