"""nginx, serving files over HTTPS: what the client API is measured against."""

import pathlib
import socket
import subprocess
import time

CONFIGURATION = """
worker_processes {processors};
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {folder}/certificate.pem;
        ssl_certificate_key {folder}/key.pem;
        ssl_protocols TLSv1.3;
        root {folder}/files;
        default_type application/json;
    }}
}}
"""


class StaticServer:
    """`files` are {path: content}."""

    def __init__(self, workspace, files, processors):
        folder = workspace.folder / "nginx"
        for path, content in files.items():
            to = folder / "files" / path.lstrip("/")
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_bytes(content)
        (folder / "files").chmod(0o755)
        workspace.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                       "-subj", "/CN=localhost", "-keyout", folder / "key.pem", "-out",
                       folder / "certificate.pem"])
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        text = CONFIGURATION.format(folder=folder, port=self.port, processors=processors)
        if pathlib.Path("/proc/self").stat().st_uid == 0:
            text = "user root;" + text  # its workers read what is ours
        (folder / "nginx.conf").write_text(text)
        nginx = next(p for p in ("/usr/sbin/nginx", "/usr/bin/nginx") if pathlib.Path(p).exists())
        self._process = subprocess.Popen([nginx, "-c", folder / "nginx.conf", "-e", folder / "error.log"])
        self._wait()

    def _wait(self):
        end = time.monotonic() + 10
        while time.monotonic() < end:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            assert self._process.poll() is None, "nginx does not start"
            time.sleep(0.01)
        raise AssertionError("nginx does not listen")

    def stop(self):
        self._process.terminate()
        self._process.wait()
