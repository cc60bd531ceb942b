"""Whoever meets an error finds it in the documentation, unless the message says itself what to do."""
import os

from messages import covers, entries, explains_itself, literals, messages, normal

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SOURCE = os.path.join(ROOT, "src")
ROOMS = ("cli", "premain", "marble", "coordinator", "daemon", "ttls", "telemetry", "store", "endorsements", "tpm",
         "manifest", "access", "attest", "net", "client_api")
PAGES = ("troubleshooting", "kubernetes-install", "kubernetes")

# There is nothing to add to these, or only a program can meet them.
CLEAR = {
    "the coordinator still starts after … seconds", "writing to standard output", "reading", "opening it", "reading …",
    "opening …", "writing …: it took … of … bytes", "--collateral: …", "opening a socket",
    "the report data is not what --report-data says", "… bytes follow the evidence",
    "it holds no SIGSTRUCT: it is not signed", '…: "UserType" must be 1, the token\'s normal user',
    "… is no part of Marblerun (its label app.kubernetes.io/part-of says otherwise): nothing was removed",
    "… is still there", 'the manifest gives this marble no … "…"', 'the environment has no variable "…"',
    'undefined package "…"', "the manifest has no marble of that type any more", "a state key has 32 bytes", "too short",
    "the evidence is from an unknown TEE", "…/… holds no number", "the … … a CA", "HTTP/2: …",
    "the server's answer is compressed", "compressed messages are not supported", "starting a thread",
    "it is no 64-bit ELF file", "the ELF file has no sections", "the ELF file has no section …",
    "… is neither a file nor the fingerprint of a manifest (64 hexadecimal digits)",
    "it is an ELF file without a signed section .oeinfo (Open Enclave, EGo) or .note.sgxmeta (SGX SDK, Occlum): it is no "
    "signed enclave",
    "the folder is neither a Gramine instance (a .sig file) nor an Occlum instance (build/lib/libocclum-libos.signed.so)",
    "using the token's key, which must be RSA or EC and have its public key beside it",
    # with the evidence's own reason behind it
    "invalid evidence: …: …", "the evidence is not genuine: …",
}


def page_entries():
    found = []
    for name in PAGES:
        with open(os.path.join(ROOT, "docs", name + ".md"), encoding="utf-8") as f:
            found += entries(f.read())
    return found


ENTRIES = page_entries()
MESSAGES = messages(SOURCE, ROOMS)


def is_found(message):
    return explains_itself(message) or message in CLEAR or any(covers(entry, message) for entry in ENTRIES)


def test_every_message_is_explained():
    assert len(MESSAGES) > 200
    assert [f"{place}: {message}" for message, place in MESSAGES.items() if not is_found(message)] == []


def test_a_new_message_is_noticed():
    assert not is_found(normal("the frobnicator of %s is %zu furlongs off"))


def test_what_is_clear_is_still_said():
    assert CLEAR <= set(MESSAGES)






# Put together at run time.
COMPOSED = {"UniqueID is …, … expected": "… is "}


def test_no_entry_is_out_of_date():
    with open(os.path.join(ROOT, "docs/troubleshooting.md"), encoding="utf-8") as f:
        page = [COMPOSED.get(entry, entry) for entry in entries(f.read())]
    said = literals(SOURCE)
    assert len(page) > 120
    assert [entry for entry in page if not any(covers(entry, text) for text in said)] == []
