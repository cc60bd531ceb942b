"""The admission webhook: what an API server, kubelet and cert-manager do to it."""

import copy
import json
import os
import random
import re
import signal
import socket
import ssl
import subprocess
import threading
import urllib.request

import jsonpatch
import pytest

from mesh import certificates, pods
from mesh.injector import Injector, SecretVolume

VECTORS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "vectors", "admission")


@pytest.fixture
def injector(workspace):
    started = Injector(workspace)
    yield started
    if started.process.running():
        assert started.process.stop() == 0, started.process.log()


def reviews():
    for name in sorted(os.listdir(VECTORS)):
        if not name.endswith(".answer.json"):
            with open(os.path.join(VECTORS, name), encoding="utf-8") as f:
                yield name, json.load(f)


def applied(pod, patch):
    """By an implementation of RFC 6902 that is not ours."""
    return jsonpatch.apply_patch(pod, patch or [], in_place=False)


def environment_of(container):
    return {e["name"]: e for e in container.get("env") or []}


def check_marble(container, pod, namespace):
    kind = pod["metadata"]["labels"][pods.LABEL]
    low = kind.lower()
    wanted = {"EDG_MARBLE_COORDINATOR_ADDR": "coordinator-mesh-api.marblerun:2001", "EDG_MARBLE_TYPE": kind,
              "EDG_MARBLE_DNS_NAMES": f"{low},{low}.{namespace},{low}.{namespace}.svc.cluster.local",
              "EDG_MARBLE_UUID_FILE": f"/{kind}-uid/uuid-file"}
    before = next(environment_of(c) for _, c in pods.containers_of(pod) if c["name"] == container["name"])
    for name, value in wanted.items():
        assert environment_of(container)[name] == before.get(name, {"name": name, "value": value})


def check_uuid(container, before, after):
    """The marble's UUID is the pod's UID, unless the pod has its own arrangement."""
    had = next(c for _, c in pods.containers_of(before) if c["name"] == container["name"])
    folder = f"/{after['metadata']['labels'][pods.LABEL]}-uid"
    if "EDG_MARBLE_UUID_FILE" in environment_of(had):
        return
    if any(m["mountPath"].rstrip("/") == folder for m in had.get("volumeMounts") or []):
        return
    mount, = [m for m in container["volumeMounts"] if m["mountPath"] == folder]
    volume, = [v for v in after["spec"]["volumes"] if v["name"] == mount["name"]]
    item, = volume["downwardAPI"]["items"]
    assert item["path"] == "uuid-file" and item["fieldRef"]["fieldPath"] == "metadata.uid"


def check_change(before, after, namespace="shop"):
    """Changed only where it must be."""
    marbles = pods.injected_names(before)
    assert pods.is_within(before, after)
    assert pods.without_spec(before) == pods.without_spec(after)
    was = {c["name"]: c for _, c in pods.containers_of(before)}
    now = {c["name"]: c for _, c in pods.containers_of(after)}
    assert list(was) == list(now)
    for name, container in now.items():
        if name in marbles:
            changed = {k for k in container if container[k] != was[name].get(k)}
            assert changed <= {"env", "volumeMounts", "resources"}
            check_marble(container, before, namespace)
            check_uuid(container, before, after)
        else:
            assert container == was[name]
    if not marbles:
        assert before == after


def test_many_pods(injector):
    """Applied, the patch gives a pod that decodes; a second pass changes nothing."""
    generator = pods.Generator(random.Random(2026))
    connection = injector.connect()
    injected = 0
    for _ in range(1500):
        pod = generator.pod()
        pods.decode(pod)
        untouched = copy.deepcopy(pod)
        patch = injector.patch(pods.review(pod), connection)
        after = applied(pod, patch)
        assert pod == untouched
        pods.decode(after)
        check_change(pod, after)
        assert injector.patch(pods.review(after), connection) is None, pod
        injected += patch is not None
    assert 1000 < injected < 1500


@pytest.mark.parametrize("resource", ["kubernetes.azure.com/sgx_epc_mem_in_MiB", "alibabacloud.com/sgx_epc_MiB", ""])
def test_many_pods_elsewhere(workspace, resource):
    injector = Injector(workspace, f"-sgxResource={resource}", "-tsmRuntimeClasses=gvisor")
    generator = pods.Generator(random.Random(resource))
    connection = injector.connect()
    for _ in range(200):
        pod = generator.pod()
        after = applied(pod, injector.patch(pods.review(pod), connection))
        pods.decode(after)
        check_change(pod, after)
        assert injector.patch(pods.review(after), connection) is None
    assert injector.process.stop() == 0


@pytest.mark.parametrize("name,review", reviews(), ids=[name for name, _ in reviews()])
def test_recorded_shapes(injector, name, review):
    with open(os.path.join(VECTORS, name.replace(".json", ".answer.json")), encoding="utf-8") as f:
        expected = json.load(f)
    response = injector.review(review)
    assert response["allowed"] == expected["allowed"]
    assert response.get("warnings") == expected.get("warnings")
    assert response.get("status", {}).get("message") == expected.get("message")
    if response["allowed"]:
        patch = injector.patch(review)
        assert patch == expected.get("patch")
        if patch:
            after = applied(review["request"]["object"], patch)
            pods.decode(after)
            assert injector.patch(pods.review(after, "emojivoto")) is None


def test_marbles_of_that_pod_find_their_identity(injector, workspace):
    """The UUID file that kubelet writes, a pod's UID without a line's end, is one that marbles take."""
    after = applied(pods.simple(), injector.patch(pods.review(pods.simple())))
    environment = {e["name"]: e["value"] for e in after["spec"]["containers"][0]["env"]}
    path = workspace.write("uuid-file", "2f1c7f0a-6e0b-4a5e-9d3c-1b7f6a2c9e11")
    environment["EDG_MARBLE_UUID_FILE"] = str(path)
    environment["EDG_MARBLE_COORDINATOR_ADDR"] = "127.0.0.1:1"
    done = workspace.run([workspace.binaries.premain, "/bin/true"], check=False, OE_SIMULATION="1",
                         EDG_MARBLE_ACTIVATION_TIMEOUT="1", **environment)
    assert b"UUID" not in done.stderr and b"127.0.0.1:1" in done.stderr, done.stderr
    path.write_text("no uuid")
    done = workspace.run([workspace.binaries.premain, "/bin/true"], check=False, OE_SIMULATION="1",
                         EDG_MARBLE_ACTIVATION_TIMEOUT="1", **environment)
    assert b"UUID" in done.stderr


@pytest.mark.parametrize("method,path,headers,body,status,text", [
    ("GET", "/healthz", {}, None, 200, "ok"),
    ("HEAD", "/healthz", {}, None, 200, None),
    ("GET", "/readyz?verbose", {}, None, 200, "ok"),
    ("POST", "/healthz", {}, b"x", 405, "GET"),
    ("GET", "/mutate", {}, None, 405, "POST"),
    ("PUT", "/mutate", {"Content-Type": "application/json"}, b"{}", 405, "POST"),
    ("GET", "/", {}, None, 404, "/mutate"),
    ("GET", "/mutate/", {}, None, 404, "/mutate"),
    ("POST", "/mutate", {}, b"{}", 415, "application/json"),
    ("POST", "/mutate", {"Content-Type": "application/jsonp"}, b"{}", 415, "application/json"),
    ("POST", "/mutate", {"Content-Type": "application/yaml"}, b"{}", 415, "application/json"),
    ("POST", "/mutate", {"Content-Type": "application/json"}, b"", 400, "AdmissionReview: "),
    ("POST", "/mutate", {"Content-Type": "Application/JSON; charset=utf-8"}, b"{}", 400, "kind: "),
    ("POST", "/mutate", {"Content-Type": "application/json"}, b"[" * 100, 400, "64 levels"),
    ("POST", "/mutate", {"Content-Type": "application/json"}, b'{"a":"\xff"}', 400, "AdmissionReview: "),
])
def test_requests(injector, method, path, headers, body, status, text):
    reply = injector.request(method, path, body, headers)
    assert reply.status == status
    assert text is None or text in reply.body.decode()
    if status == 405:
        assert "POST" in reply.headers["allow"] or "GET" in reply.headers["allow"]


def test_large_reviews(injector):
    """As large as an API server's can be; what is larger is refused while it comes."""
    pod = pods.simple()
    pod["metadata"]["annotations"] = {"a": "x" * (7 << 20)}
    assert injector.patch(pods.review(pod))
    pod["metadata"]["annotations"] = {"a": "x" * (9 << 20)}
    try:
        assert injector.post(pods.review(pod)).status == 413
    except (ConnectionError, ssl.SSLError):
        pass  # closed before all of it was sent
    assert injector.patch(pods.review(pods.simple()))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_versions(injector, version):
    context = injector.context()
    context.minimum_version = context.maximum_version = version
    assert injector.patch(pods.review(pods.simple()), injector.connect(context))


def test_older_tls_is_refused(injector):
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{injector.port}", "-tls1_1", "-cipher",
                           "ALL:@SECLEVEL=0"], input=b"", capture_output=True, timeout=30)
    assert done.returncode != 0 and b"protocol version" in done.stderr


def test_http2(injector, workspace):
    """API servers speak HTTP/2 where they can."""
    authority = workspace.write("authority.pem", certificates.pem(injector.volume.authority))
    review = workspace.write("review.json", json.dumps(pods.review(pods.simple())))
    name = "marble-injector.marblerun.svc"
    done = workspace.run(["curl", "-sS", "--http2", "--cacert", authority, "--resolve",
                          f"{name}:{injector.port}:127.0.0.1", "-H", "Content-Type: application/json",
                          "--data-binary", f"@{review}", "-w", "\n%{http_version}",
                          f"https://{name}:{injector.port}/mutate"])
    answer, version = done.stdout.decode().rsplit("\n", 1)
    assert version == "2" and json.loads(answer)["response"]["patchType"] == "JSONPatch"


def served(injector):
    connection = injector.connect()
    try:
        return connection.server_certificate
    finally:
        connection.close()


def wait_for_certificate(injector, der):
    injector.process.wait_for(lambda _: served(injector) == der)


def test_a_new_certificate_is_taken(injector):
    kept = injector.connect()
    der = injector.volume.renew()
    wait_for_certificate(injector, der)
    assert injector.patch(pods.review(pods.simple()), kept), "connections outlive it"
    assert injector.wait_for_event("the certificate is a new one")["not_after"] > 0


def test_files_replaced_one_by_one(injector):
    """cp instead of a link: for a moment, key and certificate don't fit. The old pair is used meanwhile."""
    old = served(injector)
    certificate, key, made = injector.volume.issue()
    (injector.volume.folder / "tls.crt").write_bytes(certificate)
    event = injector.wait_for_event("the certificate could not be renewed; the old one is used")
    assert "is not the key of the certificate" in event["error"]
    assert served(injector) == old
    (injector.volume.folder / "tls.key").write_bytes(key)
    wait_for_certificate(injector, certificates.der(made))


@pytest.mark.parametrize("certificate,key,text", [
    (b"", None, "0 certificates in PEM found"),
    (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", None, "can't be parsed"),
    (None, b"nothing", "private key in PEM is expected"),
    (None, b"", "private key in PEM is expected"),
])
def test_bad_files_change_nothing(injector, certificate, key, text):
    old = served(injector)
    good_certificate, good_key, _ = injector.volume.issue()
    injector.volume.write(good_certificate if certificate is None else certificate, good_key if key is None else key)
    event = injector.wait_for_event("the certificate could not be renewed; the old one is used")
    assert text in event["error"]
    assert served(injector) == old


def test_files_that_vanish_change_nothing(injector):
    old = served(injector)
    os.unlink(injector.volume.folder / "..data")
    event = injector.wait_for_event("the certificate could not be renewed; the old one is used")
    assert "No such file" in event["error"] and served(injector) == old
    wait_for_certificate(injector, injector.volume.renew())


@pytest.mark.concurrency
def test_rotation_under_load(injector):
    """No review fails while certificates change, neither on old connections nor on new ones."""
    failures, done, stop = [], [], threading.Event()

    def work(fresh):
        connection = None
        try:
            while not stop.is_set():
                if fresh or connection is None:
                    connection = injector.connect()
                assert injector.patch(pods.review(pods.simple()), connection)
                done.append(1)
                if fresh:
                    connection.close()
        except Exception as failure:  # every failure counts, whatever its kind
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(n % 2 == 0,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for _ in range(4):
        wait_for_certificate(injector, injector.volume.renew())
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures and len(done) > 6


def chains(workspace):
    """An authority below the authority: the file has both certificates."""
    volume = SecretVolume(workspace.new_folder("certificates"))
    key = certificates.make_key()
    extension = certificates.x509.BasicConstraints(ca=True, path_length=None)
    below = certificates.issued(key, "below", volume.authority, volume.authority_key, [extension])
    certificate, leaf_key, _ = volume.issue((below, key))
    volume.write(certificate + certificates.pem(below), leaf_key)
    return volume


def test_a_chain_is_served(workspace):
    injector = Injector(workspace, volume=chains(workspace))
    assert injector.patch(pods.review(pods.simple()))
    assert injector.process.stop() == 0


def expired(volume):
    import datetime
    key, now = certificates.make_key(), datetime.datetime.utcnow()
    builder = (certificates.x509.CertificateBuilder().subject_name(volume.authority.subject)
               .issuer_name(volume.authority.subject).public_key(key.public_key()).serial_number(7)
               .not_valid_before(now - datetime.timedelta(days=2)).not_valid_after(now - datetime.timedelta(days=1)))
    made = builder.sign(volume.authority_key, certificates.hashes.SHA256())
    volume.write(certificates.pem(made), certificates.pem(key))


def test_an_expired_certificate_is_seen(workspace):
    volume = SecretVolume(workspace.new_folder("certificates"))
    expired(volume)
    injector = Injector(workspace, volume=volume)
    context = ssl._create_unverified_context()
    assert injector.request("GET", "/healthz", connection=injector.connect(context)).status == 200
    reply = injector.request("GET", "/readyz", connection=injector.connect(context))
    assert reply.status == 503 and b"expired" in reply.body
    wait_for = injector.volume.renew()
    injector.process.wait_for(lambda _: injector.connect(context).server_certificate == wait_for)
    assert injector.request("GET", "/readyz").status == 200
    assert injector.process.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_review_in_flight_is_answered(injector, number):
    """What came before the signal is finished; what comes after finds nobody."""
    body = json.dumps(pods.review(pods.simple())).encode()
    connection = injector.connect()
    head = (f"POST /mutate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode()
    connection.sock.sendall(head + body[:100])
    injector.request("GET", "/healthz")
    injector.process.send(number)
    injector.wait_for_event("stopping: finishing what is in flight")
    connection.sock.sendall(body[100:])
    answer = b""
    while part := connection.sock.recv(65536):
        answer += part
    assert answer.startswith(b"HTTP/1.1 200 ") and b"JSONPatch" in answer
    assert injector.process.wait() == 0
    assert injector.events()[-1]["event"] == "stopped"


def test_it_leaves_before_it_stops(workspace):
    """With a delay it is not ready any more, but still answers: the API servers don't know yet."""
    injector = Injector(workspace, "-shutdownDelay=600")
    injector.process.send(signal.SIGTERM)
    injector.wait_for_event("stopping: finishing what is in flight")
    assert injector.request("GET", "/readyz").status == 503
    assert injector.request("GET", "/healthz").status == 200
    assert injector.patch(pods.review(pods.simple()))
    injector.process.send(signal.SIGTERM)
    assert injector.process.wait() == 0
    assert "stopping at once" in injector.process.log()


def test_the_log(injector):
    """One event for each pod, in JSON, whatever names are made of."""
    review = pods.review(pods.simple())
    review["request"]["object"]["metadata"]["generateName"] = 'a"\n{}\u2028-'
    injector.patch(review)
    injector.review(pods.review(pods.simple("")))
    injector.post(b"{}")
    events = {e["event"]: e for e in injector.events()}
    marble = events["a pod is a marble"]
    assert "why" not in marble
    assert marble["review"] == review["request"]["uid"] and marble["type"] == "web"
    assert marble["pod"] == 'a"\n{}\u2028-' and marble["namespace"] == "shop"
    assert "empty" in events["a pod is refused"]["why"]
    assert re.fullmatch(r"127\.0\.0\.1:\d+", events["a request can't be answered"]["peer"])


def test_metrics(workspace):
    injector = Injector(workspace, "-metricsAddr=127.0.0.1:0")
    port = injector.wait_for_event("serving metrics")["port"]
    injector.patch(pods.review(pods.simple()))
    injector.review(pods.review(pods.simple("")))
    injector.review(pods.review(pods.simple(), operation="UPDATE"))
    injector.post(b"{}")
    text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30).read().decode()
    for outcome in ("injected", "refused", "unchanged", "unreadable"):
        assert f'injector_reviews_total{{outcome="{outcome}"}} 1\n' in text
    assert "injector_certificate_not_after_seconds 1" in text and 'injector_version_info{version="' in text
    assert injector.process.stop() == 0


def test_reviews_that_break_off(injector):
    """Strangers who say half a request hold up nobody."""
    for _ in range(50):
        raw = socket.create_connection(("127.0.0.1", injector.port))
        tls = ssl._create_unverified_context().wrap_socket(raw)
        tls.sendall(b"POST /mutate HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{")
        tls.close()
    assert injector.patch(pods.review(pods.simple()))


@pytest.mark.parametrize("arguments,text", [
    (["-nothing"], "is no option"),
    (["-coordAddr=:1"], "-coordAddr: host:port is expected"),
    (["-sgxResource=epc"], "-sgxResource: "),
])
def test_wrong_usage(workspace, arguments, text):
    done = workspace.run([workspace.binaries.injector, *arguments], check=2)
    assert text in done.stderr.decode() and not done.stdout


def test_help_and_version(workspace):
    assert b"-coordAddr" in workspace.run([workspace.binaries.injector, "--help"]).stdout
    assert re.fullmatch(r"marblerun-injector \d+\.\d+\.\d+\n",
                        workspace.run([workspace.binaries.injector, "-version"]).stdout.decode())


def test_without_certificate(workspace):
    done = workspace.run([workspace.binaries.injector, "-addr=127.0.0.1:0", "-tlsCertFile=nowhere"], check=1)
    assert "nowhere: No such file or directory" in done.stderr.decode()


def test_an_address_in_use(injector, workspace):
    folder = injector.volume.folder
    done = workspace.run([workspace.binaries.injector, f"-addr=127.0.0.1:{injector.port}",
                          f"-tlsCertFile={folder}/tls.crt", f"-tlsKeyFile={folder}/tls.key"], check=1)
    assert "-addr: " in done.stderr.decode() and "in use" in done.stderr.decode()
