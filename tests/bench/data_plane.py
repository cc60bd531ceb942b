"""The data plane against what else encrypts: the program's own TLS, and sidecars (stunnel, haproxy) on both sides."""

import re
import socket
import statistics
import subprocess
import time

from mesh import plane

SIDECARS = ("stunnel", "haproxy")
ROUNDS = 3


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Ways:
    """Servers, each reachable in five ways, and what a client's command has to be for each."""

    def __init__(self, workspace, launch):
        self.workspace, self.folder, self.launch = workspace, workspace.folder, launch
        self.authority = plane.Authority()
        self.paths = [str(self.folder / name) for name in ("plane.crt", "plane.key", "plane.ca")]
        self.credentials = self.authority.issue("server")
        for path, text in zip(self.paths, (*self.credentials, self.authority.pem)):
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
        with open(self.folder / "both.pem", "w", encoding="utf-8") as f:
            f.write("".join(self.credentials))
        self.ports = {}
        self.started = []

    def start(self, name, *command):
        process = self.workspace.start(name, [str(part) for part in command])
        self.started.append(process)

    def wait(self, port):
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise RuntimeError(f"nothing listens on port {port}")

    def entry(self, **more):
        return dict(plane.entry(self.authority, self.credentials), **more)

    def ours(self, port, *command):
        """The command of a server on `port`, inside the data plane."""
        config = plane.config(self.folder, f"in-{port}.json", incoming={f"*:{port}": self.entry(clientAuth=True)})
        return [self.launch, config, *command]

    def client(self, way, *command):
        port = self.ports[way]
        if way != "ours":
            return list(command)
        config = plane.config(self.folder, f"out-{port}.json", {f"localhost:{port}": self.entry()})
        return [self.launch, config, *command]

    def sidecars(self, plain):
        """In front of the plain server and of its client."""
        cert, key, ca = self.paths
        for name in SIDECARS:
            inner, outer = free_port(), free_port()
            self.ports[name] = outer
            if name == "stunnel":
                text = (f"foreground = yes\nsslVersionMin = TLSv1.3\ncert = {cert}\nkey = {key}\nCAfile = {ca}\n"
                        "verifyChain = yes\nsocket = l:TCP_NODELAY=1\nsocket = r:TCP_NODELAY=1\n"
                        f"[server]\naccept = 127.0.0.1:{inner}\nconnect = 127.0.0.1:{plain}\n"
                        f"[client]\nclient = yes\naccept = 127.0.0.1:{outer}\nconnect = 127.0.0.1:{inner}\n")
                command = ["stunnel"]
            else:
                tls = f"crt {self.folder}/both.pem ca-file {ca}"
                text = ("global\n  maxconn 4000\ndefaults\n  mode tcp\n  timeout connect 5s\n  timeout client 60s\n"
                        "  timeout server 60s\n"
                        f"listen server\n  bind 127.0.0.1:{inner} ssl {tls} verify required ssl-min-ver TLSv1.3\n"
                        f"  server s 127.0.0.1:{plain}\n"
                        f"listen client\n  bind 127.0.0.1:{outer}\n"
                        f"  server s 127.0.0.1:{inner} ssl {tls} verify required\n")
                command = ["haproxy", "-db", "-f"]
            path = self.folder / f"{name}-{plain}.conf"
            path.write_text(text)
            self.start(name, *command, path)
            self.wait(outer)

    def end(self):
        for process in self.started:
            process.stop()


def redis(workspace, launch):
    ways = Ways(workspace, launch)
    cert, key, ca = ways.paths
    common = ["redis-server", "--save", "", "--bind", "127.0.0.1"]
    for way in ("plain", "ours", "own"):
        port = ways.ports[way] = free_port()
        tls = ["--port", 0, "--tls-port", port, "--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", ca]
        command = [*common, *(tls if way == "own" else ["--port", port])]
        ways.start("redis", *(ways.ours(port, *command) if way == "ours" else command))
        ways.wait(port)
    ways.sidecars(ways.ports["plain"])
    return ways


def redis_rate(ways, way, *more):
    """Requests a second, and the median latency in ms."""
    cert, key, ca = ways.paths
    tls = ["--tls", "--cert", cert, "--key", key, "--cacert", ca] if way == "own" else []
    command = ways.client(way, "redis-benchmark", "-h", "localhost", "-p", ways.ports[way], *tls, "-t", "get", "--csv",
                          *more)
    out = subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True).stdout
    fields = out.strip().splitlines()[-1].replace('"', "").split(",")
    return float(fields[1]), float(fields[4])


ACCEPTS = """
import socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=100)
while True:
    peer, _ = listener.accept()
    try:
        while peer.recv(1000):
            pass
    except OSError:
        pass
    peer.close()
"""


def handshakes(workspace, launch):
    """Full handshakes with certificates on both sides, a second: a plain server in the data plane, and s_server."""
    ways = Ways(workspace, launch)
    cert, key, ca = ways.paths
    files = ["-cert", cert, "-key", key, "-CAfile", ca, "-tls1_3"]
    ours, own = ways.ports["ours"], ways.ports["own"] = free_port(), free_port()
    ways.start("accepts", *ways.ours(ours, "/usr/bin/python3", "-c", ACCEPTS, ours))
    ways.start("s_server", "openssl", "s_server", "-accept", f"127.0.0.1:{own}", *files, "-Verify", "1",
               "-verify_return_error", "-num_tickets", "0", "-quiet", "-www")
    seen = {"ours": [], "own": []}
    for port in (ours, own):
        ways.wait(port)
    for _ in range(ROUNDS):
        for way, rates in seen.items():
            out = subprocess.run(["openssl", "s_time", "-connect", f"127.0.0.1:{ways.ports[way]}", "-new", "-time", "3",
                                  *files], check=True, capture_output=True, text=True).stdout
            count, seconds = re.search(r"(\d+) connections in (\d+) real seconds", out).groups()
            rates.append(int(count) / int(seconds))
    ways.end()
    return {way: statistics.median(rates) for way, rates in seen.items()}


NGINX = """
daemon off; worker_processes 1; pid {folder}/n{port}.pid; error_log {folder}/n{port}.log;
events {{ worker_connections 1024; }}
http {{ access_log off; sendfile on; keepalive_requests 1000000000;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{ listen 127.0.0.1:{port} {ssl}; root {folder}/www; }} }}
"""


def nginx(workspace, launch):
    ways = Ways(workspace, launch)
    cert, key, ca = ways.paths
    www = ways.folder / "www"
    www.mkdir(exist_ok=True)
    (www / "small").write_text("small" * 20)
    (www / "big").write_bytes(bytes(8 << 20))
    for folder in (ways.folder, www):
        folder.chmod(0o755)
    for way in ("plain", "ours", "own"):
        port = ways.ports[way] = free_port()
        ssl = (f"ssl; ssl_certificate {cert}; ssl_certificate_key {key}; ssl_client_certificate {ca};"
               "ssl_verify_client off; ssl_protocols TLSv1.3") if way == "own" else ""
        path = ways.folder / f"nginx-{port}.conf"
        path.write_text(NGINX.format(folder=ways.folder, port=port, ssl=ssl))
        command = ["nginx", "-c", str(path)]
        ways.start("nginx", *(ways.ours(port, *command) if way == "ours" else command))
        ways.wait(port)
    ways.sidecars(ways.ports["plain"])
    return ways


UNITS = {"KB": 1 / 1024, "MB": 1, "GB": 1024}


def wrk(ways, way, path, connections):
    """(requests a second, MB a second)"""
    scheme = "https" if way == "own" else "http"
    command = ways.client(way, "wrk", "-t1", f"-c{connections}", "-d3",
                          f"{scheme}://localhost:{ways.ports[way]}/{path}")
    out = subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True).stdout
    rate, unit = re.search(r"Transfer/sec:\s+([0-9.]+)([KMG]B)", out).groups()
    return float(re.search(r"Requests/sec:\s+([0-9.]+)", out).group(1)), float(rate) * UNITS[unit]


def in_turns(measure):
    """{way: median of figures}, measured in turns, so that all see the same machine."""
    seen = {}
    for _ in range(ROUNDS):
        for way in ("plain", "ours", "own", *SIDECARS):
            seen.setdefault(way, []).append(measure(way))
    return {way: statistics.median(figures) for way, figures in seen.items()}
