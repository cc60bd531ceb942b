"""Templates when the manifest is set: refused with their place, or executed for the marble."""

import pytest

from mesh import manifests

GOOD = {
    "{{- /* nothing */ -}} x": b"x",
    "a {{- \" b \" -}} c": b"a b c",
    '{{ $x := "v" }}{{ $x }}{{ $x = "w" }}{{ $x }}': b"vw",
    "{{ if and true (not false) }}y{{ else }}n{{ end }}": b"y",
    "{{ if eq 1 2 }}a{{ else if ne 1 2 }}b{{ end }}": b"b",
    '{{ print "a" 1 }}{{ printf "%s-%05d-%q" "x" 42 "q" }}{{ len "abc" }}': b'a1x-00042-"q"3',
    '{{ with "z" }}{{ . }}{{ end }}{{ or "" "last" }}': b"zlast",
    '{{ range $name, $s := .Secrets }}{{ $name }},{{ end }}': b"key,web,",
    '{{ len (hex .Secrets.key) }}': b"32",
    '{{ index .Secrets "key" | hex | len }}': b"32",
    "{{`raw \\n`}}": b"raw \\n",
}


@pytest.mark.parametrize("text", GOOD)
def test_what_manifests_use(mesh, text):
    secrets = {"key": {"Type": "symmetric-key", "Size": 128},
               "web": {"Type": "cert-ecdsa", "Size": 256, "Shared": True}}
    mesh.set({"app": {"Parameters": {"Env": {"X": text}, "Files": {"/x": text}}}}, Secrets=secrets)
    granted = mesh.activate()
    assert granted.env["X"] == GOOD[text] == granted.files["/x"]


BAD = {
    "{{ raw .Secrets.key }}": "raw",  # not in Env
    "{{ hex .Secrets.nothing }}": "secret",
    "{{ .Secrets.key }}": "encode",
    "{{ pem .Secrets.key }}": "pem",
    "{{ string .Secrets.key }}": "plain",
    "{{ hex .Secret.key }}": "Secret",
    "{{ hex .MarbleRun.Nothing.Cert }}": "Nothing",
    "{{ call .Secrets }}": "call",
    "{{ template \"x\" }}": "template",
    "{{ define \"x\" }}{{ end }}": "define",
    "{{ html \"x\" }}": "html",
    "{{ if true }}": "",
    "{{": "",
    "{{ end }}": "end",
    "{{ $x }}": "$x",
    "{{ hex }}": "hex",
    "line 1\nline 2 {{ nonsense }}": "nonsense",
}


@pytest.mark.parametrize("text", BAD)
def test_refused_when_the_manifest_is_set(mesh, text):
    package = manifests.by_id(mesh.platform.measure(mesh.program))
    reply = mesh.coordinator.post_manifest(manifests.simple(
        package, {"app": {"Parameters": {"Env": {"NAME": text}}}},
        Secrets={"key": {"Type": "symmetric-key", "Size": 128}}))
    assert reply.status == 400
    for word in ("app", "Env", "NAME", BAD[text]):
        assert word in reply.message, reply.message
    if "\n" in text:
        assert "2:" in reply.message or "line 2" in reply.message
    assert mesh.coordinator.state == 2


def test_string_is_for_the_environment_and_raw_for_files(mesh):
    package = manifests.by_id(mesh.platform.measure(mesh.program))
    secrets = {"p": {"Type": "plain", "UserDefined": True}}
    for place, text in (("Files", "{{ string .Secrets.p }}"), ("Env", "{{ raw .Secrets.p }}")):
        reply = mesh.coordinator.post_manifest(manifests.simple(
            package, {"app": {"Parameters": {place: {"X": text}}}}, Secrets=secrets))
        assert reply.status == 400 and place in reply.message


def test_endless_and_enormous_output_is_bounded(mesh):
    package = manifests.by_id(mesh.platform.measure(mesh.program))
    nest = "{{ range .Secrets }}" * 12 + "x" + "{{ end }}" * 12
    bomb = '{{ printf "%1000000000d" 1 }}'
    secrets = {f"s{i}": {"Type": "symmetric-key", "Size": 128} for i in range(20)}
    for text in (nest, bomb):
        reply = mesh.coordinator.post_manifest(manifests.simple(
            package, {"app": {"Parameters": {"Env": {"X": text}}}}, Secrets=secrets))
        assert reply.status == 400, reply.body[:200]
