"""Parts of manifests, as documentation shows them, made whole."""

import base64
import json
import re

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

# what stands for a value that only the reader has
_UNKNOWN = {"UniqueID": "0" * 64, "SignerID": "1" * 64, "PPID": "2" * 32, "ChipID": "3" * 128, "MRTD": "4" * 96,
            "RTMR1": "5" * 96, "RTMR2": "6" * 96, "Measurement": "7" * 96}


def _public_key():
    key = rsa.generate_private_key(65537, 2048).public_key()
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def _filled(value, name, known, path=()):
    if isinstance(value, dict):
        return {k: _filled(v, k, known, (*path, k)) for k, v in value.items()}
    if isinstance(value, list):
        return [_filled(v, name, known, path) for v in value]
    if isinstance(value, str) and (value == "…" or value.startswith("<")):
        if path[:1] == ("RecoveryKeys",):
            return known.get("RecoveryKey") or _public_key()
        return known.get(name, _UNKNOWN.get(name, value))
    return value


def _types_named(manifest):
    for tag in manifest.get("TLS", {}).values():
        for entry in tag.get("Incoming", []) + tag.get("Outgoing", []):
            yield from entry.get("AllowedMarbles", []) + entry.get("ExpectedMarbles", [])


def _add_what_is_named(manifest):
    marbles = manifest.setdefault("Marbles", {})
    for marble_type in _types_named(manifest):
        marbles.setdefault(marble_type, {"Package": "app"})
    if not marbles:
        marbles["app"] = {"Package": next(iter(manifest.get("Packages", {})), "app")}
    packages = manifest.setdefault("Packages", {})
    for marble in marbles.values():
        packages.setdefault(marble["Package"], {"UniqueID": _UNKNOWN["UniqueID"]})
    for role in manifest.get("Roles", {}).values():
        for name in role.get("ResourceNames", []):
            if role["ResourceType"] == "Secrets":
                manifest.setdefault("Secrets", {}).setdefault(name, {"Type": "plain", "UserDefined": True})
            if role["ResourceType"] == "Packages":
                packages.setdefault(name, {"SignerID": _UNKNOWN["SignerID"], "ProductID": 1, "SecurityVersion": 1})


def completed(text, **known):
    """The manifest that the text is part of. `known`: what stands for "…" and "<…>" under a property's name."""
    text = re.sub(r'("RecoveryKeys"): \{ … \}', r'\1: { "owner": "…" }', text)
    manifest = json.loads(text if text.startswith("{") else "{" + text + "}")
    manifest = _filled(manifest, None, known)
    _add_what_is_named(manifest)
    return manifest


def base64_text(raw):
    return base64.b64encode(raw).decode()
