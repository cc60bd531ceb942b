"""A stand-in for a PCCS and a KDS, on the loopback."""

import http.server
import threading
import urllib.parse


class Services:
    """Serves files of a folder (those of a simulated platform, or of a vector) by the names that services have."""

    def __init__(self):
        self.folder = None
        self.requests = []
        self.broken = None  # a function of (path) -> (status, body, headers), or None
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.requests.append(self.path)
                status, body, headers = (outer.broken or outer.answer)(self.path)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def _read(self, *names):
        for name in names:
            if (self.folder / name).exists():
                return (self.folder / name).read_bytes()
        raise FileNotFoundError(names)

    def answer(self, path):
        at = urllib.parse.urlsplit(path)
        chain = {}
        try:
            if at.path.endswith("/certification/v4/tcb"):
                body = self._read("tcb_info.json")
                chain = {"TCB-Info-Issuer-Chain": self._read("tcb_info_issuer_chain.pem")}
            elif at.path.endswith("/certification/v4/qe/identity"):
                body = self._read("qe_identity.json")
                chain = {"SGX-Enclave-Identity-Issuer-Chain": self._read("qe_identity_issuer_chain.pem")}
            elif at.path.endswith("/certification/v4/pckcrl"):
                body = self._read("pck_crl.der")
                chain = {"SGX-PCK-CRL-Issuer-Chain": self._read("tcb_info_issuer_chain.pem")}
            elif at.path.endswith("/certification/v4/rootcacrl"):
                body = self._read("root_ca_crl.der").hex().encode()
            elif at.path.endswith("/cert_chain"):
                body = self._read("ask.pem", "asvk.pem") + self._read("ark.pem")
            elif at.path.endswith("/crl"):
                body = self._read("crl.der")
            elif "/vcek/v1/" in at.path:
                body = self._read("vcek.der")
            else:
                raise FileNotFoundError(path)
        except FileNotFoundError:
            return 404, b"not found", {}
        return 200, body, {k: urllib.parse.quote(v.decode()) for k, v in chain.items()}
