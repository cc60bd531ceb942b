"""How the command line comes to a cluster and who it is there: kubeconfigs of all shapes, certificates, tokens, plugins."""

import base64
import json
import os
import pathlib
import pty
import socket
import subprocess
import threading
import time

import pytest
from cryptography import x509

from mesh import certificates
from mesh.kubernetes import ApiServer, status

CANARY = "canary-90b1d5c27ee94a7fb1a3"
MISTAKES = sorted((pathlib.Path(__file__).resolve().parents[1] / "vectors/kubernetes/kubeconfig").glob("*.yaml"))


class Login:
    def __init__(self, workspace):
        self.workspace = workspace
        self.user_key = certificates.make_key()
        authority_key = certificates.make_key()
        self.users = certificates.self_signed(authority_key, "users", [x509.BasicConstraints(True, None)])
        middle_key = certificates.make_key()
        self.middle = certificates.issued(middle_key, "middle", self.users, authority_key,
                                          [x509.BasicConstraints(True, None)])
        self.user = certificates.issued(self.user_key, "me", self.middle, middle_key)
        self.server = ApiServer(workspace, tokens=[CANARY], users_authority=self.users)

    def run(self, *arguments, check=True, command="precheck", **environment):
        done = self.workspace.run([self.workspace.binaries.cli, command, *arguments], check=check, **environment)
        assert CANARY.encode() not in done.stdout + done.stderr
        assert b"Sanitizer" not in done.stderr and b"runtime error" not in done.stderr
        done.errors = done.stderr.decode()
        return done

    def with_user(self, user, *arguments, cluster=None, **options):
        path = self.server.kubeconfig(user, **(cluster or {}))
        return self.run("--kubeconfig", path, *arguments, **options)

    def plugin(self, text, version="v1", mode="Never", name="plugin", **more):
        self.workspace.program(name, text)
        self.workspace.allow_secrets_in(self.workspace.folder / name)
        return {"exec": {"apiVersion": f"client.authentication.k8s.io/{version}", "command": f"./{name}",
                         "interactiveMode": mode, **more}}

    def said(self, version="v1", **fields):
        answer = {"kind": "ExecCredential", "apiVersion": f"client.authentication.k8s.io/{version}", "status": fields}
        return f"cat <<'END'\n{json.dumps(answer)}\nEND\n"


@pytest.fixture
def login(workspace):
    workspace.secrets.add("the token", CANARY)
    made = Login(workspace)
    yield made
    made.server.stop()


def text64(raw):
    return base64.b64encode(raw).decode()


# kubeconfig files

@pytest.mark.parametrize("path", MISTAKES, ids=lambda p: p.stem)
def test_mistakes(workspace, path):
    said = path.read_bytes().split(b"\n", 1)[0].decode().removeprefix("# says: ")
    done = workspace.run([workspace.binaries.cli, "precheck", "--kubeconfig", path], check=1)
    assert said in done.stderr.decode()
    assert "a-token" not in done.stderr.decode() and done.stderr.count(b"\n") <= 2


def test_none_at_all(login):
    assert "no kubeconfig says which cluster" in login.run(check=1).errors
    assert "--kubeconfig" in login.run("--kubeconfig", "/nowhere", check=1).errors
    errors = login.run(check=1, KUBECONFIG="/nowhere:/nor/there").errors
    assert "no kubeconfig says which cluster" in errors and '"/nowhere:/nor/there", and no such file' in errors


def test_the_one_at_home(login):
    login.server.kubeconfig(name="home/.kube/config")
    login.run()


def test_a_list_of_files(login, workspace):
    """Each thing comes from the first file that has it; files that are not there are passed over."""
    good = json.loads(login.server.kubeconfig(name="good").read_text())
    parts = {"a": {"current-context": "test", "contexts": good["contexts"]},
             "b": {"current-context": "other", "clusters": good["clusters"],
                   "contexts": [{"name": "test", "context": {"cluster": "wrong"}}]},
             "c": {"users": good["users"], "clusters": [{"name": "here", "cluster": {"server": "https://127.0.0.1:1"}}]}}
    for name, content in parts.items():
        workspace.allow_secrets_in(workspace.write(f"parts/{name}", json.dumps(content)))
    paths = [str(workspace.folder / "parts" / name) for name in "axbc"]
    login.run(KUBECONFIG="::".join(paths) + ":")
    login.run("--kubeconfig", workspace.folder / "good", KUBECONFIG="/nowhere")


def test_another_context(login, workspace):
    document = json.loads(login.server.kubeconfig(context="right").read_text())
    document["current-context"] = "wrong"
    path = workspace.write("two", json.dumps(document))
    workspace.allow_secrets_in(path)
    assert 'no context "wrong"' in login.run("--kubeconfig", path, check=1).errors
    login.run("--kubeconfig", path, "--context", "right")


def test_files_are_relative_to_the_kubeconfig(login, workspace):
    workspace.write("deep/ca.pem", certificates.pem(login.server.authority))
    workspace.allow_secrets_in(workspace.write("deep/token", CANARY + "\n"))
    path = login.server.kubeconfig({"tokenFile": "../deep/token"}, name="other/kubeconfig",
                                   certificate_authority_data=None, certificate_authority="../deep/ca.pem")
    login.run("--kubeconfig", path)
    login.run("--kubeconfig", "other/kubeconfig")


def test_a_pod_is_its_service_account(login, workspace):
    """In a mount namespace of its own, where a kubelet would have put the files."""
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode != 0:
        pytest.skip("mount namespaces are not allowed here")
    workspace.write("ca.crt", certificates.pem(login.server.authority))
    workspace.allow_secrets_in(workspace.write("token", CANARY + "\n"))
    workspace.write("in-a-pod", """set -e
mount -t tmpfs none /run
mkdir -p /var/run/secrets/kubernetes.io/serviceaccount
cp ca.crt token /var/run/secrets/kubernetes.io/serviceaccount
exec "$@"
""")
    done = workspace.run(["unshare", "-m", "sh", "in-a-pod", workspace.binaries.cli, "precheck"],
                         KUBERNETES_SERVICE_HOST="127.0.0.1", KUBERNETES_SERVICE_PORT=login.server.port)
    assert b"0 nodes" in done.stdout
    assert CANARY.encode() not in done.stdout + done.stderr


# the server

def test_the_server_must_be_the_one(login):
    other = ApiServer(login.workspace, tokens=[CANARY])
    wrong = text64(certificates.pem(other.authority))
    other.stop()
    done = login.with_user(None, cluster={"certificate_authority_data": wrong}, check=1)
    assert "certificate" in done.errors and login.server.requests == []
    done = login.with_user(None, cluster={"certificate_authority_data": None}, check=1)
    assert "certificate" in done.errors and login.server.requests == [], "the system does not know it either"


def test_the_server_must_have_the_name(workspace):
    server = ApiServer(workspace, names=["kubernetes.default.svc"])
    login = Login.__new__(Login)
    login.workspace, login.server = workspace, server
    try:
        assert "127.0.0.1" in login.with_user(None, check=1).errors
        assert server.requests == []
        login.with_user(None, cluster={"tls_server_name": "kubernetes.default.svc"})
        assert server.asked_names[-1] == "kubernetes.default.svc"
        assert "other.name" in login.with_user(None, cluster={"tls_server_name": "other.name"}, check=1).errors
    finally:
        server.stop()


def test_insecure_is_said_aloud(login):
    done = login.with_user(None, cluster={"certificate_authority_data": None, "insecure_skip_tls_verify": True})
    assert "NOT verified" in done.errors


def test_plain_http_without_credentials(workspace):
    server = ApiServer(workspace, plain=True)
    server._login = lambda handler: None
    path = server.kubeconfig({})
    try:
        workspace.run([workspace.binaries.cli, "precheck", "--kubeconfig", path])
    finally:
        server.stop()


def test_a_server_behind_a_path(login):
    done = login.with_user(None, cluster={"server": login.server.url + "/clusters/c-1/"}, check=1)
    assert "(404)" in done.errors
    assert login.server.requests


def test_a_web_server_is_no_cluster_without_an_installation(login):
    login.server.fail = lambda *_: (404, b"<html>nothing here</html>", {})
    done = login.with_user(None, command="uninstall", check=1)
    assert "not by a Kubernetes API" in done.errors


class Tunnel:
    """A proxy that knows CONNECT."""

    def __init__(self):
        self.asked = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            client, _ = self._listening.accept()
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        request = b""
        while b"\r\n\r\n" not in request:
            request += client.recv(4096)
        target = request.split()[1].decode()
        self.asked.append((request.split()[0].decode(), target))
        server = socket.create_connection(target.rsplit(":", 1))
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        threading.Thread(target=self._copy, args=(server, client), daemon=True).start()
        self._copy(client, server)

    @staticmethod
    def _copy(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # one end is gone


def test_a_proxy_of_the_environment_sees_only_tls(login):
    proxy = Tunnel()
    login.with_user(None, HTTPS_PROXY=proxy.url)
    assert proxy.asked and all(a == ("CONNECT", f"127.0.0.1:{login.server.port}") for a in proxy.asked)


def test_a_server_that_does_not_answer(login):
    never = threading.Event()
    login.server.fail = lambda *_: never.wait(60) and None
    try:
        done = login.with_user(None, "--request-timeout", "1", check=1)
    finally:
        never.set()
    assert "timed out" in done.errors.lower()


# who we are

def test_certificate_inline_and_in_files(login, workspace):
    chain = certificates.pem(login.user) + certificates.pem(login.middle)
    key = certificates.pem(login.user_key)
    login.with_user({"client-certificate-data": text64(chain), "client-key-data": text64(key)})
    workspace.write("me.pem", chain)
    workspace.write("key.pem", key)
    login.with_user({"client-certificate": "me.pem", "client-key": "key.pem"})
    done = login.with_user({"client-certificate-data": text64(certificates.pem(login.user)), "client-key": "key.pem"},
                           check=1)
    assert "127.0.0.1" in done.errors, "without the one in between, nobody knows us"


def test_a_key_of_another_certificate(login):
    key = certificates.pem(certificates.make_key())
    done = login.with_user({"client-certificate-data": text64(certificates.pem(login.user)),
                            "client-key-data": text64(key)}, check=1)
    assert "does not fit" in done.errors


def test_nobody(login):
    assert "does not know who we are (401)" in login.with_user({}, check=1).errors


def test_a_token_file_is_read_again(login, workspace):
    """It changes during an installation, as the kubelet changes it."""
    path = workspace.write("token", CANARY)
    workspace.allow_secrets_in(path)
    config = login.server.kubeconfig({"token": "an-old-copy-of-it", "tokenFile": "token"})

    def change(number, method, place):
        if number == 10:
            login.server.tokens = [CANARY + "-2"]
            path.write_text(CANARY + "-2\n")
            return status(503, "ServiceUnavailable", "restarting")
        return None

    login.server.fail = change
    login.run("--kubeconfig", config, "--simulation", command="install")


def test_a_token_that_goes_away_is_no_object_that_is_not_there(login, workspace):
    path = workspace.write("token", CANARY)
    workspace.allow_secrets_in(path)
    login.run("--kubeconfig", login.server.kubeconfig({"tokenFile": "token"}), "--simulation", command="install")
    path.unlink()
    done = login.run("--kubeconfig", login.workspace.folder / "kubeconfig", command="uninstall", check=1)
    assert "No such file" in done.errors


def test_refusals_never_repeat_the_token(login):
    login.server.fail = lambda *_: status(403, "Forbidden", f"no {CANARY} may do that")
    done = login.with_user(None, check=1)
    assert "forbidden (403)" in done.errors and "not shown" in done.errors


def test_words_of_the_server_are_bounded_and_printable(login):
    login.server.fail = lambda *_: status(403, "Forbidden", "\x1b[2J" + "x" * 100_000)
    done = login.with_user(None, check=1)
    assert "\x1b" not in done.errors and len(done.errors) < 3000


# plugins

def test_a_plugin_gives_a_token(login, workspace):
    says = login.said(token=CANARY)
    user = login.plugin('printf %s "$KUBERNETES_EXEC_INFO" > info; printf "%s|" "$@" "$EXTRA" > given\n' + says,
                        args=["--for", "a b"], env=[{"name": "EXTRA", "value": "more"}], provideClusterInfo=True)
    login.with_user(user)
    info = json.loads((workspace.folder / "info").read_text())
    assert info["kind"] == "ExecCredential" and info["apiVersion"] == "client.authentication.k8s.io/v1"
    assert info["spec"]["interactive"] is False
    assert info["spec"]["cluster"]["server"] == login.server.url
    authority = base64.b64decode(info["spec"]["cluster"]["certificate-authority-data"])
    assert authority == certificates.pem(login.server.authority)
    assert (workspace.folder / "given").read_text() == "--for|a b|more|"


def test_the_older_version(login, workspace):
    user = login.plugin('printf %s "$KUBERNETES_EXEC_INFO" > info\n' + login.said("v1beta1", token=CANARY), "v1beta1")
    del user["exec"]["interactiveMode"]
    login.with_user(user)
    assert "cluster" not in json.loads((workspace.folder / "info").read_text())["spec"]


def test_a_plugin_gives_a_certificate(login):
    chain = (certificates.pem(login.user) + certificates.pem(login.middle)).decode()
    says = login.said(clientCertificateData=chain, clientKeyData=certificates.pem(login.user_key).decode())
    login.with_user(login.plugin(says))


def test_a_plugin_is_asked_once_while_it_is_good(login, workspace):
    user = login.plugin("echo >> calls\n" + login.said(token=CANARY, expirationTimestamp="2100-01-01T00:00:00Z"))
    login.with_user(user, "--simulation", command="install")
    assert (workspace.folder / "calls").read_text() == "\n"


def test_what_expired_is_asked_for_again(login, workspace):
    user = login.plugin("echo >> calls\n" + login.said(token=CANARY, expirationTimestamp="2020-01-01T00:00:00Z"))
    login.with_user(user, "--simulation", command="install")
    assert len((workspace.folder / "calls").read_text()) == len(login.server.requests)


def test_what_the_server_no_longer_takes_is_asked_for_once_more(login, workspace):
    first, second = login.said(token="not-this-one"), login.said(token=CANARY)
    user = login.plugin(f"echo >> calls\nif [ $(wc -l < calls) = 1 ]; then\n{first}else\n{second}fi\n")
    login.with_user(user, "--simulation", command="install")
    assert (workspace.folder / "calls").read_text() == "\n\n"
    (workspace.folder / "calls").unlink()
    login.server.tokens = []
    assert "(401)" in login.with_user(user, check=1).errors
    assert (workspace.folder / "calls").read_text() == "\n\n", "not for ever"


@pytest.mark.parametrize("text,words", [
    ("echo 'I am sorry' >&2; exit 3", "failed with exit status 3"),
    ("kill -9 $$", "ended by signal 9"),
    ("exit 127", "install it from example"),
    ("echo garbage", "line 1"),
    ("true", "line"),
    ("echo '[]'", "is no JSON object"),
    ("echo '{}'", '"kind" is not ExecCredential'),
    ("""echo '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1beta1","status":{}}'""",
     "as was asked for"),
    ("""echo '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1"}'""", 'no "status"'),
    ("""echo '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{}}'""",
     "neither a token nor"),
    ("yes", "writes more than"),
])
def test_plugins_that_fail(login, text, words):
    done = login.with_user(login.plugin(text, installHint="install it from example"), check=1)
    assert words in done.errors
    assert login.server.requests == []


@pytest.mark.parametrize("field,value,words", [
    ("token", "a\r\nInjected: x", "a token has no blanks"), ("token", 3, "is of type integer"),
    ("token", "", "neither a token nor"), ("expirationTimestamp", "soon", "plugin"),
    ("clientKeyData", "x", "belong together"), ("clientCertificateData", "x", "belong together"),
])
def test_answers_of_plugins_that_make_no_sense(login, field, value, words):
    good = {"token": CANARY} if field != "token" else {}
    done = login.with_user(login.plugin(login.said(**{**good, field: value})), check=1)
    assert words in done.errors
    assert login.server.requests == []


def gone(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX"
    except OSError:
        return True


def test_a_plugin_that_hangs_is_ended_with_its_children(login, workspace):
    user = login.plugin("sleep 1000 & echo $! > child; echo $$ > self; wait\n")
    done = login.with_user(user, "--request-timeout", "1", check=1)
    assert "has not ended after 1 seconds" in done.errors
    for name in ("child", "self"):
        pid = int((workspace.folder / name).read_text())
        end = time.monotonic() + 20
        while not gone(pid):
            assert time.monotonic() < end, f"{name} still runs"
            time.sleep(0.01)


def test_a_plugin_that_closes_its_output_and_stays(login):
    done = login.with_user(login.plugin("exec >&-; sleep 1000\n"), "--request-timeout", "1", check=1)
    assert "has not ended after 1 seconds" in done.errors


def test_a_plugin_that_wants_to_ask(login):
    done = login.with_user(login.plugin(login.said(token=CANARY), mode="Always"), check=1)
    assert "no terminal" in done.errors
    login.with_user(login.plugin(login.said(token=CANARY), mode="IfAvailable"))


def test_a_plugin_asks_at_a_terminal(login, workspace):
    for mode in ("IfAvailable", "Always"):
        user = login.plugin('read answer; printf %s "$answer" > answer\n' + login.said(token=CANARY), mode=mode)
        path = login.server.kubeconfig(user)
        ours, theirs = pty.openpty()
        os.write(ours, b"a password\n")
        done = subprocess.run([workspace.binaries.cli, "precheck", "--kubeconfig", path], stdin=theirs,
                              capture_output=True, timeout=60, cwd=workspace.folder, env=workspace.environment())
        os.close(ours)
        os.close(theirs)
        assert done.returncode == 0, done.stderr
        assert (workspace.folder / "answer").read_text() == "a password"


def test_a_plugin_reads_nothing(login, workspace):
    login.with_user(login.plugin("wc -c > read\n" + login.said(token=CANARY)))
    assert (workspace.folder / "read").read_text().strip() == "0"


def test_a_plugin_by_its_name_is_looked_for_in_path(login, workspace):
    user = login.plugin(login.said(token=CANARY), name="bin/kube-login")
    user["exec"]["command"] = "kube-login"
    login.with_user(user, PATH=f"{workspace.folder}/bin:{os.environ['PATH']}")
    done = login.with_user({"exec": {**user["exec"], "installHint": "apt install kube-login"}}, check=1)
    assert "can't be started" in done.errors and "apt install kube-login" in done.errors
