"""Who may include whom (ARCHITECTURE.md, "Rooms")."""
import os
import re

DOMAIN = ["base", "codec", "attest", "manifest", "template", "pki", "secrets", "access", "diff", "store"]
OUTSIDE = {"installed", "base", "codec", "net", "rpc"}

ALLOWED = {room: set(DOMAIN[:i]) for i, room in enumerate(DOMAIN)}
# the public headers are the types of evidence and policy
for room in DOMAIN[2:]:
    ALLOWED[room] |= {"installed"}
ALLOWED["base"] = set()
ALLOWED["net"] = {"base"}
ALLOWED["tpm"] = {"base"}
ALLOWED["kubernetes"] = {"base", "codec", "net"}
ALLOWED["endorsements"] = {"base", "codec", "attest", "net", "installed"}
ALLOWED["metrics"] = {"base", "net"}
ALLOWED["telemetry"] = {"base", "codec", "metrics", "net"}
ALLOWED["coordinator"] = set(DOMAIN) | {"installed"}
ALLOWED["client_api"] = {"base", "codec", "net", "coordinator", "access", "metrics"}
ALLOWED["marble_api"] = {"base", "codec", "net", "coordinator", "rpc", "metrics"}
ALLOWED["daemon"] = set(DOMAIN) | {"installed", "net", "tpm", "endorsements", "metrics", "coordinator", "client_api", "marble_api"}
for room in ("cli", "marble", "premain", "ttls", "injector"):
    ALLOWED[room] = set(OUTSIDE)
ALLOWED["cli"] |= {"endorsements", "kubernetes", "pki"}
ALLOWED["injector"] |= {"metrics"}
ALLOWED["ttls"] |= {"telemetry"}
ALLOWED["premain"] |= {"telemetry", "ttls"}

INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.M)


def room_of(path):
    if path.startswith("marblerun/"):
        return "installed"
    if path == "rpc.pb-c.h":
        return "rpc"
    return path.split("/")[0] if "/" in path else None


def violations(source):
    """(file, include) for every include line below `source` that breaks the rules."""
    found = []
    for folder, _, names in os.walk(source):
        for name in names:
            if not name.endswith((".c", ".h")):
                continue
            path = os.path.join(folder, name)
            room = os.path.relpath(path, source).split(os.sep)[0]
            with open(path, encoding="utf-8") as f:
                for included in INCLUDE.findall(f.read()):
                    target = room_of(included)
                    if target != room and target not in ALLOWED.get(room, set()):
                        found.append((os.path.relpath(path, source), included))
    return found
