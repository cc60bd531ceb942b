"""Users, their secrets, and updates of the manifest: black-box, over HTTPS with client certificates."""

import base64
import hashlib
import json
import os
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mesh import certificates, manifests
from mesh.user import KEYS, User

EVERYTHING = {
    "readers": {"ResourceType": "Secrets", "ResourceNames": ["key", "text", "pair", "shared"],
                "Actions": ["ReadSecret"]},
    "writers": {"ResourceType": "Secrets", "ResourceNames": ["key", "text", "pair"],
                "Actions": ["WriteSecret"]},
    "patchers": {"ResourceType": "Packages", "ResourceNames": ["app"],
                 "Actions": ["UpdateSecurityVersion"]},
    "owners": {"ResourceType": "Manifest", "Actions": ["UpdateManifest"]},
}
SECRETS = {
    "key": {"Type": "symmetric-key", "Size": 128, "UserDefined": True},
    "text": {"Type": "plain", "UserDefined": True},
    "pair": {"Type": "cert-ecdsa", "Size": 256, "UserDefined": True},
    "shared": {"Type": "symmetric-key", "Size": 256, "Shared": True},
    "cert": {"Type": "cert-ecdsa", "Size": 256, "Shared": True},
    "own": {"Type": "symmetric-key", "Size": 128},
}


def b64(raw):
    return base64.b64encode(raw).decode()


@pytest.fixture
def people(mesh, tmp_path_factory):
    # Users' keys are their own: not in the folder that is searched for leaked secrets.
    return People(mesh, tmp_path_factory.mktemp("people"))


class People:
    def __init__(self, mesh, folder):
        self.mesh = mesh
        self.coordinator = mesh.coordinator
        self.folder = folder
        self.users = {}

    def user(self, name, kind="p256", **options):
        self.users[name] = User(self.folder, name, kind, **options)
        return self.users[name]

    def manifest(self, users, marbles=None, **sections):
        package = manifests.by_signer(self.mesh.platform.measure(self.mesh.program), SecurityVersion=1)
        sections = {"Secrets": SECRETS, "Roles": EVERYTHING, **sections}
        made = manifests.simple(package, marbles, **sections)
        made["Users"] = {u.name: u.entry(*roles) for u, roles in users.items()}
        return made

    def set(self, users, marbles=None, **sections):
        manifest = self.manifest(users, marbles, **sections)
        self.coordinator.set_manifest(manifest)
        return manifest

    def log(self):
        return [json.loads(line) for line in self.coordinator.get("/api/v2/update").data["updateLog"]]


def succeeded(reply):
    assert reply.status == 200, reply.body
    assert reply.json["status"] == "success"
    return reply.data


def refused(reply, status, *words):
    assert reply.status == status, reply.body
    for word in words:
        assert word in reply.message
    return reply.message


# ---- who it is ----

@pytest.mark.parametrize("kind", sorted(KEYS))
def test_users_with_keys_of_every_kind(people, kind):
    user = people.user("alice", kind)
    people.set({user: ["writers", "readers"]})
    succeeded(user.post(people.coordinator, "/api/v2/secrets", {"secrets": {"text": {"Key": b64(b"hello")}}}))
    got = succeeded(user.get(people.coordinator, "/api/v2/secrets?s=text"))
    assert base64.b64decode(got["secrets"]["text"]["Private"]) == b"hello"


def test_the_dates_of_a_users_certificate_do_not_matter(people):
    user = people.user("old", days=(-20, -10))
    people.set({user: ["writers"]})
    succeeded(user.post(people.coordinator, "/api/v2/secrets", {"secrets": {"text": {"Key": b64(b"x")}}}))


def test_nobody_else_is_a_user(people):
    user, stranger = people.user("alice"), people.user("alice2")
    people.set({user: ["readers", "writers", "patchers", "owners"]})
    c = people.coordinator
    for reply in (stranger.get(c, "/api/v2/secrets?s=text"), c.get("/api/v2/secrets?s=text"),
                  stranger.post(c, "/api/v2/secrets", {"secrets": {}}),
                  stranger.post_manifest(c, "/api/v2/update", {}),
                  stranger.post_manifest(c, "/api/v2/update-manifest", {}),
                  stranger.post(c, "/api/v2/update-cancel", {})):
        refused(reply, 401)
        assert reply.json["status"] == "fail"


# ---- permissions: every action with every role ----

def actions(people, package_only, whole):
    c = people.coordinator
    return {
        "readers": lambda u: u.get(c, "/api/v2/secrets?s=shared"),
        "writers": lambda u: u.post(c, "/api/v2/secrets", {"secrets": {"text": {"Key": b64(b"x")}}}),
        "patchers": lambda u: u.post_manifest(c, "/api/v2/update", package_only),
        "owners": lambda u: u.post_manifest(c, "/api/v2/update", whole),
    }


def test_every_action_with_every_role(people):
    users = {people.user(role): [role] for role in EVERYTHING}
    whole = people.set(users)
    todo = actions(people, {"Packages": {"app": {"SecurityVersion": 1}}}, whole)
    for user in users:
        for role, act in todo.items():
            reply = act(user)
            if role == user.name:
                succeeded(reply)
            else:
                refused(reply, 403, user.name, "permission")


def test_only_owners_acknowledge_and_cancel(people):
    """The same matrix while an update waits; its text and the pending users are public."""
    users = {people.user(role): [role] for role in EVERYTHING}
    whole = people.set({**users, people.user("second"): ["owners"]})
    c, second = people.coordinator, people.users["second"]
    succeeded(second.post_manifest(c, "/api/v2/update", whole))
    for user in users:
        if user.name == "owners":
            continue
        refused(user.post_manifest(c, "/api/v2/update-manifest", whole), 403, user.name, "permission")
        refused(user.post(c, "/api/v2/update-cancel", b""), 403, user.name, "permission")
        assert succeeded(c.get("/api/v2/update-manifest"))["missingUsers"] == ["owners"], user.name
    succeeded(people.users["owners"].post(c, "/api/v2/update-cancel", b""))
    succeeded(second.post_manifest(c, "/api/v2/update", whole))
    assert succeeded(people.users["owners"].post_manifest(c, "/api/v2/update-manifest", whole))["missingUsers"] is None


def test_a_role_reaches_only_what_it_names(people):
    """Each resource with a user who has the right action for another one."""
    roles = {"key": {"ResourceType": "Secrets", "ResourceNames": ["key"], "Actions": ["ReadSecret", "WriteSecret"]},
             "text": {"ResourceType": "Secrets", "ResourceNames": ["text"], "Actions": ["ReadSecret", "WriteSecret"]}}
    users = {people.user(role): [role] for role in roles}
    people.set(users, Roles=roles)
    c, values = people.coordinator, {"key": {"Key": b64(bytes(16))}, "text": {"Key": b64(b"x")}}
    for user in users:
        for name, upload in values.items():
            write = user.post(c, "/api/v2/secrets", {"secrets": {name: upload}})
            read = user.get(c, f"/api/v2/secrets?s={name}")
            both = user.post(c, "/api/v2/secrets", {"secrets": values}), user.get(c, "/api/v2/secrets?s=key&s=text")
            for reply in both:
                refused(reply, 403, "permission")
            for reply in (write, read):
                succeeded(reply) if user.name == name else refused(reply, 403, user.name, "permission")


def test_a_user_without_roles_may_do_nothing(people):
    nobody, owner = people.user("nobody"), people.user("owner")
    whole = people.set({nobody: [], owner: ["owners"]})
    for act in actions(people, {"Packages": {"app": {"SecurityVersion": 1}}}, whole).values():
        refused(act(nobody), 403)
    assert not [e for e in people.log() if "Refused" in e.values()], "refusals are no updates"
    entries = people.coordinator.get("/api/v2/log").data["entries"]
    assert sum('"audit":"Refused"' in e for e in entries) == 4


# ---- secrets ----

def test_secrets_of_every_type_reach_the_marble(people):
    user = people.user("alice")
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = certificates.self_signed(key)
    people.set({user: ["writers", "readers"]}, {"app": manifests.env(
        KEY="{{ hex .Secrets.key }}", TEXT="{{ string .Secrets.text }}",
        CERT="{{ pem .Secrets.pair.Cert }}", PRIVATE="{{ pem .Secrets.pair.Private }}")})
    der = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8,
                            serialization.NoEncryption())
    succeeded(user.post(people.coordinator, "/api/v2/secrets", {"secrets": {
        "key": {"Key": b64(bytes(range(16)))}, "text": {"Key": b64("größe".encode())},
        "pair": {"Cert": b64(certificate.public_bytes(serialization.Encoding.DER)), "Private": b64(der)}}}))
    granted = people.mesh.activate("app")
    assert granted.env["KEY"] == bytes(range(16)).hex().encode()
    assert granted.env["TEXT"].decode() == "größe"
    assert x509.load_pem_x509_certificate(granted.env["CERT"]) == certificate
    loaded = serialization.load_pem_private_key(granted.env["PRIVATE"], None)
    assert loaded.private_numbers() == key.private_numbers()
    got = succeeded(user.get(people.coordinator, "/api/v2/secrets?s=pair&s=key&s=key"))["secrets"]
    assert set(got) == {"pair", "key"}
    assert got["key"] == {"Type": "symmetric-key", "Size": 128, "Shared": False, "UserDefined": True,
                          "Cert": None, "ValidFor": 0, "Private": b64(bytes(range(16))),
                          "Public": b64(bytes(range(16)))}
    assert base64.b64decode(got["pair"]["Private"]) == der


def occurrences(pid, text):
    """In what the process may write to."""
    found = 0
    with open(f"/proc/{pid}/mem", "rb", 0) as memory, open(f"/proc/{pid}/maps", encoding="ascii") as maps:
        for line in maps:
            begin, end = (int(part, 16) for part in line.split()[0].split("-"))
            if line.split()[1].startswith("rw") and end - begin < 1 << 30:
                try:
                    memory.seek(begin)
                    found += memory.read(end - begin).count(text)
                except OSError:
                    pass
    return found


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may look into the coordinator's memory")
def test_an_upload_leaves_nothing_in_memory(people):
    """The request's text, that is: the secret itself is part of the state."""
    with open(f"/proc/{people.coordinator.process.pid}/maps", encoding="ascii") as maps:
        if "libasan" in maps.read():
            pytest.skip("AddressSanitizer keeps what libraries free")
    writer = people.user("alice")
    people.set({writer: ["writers"]})
    upload = b64(os.urandom(600).hex().encode())
    succeeded(writer.post(people.coordinator, "/api/v2/secrets", {"secrets": {"text": {"Key": upload}}}))
    for _ in range(50):  # the connection's end may come after the answer
        if not occurrences(people.coordinator.process.pid, upload[40:100].encode()):
            return
        time.sleep(0.1)
    assert False, "the text of an upload is still in memory"


def test_a_marble_that_needs_an_unset_secret_is_told_so(people):
    user = people.user("alice")
    people.set({user: ["writers"]}, {"app": manifests.env(TEXT="{{ string .Secrets.text }}")})
    with pytest.raises(Exception) as refusal:
        people.mesh.activate("app")
    assert "text" in str(refusal.value)
    succeeded(user.post(people.coordinator, "/api/v2/secrets", {"secrets": {"text": {"Key": b64(b"now")}}}))
    assert people.mesh.activate("app").env["TEXT"] == b"now"


BAD_UPLOADS = {
    "wrong size": ({"key": {"Key": b64(b"short")}}, "bits"),
    "not base64": ({"key": {"Key": "%%%"}}, "base64"),
    "unknown": ({"nosuch": {"Key": b64(b"x")}}, "nosuch"),
    "generated": ({"shared": {"Key": b64(b"x" * 32)}}, "shared"),
    "certificate for a key": ({"key": {"Cert": b64(b"x")}}, "does not fit"),
    "key for a certificate": ({"pair": {"Key": b64(b"x")}}, "does not fit"),
    "no certificate": ({"pair": {"Cert": b64(b"x")}}, "Cert"),
    "nothing": ({}, "at least one"),
    "no object": ([], "object"),
    "a number": ({"key": 5}, "object"),
}


@pytest.mark.parametrize("case", sorted(BAD_UPLOADS))
def test_bad_uploads_change_nothing(people, case):
    uploads, word = BAD_UPLOADS[case]
    user = people.user("alice")
    roles = json.loads(json.dumps(EVERYTHING))
    people.set({user: ["writers", "readers"]}, Roles=roles)
    if isinstance(uploads, dict) and uploads:
        uploads = {"text": {"Key": b64(b"together with")}, **uploads}
    reply = user.post(people.coordinator, "/api/v2/secrets", {"secrets": uploads})
    assert reply.status in (400, 403), reply.body
    assert word in reply.message
    got = succeeded(user.get(people.coordinator, "/api/v2/secrets?s=text"))["secrets"]["text"]
    assert got["Private"] is None, "all or nothing"


def test_a_private_key_that_is_not_the_certificates_is_refused(people):
    user = people.user("alice")
    people.set({user: ["writers"]})
    key, other = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    der = other.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8,
                              serialization.NoEncryption())
    certificate = certificates.self_signed(key).public_bytes(serialization.Encoding.DER)
    refused(user.post(people.coordinator, "/api/v2/secrets",
                      {"secrets": {"pair": {"Cert": b64(certificate), "Private": b64(der)}}}), 400, "not the key")


@pytest.mark.parametrize("query", ["", "?s=", "?x=text", "?s=text&s="])
def test_bad_queries(people, query):
    user = people.user("alice")
    people.set({user: ["readers"]})
    refused(user.get(people.coordinator, "/api/v2/secrets" + query), 400, "query")


def test_version_1_of_secrets(people):
    user = people.user("alice")
    people.set({user: ["readers", "writers"]})
    succeeded(user.post(people.coordinator, "/secrets", {"text": {"Key": b64(b"v1")}}))
    got = succeeded(user.get(people.coordinator, "/secrets?s=text"))
    assert base64.b64decode(got["text"]["Private"]) == b"v1"


# ---- updates ----

def chain(people):
    return people.coordinator.get("/api/v2/quote").data["cert"]


def test_a_package_update_raises_the_version_and_renews_the_intermediate(people):
    user = people.user("alice")
    people.set({user: ["patchers"]})
    people.mesh.activate("app")
    before, manifest = chain(people), people.coordinator.get("/api/v2/manifest").data
    data = succeeded(user.post_manifest(people.coordinator, "/api/v2/update",
                                        {"Packages": {"app": {"SecurityVersion": 99}}}))
    assert data["missingAcknowledgments"] == 0 and not data["missingUsers"]
    with pytest.raises(Exception) as refusal:
        people.mesh.activate("app")
    assert "SecurityVersion" in str(refusal.value)
    after = chain(people)
    assert before.split("-----END")[1:2] != after.split("-----END")[1:2] or before != after
    root = certificates.split_pem(after.encode())[-1]
    assert root == certificates.split_pem(before.encode())[-1], "the root stays"
    assert people.coordinator.get("/api/v2/manifest").data == manifest
    entry = people.log()[-1]
    assert entry["update"] == "SecurityVersion increased"
    assert entry["package"] == "app" and entry["new version"] == 99 and entry["user"] == "alice"
    refused(user.post_manifest(people.coordinator, "/api/v2/update",
                               {"Packages": {"app": {"SecurityVersion": 98}}}), 400, "below")


@pytest.mark.parametrize("package, word", [({"Debug": True, "SecurityVersion": 2}, "SecurityVersion"),
                                           ({"SignerID": "00" * 32, "SecurityVersion": 2}, "SecurityVersion"),
                                           ({}, "missing")])
def test_what_a_package_update_must_not_change(people, package, word):
    user = people.user("alice")
    people.set({user: ["patchers"]})
    refused(user.post_manifest(people.coordinator, "/api/v2/update", {"Packages": {"app": package}}), 400, word)


def test_one_owner_updates_at_once(people):
    user = people.user("alice")
    manifest = people.set({user: ["owners"]})
    manifest["Marbles"]["new"] = {"Package": "app"}
    text = json.dumps(manifest).encode()
    data = succeeded(user.post_manifest(people.coordinator, "/api/v2/update", text))
    assert data["missingAcknowledgments"] == 0
    served = people.coordinator.get("/api/v2/manifest").data
    assert base64.b64decode(served["manifest"]) == text
    assert served["manifestFingerprint"] == hashlib.sha256(text).hexdigest()
    people.coordinator.root_certificate.public_key().verify(
        base64.b64decode(served["manifestSignatureRootECDSA"]), text, ec.ECDSA(hashes.SHA256()))
    people.mesh.activate("new")


def test_several_owners_must_agree(people):
    users = {people.user(n): ["owners"] for n in ("a", "b", "c")}
    a, b, c = users
    at = people.coordinator
    manifest = people.set(users)
    manifest["Marbles"]["new"] = {"Package": "app"}
    assert people.coordinator.get("/api/v2/update-manifest").status == 404
    data = succeeded(a.post_manifest(at, "/api/v2/update", manifest))
    assert data["missingAcknowledgments"] == 2 and sorted(data["missingUsers"]) == ["b", "c"]
    refused(a.post_manifest(at, "/api/v2/update", manifest), 409, "pending")
    refused(a.post_manifest(at, "/api/v2/update-manifest", manifest), 409, "already")
    changed = dict(manifest, Marbles={"app": {"Package": "app"}})
    refused(b.post_manifest(at, "/api/v2/update-manifest", changed), 400, "byte")
    pending = succeeded(at.get("/api/v2/update-manifest"))
    assert json.loads(base64.b64decode(pending["manifest"])) == manifest
    assert sorted(pending["missingUsers"]) == ["b", "c"] and "2 users" in pending["message"]
    with pytest.raises(Exception):
        people.mesh.activate("new")
    data = succeeded(b.post_manifest(at, "/api/v2/update-manifest", manifest))
    assert data["missingAcknowledgments"] == 1 and data["missingUsers"] == ["c"]
    data = succeeded(c.post_manifest(at, "/api/v2/update-manifest", manifest))
    assert data["missingAcknowledgments"] == 0 and not data["missingUsers"]
    people.mesh.activate("new")
    assert at.get("/api/v2/update-manifest").status == 404
    assert [e["update"] for e in people.log()] == [
        "Initial manifest set", "Manifest update proposed", "Manifest update acknowledged",
        "Manifest update acknowledged", "Manifest updated"]


def test_a_threshold_of_owners_is_enough(people):
    users = {people.user(n): ["owners"] for n in ("a", "b", "c")}
    a, b, _ = users
    manifest = people.set(users, Config={"UpdateThreshold": 2})
    manifest["Marbles"]["new"] = {"Package": "app"}
    assert succeeded(a.post_manifest(people.coordinator, "/api/v2/update",
                                     manifest))["missingAcknowledgments"] == 1
    data = succeeded(b.post_manifest(people.coordinator, "/api/v2/update-manifest", manifest))
    assert data["missingAcknowledgments"] == 0 and not data["missingUsers"]
    people.mesh.activate("new")


def test_a_pending_update_can_be_cancelled(people):
    users = {people.user(n): ["owners"] for n in ("a", "b")}
    a, b = users
    at = people.coordinator
    manifest = people.set(users)
    refused(a.post(at, "/api/v2/update-cancel", b""), 404, "pending")
    succeeded(a.post_manifest(at, "/api/v2/update", dict(manifest)))
    succeeded(b.post(at, "/api/v2/update-cancel", b""))
    assert at.get("/api/v2/update-manifest").status == 404
    refused(b.post_manifest(at, "/api/v2/update-manifest", manifest), 404, "pending")
    assert people.log()[-1]["update"] == "Manifest update cancelled"


def test_what_is_wrong_with_an_update_is_said_when_it_is_proposed(people):
    users = {people.user(n): ["owners"] for n in ("a", "b")}
    a, _ = users
    manifest = people.set(users)
    bad = json.loads(json.dumps(manifest))
    bad["Marbles"]["app"]["Parameters"] = {"Env": {"X": "{{ hex .Secrets.nosuch }}"}}
    refused(a.post_manifest(people.coordinator, "/api/v2/update", bad), 400, "secret does not exist")
    bad["Marbles"]["app"] = {"Package": "other"}
    refused(a.post_manifest(people.coordinator, "/api/v2/update", bad), 400, "other")
    assert people.coordinator.get("/api/v2/update-manifest").status == 404


def value(people, name, marble="app", **options):
    return people.mesh.marble(**options).activate(marble).env[name]


def test_unchanged_secrets_are_kept_and_changed_ones_are_new(people):
    user = people.user("alice")
    marbles = {"app": manifests.env(SHARED="{{ hex .Secrets.shared }}", CERT="{{ pem .Secrets.cert.Cert }}",
                                    TEXT="{{ string .Secrets.text }}",
                                    PREVIOUS="{{ hex .Previous.Secrets.shared }}",
                                    PREVIOUSCERT="{{ pem .Previous.Secrets.cert.Cert }}")}
    manifest = people.set({user: ["owners", "writers"]}, marbles)
    succeeded(user.post(people.coordinator, "/api/v2/secrets", {"secrets": {"text": {"Key": b64(b"kept")}}}))
    before = people.mesh.activate("app").env
    assert before["SHARED"] == before["PREVIOUS"]
    manifest["Marbles"]["new"] = {"Package": "app"}
    succeeded(user.post_manifest(people.coordinator, "/api/v2/update", manifest))
    kept = people.mesh.activate("app").env
    assert kept["SHARED"] == before["SHARED"] and kept["TEXT"] == b"kept"
    assert kept["CERT"] != before["CERT"], "signed by the new intermediate"
    assert kept["PREVIOUSCERT"] == before["CERT"]
    manifest["Secrets"] = dict(SECRETS, shared={"Type": "symmetric-key", "Size": 512, "Shared": True})
    succeeded(user.post_manifest(people.coordinator, "/api/v2/update", manifest))
    changed = people.mesh.activate("app").env
    assert len(changed["SHARED"]) == 128 and changed["PREVIOUS"] == changed["SHARED"]


def test_rotating_the_root_secret(people):
    user = people.user("alice")
    marbles = {"app": manifests.env(OWN="{{ hex .Secrets.own }}", SHARED="{{ hex .Secrets.shared }}",
                                    OLD="{{ hex .Previous.Secrets.own }}",
                                    OLDSHARED="{{ hex .Previous.Secrets.shared }}")}
    manifest = people.set({user: ["owners"]}, marbles)
    marble = people.mesh.marble()
    before = marble.activate("app").env
    assert before["OWN"] == before["OLD"]
    manifest["Config"] = {"RotateRootSecret": True}
    succeeded(user.post_manifest(people.coordinator, "/api/v2/update", manifest))
    after = marble.activate("app").env
    assert after["OWN"] != before["OWN"] and after["SHARED"] != before["SHARED"]
    assert after["OLD"] == before["OWN"] and after["OLDSHARED"] == before["SHARED"]


def test_activations_are_counted_across_updates(people):
    user = people.user("alice")
    manifest = people.set({user: ["owners"]}, {"app": {"MaxActivations": 2}})
    people.mesh.activate("app")
    succeeded(user.post_manifest(people.coordinator, "/api/v2/update", manifest))
    people.mesh.activate("app")
    with pytest.raises(Exception) as refusal:
        people.mesh.activate("app")
    assert "max activations" in str(refusal.value)


def test_version_1_of_updates(people):
    users = {people.user(n): ["owners", "patchers"] for n in ("a", "b")}
    a, b = users
    at = people.coordinator
    manifest = json.dumps(people.set(users)).encode()
    assert succeeded(a.post(at, "/update", json.dumps({"Packages": {"app": {"SecurityVersion": 1}}}))) is None
    assert succeeded(a.post(at, "/update", manifest)) is None
    assert "1 user" in json.dumps(succeeded(at.get("/update-manifest")))
    assert "applied" in succeeded(b.post(at, "/update-manifest", manifest))
    assert succeeded(at.get("/update")).count("\n") == 5
    succeeded(a.post(at, "/update", manifest))
    assert "cancelled" in succeeded(b.post(at, "/update-cancel", b""))


# ---- the log ----

def audit_digest(entries):
    digest = bytes(32)
    for number, entry in enumerate(entries, 1):
        raw = entry.encode()
        digest = hashlib.sha256(b"marblerun audit v1\0" + digest + number.to_bytes(8, "big") +
                                len(raw).to_bytes(4, "big") + raw).digest()
    return digest


def test_the_log_is_a_chain_signed_by_the_root(people):
    user = people.user("alice")
    people.set({user: ["writers", "readers"]})
    succeeded(user.post(people.coordinator, "/api/v2/secrets", {"secrets": {"text": {"Key": b64(b"x")}}}))
    succeeded(user.get(people.coordinator, "/api/v2/secrets?s=text"))
    log = succeeded(people.coordinator.get("/api/v2/log"))
    assert log["count"] == len(log["entries"]) == 3
    assert "Secrets read" in log["entries"][2] and "alice" in log["entries"][2]
    head = audit_digest(log["entries"])
    assert head.hex() == log["head"]
    people.coordinator.root_certificate.public_key().verify(
        base64.b64decode(log["signature"]),
        b"marblerun audit head v1\0" + (3).to_bytes(8, "big") + head, ec.ECDSA(hashes.SHA256()))
    assert succeeded(people.coordinator.get("/api/v2/log?from=3"))["entries"] == log["entries"][2:]
    assert len(people.log()) == 2


def test_the_log_shows_no_secret(people):
    user = people.user("alice")
    people.set({user: ["writers"]})
    canary = b64(b"canary-value-of-a-secret")
    succeeded(user.post(people.coordinator, "/api/v2/secrets", {"secrets": {"text": {"Key": canary}}}))
    assert canary not in people.coordinator.get("/api/v2/log").body.decode()


def test_a_refused_user_can_neither_hide_in_the_log_nor_fill_it(people):
    user = people.user("mallory")
    people.set({user: []})
    post, target = user.post, people.coordinator
    cut = "a" + "\u00e9" * 60  # quoted up to a byte in the middle of a character
    assert user.get(target, "/api/v2/secrets?s=%ff").status == 403
    assert post(target, "/api/v2/secrets", {"secrets": {cut: {"Key": "eA=="}}}).status == 403
    assert post(target, "/api/v2/secrets", {"secrets": {"s" * 100000: {"Key": "eA=="}}}).status == 403
    entries = succeeded(target.get("/api/v2/log"))["entries"][1:]
    assert len(entries) == 3
    for entry in entries:
        assert json.loads(entry)["user"] == "mallory", entry
        assert json.loads(entry)["reason"], entry
        assert len(entry) < 1000


# ---- features ----

def test_features_are_off_by_default(people):
    user = people.user("alice")
    people.set({user: []})
    refused(people.coordinator.post("/api/v2/sign-quote", {"sgxQuote": b64(b"x")}), 403, "SignQuoteEndpoint")
    refused(people.coordinator.post("/api/v2/monotonic-counter", {"name": "x", "value": 1}), 403,
            "MonotonicCounter")


def test_a_feature_that_does_not_exist_yet_is_refused(people):
    user = people.user("alice")
    manifest = people.manifest({user: ["owners"]})
    sealing = {**manifest, "Config": {"FeatureGates": ["AzureHSMSealing"]}}
    refused(people.coordinator.post_manifest(json.dumps(sealing).encode()), 400,
            "AzureHSMSealing is not supported yet")
    people.coordinator.set_manifest(manifest)
    refused(user.post_manifest(people.coordinator, "/api/v2/update", sealing), 400,
            "AzureHSMSealing is not supported yet")


def test_signing_a_quote(people):
    people.set({people.user("alice"): []}, Config={"FeatureGates": ["SignQuoteEndpoint"]})
    quote = base64.b64decode(people.coordinator.get("/api/v2/quote").data["quote"])
    data = succeeded(people.coordinator.post("/api/v2/sign-quote", {"sgxQuote": b64(quote)}))
    assert data["tcbStatus"] == "UpToDate"
    people.coordinator.root_certificate.public_key().verify(
        base64.b64decode(data["verificationSignature"]), b64(quote).encode() + b"UpToDate",
        ec.ECDSA(hashes.SHA256()))
    forged = bytearray(quote)
    forged[100] ^= 1
    refused(people.coordinator.post("/api/v2/sign-quote", {"sgxQuote": b64(bytes(forged))}), 400, "signature")


def marble_user(people, granted, name="marble"):
    user = User(people.folder, name)
    user.cert_file.write_bytes(granted.env["MARBLE_PREDEFINED_MARBLE_CERTIFICATE_CHAIN"])
    user.key_file.write_bytes(granted.env["MARBLE_PREDEFINED_PRIVATE_KEY"])
    return user


def test_monotonic_counters(people):
    people.set({people.user("alice"): []}, {"app": {}, "other": {}},
               Config={"FeatureGates": ["MonotonicCounter"]})
    one, two = (marble_user(people, people.mesh.activate(t), t) for t in ("app", "other"))

    def count(user, name, number):
        return succeeded(user.post(people.coordinator, "/api/v2/monotonic-counter",
                                   {"name": name, "value": number}))["value"]

    assert [count(one, "c", n) for n in (5, 3, 7, 0)] == [0, 5, 5, 7]
    assert count(two, "c", 1) == 0 and count(one, "d", 1) == 0
    stranger = people.user("mallory")
    refused(stranger.post(people.coordinator, "/api/v2/monotonic-counter", {"name": "c", "value": 1}), 401)
    refused(people.coordinator.post("/api/v2/monotonic-counter", {"name": "c", "value": 1}), 401)
    for body in ({"name": 5, "value": 1}, {"name": "c", "value": -1}, {"name": "c"}, {"value": "x"}):
        refused(one.post(people.coordinator, "/api/v2/monotonic-counter", body), 400)
