"""Debian's servers, and what their clients ask. Started with the data plane (`config`), or with TLS of their own (`own`:
certificate, key, root), as far as they have it; likewise the clients, by whatever `run` starts them."""

import hashlib
import os
import pathlib
import shutil
import subprocess

import pytest

from mesh.world import PYTHON, free_port


class Service:
    """Who has no TLS of his own needs somebody to do it for him."""

    def __init__(self, start, ask, own_server=True, own_client=True):
        self.start, self.ask, self.own_server, self.own_client = start, ask, own_server, own_client


def joined(own):
    """Certificate and key in one file."""
    path = pathlib.Path(own[0]).with_suffix(".both")
    path.write_text("".join(pathlib.Path(p).read_text() for p in own[:2]))
    return path


# ---- Redis ----

def start_redis(world, port, config, own=None):
    tls = ["--port", 0, "--tls-port", port, "--tls-cert-file", own[0], "--tls-key-file", own[1],
           "--tls-ca-cert-file", own[2]] if own else ["--port", port]
    return world.start(config, "redis-server", *tls, "--save", "", "--bind", "127.0.0.1", "--dir", world.folder,
                       name="redis", ready="Ready to accept")


def ask_redis(run, port, own=None):
    target = ["-h", "127.0.0.1", "-p", port,
              *(["--tls", "--cert", own[0], "--key", own[1], "--cacert", own[2]] if own else [])]
    assert run("redis-cli", *target, "set", "a", "b") == b"OK\n"
    big = os.urandom(3 << 20).hex().encode()
    assert run("redis-cli", *target, "-x", "set", "big", input=big) == b"OK\n"
    assert run("redis-cli", *target, "get", "big").strip() == big
    many = "".join(f"SET key{i} {i}\r\n" for i in range(20000)).encode()
    assert b"errors: 0, replies: 20000" in run("redis-cli", *target, "--pipe", input=many)
    rates = run("redis-benchmark", *target, "-n", 20000, "-P", 16, "-t", "set,get,lrange_300", "-q").decode()
    assert rates.count("requests per second") >= 3


# ---- PostgreSQL ----

def postgres_program(name):
    return sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))[-1] / name


def start_postgres(world, port, config, own=None):
    """A server that forks before the first byte; run as its own user, as it demands."""
    if os.getuid() != 0:
        pytest.skip("needs root, to become the user postgres")
    folder = world.public_folder()
    shutil.chown(folder, "postgres")
    library = shutil.copy(world.workspace.binaries.build / "src/ttls/libmarblerun-ttls.so", folder)
    pathlib.Path(library).chmod(0o755)
    as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    subprocess.run([*as_user, postgres_program("initdb"), "-D", folder / "data", "-A", "trust", "-U", "me"],
                   check=True, capture_output=True, cwd="/")
    options = f"-c port={port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
    return world.start(config, *as_user, postgres_program("postgres"), "-D", folder / "data", *options.split(),
                       name="postgres", ready="ready to accept", PLANE_LIBRARY=library)


def ask_postgres(run, port, own=None):
    target = ["-h", "127.0.0.1", "-p", port, "-U", "me"]

    def psql(*arguments, **options):
        return run(postgres_program("psql"), *target, "postgres", *arguments, **options)

    def pgbench(*arguments):
        return run(postgres_program("pgbench"), *target, *arguments, "postgres").decode()

    said = psql("-Atc", "select sum(n), length(string_agg(n::text, ',')) from generate_series(1, 300000) n")
    assert said == b"45000150000|1988894\n"
    pgbench("-i", "-q")
    assert "number of transactions actually processed: 400/400" in pgbench("-c", 8, "-j", 2, "-t", 50)
    for mode in ("extended", "prepared"):
        assert "actually processed: 120/120" in pgbench("-c", 4, "-t", 30, "-M", mode)
    queries = [f"select {i}, repeat('x', {i * 100});" for i in range(50)]
    pipeline = "\n".join(["\\startpipeline", *queries, "\\endpipeline"]).encode()
    said = run(postgres_program("pgbench"), *target, "-n", "-c", 2, "-t", 20, "-M", "extended", "-f", "/dev/stdin",
               "postgres", input=pipeline)
    assert b"actually processed: 40/40" in said
    rows = "".join(f"{i}\t{hashlib.sha256(b'%d' % i).hexdigest()}\n" for i in range(300000)).encode()
    psql("-qc", "create table copied(n int, t text)")
    psql("-qc", "copy copied from stdin", input=rows)
    assert psql("-qc", "copy (select * from copied order by n) to stdout") == rows
    assert "actually processed: 40/40" in pgbench("-C", "-c", 4, "-t", 10, "-S")


# ---- memcached ----

CONNECT = """
import socket, ssl, sys
own = sys.argv[2:]
context = None
if own:
    context = ssl.create_default_context(cafile=own[2])
    context.load_cert_chain(*own[:2])
def connect():
    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    return context.wrap_socket(s, server_hostname="localhost") if own else s
"""


def start_memcached(world, port, config, own=None):
    """Its own TLS loses the end of a pipeline, whoever asks."""
    user = ["-u", "root"] if os.getuid() == 0 else []
    with world.listening_on(port):
        return world.start(config, "memcached", "-l", "127.0.0.1", "-p", port, "-U", "0", *user, name="memcached")


def ask_memcached(run, port, own=None):
    """Large values, and a pipeline on each of many connections."""
    said = run(PYTHON, "-c", CONNECT + """
value = bytes(range(256)) * 2000
value = value.replace(b"\\r", b"r")
connections = [connect() for _ in range(30)]
for i, s in enumerate(connections):
    s.sendall(b"set k%d 0 0 %d\\r\\n%s\\r\\n" % (i, len(value), value) + b"get k%d\\r\\n" % i * 10)
for i, s in enumerate(connections):
    f = s.makefile("rb")
    assert f.readline() == b"STORED\\r\\n"
    for _ in range(10):
        assert f.readline() == b"VALUE k%d 0 %d\\r\\n" % (i, len(value))
        assert f.read(len(value)) == value and f.readline() == b"\\r\\n" and f.readline() == b"END\\r\\n"
print("good")
""", port, *(own or []))
    assert said == b"good\n"


# ---- HTTP ----

NGINX = """
daemon off; worker_processes 2; pid %(folder)s/pid; error_log %(folder)s/error.log; %(user)s
events { worker_connections 512; }
http { access_log off; sendfile on; keepalive_requests 100000; client_max_body_size 0;
  client_body_temp_path %(folder)s/body; proxy_temp_path %(folder)s/proxy; fastcgi_temp_path %(folder)s/f;
  uwsgi_temp_path %(folder)s/u; scgi_temp_path %(folder)s/s; %(http)s }
"""


def nginx(world, name, port, config, http):
    folder = world.folder / name
    folder.mkdir()
    for path in (folder, world.folder):
        path.chmod(0o755)
    user = "user root;" if os.getuid() == 0 else ""
    (folder / "nginx.conf").write_text(NGINX % {"folder": folder, "http": http, "user": user})
    with world.listening_on(port):
        return world.start(config, "nginx", "-c", folder / "nginx.conf", name=name)


def files_of(folder, port, own=None):
    listen = f"listen 127.0.0.1:{port}"
    if own:
        listen += (f" ssl; ssl_protocols TLSv1.3; ssl_certificate {own[0]}; ssl_certificate_key {own[1]}; "
                   f"ssl_client_certificate {own[2]}; ssl_verify_client on")
    return "server { %s; location / { root %s; } }" % (listen, folder)


def pages(world):
    """A folder with a small file and a big one."""
    folder = world.folder / "www"
    if not folder.exists():
        folder.mkdir()
        (folder / "small").write_bytes(b"small")
        (folder / "big").write_bytes(hashlib.shake_256(b"big").digest(8 << 20))
    return folder


BIG = hashlib.sha256(hashlib.shake_256(b"big").digest(8 << 20)).hexdigest()


def start_nginx(world, port, config, own=None):
    return nginx(world, "nginx", port, config, files_of(pages(world), port, own))


def start_haproxy(world, port, config, own=None):
    """In front of a server that is nobody else's business."""
    behind, path = free_port(), world.folder / "haproxy.cfg"
    with world.listening_on(behind):
        world.start(None, PYTHON, "-m", "http.server", behind, "--bind", "127.0.0.1", "-d", pages(world), name="behind")
    tls = f"ssl crt {joined(own)} ca-file {own[2]} verify required" if own else ""
    path.write_text(HAPROXY % ("http", f"127.0.0.1:{port} {tls}", behind))
    with world.listening_on(port):
        return world.start(config, "haproxy", "-db", "-f", path, name="haproxy")


HAPROXY = """
defaults
  mode %s
  timeout connect 5s
  timeout client 20s
  timeout server 20s
listen front
  bind %s
  server one 127.0.0.1:%d
"""


def ask_http(run, port, own=None):
    """curl, ab, requests; and wrk, and Node.js's fetch, which have no certificate to show."""
    url = f"{'https' if own else 'http'}://127.0.0.1:{port}"
    tls = ["--cert", own[0], "--key", own[1], "--cacert", own[2]] if own else []
    assert hashlib.sha256(run("curl", "-sS", *tls, f"{url}/big")).hexdigest() == BIG
    said = run("ab", "-q", *(["-E", joined(own)] if own else []), "-n", 200, "-c", 20, f"{url}/small").decode()
    assert "Complete requests:      200" in said and "Failed requests:        0" in said and "Non-2xx" not in said
    said = run(PYTHON, "-c", """
import hashlib, requests, sys
url, *own = sys.argv[1:]
with requests.Session() as session:
    session.trust_env = False
    if own:
        session.cert, session.verify = tuple(own[:2]), own[2]
    for _ in range(30):
        assert session.get(url + "/small").content == b"small"
    print(hashlib.sha256(session.get(url + "/big").content).hexdigest())
""", url, *(own or []))
    assert said.decode().strip() == BIG
    if own:
        return
    said = run("wrk", "-t2", "-c20", "-d1", f"{url}/small").decode()
    assert "requests in" in said and "Socket errors" not in said and "Non-2xx" not in said
    said = run("node", "-e", f"fetch('{url}/big').then(r => r.arrayBuffer()).then(b => console.log("
               "require('crypto').createHash('sha256').update(Buffer.from(b)).digest('hex')))")
    assert said.decode().strip() == BIG


NODE = """
const [role, port, cert, key, ca] = process.argv.slice(1), fs = require('fs'), crypto = require('crypto');
const own = cert && { cert: fs.readFileSync(cert), key: fs.readFileSync(key), ca: fs.readFileSync(ca),
                      requestCert: true, rejectUnauthorized: true };
const web = require(own ? 'https' : 'http'), body = crypto.randomBytes(3 << 20);
function ask(agent) {
  return new Promise((done, failed) => {
    const asked = web.request({ host: '127.0.0.1', port, method: 'POST', agent, ...own }, async (answer) => {
      const parts = [];
      for await (const part of answer) parts.push(part);
      Buffer.concat(parts).equals(body) ? done() : failed(new Error('another body'));
    });
    asked.on('error', failed);
    asked.end(body);
  });
}
const cluster = require('cluster');
if (role === 'cluster' && cluster.isPrimary) {
  let ready = 0;
  cluster.on('listening', () => ++ready === 2 && console.log('ready'));
  for (let i = 0; i < 2; i++) cluster.fork();
  process.on('SIGTERM', () => process.exit(0));
} else if (role !== 'client')
  web.createServer(own || {}, (q, r) => q.pipe(r)).listen(port, '127.0.0.1', () => console.log('ready'));
else {
  const agent = new web.Agent({ keepAlive: true, maxSockets: 4 });
  Promise.all(Array.from({ length: 12 }, () => ask(agent))).then(() => { console.log('good'); agent.destroy(); });
}
"""


def start_node(world, port, config, own=None):
    return world.start(config, "node", "-e", NODE, "server", port, *(own or []), name="node", ready="ready")


def start_node_cluster(world, port, config, own=None):
    """The first process accepts, and gives each connection to one of the others."""
    code = world.folder / "cluster.js"
    code.write_text(NODE.replace("slice(1)", "slice(2)"))
    return world.start(config, "node", code, "cluster", port, *(own or []), name="cluster", ready="ready")


def ask_node(run, port, own=None):
    assert run("node", "-e", NODE, "client", port, *(own or [])) == b"good\n"


# ---- Python, socat ----

def start_python(world, port, config, own=None):
    server = pathlib.Path(__file__).parents[1] / "programs/echo_server.py"
    return world.start(config, PYTHON, server, "threads" if own else "asyncio", port, *(own or []), name="python",
                       ready="ready")


def ask_python(run, port, own=None):
    """asyncio: many connections at once, each with data both ways."""
    said = run(PYTHON, "-c", CONNECT + """
import asyncio, os
async def ask(data):
    reader, writer = await asyncio.open_connection("127.0.0.1", int(sys.argv[1]), ssl=context,
                                                   server_hostname="localhost" if own else None)
    sending = asyncio.ensure_future(send(writer, data))
    got = await reader.readexactly(len(data))
    await sending
    writer.close()
    return got == data
async def send(writer, data):
    for at in range(0, len(data), 50000):
        writer.write(data[at:at + 50000])
        await writer.drain()
async def main():
    return await asyncio.gather(*[ask(os.urandom(i * 40000 + 1)) for i in range(30)])
print(all(asyncio.run(main())) and "good")
""", port, *(own or []))
    assert said == b"good\n"


def start_socat(world, port, config, own=None):
    listen = (f"OPENSSL-LISTEN:{port},cert={own[0]},key={own[1]},cafile={own[2]},verify=1" if own else
              f"TCP-LISTEN:{port}")
    with world.listening_on(port):
        return world.start(config, "socat", "-t30", f"{listen},bind=127.0.0.1,reuseaddr,fork,backlog=100", "EXEC:cat",
                           name="socat")


def ask_socat(run, port, own=None):
    data = os.urandom(300000)
    to = f"OPENSSL:localhost:{port},pf=ip4,cert={own[0]},key={own[1]},cafile={own[2]}" if own else f"TCP4:127.0.0.1:{port}"
    for _ in range(3):
        assert run("socat", "-t30", "-", to, input=data) == data
    if not own:
        assert run("nc", "-N", "127.0.0.1", port, input=data) == data


SERVICES = {
    "redis": Service(start_redis, ask_redis),
    "postgresql": Service(start_postgres, ask_postgres, own_server=False, own_client=False),
    "memcached": Service(start_memcached, ask_memcached, own_server=False),
    "nginx": Service(start_nginx, ask_http),
    "haproxy": Service(start_haproxy, ask_http),
    "node http": Service(start_node, ask_node),
    "node cluster": Service(start_node_cluster, ask_node),
    "python": Service(start_python, ask_python),
    "socat that forks": Service(start_socat, ask_socat),
}
