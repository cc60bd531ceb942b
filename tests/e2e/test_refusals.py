"""Who is not let in, with which status and why."""

import os

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from mesh import certificates, manifests
from mesh.coordinator import Coordinator
from mesh.marble import Marble, messages, open_enclave, services
from mesh.platform import Platform

DENIED = grpc.StatusCode.PERMISSION_DENIED
INVALID = grpc.StatusCode.INVALID_ARGUMENT


def refuse(code, *words):
    return _Refusal(code, words)


class _Refusal:
    """with refuse(code, word, …): the call must end with that status and name the reason."""

    def __init__(self, code, words):
        self.code, self.words = code, words

    def __enter__(self):
        return self

    def __exit__(self, kind, problem, trace):
        assert kind is not None, "let in"
        if not isinstance(problem, grpc.RpcError):
            return False
        assert problem.code() == self.code, (problem.code(), problem.details())
        for word in self.words:
            assert word.lower() in problem.details().lower(), problem.details()
        return True


def test_before_a_manifest_is_set(mesh):
    with refuse(grpc.StatusCode.FAILED_PRECONDITION, "state"):
        mesh.activate()
    assert mesh.coordinator.state == 2


@pytest.mark.parametrize("name", ["", "App", "app ", "ap", "appp", "../app", "other"])
def test_unknown_type(mesh, name):
    mesh.set()
    with refuse(DENIED, "unknown marble type"):
        mesh.activate(name)


@pytest.mark.parametrize("text", ["", "1", "not-a-uuid", "00000000-0000-0000-0000-00000000000g",
                                  "123e4567-e89b-12d3-a456-4266141740000",
                                  "123e4567-e89b-12d3-a456-426614174000\n"])
def test_bad_uuid(mesh, text):
    mesh.set()
    with refuse(INVALID, "uuid"):
        mesh.activate(UUID=text)


def broken_request(marble):
    return marble.csr[:-1] + bytes([marble.csr[-1] ^ 1])


def test_bad_request_for_a_certificate(mesh):
    mesh.set()
    marble = mesh.marble()
    certificate = certificates.der(marble.certificate)
    for csr in (b"", b"x", marble.csr[:-1], marble.csr + b"\0", broken_request(marble), certificate,
                b"\x30\x80"):
        with refuse(INVALID, "csr"):
            marble.activate("app", CSR=csr)


def test_names_that_are_none(mesh):
    mesh.set()
    marble = mesh.marble()
    for names, code in ((["two words"], INVALID), (["a" * 254], grpc.StatusCode.RESOURCE_EXHAUSTED),
                        ([f"n{i}.example" for i in range(200)], grpc.StatusCode.RESOURCE_EXHAUSTED)):
        with refuse(code, "csr"):
            marble.activate("app", CSR=certificates.request(marble.key, names))


def test_no_evidence(mesh):
    mesh.set()
    with refuse(DENIED, "evidence"):
        mesh.activate(Quote=b"")


def test_evidence_with_any_bit_wrong(mesh):
    """A flip anywhere: header, report, signature, PCK chain, lengths. Only the very last byte, the end
    of the last PEM line, and the last digit before base64's padding say nothing."""
    mesh.set()
    marble = mesh.marble()
    quote = marble.quote()
    size = len(quote)
    places = sorted({*range(0, 48, 5), *range(48, 432, 29), *range(432, size - 1, size // 25)})
    places = [place for place in places if place < 1000 or quote[place + 1] != ord("=")]
    with marble.channel() as channel:
        stub = services.MarbleStub(channel)
        for place in places:
            for bit in (0x01, 0x80):
                flipped = bytearray(quote)
                flipped[place] ^= bit
                with refuse(DENIED, ""):
                    stub.Activate(marble.request("app", Quote=bytes(flipped)), timeout=20)
        stub.Activate(marble.request("app", Quote=quote), timeout=20)


def test_evidence_cut_short(mesh):
    mesh.set()
    marble = mesh.marble()
    quote = marble.quote()
    with marble.channel() as channel:
        stub = services.MarbleStub(channel)
        for size in (1, 2, 15, 16, 17, 47, 48, 432, 435, 436, 1000, len(quote) - 1):
            for cut in (quote[:size], open_enclave(quote)[:size],
                        open_enclave(quote)[:16] + quote[:size]):
                with refuse(DENIED, "evidence"):
                    stub.Activate(marble.request("app", Quote=cut), timeout=20)


def test_evidence_of_another_certificate(mesh):
    """Replay, and relay to another connection: the quote is genuine, but not over this one."""
    mesh.set()
    honest, thief = mesh.marble(), mesh.marble()
    stolen = honest.quote()
    honest.activate("app", Quote=stolen)
    with refuse(DENIED, "certificate"):
        thief.activate("app", Quote=stolen)
    with refuse(DENIED, "certificate"):
        thief.activate("app", Quote=stolen, UUID=honest.uuid, CSR=honest.csr)


def test_report_data_must_end_in_zeros(mesh):
    mesh.set()
    marble = mesh.marble()
    data = marble.report_data()
    quote = mesh.platform.quote(mesh.program, data[:63] + b"\1")
    with refuse(DENIED, "certificate"):
        marble.activate("app", Quote=quote)


def test_evidence_of_the_coordinator_itself(mesh):
    """Reflection: what the coordinator shows to others lets nobody in."""
    import base64
    mesh.set()
    shown = base64.b64decode(mesh.coordinator.get("/api/v2/quote").data["quote"])
    with refuse(DENIED, ""):
        mesh.activate(Quote=shown)
    marble = mesh.marble()
    attested = marble.attest(certificates.der(marble.certificate)[:64]).Quote
    with refuse(DENIED, ""):
        marble.activate("app", Quote=attested)


def test_evidence_of_another_platform(mesh, workspace):
    mesh.set()
    other = Platform(workspace, "other")
    marble = mesh.marble()
    quote = other.quote(mesh.program, marble.report_data())
    with refuse(DENIED, "evidence"):
        marble.activate("app", Quote=quote)


def test_impostor_with_one_byte_changed(mesh, workspace):
    mesh.set()
    content = mesh.program.read_bytes()
    impostor = workspace.write("impostor", content[:-1] + b"\t", 0o700)
    marble = Marble(mesh.coordinator, impostor)
    with refuse(DENIED, "package", "UniqueID"):
        marble.activate("app")
    honest = workspace.write("copy", content, 0o700)
    Marble(mesh.coordinator, honest).activate("app")


@pytest.mark.parametrize("name,change", [
    ("SignerID", lambda v: "00" * 32), ("ProductID", lambda v: v + 1), ("ProductID", lambda v: v - 1),
    ("SecurityVersion", lambda v: v + 1)])
def test_each_property_of_a_package(mesh, name, change):
    mesh.platform.sign(mesh.program, product=7, version=3)
    package = manifests.by_signer(mesh.platform.measure(mesh.program))
    assert (package["ProductID"], package["SecurityVersion"]) == (7, 3)
    package[name] = change(package[name])
    mesh.coordinator.set_manifest(manifests.simple(package))
    with refuse(DENIED, name):
        mesh.activate()


def test_security_version_may_be_newer(mesh):
    mesh.platform.sign(mesh.program, product=7, version=3)
    package = manifests.by_signer(mesh.platform.measure(mesh.program), SecurityVersion=2)
    mesh.coordinator.set_manifest(manifests.simple(package))
    mesh.activate()


@pytest.mark.parametrize("accepted", [False, True])
def test_debug_only_where_the_manifest_says_so(mesh, accepted):
    mesh.platform.sign(mesh.program, product=2, version=2, debug=True)
    package = manifests.by_signer(mesh.platform.measure(mesh.program), Debug=accepted)
    mesh.coordinator.set_manifest(manifests.simple(package))
    if accepted:
        mesh.activate()
        return
    with refuse(DENIED, "debug"):
        mesh.activate()


def test_another_types_package(mesh, workspace):
    """A marble of one package is not a marble of the other."""
    other = workspace.program("other", "exit 1")
    ids = {"app": {"UniqueID": mesh.platform.measure(mesh.program)["UniqueID"]},
           "other": {"UniqueID": mesh.platform.measure(other)["UniqueID"]}}
    mesh.coordinator.set_manifest({"Packages": ids, "Marbles": {
        name: {"Package": name} for name in ids}})
    mesh.activate("app")
    Marble(mesh.coordinator, other).activate("other")
    with refuse(DENIED, "package"):
        mesh.activate("other")


ALL = ["UpToDate", "SWHardeningNeeded", "ConfigurationNeeded", "ConfigurationAndSWHardeningNeeded",
       "OutOfDate", "OutOfDateConfigurationNeeded"]


def test_status_of_the_platforms_tcb(mesh, workspace):
    """Each status by default and when the manifest names it; an up-to-date platform suits everybody.
    The platform changes while the coordinator runs."""
    ids = mesh.platform.measure(mesh.program)["UniqueID"]
    packages = {"default": {"UniqueID": ids}, **{
        name: {"UniqueID": ids, "AcceptedTCBStatuses": [name]} for name in ALL}}
    mesh.coordinator.set_manifest({"Packages": packages, "Marbles": {
        name: {"Package": name} for name in packages}})
    for status in ALL:
        mesh.platform.set_tcb(status)
        for name in packages:
            if status in (name, "UpToDate") or name == "default" and status in ALL[:2]:
                mesh.activate(name)
                continue
            with refuse(DENIED, "TCB", status):
                mesh.activate(name)


def test_a_revoked_platform_is_never_accepted(mesh):
    package = manifests.by_id(mesh.platform.measure(mesh.program))
    package["AcceptedTCBStatuses"] = ALL
    mesh.coordinator.set_manifest(manifests.simple(package))
    mesh.platform.set_tcb("Revoked")
    with refuse(DENIED, "revoked"):
        mesh.activate()


def test_advisories_count_where_hardening_is_needed(mesh):
    ids = mesh.platform.measure(mesh.program)["UniqueID"]
    packages = {"any": {"UniqueID": ids},
                "one": {"UniqueID": ids, "AcceptedAdvisories": ["INTEL-SA-00001"]},
                "outdated": {"UniqueID": ids, "AcceptedAdvisories": ["INTEL-SA-00001"],
                             "AcceptedTCBStatuses": ["ConfigurationNeeded"]}}
    mesh.coordinator.set_manifest({"Packages": packages, "Marbles": {
        name: {"Package": name} for name in packages}})
    mesh.platform.set_tcb("SWHardeningNeeded", "INTEL-SA-00001")
    mesh.activate("any")
    mesh.activate("one")
    mesh.platform.set_tcb("SWHardeningNeeded", "INTEL-SA-00001", "INTEL-SA-00002")
    mesh.activate("any")
    with refuse(DENIED, "INTEL-SA-00002"):
        mesh.activate("one")
    mesh.platform.set_tcb("ConfigurationNeeded", "INTEL-SA-00002")
    mesh.activate("outdated")


def test_no_client_certificate(mesh):
    """Demanded in the handshake: nothing is answered without one."""
    from mesh.marble import server_certificate
    mesh.set()
    root = server_certificate(mesh.coordinator.marble_port)
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0)]
    marble = mesh.marble()
    with grpc.secure_channel(f"127.0.0.1:{mesh.coordinator.marble_port}",
                             grpc.ssl_channel_credentials(root), options) as channel:
        with pytest.raises(grpc.RpcError) as refused:
            services.MarbleStub(channel).Activate(marble.request("app"), timeout=10)
    assert refused.value.code() in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.UNAVAILABLE)


def test_unknown_methods_and_messages(mesh):
    mesh.set()
    raw = dict(request_serializer=lambda b: b, response_deserializer=lambda b: b)
    with mesh.marble().channel() as channel:
        for path in ("/rpc.Marble/Nothing", "/rpc.Other/Activate", "/"):
            with refuse(grpc.StatusCode.UNIMPLEMENTED, ""):
                channel.unary_unary(path, **raw)(b"", timeout=10)
        for message in (b"\xff", b"\x0a\x05ab", os.urandom(64), b"\x0a" * 1000, b"\x12\xff\xff\xff\x7f"):
            with refuse(INVALID, ""):
                channel.unary_unary("/rpc.Marble/Activate", **raw)(message, timeout=10)
        with refuse(INVALID, "nonce"):
            services.MarbleStub(channel).Attest(messages.AttestReq(Nonce=b"short"), timeout=10)


def test_an_oversized_request(mesh):
    mesh.set()
    marble = mesh.marble()
    with pytest.raises(grpc.RpcError) as refused:
        marble.activate("app", Quote=bytes(8 << 20))
    assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED or "413" in refused.value.details()
    marble.activate("app")


def test_refusals_are_logged_once_with_their_reason_and_no_secret(mesh):
    mesh.set()
    marble = mesh.marble()
    with refuse(DENIED, ""):
        marble.activate("app", Quote=b"nonsense")
    marble.activate("app")
    events = [e for e in mesh.coordinator.events() if e.get("uuid") == marble.uuid]
    assert [e["event"] for e in events] == ["activation refused", "marble activated"]
    assert "evidence" in events[0]["error"] and events[0]["marbleType"] == "app"


@pytest.mark.parametrize("name", ['x"} {"level":"info","event":"marble activated', "x\n\x1b[31m y"])
def test_a_client_can_not_forge_lines_of_the_log(mesh, name):
    mesh.set()
    with refuse(DENIED, ""):
        mesh.activate(name)
    lines = mesh.coordinator.process.log().splitlines()
    assert not any("\x1b" in line for line in lines)
    assert sum("marble activated" in e["event"] for e in mesh.coordinator.events()) == 0
    assert len(mesh.coordinator.events()) == len(lines), "every line is one JSON object"


def test_a_simulated_platform_is_not_trusted_unless_named(workspace, platform):
    """A quote of a simulated platform means nothing to a coordinator on another one."""
    named = Platform(workspace, "named")
    started = Coordinator(workspace, named)
    program = workspace.program()
    package = manifests.by_id(platform.measure(program))
    started.set_manifest(manifests.simple(package))
    marble = Marble(started, program, curve=ec.SECP256R1)
    with refuse(DENIED, "evidence"):
        marble.activate("app", Quote=platform.quote(program, marble.report_data()))
