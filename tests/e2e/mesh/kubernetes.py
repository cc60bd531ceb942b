"""A stand-in for an API server of Kubernetes: keeps objects, checks each against the API's published types, and fails
as real ones do when the test says so."""

import base64
import copy
import http.server
import json
import pathlib
import socket
import ssl
import struct
import threading
import urllib.parse
import uuid

from cryptography import x509

from mesh import certificates

_TYPES = pathlib.Path(__file__).resolve().parents[2] / "vectors/kubernetes"
_VERSIONS = ("1.25", "1.37")

# (plural, group and version) -> (kind, type, is it in a namespace?)
_CORE = "io.k8s.api.core.v1."
KINDS = {
    ("namespaces", "v1"): ("Namespace", _CORE + "Namespace", False),
    ("serviceaccounts", "v1"): ("ServiceAccount", _CORE + "ServiceAccount", True),
    ("configmaps", "v1"): ("ConfigMap", _CORE + "ConfigMap", True),
    ("secrets", "v1"): ("Secret", _CORE + "Secret", True),
    ("services", "v1"): ("Service", _CORE + "Service", True),
    ("persistentvolumeclaims", "v1"): ("PersistentVolumeClaim", _CORE + "PersistentVolumeClaim", True),
    ("deployments", "apps/v1"): ("Deployment", "io.k8s.api.apps.v1.Deployment", True),
    ("poddisruptionbudgets", "policy/v1"): ("PodDisruptionBudget", "io.k8s.api.policy.v1.PodDisruptionBudget", True),
    ("networkpolicies", "networking.k8s.io/v1"): ("NetworkPolicy", "io.k8s.api.networking.v1.NetworkPolicy", True),
    ("mutatingwebhookconfigurations", "admissionregistration.k8s.io/v1"): (
        "MutatingWebhookConfiguration", "io.k8s.api.admissionregistration.v1.MutatingWebhookConfiguration", False),
}
DELETE_OPTIONS = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions"


class Types:
    """The API's types of one version; tests/vectors/kubernetes/origin.txt explains the file."""

    def __init__(self, version):
        self.version = version
        self._types = json.loads((_TYPES / f"types-{version}.json").read_text())

    def mistakes(self, name, value):
        return list(self._named(name, value, ""))

    def _named(self, name, value, path):
        known = self._types[name]
        if "is" in known:
            yield from self._check(known["is"], value, path)
            return
        if not isinstance(value, dict):
            yield f"{path}: an object is expected"
            return
        for field in known.get("required", []):
            if field not in value:
                yield f"{path}.{field}: required"
        for field, content in value.items():
            if field not in known["properties"]:
                yield f'{path}: unknown field "{field}"'
            else:
                yield from self._check(known["properties"][field], content, f"{path}.{field}")

    def _check(self, kind, value, path):
        simple = {"integer": int, "string": str, "boolean": bool, "object": dict, "int-or-string": (int, str)}
        if isinstance(kind, list):
            if not isinstance(value, list):
                yield f"{path}: a list is expected"
                return
            for i, item in enumerate(value):
                yield from self._check(kind[0], item, f"{path}[{i}]")
        elif isinstance(kind, dict):
            if not isinstance(value, dict):
                yield f"{path}: a map is expected"
                return
            for key, item in value.items():
                yield from self._check(kind["*"], item, f"{path}[{key}]")
        elif kind.startswith("#"):
            yield from self._named(kind[1:], value, path)
        elif not isinstance(value, simple[kind]) or (isinstance(value, bool) and kind != "boolean"):
            yield f"{path}: {kind} is expected, not {type(value).__name__}"


def status(code, reason, message, **details):
    return code, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
                  "reason": reason, "details": details, "code": code}, {}


class Place:
    """What a path names."""

    def __init__(self, path):
        parts = path.strip("/").split("/")
        self.group = parts[1] if parts[0] == "api" else "/".join(parts[1:3])
        rest = parts[2:] if parts[0] == "api" else parts[3:]
        self.namespace = None
        if rest[:1] == ["namespaces"] and len(rest) > 2:
            self.namespace, rest = rest[1], rest[2:]
        self.plural = rest[0]
        self.name = rest[1] if len(rest) > 1 else None
        self.kind, self.type, self.namespaced = KINDS.get((self.plural, self.group), (None, None, False))
        self.key = f"{self.kind} {self.namespace + '/' if self.namespace else ''}{self.name}"


def _leaves(value, path=()):
    """Each field that somebody sets. Lists are one field: nearly all of those used here are atomic or ours alone."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _leaves(item, path + (key,))
    else:
        yield path, value


def _merge(target, changes):
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(target.get(key), dict):
            _merge(target[key], value)
        else:
            target[key] = value


def _at(value, path):
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


class ApiServer:
    def __init__(self, workspace, tokens=("stand-in-token-01",), plain=False, names=("127.0.0.1", "localhost"),
                 users_authority=None):
        self.workspace = workspace
        self.tokens = list(tokens)
        self.users_authority = users_authority
        self.objects, self.owners, self.requests = {}, {}, []
        self.nodes, self.page_items, self.stale_pages = [], None, 0
        self.fail = None            # function of (number, method, Place) -> what happens instead, see _interfere
        self.refuse = lambda sent: None  # an admission plugin: what it says to an object
        self.polls_until_ready = 0  # how often a deployment is asked for before its pods are available
        self.never_ready = None     # a reason: the deployment's progress deadline is over
        self.polls_until_gone = 0   # the same after a deletion in the foreground
        self.hooks = {}             # (method, kind) -> function called before it is done
        self._going = {}
        self._types = [Types(v) for v in _VERSIONS]
        self._lock = threading.RLock()
        self._start(plain, names)

    # the server

    def _start(self, plain, names):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def _answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer._handle(self, body)

            do_GET = do_PATCH = do_DELETE = do_POST = do_PUT = _answer

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass  # a client that went away is the test's business

        self._server = Server(("127.0.0.1", 0), Handler)
        if not plain:
            self._secure(names)
        self.port = self._server.server_address[1]
        self.url = f"{'http' if plain else 'https'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def _secure(self, names):
        authority_key = certificates.make_key()
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        self.authority = certificates.self_signed(authority_key, "cluster", [constraints])
        key = certificates.make_key()
        alternatives = x509.SubjectAlternativeName([certificates.general_name(n) for n in names])
        leaf = certificates.issued(key, "kube-apiserver", self.authority, authority_key, [alternatives])
        file = self.workspace.write("api-server.pem", certificates.pem(key) + certificates.pem(leaf))
        self._context = context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        self.asked_names = []
        context.sni_callback = lambda _, name, __: self.asked_names.append(name)
        if self.users_authority:
            context.load_verify_locations(cadata=certificates.pem(self.users_authority).decode())
            context.verify_mode = ssl.CERT_OPTIONAL
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True,
                                                  do_handshake_on_connect=False)

    def stop(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    # what comes in

    def _handle(self, handler, body):
        url = urllib.parse.urlsplit(handler.path)
        with self._lock:
            place = Place(url.path)
            self.requests.append((handler.command, place.key if place.kind else place.plural))
            number = len(self.requests)
            instead = self.fail(number, handler.command, place) if self.fail else None
            if instead == "reset":
                return self._reset(handler)
            if isinstance(instead, tuple):
                return self._send(handler, instead)
            query = dict(urllib.parse.parse_qsl(url.query))
            answer = self._login(handler) or self._do(handler, place, query, body)
            if instead == "lose the answer":
                return self._reset(handler)
        self._send(handler, answer)

    @staticmethod
    def _reset(handler):
        handler.close_connection = True
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        socket.socket.close(handler.connection)

    @staticmethod
    def _send(handler, answer):
        code, body, headers = answer
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        handler.send_response(code)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(text)))
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(text)

    def _login(self, handler):
        given = handler.headers.get("Authorization", "")
        if any(given == f"Bearer {token}" for token in self.tokens):
            return None
        if isinstance(handler.connection, ssl.SSLSocket) and handler.connection.getpeercert():
            return None
        return status(401, "Unauthorized", "Unauthorized")

    def _do(self, handler, place, query, body):
        hook = self.hooks.get((handler.command, place.kind))
        if hook:
            hook(self, place)
        if place.plural == "nodes":
            return self._list_nodes(query)
        if not place.kind or not place.name or place.namespaced != (place.namespace is not None):
            return status(404, "NotFound", "the server could not find the requested resource")
        if handler.command == "GET":
            return self._get(place)
        if handler.command == "PATCH":
            return self._apply(place, query, handler.headers.get("Content-Type"), body)
        if handler.command == "DELETE":
            return self._delete(place, handler.headers.get("Content-Type"), body)
        return status(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")

    def _missing(self, place):
        return status(404, "NotFound", f'{place.plural} "{place.name}" not found', name=place.name, kind=place.plural)

    # reading

    def _get(self, place):
        if place.key in self._going:
            self._going[place.key] -= 1
            if self._going[place.key] < 0:
                self._remove(place.key)
        found = self.objects.get(place.key)
        if not found:
            return self._missing(place)
        if place.kind == "Deployment":
            self._advance(found)
        return 200, found, {}

    def _advance(self, deployment):
        """What the controllers would do meanwhile."""
        state = deployment.setdefault("status", {})
        polls = state.pop("polls", 0)
        wanted = deployment["spec"].get("replicas", 1)
        generation = deployment["metadata"]["generation"]
        if polls == 0 and self.polls_until_ready:
            # what the controllers have not seen yet shows the pods of the version before
            state.update(polls=1, observedGeneration=generation - 1, replicas=wanted, updatedReplicas=wanted,
                         availableReplicas=wanted)
            return
        ready = polls >= self.polls_until_ready and not self.never_ready
        state.update(observedGeneration=generation, replicas=wanted, updatedReplicas=wanted,
                     availableReplicas=wanted if ready else 0, polls=polls + 1, conditions=[])
        if self.never_ready and polls >= 1:
            state["conditions"] = [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded",
                                    "message": self.never_ready}]

    def _list_nodes(self, query):
        start = 0
        if "continue" in query:
            if self.stale_pages:
                self.stale_pages -= 1
                return status(410, "Expired", "The provided continue parameter is too old to display a consistent "
                              "list result.")
            start = int(query["continue"].rsplit("=", 1)[1])
        size = self.page_items or int(query.get("limit", 500))
        metadata = {"resourceVersion": "1"}
        if start + size < len(self.nodes):
            metadata["continue"] = f"page/&={start + size}"  # opaque: has to come back as it is
        return 200, {"kind": "NodeList", "apiVersion": "v1", "metadata": metadata,
                     "items": self.nodes[start:start + size]}, {}

    # server-side apply

    def _check_object(self, place, body):
        try:
            sent = json.loads(body)  # JSON is YAML
        except ValueError:
            return None, status(400, "BadRequest", "error decoding YAML")
        if not isinstance(sent, dict) or sent.get("apiVersion") != place.group or sent.get("kind") != place.kind:
            return None, status(400, "BadRequest", "the object does not match the path")
        about = sent.get("metadata", {})
        if about.get("name") != place.name or about.get("namespace") != place.namespace:
            return None, status(400, "BadRequest", "the name of the object does not match the name on the URL")
        for field in ("managedFields", "uid", "resourceVersion"):
            if field in about:
                return None, status(400, "BadRequest", f"metadata.{field} must be nil")
        for types in self._types:
            found = types.mistakes(place.type, sent)
            if found:
                return None, status(422, "Invalid", f"{place.kind} {place.name} is invalid for {types.version}: "
                                    + ", ".join(found))
        return sent, None

    def _check_namespace(self, place):
        if not place.namespaced:
            return None
        namespace = self.objects.get(f"Namespace {place.namespace}")
        if not namespace:
            return status(404, "NotFound", f'namespaces "{place.namespace}" not found')
        if "deletionTimestamp" in namespace["metadata"]:
            return status(403, "Forbidden", f'{place.plural} "{place.name}" is forbidden: unable to create new content '
                          f"in namespace {place.namespace} because it is being terminated")
        return None

    def _apply(self, place, query, content_type, body):
        if content_type != "application/apply-patch+yaml":
            return status(415, "UnsupportedMediaType", "the body of the request was in an unknown format")
        manager = query.get("fieldManager")
        if not manager:
            return status(400, "BadRequest", "fieldManager is required for apply patch")
        if query.get("fieldValidation") != "Strict":
            return status(400, "BadRequest", "the tests want fieldValidation=Strict")
        sent, refusal = self._check_object(place, body)
        refusal = refusal or self._check_namespace(place) or self.refuse(sent)
        if refusal:
            return refusal
        found = self.objects.get(place.key)
        conflicts = self._conflicts(place, found, sent, manager) if found else []
        if conflicts and query.get("force") != "true":
            return self._conflict(conflicts)
        return self._store(place, found, sent, manager)

    def _conflicts(self, place, found, sent, manager):
        owners = self.owners[place.key]
        return [(path, owners[path]) for path, value in _leaves(sent)
                if owners.get(path, manager) != manager and _at(found, path) != value]

    @staticmethod
    def _conflict(conflicts):
        causes = [{"reason": "FieldManagerConflict", "message": f'conflict with "{owner}"',
                   "field": "." + ".".join(path)} for path, owner in conflicts]
        text = ", ".join(f'{c["message"]}: {c["field"]}' for c in causes)
        return status(409, "Conflict", f"Apply failed with {len(causes)} conflicts: {text}", causes=causes)

    def _store(self, place, found, sent, manager):
        owners = self.owners.setdefault(place.key, {})
        owners.update({path: owners.get(path, manager) for path, _ in _leaves(sent)})
        if found:
            before = copy.deepcopy(found)
            _merge(found, copy.deepcopy(sent))
            if before.get("spec") != found.get("spec"):
                found["metadata"]["generation"] = found["metadata"].get("generation", 1) + 1
            return 200, found, {}
        made = copy.deepcopy(sent)
        made["metadata"].update(uid=str(uuid.uuid4()), creationTimestamp="2026-01-01T00:00:00Z", generation=1)
        self.objects[place.key] = made
        return 201, made, {}

    # deleting

    def _delete(self, place, content_type, body):
        found = self.objects.get(place.key)
        if not found:
            return self._missing(place)
        options = json.loads(body) if body else {}
        if body and content_type != "application/json":
            return status(415, "UnsupportedMediaType", "the body of the request was in an unknown format")
        mistakes = [m for types in self._types for m in types.mistakes(DELETE_OPTIONS, options)]
        if mistakes:
            return status(400, "BadRequest", ", ".join(mistakes))
        uid = options.get("preconditions", {}).get("uid")
        if uid and uid != found["metadata"]["uid"]:
            return status(409, "Conflict", f"Precondition failed: UID in precondition: {uid}, "
                          f"UID in object meta: {found['metadata']['uid']}")
        if options.get("propagationPolicy") == "Foreground" and self.polls_until_gone:
            found["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
            self._going[place.key] = self.polls_until_gone
            return 202, found, {}
        self._remove(place.key)
        if place.kind == "Namespace":
            for key in [k for k in self.objects if k.split(" ")[1].startswith(place.name + "/")]:
                self._remove(key)
        return 200, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}, {}

    def _remove(self, key):
        self.objects.pop(key, None)
        self.owners.pop(key, None)
        self._going.pop(key, None)

    # what tests do with it

    def put(self, kind, name, namespace=None, manager="somebody", **content):
        """An object that is there already."""
        key = f"{kind} {namespace + '/' if namespace else ''}{name}"
        made = {"kind": kind, "metadata": {"name": name, "uid": str(uuid.uuid4()), "generation": 1}}
        _merge(made, content)
        self.objects[key] = made
        self.owners[key] = {path: manager for path, _ in _leaves(made)}
        return made

    def state(self):
        """All objects, to compare."""
        return {key: (value["metadata"]["uid"], json.dumps({k: v for k, v in value.items() if k != "status"},
                                                           sort_keys=True)) for key, value in self.objects.items()}

    def kubeconfig(self, user=None, name="kubeconfig", context="test", **cluster):
        """A file; `cluster` adds to the cluster's fields, None takes one away."""
        fields = {"server": self.url}
        if hasattr(self, "authority"):
            fields["certificate-authority-data"] = base64_text(certificates.pem(self.authority))
        fields.update({key.replace("_", "-"): value for key, value in cluster.items()})
        fields = {key: value for key, value in fields.items() if value is not None}
        document = {
            "apiVersion": "v1", "kind": "Config", "current-context": context, "preferences": {},
            "clusters": [{"name": "here", "cluster": fields}],
            "users": [{"name": "me", "user": {"token": self.tokens[0]} if user is None else user}],
            "contexts": [{"name": context, "context": {"cluster": "here", "user": "me"}}],
        }
        path = self.workspace.write(name, json.dumps(document, indent=2))
        self.workspace.allow_secrets_in(path)
        return path


def base64_text(raw):
    return base64.b64encode(raw).decode()
