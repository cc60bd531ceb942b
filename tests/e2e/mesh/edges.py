"""Connections that behave badly: raw TLS to either API."""

import socket
import ssl
import struct

from mesh import certificates

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind, flags=0, stream=0, payload=b"", length=None):
    size = len(payload) if length is None else length
    return struct.pack(">I", size)[1:] + struct.pack(">BBI", kind, flags, stream) + payload


DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
SETTINGS_FRAME = frame(SETTINGS)


class Connection:
    """TLS over the loopback; `api` is "client" or "marble"."""

    def __init__(self, coordinator, api, workspace=None, protocols=("h2",)):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(list(protocols))
        port = coordinator.client_port
        if api == "marble":
            port = coordinator.marble_port
            context.load_cert_chain(self._identity(coordinator.workspace))
        self.socket = context.wrap_socket(socket.create_connection(("127.0.0.1", port), 20))

    @staticmethod
    def _identity(workspace):
        path = workspace.folder / "edge.pem"
        if not path.exists():
            key = certificates.make_key()
            path.write_bytes(certificates.pem(key) + certificates.pem(certificates.self_signed(key)))
        return path

    def send(self, data):
        """False when the other side has gone."""
        try:
            self.socket.sendall(data)
            return True
        except OSError:
            return False

    def answer(self, timeout=20):
        """Everything until the other side closes; None when it does not within `timeout`."""
        self.socket.settimeout(timeout)
        received = b""
        try:
            while data := self.socket.recv(65536):
                received += data
        except TimeoutError:
            return None
        except OSError:
            pass
        return received

    def close(self):
        self.socket.close()
