"""Quotes and endorsements of every form that real platforms may have, and of every kind that must be refused: made up
and signed by a root of the tests' own (mesh/intel.py)."""

import json
import struct
import subprocess

import pytest

from cryptography.hazmat.primitives import serialization

from mesh.intel import AT, Authority, Intel, crl_der, pem

FORMS = {"v3": dict(), "v4": dict(version=4), "td-v4": dict(version=4, tee="TDX"), "td-v5": dict(version=5, tee="TDX"),
         "td15-v5": dict(version=5, tee="TDX", td15=True)}
STATUSES = ("UpToDate,SWHardeningNeeded,ConfigurationNeeded,ConfigurationAndSWHardeningNeeded,OutOfDate,"
            "OutOfDateConfigurationNeeded,TDRelaunchAdvised,TDRelaunchAdvisedConfigurationNeeded")


@pytest.fixture
def judge(binaries, tmp_path):
    def judge(quote, files, *flags, at=AT, root=None):
        (tmp_path / "quote.bin").write_bytes(quote)
        folder = tmp_path / "endorsements"
        folder.mkdir(exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
        for name, content in files.items():
            if content is not None:
                (folder / name).write_bytes(content)
        (tmp_path / "root.pem").write_bytes(root or files["root.pem"])
        done = subprocess.run(
            [binaries.cli, "evidence", "verify", tmp_path / "quote.bin", "--collateral", folder, "--at", str(at),
             "--root", tmp_path / "root.pem", "--accepted-tcb-statuses", STATUSES, "--output", "json", *flags],
            capture_output=True, timeout=60)
        assert done.returncode in (0, 1), done.stderr
        verdict = json.loads(done.stdout)
        assert (verdict["verdict"] == "accepted") == (done.returncode == 0)
        return verdict
    return judge


@pytest.fixture
def intel():
    return Intel()


def accepted(verdict, status="UpToDate"):
    assert verdict["verdict"] == "accepted", verdict
    assert verdict["status"] == status, verdict
    return verdict


def refused(verdict, *steps):
    assert verdict["verdict"] == "refused", verdict
    assert verdict["step"] in steps, verdict
    return verdict["reason"]


def made(form):
    intel = Intel()
    return (intel.for_tdx() if FORMS[form].get("tee") == "TDX" else intel), FORMS[form]


# ---- forms of quotes ----

@pytest.mark.parametrize("form", FORMS)
def test_each_form_is_accepted(judge, form):
    intel, how = made(form)
    claims = accepted(judge(intel.quote(**how), intel.files(), "--strict"))["claims"]
    assert claims["simulated"] is True and claims["reportData"] == intel.report_data.hex()
    assert claims["fmspc"] == intel.fmspc.hex() and claims["ppid"] == intel.ppid.hex()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size", [0, 1, 16, 64, 1000, 65535])
def test_authentication_data_may_have_any_size(judge, form, size):
    intel, how = made(form)
    intel.authentication_data = bytes(i & 255 for i in range(size))
    accepted(judge(intel.quote(**how), intel.files()))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", [1, 2, 3])
def test_a_pck_chain_given_apart(judge, form, kind):
    intel, how = made(form)
    quote = intel.quote(**how, certification_type=kind, data=bytes(404))
    refused(judge(quote, intel.files()), "endorsements")
    accepted(judge(quote, {**intel.files(), "pck_chain.pem": intel.pck_chain()}))
    other = Intel()
    refused(judge(quote, {**intel.files(), "pck_chain.pem": other.pck_chain()}), "root")


@pytest.mark.parametrize("kind", [0, 4, 6, 7, 8, 65535])
def test_other_certification_data(judge, intel, kind):
    files = {**intel.files(), "pck_chain.pem": intel.pck_chain()}
    refused(judge(intel.quote(certification_type=kind), files), "endorsements")


def split(chain):
    end = b"-----END CERTIFICATE-----\n"
    return [part + end for part in chain.split(end)[:-1]]


CHAIN_FORMS = {
    "NUL": lambda c: c + b"\0", "CRLF": lambda c: c.replace(b"\n", b"\r\n"), "no newline": lambda c: c[:-1],
    "reversed": lambda c: b"".join(reversed(split(c))), "rotated": lambda c: b"".join(split(c)[1:] + split(c)[:1]),
    "text around": lambda c: b"\n# leaf\n" + c.replace(b"-----END CERTIFICATE-----\n",
                                                       b"-----END CERTIFICATE-----\n\nsubject=x\n"),
    "root twice": lambda c: c + split(c)[-1], "leaf twice": lambda c: split(c)[0] + c,
    "padded": lambda c: c + bytes(100),
}


@pytest.mark.parametrize("change", CHAIN_FORMS)
def test_forms_of_a_pck_chain(judge, intel, change):
    accepted(judge(intel.quote(data=CHAIN_FORMS[change](intel.pck_chain())), intel.files()))
    for name in ("tcb_info_issuer_chain.pem", "qe_identity_issuer_chain.pem"):
        files = intel.files()
        files[name] = CHAIN_FORMS[change](files[name])
        accepted(judge(intel.quote(), files))


def test_certificates_of_both_cas_may_be_there(judge, intel):
    other = Authority("Intel SGX PCK Platform CA", intel.root)
    leaf, middle, root = split(intel.pck_chain())
    for chain in (leaf + pem(other.certificate()) + middle + root, pem(other.certificate()) + root + middle + leaf):
        accepted(judge(intel.quote(data=chain), intel.files()))


def test_an_open_enclave_header_and_padding(judge, intel):
    quote = intel.quote()
    header = struct.pack("<IIQ", 1, 2, len(quote))
    accepted(judge(header + quote, intel.files(), "--strict"))
    padded = header + quote + bytes(64)
    assert accepted(judge(struct.pack("<IIQ", 1, 2, len(quote) + 64) + quote + bytes(64),
                          intel.files()))["claims"]["padding"] == 64
    assert accepted(judge(padded, intel.files()))["claims"]["padding"] == 64
    refused(judge(padded, intel.files(), "--strict"), "policy")
    refused(judge(struct.pack("<IIQ", 1, 2, len(quote) + 1) + quote, intel.files()), "format")
    refused(judge(struct.pack("<IIQ", 1, 2, len(quote) - 1) + quote, intel.files()), "format")


@pytest.mark.parametrize("form", FORMS)
def test_trailing_bytes(judge, form):
    intel, how = made(form)
    quote = intel.quote(**how)
    for size in (1, 4096):
        assert accepted(judge(quote + bytes(size), intel.files()))["claims"]["padding"] == size
        refused(judge(quote + bytes(size), intel.files(), "--strict"), "policy")


def test_a_service_td_is_shown(judge, intel):
    intel.for_tdx().service_td = b"\x55" * 48
    claims = accepted(judge(intel.quote(**FORMS["td15-v5"]), intel.files()))["claims"]
    assert "55" * 48 in json.dumps(claims)


# ---- forms of documents ----

def of_pem(crl):
    return crl.public_bytes(serialization.Encoding.PEM)


CRL_FORMS = {
    "PEM": of_pem, "PEM, CRLF": lambda c: of_pem(c).replace(b"\n", b"\r\n"), "PEM, NUL": lambda c: of_pem(c) + b"\0",
    "PEM behind text": lambda c: b"Certificate Revocation List (CRL):\n    Version 2\n" + of_pem(c),
    "hex": lambda c: crl_der(c).hex().encode(), "HEX": lambda c: crl_der(c).hex().upper().encode(),
    "hex, newline": lambda c: crl_der(c).hex().encode() + b"\n", "hex, NUL": lambda c: crl_der(c).hex().encode() + b"\0",
    "DER, NUL": lambda c: crl_der(c) + b"\0",
}


@pytest.mark.parametrize("form", CRL_FORMS)
def test_forms_of_a_crl(judge, intel, form):
    for name, issuer, listed in (("pck_crl.der", intel.processor_ca, intel.pck),
                                 ("root_ca_crl.der", intel.root, intel.processor_ca)):
        files = intel.files()
        files[name] = CRL_FORMS[form](issuer.revocation_list())
        accepted(judge(intel.quote(), files))
        files[name] = CRL_FORMS[form](issuer.revocation_list([listed]))
        refused(judge(intel.quote(), files), "revocation")


@pytest.mark.parametrize("garbage", [b"x", b"\0", b"30", b"0" * 200, b"-----BEGIN X509 CRL-----\n", bytes(300)])
def test_a_crl_that_is_none(judge, intel, garbage):
    for name in ("pck_crl.der", "root_ca_crl.der"):
        refused(judge(intel.quote(), {**intel.files(), name: garbage}), "revocation")
    files = intel.files()
    refused(judge(intel.quote(), {**files, "pck_crl.der": files["pck_crl.der"] + b"x"}), "revocation")


def version_2(info):
    info["version"] = 2
    del info["id"]
    for level in info["tcbLevels"]:
        for i, component in enumerate(level["tcb"].pop("sgxtcbcomponents")):
            level["tcb"][f"sgxtcbcomp{i + 1:02}svn"] = component["svn"]


def add_unknown_fields(info):
    info["advisoryUrl"] = {"tcbLevels": [], "fmspc": "x", "deep": [[{"}": "]\"\\"}]]}
    info["tcbLevels"][0]["comment"] = None
    info["tcbLevels"][0]["tcb"]["sgxtcbcomponents"][0]["more"] = 1.5


TCB_INFO_FORMS = {
    "version 2": version_2, "unknown fields": add_unknown_fields,
    "lower-case FMSPC": lambda i: i.update(fmspc=i["fmspc"].lower()),
    "no category": lambda i: i["tcbLevels"][0]["tcb"].update(sgxtcbcomponents=[{"svn": 5}] * 16),
    "no advisories": lambda i: i["tcbLevels"][0].update(advisoryIDs=[]),
    "an unknown status below": lambda i: i["tcbLevels"][1].update(tcbStatus="Unheard"),
    "no evaluation number": lambda i: i.pop("tcbEvaluationDataNumber"),
}


@pytest.mark.parametrize("form", TCB_INFO_FORMS)
def test_forms_of_a_tcb_info(judge, intel, form):
    TCB_INFO_FORMS[form](intel.tcb_info)
    accepted(judge(intel.quote(), intel.files()))


DOCUMENT_FORMS = {
    "newline": lambda d: d + b"\n", "NUL": lambda d: d + b"\0",
    "blanks": lambda d: b" \r\n" + d.replace(b'":{"', b'" : {"', 1),
    "signature first": lambda d: b"{" + d[d.rindex(b'"signature"'):-1] + b"," + d[1:d.rindex(b',"signature"')] + b"}",
    "HEX signature": lambda d: d[:-130] + d[-130:].upper(),
}


@pytest.mark.parametrize("form", DOCUMENT_FORMS)
def test_forms_of_signed_documents(judge, intel, form):
    for name in ("tcb_info.json", "qe_identity.json"):
        files = intel.files()
        files[name] = DOCUMENT_FORMS[form](files[name])
        accepted(judge(intel.quote(), files))


def test_what_is_signed_may_be_laid_out_as_it_likes(judge, intel):
    intel.dump = lambda body: json.dumps(body, indent=2)
    accepted(judge(intel.quote(), intel.files()))


DOCUMENT_CHANGES = {
    "a blank more": lambda d: d.replace(b'"version":', b'"version": '),
    "a member more": lambda d: d[:-1] + b',"more":1}',
    "two signatures": lambda d: d[:-1] + b"," + d[d.rindex(b'"signature"'):],
    "no signature": lambda d: d[:d.rindex(b',"signature"')] + b"}",
    "a short signature": lambda d: d[:-4] + d[-2:],
    "no hex": lambda d: d[:-3] + b"g" + d[-2:],
    "an array": lambda d: b"[" + d + b"]", "the body alone": lambda d: d[d.index(b"{", 1):d.rindex(b',"signature"')],
    "a body that is no object": lambda d: b'{"tcbInfo":[],"enclaveIdentity":[],' + d[d.rindex(b'"signature"'):],
    "text behind": lambda d: d + b"x", "cut": lambda d: d[:-1], "cut in the middle": lambda d: d[:len(d) // 2],
    "empty braces": lambda d: b"{}",
}


@pytest.mark.parametrize("change", DOCUMENT_CHANGES)
def test_documents_that_are_not_as_signed(judge, intel, change):
    for name, step in (("tcb_info.json", "tcb info"), ("qe_identity.json", "quoting enclave")):
        files = intel.files()
        files[name] = DOCUMENT_CHANGES[change](files[name])
        refused(judge(intel.quote(), files), step)


# ---- TCB infos that are another platform's, or none ----

def drop_a_component(info):
    info["tcbLevels"][0]["tcb"]["sgxtcbcomponents"] = info["tcbLevels"][0]["tcb"]["sgxtcbcomponents"][:15]


BAD_TCB_INFOS = {
    "another FMSPC": lambda i: i.update(fmspc="00A067110001"), "another PCEID": lambda i: i.update(pceId="0001"),
    "TDX's": lambda i: i.update(id="TDX"), "version 1": lambda i: i.update(version=1),
    "version 4": lambda i: i.update(version=4), "version as text": lambda i: i.update(version="3"),
    "another type": lambda i: i.update(tcbType=1), "no id": lambda i: i.pop("id"),
    "15 components": drop_a_component, "no components": lambda i: i["tcbLevels"][1]["tcb"].pop("sgxtcbcomponents"),
    "17 components": lambda i: i["tcbLevels"][1]["tcb"]["sgxtcbcomponents"].append({"svn": 0}),
    "an SVN of 256": lambda i: i["tcbLevels"][0]["tcb"]["sgxtcbcomponents"][3].update(svn=256),
    "a negative SVN": lambda i: i["tcbLevels"][0]["tcb"]["sgxtcbcomponents"][3].update(svn=-1),
    "no PCESVN": lambda i: i["tcbLevels"][0]["tcb"].pop("pcesvn"), "no levels": lambda i: i.pop("tcbLevels"),
    "empty levels": lambda i: i.update(tcbLevels=[]), "levels that are none": lambda i: i.update(tcbLevels={}),
    "no status": lambda i: i["tcbLevels"][0].pop("tcbStatus"), "no date": lambda i: i["tcbLevels"][0].pop("tcbDate"),
    "issued tomorrow": lambda i: i.update(issueDate="2026-06-02T00:00:00Z"),
    "expired": lambda i: i.update(nextUpdate="2026-05-31T23:59:59Z"),
    "no dates": lambda i: i.pop("nextUpdate"), "300 levels": lambda i: i.update(tcbLevels=i["tcbLevels"] * 150),
}


@pytest.mark.parametrize("change", BAD_TCB_INFOS)
def test_bad_tcb_infos(judge, intel, change):
    BAD_TCB_INFOS[change](intel.tcb_info)
    refused(judge(intel.quote(), intel.files()), "tcb info")


def test_levels(judge, intel):
    accepted(judge(intel.quote(), intel.files()))
    intel.svn = [5] * 15 + [4]  # one component decides
    verdict = accepted(judge(intel.quote(), intel.files()), "OutOfDate")
    assert verdict["advisories"] == ["INTEL-SA-00001"]
    intel.svn, intel.pce_svn = [255] * 16, 10
    refused(judge(intel.quote(), intel.files()), "tcb level")
    intel.svn, intel.pce_svn = [2] + [5] * 15, 11
    refused(judge(intel.quote(), intel.files()), "tcb level")
    intel.svn = [5] * 16
    for status in ("Revoked", "Unheard", "uptodate"):
        intel.tcb_info["tcbLevels"][0]["tcbStatus"] = status
        refused(judge(intel.quote(), intel.files()), "tcb level")
    intel.tcb_info["tcbLevels"][0].update(tcbStatus="UpToDate", advisoryIDs="INTEL-SA-00001")
    refused(judge(intel.quote(), intel.files()), "tcb level")


CONVERGENCE = {"UpToDate": "OutOfDate", "SWHardeningNeeded": "OutOfDate",
               "ConfigurationNeeded": "OutOfDateConfigurationNeeded",
               "ConfigurationAndSWHardeningNeeded": "OutOfDateConfigurationNeeded", "OutOfDate": "OutOfDate",
               "OutOfDateConfigurationNeeded": "OutOfDateConfigurationNeeded"}


@pytest.mark.parametrize("status", CONVERGENCE)
def test_an_old_quoting_enclave(judge, intel, status):
    intel.tcb_info["tcbLevels"][0]["tcbStatus"] = status
    accepted(judge(intel.quote(), intel.files()), status)
    intel.qe["isvsvn"] = 7
    verdict = accepted(judge(intel.quote(), intel.files()), CONVERGENCE[status])
    assert verdict["advisories"] == ["INTEL-SA-00003"] and verdict["tcbDate"] == "2025-01-01T00:00:00Z"
    intel.qe_identity["tcbLevels"][1]["tcbStatus"] = "Revoked"
    refused(judge(intel.quote(), intel.files()), "tcb level")
    intel.qe["isvsvn"] = 5
    refused(judge(intel.quote(), intel.files()), "tcb level")


# ---- the quoting enclave ----

BAD_ENCLAVES = {"signer": ("mrsigner", b"\x8d" * 32), "product": ("isvprodid", 2), "debug": ("flags", 0x17),
                "misc": ("misc", 1), "no mode 64": ("flags", 0x11 ^ 0x10)}


@pytest.mark.parametrize("change", BAD_ENCLAVES)
def test_a_wrong_quoting_enclave(judge, intel, change):
    field, value = BAD_ENCLAVES[change]
    intel.qe[field] = value
    refused(judge(intel.quote(), intel.files()), "quoting enclave")


BAD_IDENTITIES = {
    "TD_QE for QE": lambda i: i.update(id="TD_QE"), "QVE": lambda i: i.update(id="QVE"),
    "version 1": lambda i: i.update(version=1), "version 3": lambda i: i.update(version=3),
    "no signer": lambda i: i.pop("mrsigner"), "a short mask": lambda i: i.update(attributesMask="FF"),
    "issued tomorrow": lambda i: i.update(issueDate="2026-06-02T00:00:00Z"),
    "expired": lambda i: i.update(nextUpdate="2026-05-31T23:59:59Z"),
}


@pytest.mark.parametrize("change", BAD_IDENTITIES)
def test_bad_qe_identities(judge, intel, change):
    BAD_IDENTITIES[change](intel.qe_identity)
    refused(judge(intel.quote(), intel.files()), "quoting enclave")


def test_identities_and_tcb_infos_of_the_other_tee(judge):
    sgx, tdx = Intel(), Intel()
    tdx.for_tdx()
    sgx.qe_identity = sgx.made_qe_identity("TD_QE")
    refused(judge(sgx.quote(), sgx.files()), "quoting enclave")
    tdx.qe_identity = tdx.made_qe_identity("QE")
    refused(judge(tdx.quote(**FORMS["td-v4"]), tdx.files()), "quoting enclave")
    sgx, tdx = Intel(), Intel()
    sgx.tcb_info = sgx.made_tcb_info("TDX")
    refused(judge(sgx.quote(), sgx.files()), "tcb info")
    tdx.qe_identity = tdx.made_qe_identity("TD_QE")
    refused(judge(tdx.quote(**FORMS["td-v4"]), tdx.files()), "tcb info")


@pytest.mark.parametrize("form", FORMS)
def test_what_the_quoting_enclave_did_not_vouch_for(judge, form):
    intel, how = made(form)
    other = Intel()
    files = intel.files()
    real = intel.authentication_data
    quote = intel.quote(**how)
    refused(judge(quote.replace(real, real[:-1] + b"x"), files), "quoting enclave")
    intel.pck.key, key = other.pck.key, intel.pck.key
    chain = intel.pck_chain()  # the QE report signed by another platform's key
    intel.pck.key = key
    refused(judge(intel.quote(**how, data=chain), files), "quoting enclave")


# ---- certificates ----

def test_another_root(judge, intel):
    other = Intel()
    quote, files = intel.quote(), intel.files()
    refused(judge(quote, files, root=other.files()["root.pem"]), "root")
    refused(judge(quote, {**files, "tcb_info_issuer_chain.pem": other.signer_chain()}), "tcb info")
    refused(judge(quote, {**files, "qe_identity_issuer_chain.pem": other.signer_chain()}), "quoting enclave")
    # the trusted root named, but not the one that signed
    leaf, middle, _ = split(intel.pck_chain())
    refused(judge(intel.quote(data=leaf + middle + pem(other.root.certificate())), files), "root")
    _, foreign, _ = split(other.pck_chain())
    root = pem(intel.root.certificate())
    refused(judge(intel.quote(data=leaf + foreign + root), files), "certificates")
    foreign_leaf = split(other.pck_chain())[0]
    refused(judge(intel.quote(data=foreign_leaf + middle + root), files), "certificates")


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_certificate_is_missing(judge, intel, missing):
    parts = split(intel.pck_chain())
    del parts[missing]
    refused(judge(intel.quote(data=b"".join(parts)), intel.files()), "certificates")


def test_signers_that_are_none(judge, intel):
    quote, files = intel.quote(), intel.files()
    root, leaf, middle = pem(intel.root.certificate()), *split(intel.pck_chain())[:2]
    for name, step, body, key in (("tcb_info", "tcb info", intel.tcb_info, "tcbInfo"),
                                  ("qe_identity", "quoting enclave", intel.qe_identity, "enclaveIdentity")):
        chain = f"{name}_issuer_chain.pem"
        for bad, signer in ((intel.pck_chain(), intel.pck), (leaf + root, intel.pck), (middle + root, intel.processor_ca),
                            (root, intel.root), (pem(intel.signer.certificate()), intel.signer)):
            signed = intel.signed(key, body, signer.key)
            refused(judge(quote, {**files, f"{name}.json": signed, chain: bad}), step)
        refused(judge(quote, {**files, chain: b"none"}), "endorsements")
        refused(judge(quote, {**files, chain: None}), "endorsements")
    platform = Authority("Intel SGX TCB Signing", intel.root, ca=False, extension=intel.sgx_extension)
    signed = intel.signed("tcbInfo", intel.tcb_info, platform.key)
    chain = pem(platform.certificate()) + root
    refused(judge(quote, {**files, "tcb_info.json": signed, "tcb_info_issuer_chain.pem": chain}), "tcb info")


@pytest.mark.parametrize("who, step", [("root", "certificates"), ("processor_ca", "certificates"),
                                       ("pck", "certificates"), ("signer", "quoting enclave")])
@pytest.mark.parametrize("days, word", [((-100, -1), "expired"), ((1, 3000), "not valid yet")])
def test_dates_of_certificates(judge, intel, who, step, days, word):
    getattr(intel, who).days = days
    assert word in refused(judge(intel.quote(), intel.files()), step)


def test_dates_of_crls(judge, intel):
    for name, issuer in (("pck_crl.der", intel.processor_ca), ("root_ca_crl.der", intel.root)):
        for days in ((-30, -1), (1, 30)):
            files = {**intel.files(), name: crl_der(issuer.revocation_list(days=days))}
            refused(judge(intel.quote(), files), "revocation")


def test_ca_flags(judge, intel):
    intel.pck.ca = True
    refused(judge(intel.quote(), intel.files()), "certificates")
    intel.pck.ca, intel.processor_ca.ca = False, False
    refused(judge(intel.quote(), intel.files()), "certificates")


def test_a_leaf_without_the_extension(judge, intel):
    intel.pck.extension = None
    refused(judge(intel.quote(), intel.files()), "certificates")
    for size in range(0, len(intel.sgx_extension()), 7):
        intel.pck.extension = lambda: intel.sgx_extension()[:size]
        refused(judge(intel.quote(), intel.files()), "certificates")


# ---- revocation ----

@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("who", ["pck", "processor_ca", "signer"])
def test_revoked(judge, form, who):
    intel, how = made(form)
    listed = getattr(intel, who)
    name = "pck_crl.der" if who == "pck" else "root_ca_crl.der"
    files = {**intel.files(), name: crl_der(listed.issuer.revocation_list([listed]))}
    assert "revoked" in refused(judge(intel.quote(**how), files), "revocation")


def test_crls_of_others(judge, intel):
    files, other = intel.files(), Intel()
    for name, crl in (("pck_crl.der", files["root_ca_crl.der"]), ("root_ca_crl.der", files["pck_crl.der"]),
                      ("pck_crl.der", other.files()["pck_crl.der"]),
                      ("root_ca_crl.der", other.files()["root_ca_crl.der"])):
        refused(judge(intel.quote(), {**files, name: crl}), "revocation")
    for name in ("pck_crl.der", "root_ca_crl.der"):
        refused(judge(intel.quote(), {**files, name: None}), "endorsements")


# ---- TDX ----

@pytest.fixture
def td(judge):
    def td(intel, form="td-v4"):
        return judge(intel.quote(**FORMS[form]), intel.files())
    return td


def test_modules(td, intel):
    intel.for_tdx()
    intel.tee_tcb_svn[0] = 2
    verdict = accepted(td(intel), "OutOfDate")
    assert verdict["advisories"] == ["INTEL-SA-00002"] and verdict["tcbDate"] == "2025-02-01T00:00:00Z"
    intel.tee_tcb_svn[0] = 1
    refused(td(intel), "tcb level")
    intel.tee_tcb_svn[:2] = [3, 2]
    refused(td(intel), "module")
    intel.tee_tcb_svn[:2] = [0, 0]  # module of version 0: the platform's own entry
    accepted(td(intel))
    intel.tcb_info["tdxModule"]["mrsigner"] = "11" * 48
    refused(td(intel), "module")
    intel.tee_tcb_svn[:2] = [3, 1]
    accepted(td(intel))
    intel.tcb_info["tdxModuleIdentities"][0]["id"] = "tdx_01"
    accepted(td(intel))
    intel.tcb_info["tdxModuleIdentities"][0]["mrsigner"] = "11" * 48
    refused(td(intel), "module")
    del intel.tcb_info["tdxModuleIdentities"]
    refused(td(intel), "module")


def test_components_of_the_td(td, intel):
    intel.for_tdx()
    intel.tee_tcb_svn[2] = 4
    accepted(td(intel), "OutOfDate")
    intel.tee_tcb_svn[2] = 2
    refused(td(intel), "tcb level")
    intel.tee_tcb_svn = [3, 1] + [5] * 14
    intel.tcb_info["tcbLevels"][0]["tcb"]["tdxtcbcomponents"][0]["svn"] = 200  # the module's own business
    accepted(td(intel))
    intel.tee_tcb_svn[1] = 0
    accepted(td(intel), "OutOfDate")
    del intel.tcb_info["tcbLevels"][0]["tcb"]["tdxtcbcomponents"]
    refused(td(intel), "tcb info")


RELAUNCH = [("UpToDate", "TDRelaunchAdvised"), ("SWHardeningNeeded", "TDRelaunchAdvised"),
            ("ConfigurationNeeded", "TDRelaunchAdvisedConfigurationNeeded"), ("OutOfDate", "OutOfDate")]


@pytest.mark.parametrize("now, expected", RELAUNCH)
def test_relaunch(td, intel, now, expected):
    intel.for_tdx().tcb_info["tcbLevels"][0]["tcbStatus"] = now
    intel.tee_tcb_svn = [3, 1] + [4] * 14
    accepted(td(intel), "OutOfDate")
    accepted(td(intel, "td15-v5"), expected)
    for unknown in ([1, 1] + [5] * 14, [3, 2] + [5] * 14, [3, 1] + [2] * 14):  # no statement about what runs now
        intel.tee_tcb_svn_2 = unknown
        accepted(td(intel, "td-v5"), "OutOfDate")
        refused(td(intel, "td15-v5"), "tcb level")


def test_bodies(judge, intel):
    intel.for_tdx()
    quote, files = bytearray(intel.quote(**FORMS["td15-v5"])), intel.files()
    for kind in (0, 1, 2, 4, 0xffff):
        struct.pack_into("<H", quote, 48, kind)
        refused(judge(bytes(quote), files), "format")
    struct.pack_into("<HI", quote, 48, 3, 647)
    refused(judge(bytes(quote), files), "format")
    for version in (0, 1, 2, 6):
        changed = bytearray(intel.quote(**FORMS["td-v4"]))
        struct.pack_into("<H", changed, 0, version)
        refused(judge(bytes(changed), files), "format")
