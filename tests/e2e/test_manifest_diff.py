"""What an update means, told by files, by a stranger's question and by a user's."""

import json

import pytest


from mesh.user import User
from test_cli_people import people  # noqa: F401 - a fixture


def changed(people, version=None, **sections):
    manifest = people.manifest(**sections)
    if version is not None:
        manifest["Packages"]["app"]["SecurityVersion"] = version
    return manifest


def entries(answer, section):
    return [e for e in answer["entries"] if e["section"] == section]


def diff(people, manifest, user=None, **options):
    path = people.write("new.json", manifest)
    flags = ["-o", "json", *(user.flags if user else [])]
    return json.loads(people.run("manifest", "diff", path, flags=flags, **options).stdout)


def test_files(people):
    alice = people.user("alice")
    old = people.write("old.json", people.manifest())
    new = changed(people)
    new["Packages"]["app"]["Debug"] = True
    new = people.write("new.json", new)
    done = people.cli.run("manifest", "diff", new, old)
    assert b"~ WEAKENS app: Debug enclaves become acceptable" in done.stdout
    assert b"Decision         1 acknowledgment(s) of: alice" in done.stdout
    assert people.cli.run("manifest", "diff", old, old).stdout == b"The manifests say the same.\n"
    answer = json.loads(people.cli.run("manifest", "diff", "-o", "json", new, old).stdout)
    assert answer["update"] == "manifest" and answer["users"] == [alice.name]


def test_a_bad_file_is_named(people):
    people.user("alice")
    old = people.write("old.json", people.manifest())
    bad = people.manifest()
    bad["Packages"] = {}
    bad = people.write("bad.json", bad)
    assert b"new manifest: Packages" in people.cli.run("manifest", "diff", bad, old, check=1).stderr
    assert b"old manifest: Packages" in people.cli.run("manifest", "diff", old, bad, check=1).stderr


def test_who_runs_is_for_users_only(people):
    alice = people.user("alice")
    people.set()
    people.mesh.activate()
    people.mesh.activate()
    new = changed(people, version=5)
    answer = diff(people, new, alice)
    running, = entries(answer, "Running")
    assert running["name"] == "app" and running["kind"] == "removed"
    assert running["text"].startswith("2 running marbles of this type would no more be admitted: package \"app\": "
                                      "SecurityVersion is 1, at least 5 expected")
    assert answer["runningKnown"] and answer["update"] == "manifest"
    unknown = diff(people, new)
    assert not unknown["runningKnown"] and not entries(unknown, "Running")
    assert [e for e in answer["entries"] if e["section"] != "Running"] == unknown["entries"]
    # nothing has happened
    assert diff(people, people.manifest(), alice)["update"] == "none"
    assert people.coordinator.get("/api/v2/update-manifest").status == 404


def test_the_endpoint_is_for_users_only(people):
    alice = people.user("alice", roles=[])
    people.set()
    stranger = User(people.keys, "stranger")
    path = "/api/v2/manifest-diff"
    manifest = people.manifest()
    assert alice.post_manifest(people.coordinator, path, manifest).status == 200
    assert stranger.post_manifest(people.coordinator, path, manifest).status == 401
    assert stranger.get(people.coordinator, path).status == 401
    assert people.coordinator.get(path).status == 401
    assert alice.get(people.coordinator, path).status == 404
    assert alice.post(people.coordinator, path, {"manifest": ""}).status == 400
    assert alice.post(people.coordinator, path, {}).status == 400


def test_before_there_is_a_manifest(people):
    alice = people.user("alice")
    reply = alice.post_manifest(people.coordinator, "/api/v2/manifest-diff", people.manifest())
    assert reply.status not in (200, 404)


def test_it_refuses_what_the_update_refuses(people):
    alice = people.user("alice")
    people.set()
    bad = people.manifest()
    bad["Marbles"]["app"]["Parameters"] = {"Env": {"X": "{{ hex .Secrets.pair.Nothing }}"}}
    path = people.write("bad.json", bad)
    told = people.run("manifest", "diff", path, flags=alice.flags, check=1).stderr
    refused = people.run("manifest", "update", "apply", path, flags=alice.flags, check=1).stderr
    assert b"Marbles: app: Env: X: line 1" in told
    assert told.split(b"Marbles:")[1] == refused.split(b"Marbles:")[1]


def test_the_pending_update(people):
    alice, bob = people.user("alice"), people.user("bob")
    people.set()
    assert b"no update is pending" in people.run("manifest", "diff", flags=alice.flags, check=1).stderr
    new = people.manifest()
    new["Marbles"]["app"]["Parameters"] = {"Env": {"S": "{{ hex .Secrets.shared }}"}}
    path = people.write("new.json", new)
    people.run("manifest", "update", "apply", path, flags=alice.flags)
    out = people.run("manifest", "diff", flags=bob.flags).stdout
    assert b"+ shared: Marbles of type app get its value (Env: S)." in out
    assert b"Decision         2 acknowledgment(s) of: alice, bob" in out
    people.run("manifest", "update", "acknowledge", path, flags=bob.flags)
    assert diff(people, new, alice)["update"] == "none"


def test_an_update_of_packages(people):
    alice = people.user("alice")
    people.set()
    people.mesh.activate()
    raised = {"Packages": {"app": {"SecurityVersion": 3}}}
    answer = diff(people, raised, alice)
    assert answer["update"] == "packages" and answer["users"] == ["alice"]
    assert [e["section"] for e in answer["entries"]] == ["Packages", "Certificates", "Running"]
    path = people.write("raised.json", raised)
    people.run("manifest", "update", "apply", path, flags=alice.flags)
    # the text of the manifest does not say so, but the diff knows: with and without a user
    for who in (alice, None):
        entry = diff(people, people.manifest(), who)["entries"][0]
        assert entry["text"].startswith("SecurityVersion is lowered: 3 → 1") and entry["severity"] == "weakens"
    # it says nothing else, so nothing else must be in it
    loose = {"Packages": {"app": {"SecurityVersion": 4, "AcceptedTCBStatuses": ["OutOfDate"]}}}
    assert b"changes nothing but SecurityVersion" in people.run(
        "manifest", "diff", people.write("loose.json", loose), flags=alice.flags, check=1).stderr
    assert b"changes nothing but SecurityVersion" in people.run(
        "manifest", "update", "apply", people.write("loose.json", loose), flags=alice.flags, check=1).stderr


def test_a_budget_that_the_update_ends(people):
    alice = people.user("alice")
    limited = {name: {"Package": "app", "MaxActivations": 3} for name in ("app",)}
    people.set(Marbles=limited)
    people.mesh.activate()
    people.mesh.activate()
    limited["app"]["MaxActivations"] = 2
    text, = [e["text"] for e in entries(diff(people, people.manifest(Marbles=limited), alice), "Running")]
    assert "2 are allowed and 2 are counted" in text


@pytest.mark.parametrize("change, kept", [({}, ["shared", "pair", "text"]), ({"RotateRootSecret": True}, ["pair", "text"])])
def test_what_it_says_of_secrets_comes_true(people, change, kept):
    alice = people.user("alice")
    people.set()
    get = "/api/v2/secrets?s=shared"
    before = alice.get(people.coordinator, get).data["secrets"]["shared"]
    new = people.manifest(Config={"FeatureGates": ["MonotonicCounter"], **change})
    assert sorted(diff(people, new, alice)["keptSecrets"]) == sorted(kept)
    people.run("manifest", "update", "apply", people.write("new.json", new), flags=alice.flags)
    after = alice.get(people.coordinator, get).data["secrets"]["shared"]
    assert (before == after) == ("shared" in kept)


def test_control_characters_are_not_printed(people):
    people.user("alice")
    old = people.write("old.json", people.manifest())
    new = people.manifest()
    new["Marbles"]["app"]["Parameters"] = {"Env": {"A\nB\u001b[2J": "x"}}
    out = people.cli.run("manifest", "diff", people.write("new.json", new), old).stdout
    assert b"\x1b" not in out and b"A?B?[2J" in out


def test_versions_from_before_the_present_manifest(people):
    """The log keeps them; they no more concern what the manifest says."""
    alice = people.user("alice")
    people.set()
    raised = people.write("raised.json", {"Packages": {"app": {"SecurityVersion": 7}}})
    people.run("manifest", "update", "apply", raised, flags=alice.flags)
    whole = changed(people, version=2, Config={"FeatureGates": ["MonotonicCounter"]})
    people.run("manifest", "update", "apply", people.write("whole.json", whole), flags=alice.flags)
    for who in (alice, None):
        assert diff(people, whole, who)["update"] == "none"
    merged = json.loads(people.run("manifest", "get", flags=["--display-update"]).stdout)
    assert merged["Packages"]["app"]["SecurityVersion"] == 2
