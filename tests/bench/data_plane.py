"""The data plane against what else encrypts: the program's own TLS, and sidecars (stunnel, haproxy) on both sides."""

import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import tempfile
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
        self.own_folder = None

    def start(self, name, *command, **environment):
        process = self.workspace.start(name, [str(part) for part in command], **environment)
        self.started.append(process)
        return process

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
        if way == "unlisted":  # the data plane is there, and has nothing to do
            config = plane.config(self.folder, "unlisted.json", {"localhost:9": self.entry()})
            return [self.launch, config, *command]
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
        if self.own_folder:
            shutil.rmtree(self.own_folder)


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
    ways.ports["unlisted"] = ways.ports["plain"]
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
http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000;
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


def ab(ways, way):
    """Requests a second, of a new connection each."""
    scheme = "https" if way == "own" else "http"
    command = ways.client(way, "ab", "-q", "-n", "4000", "-c", "8", f"{scheme}://localhost:{ways.ports[way]}/small")
    out = subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True).stdout
    return float(re.search(r"Requests per second:\s+([0-9.]+)", out).group(1))


POSTGRESQL = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))


def postgresql(workspace, launch):
    """Its servers run as the user postgres, in a folder that this user may enter."""
    ways = Ways(workspace, launch)
    ways.own_folder = folder = pathlib.Path(tempfile.mkdtemp(prefix="marblerun-bench."))
    folder.chmod(0o755)
    library = shutil.copy(launch.parents[2] / "src/ttls/libmarblerun-ttls.so", folder)
    pathlib.Path(library).chmod(0o755)
    for path, name in zip(ways.paths, ("crt", "key", "ca")):
        shutil.copy(path, folder / name)
        shutil.chown(folder / name, "postgres")
        (folder / name).chmod(0o600)
    user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    for way in ("plain", "ours", "own"):
        port, data = free_port(), folder / way
        ways.ports[way] = port
        data.mkdir()
        shutil.chown(data, "postgres")
        subprocess.run([*user, POSTGRESQL[-1] / "initdb", "-D", data, "-A", "trust", "-U", "me"], check=True,
                       capture_output=True, cwd="/")
        tls = f" -c ssl=on -c ssl_cert_file={folder}/crt -c ssl_key_file={folder}/key" if way == "own" else ""
        options = f"-c port={port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off{tls}"
        command = [*user, POSTGRESQL[-1] / "postgres", "-D", data, *options.split()]
        process = ways.start("postgres", *(ways.ours(port, *command) if way == "ours" else command),
                             PLANE_LIBRARY=library)
        process.wait_for(lambda log: "ready to accept" in log)
        if way != "own":
            pgbench(ways, way, "-i", "-q")
    pgbench(ways, "own", "-i", "-q")
    ways.sidecars(ways.ports["plain"])
    return ways


def pgbench(ways, way, *more):
    """Its output."""
    command = [POSTGRESQL[-1] / "pgbench", "-h", "localhost", "-p", ways.ports[way], "-U", "me", *more, "postgres"]
    mode = {"PGSSLMODE": "verify-ca", "PGSSLROOTCERT": str(ways.paths[2])} if way == "own" else {"PGSSLMODE": "disable"}
    return ways.workspace.run(ways.client(way, *map(str, command)), **mode).stdout.decode()


def pgbench_rate(ways, way):
    """Transactions a second, of one SELECT each."""
    said = pgbench(ways, way, "-S", "-n", "-M", "prepared", "-c", "8", "-j", "1", "-T", "3")
    return float(re.search(r"tps = ([0-9.]+)", said)[1])


STREAM_BYTES = 2 << 30


def stream(workspace, launch):
    ways = Ways(workspace, launch)
    cert, key, ca = ways.paths
    for way in ("plain", "ours", "own"):
        port = ways.ports[way] = free_port()
        tls = f"OPENSSL-LISTEN:{port},cert={cert},key={key},cafile={ca},verify=1"
        command = ["socat", "-u", "-b", "131072", f"{tls if way == 'own' else f'TCP-LISTEN:{port}'},reuseaddr,fork",
                   "OPEN:/dev/null"]
        ways.start("socat", *(ways.ours(port, *command) if way == "ours" else command))
        ways.wait(port)
    ways.sidecars(ways.ports["plain"])
    return ways


def stream_rate(ways, way):
    """MB a second."""
    cert, key, ca = ways.paths
    port = ways.ports[way]
    to = f"OPENSSL:localhost:{port},cert={cert},key={key},cafile={ca},verify=1" if way == "own" else \
        f"TCP:localhost:{port}"
    command = ways.client(way, "socat", "-u", "-b", "131072", f"OPEN:/dev/zero,readbytes={STREAM_BYTES}", to)
    begin = time.monotonic()
    subprocess.run([str(part) for part in command], check=True)
    return STREAM_BYTES / (1 << 20) / (time.monotonic() - begin)


IDLE = 1000
IDLERS = f"""
import socket, ssl, sys
held, context = [], None
if sys.argv[2:]:
    context = ssl.create_default_context(cafile=sys.argv[4])
    context.load_cert_chain(sys.argv[2], sys.argv[3])
for _ in range({IDLE}):
    s = socket.create_connection(("localhost", int(sys.argv[1])))
    held.append(context.wrap_socket(s, server_hostname="localhost") if context else s)
    held[-1].sendall(b"PING\\r\\n")
    assert held[-1].recv(100) == b"+PONG\\r\\n"
print("there", flush=True)
sys.stdin.read()
"""


def resident(pid):
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"Rss:\s+(\d+) kB", text)[1]) * 1024


def memory_per_connection(ways, way):
    """Bytes of a Redis server for each of many idle connections, the kernel's left out."""
    port = ways.ports[way]
    pid = int(re.search(r"pid=(\d+)", subprocess.run(["ss", "-Hltnp", f"sport = :{port}"], check=True, text=True,
                                                     capture_output=True).stdout)[1])
    before = resident(pid)
    clients = subprocess.Popen(ways.client(way, "/usr/bin/python3", "-c", IDLERS, str(port),
                                          *(ways.paths if way == "own" else [])), stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    assert clients.stdout.readline() == "there\n"
    after = resident(pid)
    clients.communicate("")
    return (after - before) / IDLE


def in_turns(measure, ways=("plain", "ours", "own", *SIDECARS)):
    """{way: median of figures}, measured in turns, so that all see the same machine."""
    seen = {}
    for _ in range(ROUNDS):
        for way in ways:
            seen.setdefault(way, []).append(measure(way))
    return {way: statistics.median(figures) for way, figures in seen.items()}
