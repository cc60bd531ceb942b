"""The command line of users: what it sends, as whom, and what it says; against a stand-in."""

import base64
import hashlib
import json
import os
import pty
import re
import stat
import struct
import termios
import time

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from mesh.stand_in import StandIn, base64_of
from mesh.token import Token
from mesh.user import KEYS, User

UPDATE, PENDING, CANCEL = "/api/v2/update", "/api/v2/update-manifest", "/api/v2/update-cancel"
SECRETS = "/api/v2/secrets"


class Bench:
    """Users and a stand-in."""

    def __init__(self, workspace, keys):
        self.workspace, self.keys = workspace, keys
        self.cli = workspace.binaries.cli
        self.server = None

    def user(self, name, kind="p256"):
        made = User(self.keys, name, kind)
        self.workspace.secrets.add_pem(f"key of {name}", made.key_file.read_bytes())
        return made

    def serve(self, *users):
        self.server = StandIn(self.workspace, [u.certificate for u in users])
        return self.server

    def run(self, *arguments, check=True, **environment):
        """The address comes last, then flags."""
        return self.workspace.run([self.cli, *arguments, self.server.address, "--insecure"], check=check,
                                  **environment)

    def run_as(self, user, *arguments, check=True, flags=()):
        return self.workspace.run([self.cli, *arguments, self.server.address, "--insecure", *user.flags,
                                   *flags], check=check)

    def file(self, name, content):
        return self.workspace.write(name, content)


@pytest.fixture
def bench(workspace, tmp_path_factory):
    # Users' keys are their own: not in the folder that is searched for leaked secrets.
    made = Bench(workspace, tmp_path_factory.mktemp("users"))
    yield made
    if made.server:
        made.server.stop()


@pytest.fixture
def alice(bench):
    return bench.user("alice")


def text_of(done):
    return (done.stdout + done.stderr).decode()


@pytest.mark.parametrize("kind", KEYS)
def test_a_user_is_the_certificate(bench, workspace, kind):
    user = bench.user("user", kind)
    bench.serve(user).succeed("POST", CANCEL)
    bench.run_as(user, "manifest", "update", "cancel")
    assert bench.server.last.peer == user.der


def test_flags_in_front_of_the_command(bench, workspace, alice):
    bench.serve(alice).succeed("POST", CANCEL)
    workspace.run([bench.cli, *alice.flags, "--insecure", "manifest", "update", "cancel", bench.server.address])
    assert bench.server.last.peer == alice.der
    done = workspace.run([bench.cli, *alice.flags, "--insecure", "status", bench.server.address], check=2)
    assert b"unknown flag --cert" in done.stderr


def test_keys_in_older_forms(bench, workspace, alice):
    from cryptography.hazmat.primitives import serialization
    sec1 = alice.key.private_bytes(serialization.Encoding.PEM,
                                   serialization.PrivateFormat.TraditionalOpenSSL,
                                   serialization.NoEncryption())
    alice.key_file.write_bytes(sec1)
    bench.serve(alice).succeed("POST", CANCEL)
    bench.run_as(alice, "manifest", "update", "cancel")
    assert bench.server.last.peer == alice.der


def test_nobody_sends_nothing(bench, alice):
    bench.serve(alice)
    done = bench.run("manifest", "update", "cancel", check=2)
    assert b"--cert" in done.stderr and not bench.server.requests


def test_flags_that_do_not_go_together(bench, alice):
    bench.serve(alice)
    cancel = ["manifest", "update", "cancel"]
    for flags in (["--cert", alice.cert_file], ["--key", alice.key_file],
                  [*alice.flags, "--pkcs11-config", "token.json"],
                  ["--pkcs11-key-label", "a", "--pkcs11-cert-label", "a"],
                  [*alice.flags, "--pkcs11-key-label", "a"],
                  ["--pkcs11-config", "token.json", "--pkcs11-cert-label", "a"],
                  ["--pkcs11-config", "token.json", "--pkcs11-key-label", "a"],
                  ["--pkcs11-config", "token.json", "--pkcs11-key-label", "a", "--cert", alice.cert_file,
                   "--pkcs11-cert-label", "a"]):
        bench.run(*cancel, *flags, check=2)
    assert not bench.server.requests


def test_a_key_of_another_certificate(bench, workspace, alice):
    bob = bench.user("bob")
    bench.serve(alice)
    done = bench.run("manifest", "update", "cancel", "--cert", alice.cert_file, "--key",
                     bob.key_file, check=1)
    assert b"not that of the certificate" in done.stderr and not bench.server.requests


@pytest.mark.parametrize("content", ["", "no PEM", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_files_that_hold_no_key(bench, alice, content):
    bench.serve(alice)
    alice.key_file.write_text(content)
    done = bench.run_as(alice, "manifest", "update", "cancel", check=1)
    assert b"alice.key" in done.stderr and b"AAAA" not in done.stderr
    assert not bench.server.requests


def test_the_coordinators_reason_is_shown(bench, alice):
    bench.serve(alice).refuse("POST", CANCEL, 401, "unauthorized user: UpdateManifest is missing")
    done = bench.run_as(alice, "manifest", "update", "cancel", check=1)
    assert b"UpdateManifest is missing" in done.stderr


# Updates


@pytest.fixture
def new_manifest(workspace):
    return workspace.write("new.json", '{"Packages": {"p": {"SecurityVersion": 2}}}\n')


@pytest.mark.parametrize("command, path", [("apply", UPDATE), ("acknowledge", PENDING)])
def test_updates_send_the_exact_bytes(bench, alice, new_manifest, command, path):
    bench.serve(alice).succeed("POST", path, {"missingAcknowledgments": 0, "missingUsers": [],
                                              "recoverySecrets": None})
    done = bench.run_as(alice, "manifest", "update", command, new_manifest)
    assert base64.b64decode(bench.server.last.body["manifest"]) == new_manifest.read_bytes()
    assert bench.server.last.peer == alice.der
    assert b"applied" in done.stderr and done.stdout == b""


@pytest.mark.parametrize("command, path", [("apply", UPDATE), ("acknowledge", PENDING)])
def test_updates_tell_what_is_missing(bench, alice, new_manifest, command, path):
    bench.serve(alice).succeed("POST", path, {"missingAcknowledgments": 2,
                                              "missingUsers": ["bob", "carol", "dave"]})
    done = bench.run_as(alice, "manifest", "update", command, new_manifest)
    assert b"2 acknowledgements are missing" in done.stderr and b"bob, carol, dave" in done.stderr
    assert b"applied" not in done.stderr


def test_new_recovery_data(bench, alice, new_manifest):
    secrets = {"one": base64_of(b"x" * 256)}
    bench.serve(alice).succeed("POST", UPDATE, {"missingAcknowledgments": 0, "recoverySecrets": secrets})
    done = bench.run_as(alice, "manifest", "update", "apply", new_manifest)
    assert json.loads(done.stdout) == {"RecoverySecrets": secrets}
    out = bench.workspace.folder / "recovery.json"
    done = bench.run_as(alice, "manifest", "update", "apply", new_manifest, flags=["-r", out])
    assert json.loads(out.read_text()) == {"RecoverySecrets": secrets} and done.stdout == b""
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    nowhere = bench.workspace.folder / "no/such/folder"
    done = bench.run_as(alice, "manifest", "update", "apply", new_manifest, flags=["-r", nowhere], check=1)
    assert json.loads(done.stdout) == {"RecoverySecrets": secrets}, "printed rather than lost"


def test_a_manifest_that_is_no_json_is_not_sent(bench, alice):
    bench.serve(alice)
    done = bench.run_as(alice, "manifest", "update", "apply", bench.file("bad.json", "{"), check=1)
    assert b"bad.json" in done.stderr and not bench.server.requests


def test_the_pending_update(bench, alice, new_manifest):
    bench.serve().succeed("GET", PENDING, {"manifest": base64_of(new_manifest.read_bytes()),
                                           "message": "m", "missingUsers": ["bob", "carol"]})
    done = bench.run("manifest", "update", "get")
    assert done.stdout == new_manifest.read_bytes()
    out = bench.workspace.folder / "pending.json"
    bench.run("manifest", "update", "get", "-o", out)
    assert out.read_bytes() == new_manifest.read_bytes()
    done = bench.run("manifest", "update", "get", "--missing")
    assert b"bob, carol" in done.stdout and b"Packages" not in done.stdout


def test_no_pending_update(bench):
    bench.serve().refuse("GET", PENDING, 404, "no update is pending")
    assert b"no update is pending" in bench.run("manifest", "update", "get", check=1).stderr


def test_the_log(bench):
    entries = ['{"time":"2026-01-01T00:00:00Z","update":"initial manifest set"}', '{"time":"2026-01-02T00:00:00Z","update":"x"}']
    bench.serve().succeed("GET", UPDATE, {"updateLog": entries})
    assert bench.run("manifest", "log").stdout.decode().splitlines() == entries
    out = bench.workspace.folder / "log"
    bench.run("manifest", "log", "-o", out)
    assert out.read_text().splitlines() == entries


def signed_log(server, entries, count=None):
    """As GET /api/v2/log answers: a chain of digests, its head signed by the root key."""
    head = bytes(32)
    for number, entry in enumerate(entries, 1):
        head = hashlib.sha256(b"marblerun audit v1\0" + head + struct.pack(">QI", number, len(entry)) +
                              entry.encode()).digest()
    count = len(entries) if count is None else count
    signature = server.key.sign(b"marblerun audit head v1\0" + struct.pack(">Q", count) + head,
                                ec.ECDSA(hashes.SHA256()))
    return {"entries": entries, "count": count, "head": head.hex(), "signature": base64_of(signature)}


ENTRIES = [json.dumps({"time": f"2026-01-0{n}T00:00:00.000Z", "audit": "Secrets read", "user": "alice"})
           for n in range(1, 4)]


def test_the_log_is_verified(bench):
    bench.serve().succeed("GET", "/api/v2/log", signed_log(bench.server, ENTRIES))
    lines = bench.run("manifest", "log", "--verify").stdout.decode().splitlines()
    assert len(lines) == 3 and "Secrets read  user=alice" in lines[0]
    bench.server.succeed("GET", "/api/v2/log", signed_log(bench.server, []))
    assert bench.run("manifest", "log", "--verify").stdout == b""


def test_control_characters_in_the_log(bench):
    entry = r'{"time":"t","audit":"\u001b[2J","user":"a\u009b\n     2  x"}'
    bench.serve().succeed("GET", "/api/v2/log", signed_log(bench.server, [entry]))
    shown = bench.run("manifest", "log", "--verify").stdout.decode()
    assert shown == "     1  t                         ?[2J  user=a??     2  x\n"


def _change(log, **members):
    return {**log, **members}


@pytest.mark.parametrize("lie", [
    lambda log: _change(log, entries=[*log["entries"][:2], log["entries"][2].replace("alice", "malice")]),
    lambda log: _change(log, entries=[log["entries"][1], log["entries"][0], log["entries"][2]]),
    lambda log: _change(log, entries=log["entries"][:2], count=2),
    lambda log: _change(log, head="00" * 32),
    lambda log: _change(log, signature=base64_of(b"none")),
    lambda log: _change(log, signature=""),
], ids=["changed", "swapped", "shortened", "head", "no signature", "empty signature"])
def test_a_log_that_was_tampered_with(bench, lie):
    log = signed_log(bench.serve(), ENTRIES)
    bench.server.succeed("GET", "/api/v2/log", lie(log))
    done = bench.run("manifest", "log", "--verify", check=1)
    assert b"root key" in done.stderr and done.stdout == b""


@pytest.mark.parametrize("answer", [
    {}, {"entries": []}, {"entries": [1], "count": 1, "head": "00" * 32, "signature": ""},
    {"entries": {}, "count": 0, "head": "00" * 32, "signature": ""},
    {"entries": [], "count": 5, "head": "00" * 32, "signature": ""},
    {"entries": [], "count": -1, "head": "00" * 32, "signature": ""},
    {"entries": [], "count": 0, "head": "00", "signature": ""},
])
def test_a_log_that_is_none(bench, answer):
    bench.serve().succeed("GET", "/api/v2/log", answer)
    done = bench.run("manifest", "log", "--verify", check=1)
    assert b"/api/v2/log" in done.stderr


# Secrets


def test_secrets_from_json(bench, alice):
    secrets = {"key": {"Key": base64_of(b"k" * 16)}, "cert": {"Cert": "AA==", "Private": "BB=="}}
    bench.serve(alice).succeed("POST", SECRETS)
    done = bench.run_as(alice, "secret", "set", bench.file("s.json", json.dumps(secrets)))
    assert bench.server.last.body == {"secrets": secrets} and bench.server.last.peer == alice.der
    assert b"2 secrets are set" in done.stderr


@pytest.mark.parametrize("kind", ["rsa2048", "p256", "ed25519"])
def test_secrets_from_pem(bench, workspace, alice, kind):
    owner = bench.user("owner", kind)
    both = owner.cert_file.read_text() + owner.key_file.read_text()
    path = bench.file("both.pem", both + alice.cert_file.read_text())
    workspace.allow_secrets_in(path)
    bench.serve(alice).succeed("POST", SECRETS)
    bench.run_as(alice, "secret", "set", path, flags=["--from-pem", "tls"])
    sent = bench.server.last.body["secrets"]["tls"]
    assert base64.b64decode(sent["Cert"]) == owner.der, "the first certificate"
    assert base64.b64decode(sent["Private"]) == _pkcs8(owner.key)
    bench.run_as(alice, "secret", "set", owner.cert_file, flags=["--from-pem", "tls"])
    assert list(bench.server.last.body["secrets"]["tls"]) == ["Cert"]


def test_keys_of_older_forms_become_pkcs8(bench, workspace, alice):
    path = workspace.folder / "old.pem"
    workspace.allow_secrets_in(path)
    workspace.run(["openssl", "ec", "-in", alice.key_file, "-out", path])
    assert b"EC PRIVATE KEY" in path.read_bytes()
    bench.serve(alice).succeed("POST", SECRETS)
    bench.run_as(alice, "secret", "set", path, flags=["--from-pem", "tls"])
    sent = base64.b64decode(bench.server.last.body["secrets"]["tls"]["Private"])
    from cryptography.hazmat.primitives.serialization import load_der_private_key
    assert load_der_private_key(sent, None).private_numbers() == alice.key.private_numbers()
    info = workspace.run(["openssl", "pkcs8", "-topk8", "-nocrypt", "-inform", "DER", "-outform", "DER"],
                         input=sent).stdout
    assert info == sent


def _pkcs8(key):
    from cryptography.hazmat.primitives import serialization
    return key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption())


@pytest.mark.parametrize("content, flags, reason", [
    ("{", (), "line"), ("[]", (), "object"), ("{}", (), "object"), ('{"a": 1}', (), '"a"'),
    ('{"": {"Key": ""}}', (), "no name"), ('{"a": {}, "a": {}}', (), "duplicate"),
    ("", ("--from-pem", "a"), "no certificate"), ("{}", ("--from-pem", "a"), "no certificate"),
    ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", ("--from-pem", "a"), "parsed"),
    ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", ("--from-pem", "a"), "parsed"),
    ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", ("--from-pem", "a"), "PUBLIC KEY"),
    ('{"a": {}}', ("--from-pem", ""), "--from-pem"),
])
def test_secret_files_that_are_not_sent(bench, alice, content, flags, reason):
    bench.serve(alice)
    done = bench.run_as(alice, "secret", "set", bench.file("s", content), flags=flags, check=1)
    assert reason in done.stderr.decode() and not bench.server.requests


def test_reading_secrets(bench, workspace, alice):
    value = base64_of(b"a value that nobody else sees")
    workspace.secrets.add("value", b"a value that nobody else sees")
    both = {"odd name&x=/%": {"Type": "plain", "Size": 0, "UserDefined": True, "Cert": None, "Public": value},
            "key": {"Type": "symmetric-key", "Size": 128, "UserDefined": False, "Cert": None, "ValidFor": 0,
                    "Private": value, "Public": value}}
    bench.serve(alice).succeed("GET", SECRETS, {"secrets": both})
    done = bench.run_as(alice, "secret", "get", "odd name&x=/%", "key")
    assert bench.server.last.path == SECRETS + "?s=odd%20name%26x%3D%2F%25&s=key"
    lines = done.stdout.decode().splitlines()
    assert lines[0] == "odd name&x=/%:" and f"  Data:          {value}" in lines
    assert f"  Key:           {value}" in lines and "  Size:          128" in lines
    assert done.stdout.count(value.encode()) == 2, "a key is printed once"
    out = workspace.folder / "secrets.json"
    workspace.allow_secrets_in(out)
    done = bench.run_as(alice, "secret", "get", "odd name&x=/%", "key", flags=["-o", out])
    assert json.loads(out.read_text()) == both and value not in text_of(done)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    done = bench.run_as(alice, "secret", "get", "key", flags=["-o", "-"])
    assert json.loads(done.stdout) == both


def test_a_certificate_secret(bench, alice):
    found = {"tls": {"Type": "cert-ecdsa", "Size": 256, "UserDefined": False, "ValidFor": 365, "Cert": "AQ==",
                     "Private": "Ag==", "Public": "Aw=="}}
    bench.serve(alice).succeed("GET", SECRETS, {"secrets": found})
    text = bench.run_as(alice, "secret", "get", "tls").stdout.decode()
    for line in ("Certificate:   AQ==", "Private Key:   Ag==", "Public Key:    Aw==", "Valid For:     365"):
        assert line in text


def test_a_secret_that_does_not_come(bench, alice):
    bench.serve(alice).succeed("GET", SECRETS, {"secrets": {"a": {"Type": "plain"}}})
    done = bench.run_as(alice, "secret", "get", "a", "b", check=1)
    assert b'"b"' in done.stderr and done.stdout == b""


# Tokens


@pytest.fixture
def token(workspace):
    return Token(workspace)


@pytest.mark.parametrize("kind", ["rsa2048", "p256", "p384", "p521"])
def test_a_user_in_a_token(bench, workspace, token, kind):
    user = bench.user("user", kind)
    token.put(user, "user-label", "a1b2")
    token.put(bench.user("other"), "other-label", "0a")
    bench.serve(user).succeed("POST", CANCEL)
    for names in (["--pkcs11-key-label", "user-label", "--pkcs11-cert-label", "user-label"],
                  ["--pkcs11-key-id", "a1b2", "--pkcs11-cert-id", "A1B2"],
                  ["--pkcs11-key-id", "a1b2", "--cert", user.cert_file],
                  ["--pkcs11-key-id", "a1b2", "--pkcs11-key-label", "user-label", "--pkcs11-cert-label",
                   "user-label"]):
        bench.run("manifest", "update", "cancel", "--pkcs11-config", token.config, *names,
                  **token.environment)
        assert bench.server.requests.pop().peer == user.der


def test_an_id_as_text(bench, workspace, token, alice):
    token.put(alice, "x", b"alice-id".hex())
    bench.serve(alice).succeed("POST", CANCEL)
    bench.run("manifest", "update", "cancel", "--pkcs11-config", token.config, "--pkcs11-key-id", "alice-id",
              "--pkcs11-cert-id", "alice-id", **token.environment)
    assert bench.server.last.peer == alice.der


def cancel_with_token(bench, token, config, check, label="alice", certificate="alice"):
    return bench.run("manifest", "update", "cancel", "--pkcs11-config", config, "--pkcs11-key-label", label,
                     "--pkcs11-cert-label", certificate, check=check, **token.environment)


def test_where_the_pin_comes_from(bench, workspace, token, alice):
    token.put(alice, "alice")
    bench.serve(alice).succeed("POST", CANCEL)
    pin = workspace.write("pin", token.pin + "\n")
    workspace.allow_secrets_in(pin)
    cancel_with_token(bench, token, token.configure("file.json", PinFile=str(pin)), 0)
    done = cancel_with_token(bench, token, token.configure("none.json"), 1)
    assert b"no terminal" in done.stderr and b"PinFile" in done.stderr
    wrong = workspace.write("wrong", "not the PIN")
    done = cancel_with_token(bench, token, token.configure("wrong.json", PinFile=str(wrong)), 1)
    assert b"logging in" in done.stderr and b"PIN" in done.stderr
    assert len(bench.server.requests) == 1


def ask_on_a_terminal(argv, environment, folder, question, answer):
    """What the terminal showed, and the exit status."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execve(argv[0], [str(a) for a in argv], environment)
    shown = b""
    end = time.monotonic() + 20
    while question not in shown and time.monotonic() < end:
        shown += os.read(terminal, 1024)
    while termios.tcgetattr(terminal)[3] & termios.ECHO and time.monotonic() < end:
        time.sleep(0.01)
    command_line = open(f"/proc/{pid}/cmdline", "rb").read()
    os.write(terminal, answer + b"\n")
    while True:
        try:
            more = os.read(terminal, 1024)
        except OSError:
            break
        if not more:
            break
        shown += more
    os.close(terminal)
    return shown, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), command_line


def test_the_pin_is_asked_for(bench, workspace, token, alice):
    token.put(alice, "alice")
    bench.serve(alice).succeed("POST", CANCEL)
    argv = [str(bench.cli), "manifest", "update", "cancel", bench.server.address, "--insecure",
            "--pkcs11-config", str(token.configure("none.json")), "--pkcs11-key-label", "alice",
            "--pkcs11-cert-label", "alice"]
    environment = workspace.environment(**token.environment)
    shown, status, command_line = ask_on_a_terminal(argv, environment, workspace.folder,
                                                    b"PIN of token mesh", token.pin.encode())
    assert status == 0, shown
    assert token.pin.encode() not in shown + command_line
    assert bench.server.last.peer == alice.der


def test_the_passphrase_is_asked_for(bench, workspace, alice):
    from cryptography.hazmat.primitives import serialization
    alice.key_file.write_bytes(alice.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"open sesame")))
    bench.serve(alice).succeed("POST", CANCEL)
    argv = [str(bench.cli), "manifest", "update", "cancel", bench.server.address, "--insecure",
            *map(str, alice.flags)]
    for phrase, expected in ((b"open sesame", 0), (b"something else", 1)):
        shown, status, _ = ask_on_a_terminal(argv, workspace.environment(), workspace.folder, b"Passphrase",
                                             phrase)
        assert status == expected and phrase not in shown
    assert len(bench.server.requests) == 1
    assert b"no terminal" in bench.run_as(alice, "manifest", "update", "cancel", check=1).stderr


def test_what_is_not_in_the_token(bench, workspace, token, alice):
    token.put(alice, "alice", "01")
    bench.serve(alice)
    done = cancel_with_token(bench, token, token.config, 1, label="bob")
    assert b"no private key with the label bob" in done.stderr
    done = cancel_with_token(bench, token, token.config, 1, certificate="bob")
    assert b"no certificate with the label bob" in done.stderr
    done = cancel_with_token(bench, token, token.configure("x.json", TokenLabel="absent"), 1)
    assert b"no token with the label absent" in done.stderr
    done = cancel_with_token(bench, token, token.configure("y.json", Path="/no/such/module.so"), 1)
    assert b"/no/such/module.so" in done.stderr
    token.put(bench.user("second"), "alice", "02")
    done = cancel_with_token(bench, token, token.config, 1)
    assert b"more than one private key" in done.stderr
    assert not bench.server.requests


def test_tokens_by_serial_and_slot(bench, workspace, token, alice):
    token.put(alice, "alice")
    bench.serve(alice).succeed("POST", CANCEL)
    shown = workspace.run(["softhsm2-util", "--show-slots"], **token.environment).stdout.decode()
    serial = re.search(r"Serial number: +(\w+)", shown).group(1)
    slot = int(re.search(r"Slot (\d+)", shown).group(1))
    for member in ({"TokenSerial": serial}, {"SlotNumber": slot}):
        config = token.configure("by.json", TokenLabel=None, Pin=token.pin, **member)
        workspace.allow_secrets_in(config)
        cancel_with_token(bench, token, config, 0)
    assert len(bench.server.requests) == 2


# Waiting


def test_check_waits_until_it_serves(workspace):
    server = StandIn(workspace)
    server.succeed("GET", "/api/v2/status", {"code": 2, "message": "waiting"})
    done = workspace.run([workspace.binaries.cli, "check", server.address, "--insecure"])
    assert done.stdout == b"2: waiting\n"
    address = server.address
    server.stop()
    before = time.monotonic()
    done = workspace.run([workspace.binaries.cli, "check", address, "--insecure", "--timeout", "1"], check=1)
    assert 0.9 < time.monotonic() - before < 5 and b"after 1 second" in done.stderr


def test_check_of_one_that_comes_later(workspace):
    import threading
    server = StandIn(workspace)
    server.stop()
    late = []
    timer = threading.Timer(0.6, lambda: late.append(StandIn(workspace, port=int(server.address[10:]))))
    timer.start()
    try:
        done = workspace.run([workspace.binaries.cli, "check", server.address, "--insecure", "--timeout",
                              "20"], check=1)
        assert b"nothing is here" in done.stderr, "it answered, though not with a status"
    finally:
        timer.join()
        late[0].stop()


@pytest.mark.parametrize("arguments,path", [(["version"], "/api/v2/version"), (["manifest", "log", "--verify"], "/api/v2/log")])
def test_requests_that_a_coordinator_does_not_know(workspace, arguments, path):
    """It has shown its statement, and breaks off the next request."""
    server = StandIn(workspace)
    try:
        server.break_off("GET", path)
        done = workspace.run([workspace.binaries.cli, *arguments, server.address, "--insecure"], check=1)
        assert f"the coordinator gave no answer to {path}; older ones" in done.stderr.decode()
        assert server.last.path.partition("?")[0] == path
    finally:
        server.stop()
