"""Texts of errors in the source, as far as a person may meet them, and what a page says about them."""
import os
import re

# What failed for another reason than the input's form: of that (ERROR_INVALID, ERROR_TOO_LARGE) the message itself says
# what was expected.
CODES = ("DENIED", "WRONG_STATE", "UNAVAILABLE", "CONFLICT", "UNAUTHENTICATED", "UNSUPPORTED", "NOT_FOUND")
# Messages that end in what is expected, or in what to do about it.
_SAYS_WHAT_TO_DO = re.compile(
    r"expected|accepts that|removes it|try again|tries again|restart the coordinator|needs the right|"
    r"; (?:set|name|use|give|run|choose|remove|launch)\b|: (?:set|name|use|give|run|choose|remove|launch|decrypt|build)\b|"
    r"\. (?:To try|Build|'marblerun)|\((?:MARBLERUN|EDG|OE)_\w+\)|Config\.FeatureGates does not name it", re.I)
_CONVERSION = re.compile(r"%[-0-9.*]*(?:hh|h|ll|l|z|j)?[a-zA-Z]")


def _string_at(text, i):
    """The literal that begins behind the quote at i, and where it ends."""
    j = i + 1
    while text[j] != '"':
        j += 2 if text[j] == "\\" else 1
    return text[i + 1:j].replace('\\"', '"').replace("\\n", "\n"), j + 1


def _format_behind(text, i):
    """The first argument that is text, its parts joined."""
    parts = []
    while True:
        part = re.compile(r'\s*(?:PRI\w+\s*)?"').match(text, i)
        if not part:
            return "".join(parts)
        literal, i = _string_at(text, part.end() - 1)
        parts.append(literal)


def normal(message):
    """With … for what is only known when it happens."""
    return _CONVERSION.sub("…", message)


def messages(source, rooms):
    """{text: place} of the errors of these codes."""
    found = {}
    call = re.compile(r"\(\s*[^\"();{}]*?\bERROR_(\w+)\b[^\"();{}]*,\s*(?=\")")
    for room in rooms:
        for folder, _, names in os.walk(os.path.join(source, room)):
            for name in sorted(names):
                if not name.endswith(".c"):
                    continue
                with open(os.path.join(folder, name), encoding="utf-8") as f:
                    text = f.read()
                for match in call.finditer(text):
                    if match[1] in CODES:
                        found.setdefault(normal(_format_behind(text, match.end())), f"{room}/{name}")
    return found


def explains_itself(message):
    return not re.search(r"\w{3}", message.replace("…", "")) or bool(_SAYS_WHAT_TO_DO.search(message))


def covers(entry, message):
    """Do the parts of the entry stand in the message, in their order? A short one has to begin it."""
    at = 0
    for i, part in enumerate(p.strip() for p in entry.split("…")):
        found = message.find(part, at)
        if found < 0 or (i == 0 and found and len(part) < 12):
            return False
        at = found + len(part)
    return True


def literals(source):
    """Every text in the source, its parts joined."""
    found = set()
    for folder, _, names in os.walk(source):
        for name in names:
            if not name.endswith((".c", ".h")):
                continue
            with open(os.path.join(folder, name), encoding="utf-8") as f:
                text = re.sub(r"/\*.*?\*/|^\s*#include.*?$|'(?:\\.|[^'\\])'", "", f.read(), flags=re.S | re.M)
            for run in re.findall(r'"(?:[^"\\\n]|\\.)*"(?:\s*(?:PRI\w+\s*)?"(?:[^"\\\n]|\\.)*")*', text):
                parts = re.findall(r'"((?:[^"\\\n]|\\.)*)"', run)
                found.add(normal("".join(parts).replace('\\"', '"')))
    return found


def entries(page):
    """What stands as code in the first column of its tables."""
    rows = re.findall(r"^\| (`.*?) \|", page, re.M)
    return [entry for row in rows for entry in re.findall(r"`([^`]+)`", row)]
