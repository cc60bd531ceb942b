"""Evidence from real machines gives the verdict that its origin or an independent evaluator gives, and nothing
near it passes: every row of tests/vectors/*.tsv, through the command line."""

import csv
import datetime
import json
import pathlib
import re
import shutil
import struct
import subprocess
import uuid

import pytest

VECTORS = pathlib.Path(__file__).resolve().parents[1] / "vectors"
ALL_STATUSES = ("UpToDate,SWHardeningNeeded,ConfigurationNeeded,ConfigurationAndSWHardeningNeeded,OutOfDate,"
                "OutOfDateConfigurationNeeded,TDRelaunchAdvised,TDRelaunchAdvisedConfigurationNeeded")


def table(name):
    with open(VECTORS / name, newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def evidence_of(folder):
    return next((folder / n for n in ("quote.bin", "report.bin") if (folder / n).exists()), None)


class Judge:
    def __init__(self, cli, folder):
        self.cli, self.folder = cli, folder

    def __call__(self, evidence, collateral, at, *flags):
        done = subprocess.run(
            [self.cli, "evidence", "verify", evidence, "--collateral", collateral, "--at", str(at), "--output", "json",
             *flags], capture_output=True, timeout=60)
        assert done.returncode in (0, 1), done.stderr
        verdict = json.loads(done.stdout)
        assert verdict["verdict"] == ("refused" if done.returncode else "accepted")
        assert ("step" in verdict) == ("reason" in verdict) == (done.returncode == 1)
        return verdict

    def any_status(self, evidence, collateral, at, *flags):
        return self(evidence, collateral, at, "--allow-debug", "--accepted-tcb-statuses", ALL_STATUSES, *flags)


@pytest.fixture
def judge(binaries, tmp_path):
    return Judge(binaries.cli, tmp_path)


def when(text):
    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


# ---- index.tsv ----

INDEX = [row for row in table("index.tsv") if not row["folder"].startswith("tpm/") and
         evidence_of(VECTORS / row["folder"])]
RESULT = "result of reference evaluation at eval time"
COLLATERAL = "collateral (full or T=tcbinfo Q=qe id C=pck crl R=root crl)"


def expected_of(row):
    result = row[RESULT].split()
    return result[0] if result else "-"


@pytest.mark.parametrize("row", INDEX, ids=[r["folder"] for r in INDEX])
def test_index(judge, row):
    folder = VECTORS / row["folder"]
    verdict = judge.any_status(evidence_of(folder), folder, when(row["eval time"]))
    failed = row["failed checks (reference)"] or ""
    complete = row[COLLATERAL] == "full" or row[COLLATERAL].startswith("VCEK")
    if "signature invalid" in failed:
        assert verdict["step"] == "signature"
    elif "expired" in failed:
        assert verdict["step"] == "tcb info" and "expired" in verdict["reason"]
    elif not complete:
        assert verdict["verdict"] == "refused"
        assert verdict["step"] in ("endorsements", "format")
    elif expected_of(row) == "NotSupported":
        assert verdict["step"] == "tcb level" and verdict["status"] is None
    else:
        assert verdict["verdict"] == "accepted", verdict
        if row["folder"].startswith("snp/"):
            assert verdict["status"] in ("UpToDate", "OutOfDate")
        else:
            assert verdict["status"] == expected_of(row)
    if "DEBUG" in row[RESULT]:
        assert verdict["claims"]["debug"] is True
    fmspc = row["FMSPC and PCK CA / SNP product"].split(" ")[0]
    if re.fullmatch("[0-9A-F]{12}", fmspc):
        assert verdict["claims"]["fmspc"] == fmspc.lower()


def test_a_debug_tee_is_refused_unless_allowed(judge):
    folder = VECTORS / "sgx/teepot-vault-00606a000000-debug-sw-hardening"
    verdict = judge(folder / "quote.bin", folder, 1687346037)
    assert verdict["step"] == "policy" and "debug" in verdict["reason"]
    assert judge(folder / "quote.bin", folder, 1687346037, "--allow-debug")["verdict"] == "accepted"


def test_out_of_date_is_refused_unless_accepted(judge):
    folder = VECTORS / "sgx/cmc-c0806f000000-2026-03"
    verdict = judge(folder / "quote.bin", folder, 1773964800)
    assert verdict["step"] == "policy" and verdict["status"] == "OutOfDate"


# ---- cross.tsv: quote × collateral × time ----

CROSS = table("cross.tsv")


def lay_out(row, to):
    pool = VECTORS / "intel-pool"
    for name, column in (("tcb_info.json", "tcb_info"), ("qe_identity.json", "qe_identity"),
                         ("tcb_info_issuer_chain.pem", "tcb+qe_issuer_chain"),
                         ("qe_identity_issuer_chain.pem", "tcb+qe_issuer_chain"),
                         ("pck_crl.der", "pck_crl"), ("root_ca_crl.der", "root_crl")):
        shutil.copy(pool / row[column], to / name)


@pytest.mark.parametrize("row", CROSS, ids=[f"{r['quote'].split('/')[1]}@{r['eval_iso'][:10]}" for r in CROSS])
def test_cross(judge, row, tmp_path):
    lay_out(row, tmp_path)
    verdict = judge.any_status(VECTORS / row["quote"], tmp_path, row["eval_unix"])
    expected = row["final_with_relaunch_QVL2026"] or row["status"]
    if expected == "NotSupported":
        assert verdict["step"] == "tcb level"
        return
    assert verdict["verdict"] == "accepted", verdict
    assert verdict["status"] == expected
    assert verdict["tcbDate"] == row["tcbDate(min)"]
    named = row["advisories(union, order platform,module,qe)"]
    assert verdict["advisories"] == (named.split(",") if named else [])
    assert verdict["claims"]["debug"] == (row["debug"] == "true")
    assert when(verdict["validFrom"]) <= int(row["eval_unix"]) <= when(verdict["validUntil"])


def test_the_window_is_where_the_verdict_holds(judge, tmp_path):
    row = CROSS[0]
    lay_out(row, tmp_path)
    quote = VECTORS / row["quote"]
    verdict = judge.any_status(quote, tmp_path, row["eval_unix"])
    first, last = when(verdict["validFrom"]), when(verdict["validUntil"])
    for at, accepted in ((first - 1, False), (first, True), (last, True), (last + 1, False)):
        assert (judge.any_status(quote, tmp_path, at)["verdict"] == "accepted") == accepted


# ---- mutations.tsv ----

MUTATIONS = table("mutations.tsv")
EXPECTED_STEPS = {
    "quote signature invalid": {"signature", "format"},  # format: key type and vendor are looked at first
    "PCK chain": {"certificates", "root", "endorsements"},
    "QE report data mismatch": {"quoting enclave"},
    "QE report signature invalid": {"quoting enclave"},
    "structure error (lengths": {"format", "signature", "endorsements", "certificates", "root", "quoting enclave"},
    "structure error (quote": {"format"},
    "structure error (unknown": {"format", "quoting enclave", "signature"},
    "no PCK chain": {"endorsements", "format"},
    "policy: strict": {"policy"},
}
EVALUATED = {row["folder"]: row["eval time"] for row in INDEX}


def mutate(raw, change):
    found = re.fullmatch(r"xor byte at (\d+) with 0x([0-9a-f]+)", change)
    if found:
        changed = bytearray(raw)
        changed[int(found[1])] ^= int(found[2], 16)
        return bytes(changed)
    found = re.match(r"truncate to (\d+)", change)
    if found:
        return raw[:int(found[1])]
    assert change.startswith("append"), change
    return raw + bytes(10)


@pytest.mark.parametrize("row", MUTATIONS, ids=[
    f"{r['vector'].split('/')[0]}: {r['mutation of quote.bin']}" for r in MUTATIONS])
def test_mutations(judge, row, tmp_path):
    folder = VECTORS / row["vector"]
    changed = tmp_path / "quote.bin"
    changed.write_bytes(mutate((folder / "quote.bin").read_bytes(), row["mutation of quote.bin"]))
    at = when(EVALUATED[row["vector"]])
    expected = row["expected failing check (reference evaluation)"]
    if expected.startswith("policy: strict"):
        assert judge.any_status(changed, folder, at)["verdict"] == "accepted"
        assert judge.any_status(changed, folder, at)["claims"]["padding"] > 0
    verdict = judge.any_status(changed, folder, at, "--strict")
    assert verdict["verdict"] == "refused"
    steps = next(s for prefix, s in EXPECTED_STEPS.items() if expected.startswith(prefix))
    assert verdict["step"] in steps, verdict


# ---- the bad twins that origins publish ----

def test_published_bad_twins(judge, tmp_path):
    def variant(name, **files):
        source, made = VECTORS / name, tmp_path / name.replace("/", "-")
        shutil.copytree(source, made)
        for target, twin in files.items():
            target = target.replace("__", ".")
            (made / target).unlink(missing_ok=True)
            shutil.copy(source / "negative" / twin, made / target)
        return judge.any_status(evidence_of(made), made, when(EVALUATED[name]))

    tdx = "tdx/cmc-v4-c0806f000000-2026-03"
    assert variant(tdx, quote__bin="quote_invalid_signature.bin")["verdict"] == "refused"
    shutil.rmtree(tmp_path / tdx.replace("/", "-"))
    assert variant(tdx, tcb_info__json="tcb_info_invalid.json")["step"] == "tcb info"
    snp = "snp/cmc-milan-v2"
    assert variant(snp, report__bin="report_invalid_data.bin")["verdict"] == "refused"
    shutil.rmtree(tmp_path / snp.replace("/", "-"))
    assert variant(snp, report__bin="report_invalid_signature.bin")["verdict"] == "refused"
    assert variant("snp/automata-milan-v2-2024", vcek__der="vcek_other_chip.der")["verdict"] == "refused"
    chip = "snp/trustee-milan-v2-azure"
    assert variant(chip, vcek__der="vcek_invalid_legacy.der")["verdict"] == "refused"


# ---- the same platform in vectors of different origins ----

ORIGINS = {row["folder"]: row["origin repository"] for row in INDEX}
# What a platform is, and what of it stays as long as its certificate, its module and its quoting enclave do.
PLATFORM_FIELDS = ("fmspc", "pceId", "ppid", "chipId", "cpuid", "qeVendorId", "mrsignerseam")
TCB_FIELDS = ("tee", "pceSvn", "sgxTcbComponents", "teeTcbSvn", "teeTcbSvn2", "quotingEnclave")


@pytest.fixture(scope="module")
def platforms(binaries):
    """Vectors of each platform that is in more than one: [(folder, what evidence show says)]."""
    found = {}
    for row in INDEX:
        file = evidence_of(VECTORS / row["folder"])
        done = subprocess.run([binaries.cli, "evidence", "show", file, "--output", "json"], capture_output=True)
        shown = json.loads(done.stdout) if done.returncode == 0 else {}
        name = shown.get("ppid") or shown.get("chipId")
        if name and set(name) != {"0"}:
            found.setdefault(name, []).append((row["folder"], shown))
    several = [seen for seen in found.values() if len(seen) > 1]
    assert any(len({ORIGINS[folder] for folder, _ in seen}) > 1 for seen in several)
    return several


def test_claims_of_one_platform_agree(platforms):
    for seen in platforms:
        for field in PLATFORM_FIELDS:
            assert len({json.dumps(shown[field]) for _, shown in seen if field in shown}) <= 1, (field, seen[0][0])


def test_verdicts_of_one_platform_agree(platforms, judge):
    """With the same endorsements at the same time, the same TCB has the same status, whoever recorded it."""
    origins = set()
    for seen in platforms:
        for folder, by in seen:
            if not (VECTORS / folder / "qe_identity.json").exists() and "chipId" not in by:
                continue
            alike = [other for other, shown in seen if all(shown.get(f) == by.get(f) for f in TCB_FIELDS)]
            verdicts = [judge.any_status(evidence_of(VECTORS / other), VECTORS / folder, when(EVALUATED[folder]))
                        for other in alike]
            assert len({json.dumps([v["verdict"], v.get("step"), v["status"], v["advisories"], v.get("tcbDate")])
                        for v in verdicts}) == 1, (folder, alike, verdicts)
            origins |= {(ORIGINS[folder], ORIGINS[other]) for other in alike}
    assert any(a != b for a, b in origins), "some of them are of different origins"


# ---- show, report data, usage ----

@pytest.mark.parametrize("name", ["sgx/phala-00a067110000-cfg-and-sw-hardening",
                                  "tdx/automata-alibaba-v5-td15-90c06f000000-2025-06", "snp/trustee-azure-genoa-v3"])
def test_show_prints_every_field(binaries, name):
    file = evidence_of(VECTORS / name)
    shown = json.loads(subprocess.run([binaries.cli, "evidence", "show", file, "--output", "json"],
                                      capture_output=True, check=True).stdout)
    origin = (VECTORS / name / "origin.txt").read_text()
    for field in ("mrenclave", "mrtd", "measurement", "fmspc"):
        if field in shown:
            assert re.search(shown[field], origin, re.I), field
    text = subprocess.run([binaries.cli, "evidence", "show", file], capture_output=True, check=True).stdout
    assert shown["reportData"] in text.decode()


def with_certificates(folder):
    """A SEV-SNP report as hosts extend it: entries of GUID, offset and length, zeros, the certificates."""
    names = {"vcek.der": "63da758d-e664-4564-adc5-f4b93be8accd", "ask.pem": "4ab7b379-bbac-4fe4-a02f-05aef327c782",
             "ark.pem": "c0b406a4-a803-4952-9743-3fb6014cd0ae"}
    entries = content = b""
    for name, guid in names.items():
        certificate = (folder / name).read_bytes()
        entries += uuid.UUID(guid).bytes + struct.pack("<II", 24 * (len(names) + 1) + len(content), len(certificate))
        content += certificate
    return (folder / "report.bin").read_bytes()[:1184] + entries + bytes(24) + content


def test_a_report_with_its_certificates_needs_no_others(binaries, tmp_path):
    file = tmp_path / "extended.bin"
    file.write_bytes(with_certificates(VECTORS / "snp/virtee-milan-v2"))
    judged = subprocess.run([binaries.cli, "evidence", "verify", file, "--at", "1704067200", "--strict"],
                            capture_output=True)
    assert judged.returncode == 0, judged.stderr
    text = subprocess.run([binaries.cli, "evidence", "show", file], capture_output=True, check=True).stdout.decode()
    assert re.search(r"^certificates +VCEK, ASK, ARK$", text, re.M)
    file.write_bytes(file.read_bytes() + bytes(5))
    judged = subprocess.run([binaries.cli, "evidence", "verify", file, "--at", "1704067200", "--strict"],
                            capture_output=True)
    assert judged.returncode == 1 and b"5 bytes follow the evidence" in judged.stderr


def test_report_data_can_be_demanded(judge):
    folder = VECTORS / "snp/dstack-milan-v3"
    said = b"attest-test-fixture-2026".hex()
    assert judge(folder / "report.bin", folder, 1781913600, "--report-data", said)["verdict"] == "accepted"
    assert judge(folder / "report.bin", folder, 1781913600, "--report-data", "00")["step"] == "policy"


@pytest.mark.parametrize("arguments", [["nosuch.bin"], [], ["a", "b"], ["/etc/hostname", "--at", "yesterday"],
                                       ["/etc/hostname", "--report-data", "xyz"], ["/etc/hostname", "--nonsense"],
                                       ["/etc/hostname", "--policy", "nosuch.json"],
                                       ["/etc/hostname", "--collateral", "nosuch"]])
def test_what_can_not_be_judged_exits_with_2(binaries, tmp_path, arguments):
    done = subprocess.run([binaries.cli, "evidence", "verify", *arguments], capture_output=True, cwd=tmp_path)
    assert done.returncode == 2 and done.stderr
