"""Renders a Helm chart: as much of Go's text/template, Sprig and Helm as ours uses. Stricter than Helm: what is not
defined may be asked for, but neither printed nor handed to a function."""

import base64
import datetime
import json
import pathlib
import re

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from mesh import certificates


class Refused(Exception):
    """The chart's own `fail`."""


class Mistake(Exception):
    """Helm would fail, or print nothing where something is meant."""


class Undefined:
    """A member that is not there."""

    def __init__(self, path):
        self.path = path

    def __bool__(self):
        return False


class Node(dict):
    """Values that remember which of them were looked at."""

    def __init__(self, content, path, seen):
        super().__init__({k: Node(v, f"{path}.{k}" if path else str(k), seen) if isinstance(v, dict) else v
                          for k, v in content.items()})
        self.path, self.seen = path, seen

    def look(self, name):
        path = f"{self.path}.{name}" if self.path else name
        if name not in self:
            return Undefined(path)
        if not isinstance(self[name], Node):
            self.seen.add(path)
        return self[name]

    def look_at_all(self):
        for name, value in self.items():
            if isinstance(value, Node):
                value.look_at_all()
            else:
                self.seen.add(f"{self.path}.{name}")


def truth(value):
    return bool(value)


def text(value):
    if isinstance(value, Undefined) or value is None:
        raise Mistake(f"prints nothing: {getattr(value, 'path', 'nil')}")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        raise Mistake("prints a map or a list as Go does")
    return str(value)


def plain(value):
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    return [plain(v) for v in value] if isinstance(value, list) else value


def to_yaml(value):
    if isinstance(value, Node):
        value.look_at_all()
    return yaml.safe_dump(plain(value), default_flow_style=False, width=10 ** 6, allow_unicode=True).rstrip("\n")


def indent(count, value):
    return "\n".join(" " * count + line for line in text(value).split("\n"))


class Pair:
    """What genCA and genSignedCert give."""

    def __init__(self, certificate, key):
        self.certificate, self.key = certificate, key
        self.Cert, self.Key = certificates.pem(certificate).decode(), certificates.pem(key).decode()


def generate(name, names, days, authority=None):
    key, now = certificates.make_key(), datetime.datetime.utcnow()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (x509.CertificateBuilder().subject_name(subject)
               .issuer_name(authority.certificate.subject if authority else subject).public_key(key.public_key())
               .serial_number(x509.random_serial_number()).not_valid_before(now)
               .not_valid_after(now + datetime.timedelta(days=days))
               .add_extension(x509.BasicConstraints(not authority, None), critical=True))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), critical=False)
    return Pair(builder.sign(authority.key if authority else key, hashes.SHA256()), key)


def trim_suffix(suffix, value):
    return value[:-len(suffix)] if suffix and text(value).endswith(suffix) else value


def index(value, *keys):
    for key in keys:
        if isinstance(value, dict):
            value = value[key] if key in value else Undefined(str(key))
        else:
            value = value[key]
    return value


FUNCTIONS = {
    "b64enc": lambda v: base64.b64encode(text(v).encode()).decode(),
    "concat": lambda *lists: [item for one in lists for item in one],
    "dict": lambda *pairs: dict(zip(pairs[::2], pairs[1::2])),
    "eq": lambda a, *others: any(type(a) is type(b) and a == b for b in others),
    "first": lambda v: v[0],
    "genCA": lambda name, days: generate(name, [], days),
    "genSignedCert": lambda name, _, names, days, authority: generate(name, names, days, authority),
    "gt": lambda a, b: a > b,
    "hasKey": lambda holder, key: key in holder,
    "index": index,
    "int": lambda v: int(v),
    "join": lambda with_what, items: with_what.join(text(i) for i in items),
    "list": lambda *items: list(items),
    "lower": lambda v: text(v).lower(),
    "nindent": lambda count, v: "\n" + indent(count, v),
    "printf": lambda how, *values: re.sub("%s", "{}", how).format(*[text(v) for v in values]),
    "quote": lambda v: json.dumps(text(v), ensure_ascii=False),
    "ternary": lambda yes, no, which: yes if which else no,
    "toJson": lambda v: json.dumps(plain(v)),
    "toString": text,
    "toYaml": to_yaml,
    "trimAll": lambda characters, v: text(v).strip(characters),
    "trimSuffix": trim_suffix,
    "trunc": lambda count, v: text(v)[:count],
}
# These may be given what is not there.
LENIENT = {"default": lambda otherwise, v=None: v if truth(v) else otherwise, "not": lambda v: not truth(v)}

TOKEN = re.compile(r"""\s*(?:(?P<string>"(?:[^"\\]|\\.)*")|(?P<number>-?\d+)|(?P<symbol>:=|=|\||\(|\)|,)
    |(?P<path>\$?[A-Za-z_0-9]*(?:\.[A-Za-z_][A-Za-z_0-9]*)+|\$[A-Za-z_0-9]*|\.)|(?P<word>[A-Za-z_][A-Za-z_0-9]*))""",
                   re.X)
ACTION = re.compile(r"\{\{(-\s)?\s*(/\*.*?\*/|(?:\"(?:[^\"\\]|\\.)*\"|[^\"])*?)\s*?(\s-)?\}\}", re.S)
BLOCKS = ("if", "with", "range", "define")


def tokens_of(source):
    found, at = [], 0
    source = source.strip()
    while at < len(source):
        match = TOKEN.match(source, at)
        if not match or match.end() == at:
            raise Mistake(f"can't be read: {source[at:]}")
        found.append((match.lastgroup, match.group(match.lastgroup)))
        at = match.end()
    return found


class Parser:
    """Text and actions, as a tree: ("text", …), ("print", tokens), ("if", [(tokens, body)…], otherwise), …"""

    def __init__(self, source, file):
        self.file = file
        self.items = self._split(source)
        self.at = 0

    def _split(self, source):
        items, at, trim = [], 0, False
        for match in ACTION.finditer(source):
            before = source[at:match.start()]
            before = before.lstrip() if trim else before
            items.append(("text", before.rstrip() if match.group(1) else before))
            trim, at = bool(match.group(3)), match.end()
            if not match.group(2).startswith("/*"):
                items.append(("action", match.group(2)))
        rest = source[at:]
        assert "{{" not in rest, f"{self.file}: an action without end"
        items.append(("text", rest.lstrip() if trim else rest))
        return items

    def body(self, ends=()):
        nodes = []
        while self.at < len(self.items):
            kind, content = self.items[self.at]
            self.at += 1
            if kind == "text":
                nodes.append(("text", content))
                continue
            word = content.split(None, 1)[0]
            if word in ends:
                return nodes, content
            nodes.append(self._action(word, content))
        if ends:
            raise Mistake(f"{self.file}: {ends} expected")
        return nodes, None

    def _action(self, word, content):
        if word not in BLOCKS:
            return ("print", tokens_of(content))
        branches, condition = [], content.split(None, 1)[1]
        while True:
            body, end = self.body(("else", "end"))
            branches.append((tokens_of(condition) if condition else None, body))
            if end == "end":
                return (word, branches)
            condition = end[len("else"):].strip()
            if condition:
                assert condition.startswith("if "), end
                condition = condition[3:]


class Template:
    def __init__(self, chart):
        self.chart = chart
        self.defined = {}
        self.cluster = {}

    def load(self, source, file):
        nodes, _ = Parser(source, file).body()
        kept = []
        for node in nodes:
            if node[0] == "define":
                (name,), body = [json.loads(t[1]) for t in node[1][0][0]], node[1][0][1]
                assert name not in self.defined, f"{name} is defined twice"
                self.defined[name] = body
            else:
                kept.append(node)
        return kept

    def run(self, nodes, dot, variables):
        return "".join(self._node(node, dot, variables) for node in nodes)

    def _node(self, node, dot, variables):
        kind = node[0]
        if kind == "text":
            return node[1]
        if kind == "print":
            return self._print(node[1], dot, variables)
        if kind == "range":
            return self._range(node[1], dot, variables)
        for condition, body in node[1]:
            inner = dict(variables)
            inner = _Scope(inner, variables)
            value = self._pipeline(condition, dot, inner) if condition else True
            if truth(value):
                return self.run(body, value if kind == "with" and condition else dot, inner)
        return ""

    def _range(self, branches, dot, variables):
        items = self._pipeline(branches[0][0], dot, variables)
        if not items:
            return self.run(branches[1][1], dot, variables) if len(branches) > 1 else ""
        return "".join(self.run(branches[0][1], item, _Scope({}, variables)) for item in items)

    def _print(self, tokens, dot, variables):
        if len(tokens) > 2 and tokens[0][1].startswith("$") and tokens[1][1] in (":=", "="):
            value = self._pipeline(tokens[2:], dot, variables)
            if tokens[1][1] == ":=":
                variables[tokens[0][1]] = value
            else:
                variables.assign(tokens[0][1], value)
            return ""
        return text(self._pipeline(tokens, dot, variables))

    def _pipeline(self, tokens, dot, variables):
        commands, depth = [[]], 0
        for token in tokens:
            depth += {"(": 1, ")": -1}.get(token[1], 0) if token[0] == "symbol" else 0
            if token == ("symbol", "|") and depth == 0:
                commands.append([])
            else:
                commands[-1].append(token)
        value = ()
        for command in commands:
            value = (self._command(command, dot, variables, value),)
        return value[0]

    def _operands(self, tokens):
        """Each is a token, or the tokens within parentheses."""
        at = 0
        while at < len(tokens):
            if tokens[at] != ("symbol", "("):
                yield tokens[at]
                at += 1
                continue
            depth, start = 1, at + 1
            while depth:
                at += 1
                depth += {"(": 1, ")": -1}.get(tokens[at][1], 0) if tokens[at][0] == "symbol" else 0
            yield tokens[start:at]
            at += 1

    def _command(self, tokens, dot, variables, piped):
        operands = list(self._operands(tokens))
        head = operands[0]
        if isinstance(head, tuple) and head[0] == "word" and head[1] not in ("true", "false", "nil"):
            return self._call(head[1], operands[1:], dot, variables, piped)
        if len(operands) != 1 or piped:
            raise Mistake(f"no function: {tokens}")
        return self._value(head, dot, variables)

    def _call(self, name, operands, dot, variables, piped):
        if name in ("and", "or"):
            for operand in operands:
                value = self._value(operand, dot, variables)
                if truth(value) == (name == "or"):
                    break
            return value
        values = [self._value(o, dot, variables) for o in operands] + list(piped)
        if name in LENIENT:
            return LENIENT[name](*values)
        for value in values:
            if isinstance(value, Undefined):
                raise Mistake(f"{name} is given {value.path}, which is not defined")
        if name == "include":
            return self.include(values[0], values[1])
        if name == "fail":
            raise Refused(values[0])
        if name == "lookup":
            return self.cluster.get(tuple(values[1:]), {})
        if name not in FUNCTIONS:
            raise Mistake(f"function {name} is not known")
        return FUNCTIONS[name](*values)

    def include(self, name, dot):
        if name not in self.defined:
            raise Mistake(f"template {name} is not defined")
        return self.run(self.defined[name], dot, _Scope({"$": dot}, None))

    def _value(self, operand, dot, variables):
        if isinstance(operand, list):
            return self._pipeline(operand, dot, variables)
        kind, content = operand
        if kind == "string":
            return json.loads(content)
        if kind == "number":
            return int(content)
        if kind == "word":
            constants = {"true": True, "false": False, "nil": None}
            return constants[content] if content in constants else self._call(content, [], dot, variables, ())
        return self._path(content, dot, variables)

    def _path(self, content, dot, variables):
        if content == ".":
            return dot
        name, *fields = content.split(".")
        value = variables.find(name) if name else dot
        for field in fields:
            value = member(value, field, content)
        return value


def member(value, name, path):
    if isinstance(value, Undefined) or value is None:
        raise Mistake(f"{path}: nil has no {name}")
    if isinstance(value, Node):
        return value.look(name)
    if isinstance(value, dict):
        return value[name] if name in value else Undefined(path)
    if not hasattr(value, name):
        raise Mistake(f"{path}: there is no {name}")
    return getattr(value, name)


class _Scope(dict):
    def __init__(self, own, outer):
        super().__init__(own if outer is None else {})
        self.outer = outer

    def find(self, name):
        if name in self:
            return self[name]
        if self.outer is None:
            raise Mistake(f"variable {name} is not defined")
        return self.outer.find(name)

    def assign(self, name, value):
        if name in self:
            self[name] = value
        elif self.outer is None:
            raise Mistake(f"variable {name} is not defined")
        else:
            self.outer.assign(name, value)


def merged(values, changes):
    """As Helm does: null takes a value away, a map is merged, anything else replaces."""
    result = dict(values)
    for name, change in changes.items():
        if change is None:
            result.pop(name, None)
        elif isinstance(change, dict) and isinstance(result.get(name), dict):
            result[name] = merged(result[name], change)
        else:
            result[name] = change
    return result


class UniqueLoader(yaml.SafeLoader):
    """A key twice is a mistake, which YAML libraries swallow."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=deep) for key, _ in node.value]
        if len(keys) != len(set(keys)):
            raise Mistake(f"a key twice: {sorted(keys)}")
        return super().construct_mapping(node, deep)


def documents(rendered):
    return [d for d in yaml.load_all(rendered, UniqueLoader) if d is not None]


class Chart:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.about = yaml.safe_load((self.folder / "Chart.yaml").read_text())
        self.values = yaml.load((self.folder / "values.yaml").read_text(), UniqueLoader)
        self.schema = json.loads((self.folder / "values.schema.json").read_text())
        self.seen = set()  # of the values, by all renderings

    def templates(self):
        return sorted(p for p in (self.folder / "templates").iterdir() if p.suffix in (".yaml", ".tpl", ".txt"))

    def render(self, changes=None, namespace="marblerun", cluster=None):
        """{file: text}"""
        template = Template(self)
        template.cluster = cluster or {}
        root = {"Values": Node(merged(self.values, changes or {}), "", self.seen),
                "Chart": {"Name": self.about["name"], "Version": self.about["version"],
                          "AppVersion": self.about["appVersion"]},
                "Release": {"Name": "marblerun", "Namespace": namespace, "Service": "Helm"}}
        loaded = [(path, template.load(path.read_text(), path.name)) for path in self.templates()]
        return {path.name: template.run(nodes, root, _Scope({"$": root}, None)) for path, nodes in loaded}

    def objects(self, changes=None, namespace="marblerun", cluster=None):
        """Of all files, in Helm's order or not."""
        rendered = self.render(changes, namespace, cluster)
        return [d for name, content in rendered.items() if name.endswith(".yaml") for d in documents(content)]
