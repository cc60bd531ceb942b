"""A made-up Intel: certificates, CRLs, signed documents and quotes of every form, independent of our own C code.
A test alters what it is about before it asks for the files; everything is signed when it is asked for."""

import datetime
import hashlib
import json
import struct

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)
NOW = datetime.datetime(2026, 6, 1)
AT = 1780272000  # NOW in seconds
VENDOR = bytes.fromhex("939a7233f79c4ca9940a0db3957f0607")
SGX_EXTENSION = "1.2.840.113741.1.13.1"
SGX_OID = bytes.fromhex("2a864886f84d010d01")
FMSPC = bytes.fromhex("00a067110000")
MODULE_SIGNER = bytes(48)


def der(tag, *parts):
    content = b"".join(parts)
    size = len(content)
    length = bytes([size]) if size < 128 else bytes([0x81, size]) if size < 256 else b"\x82" + struct.pack(">H", size)
    return bytes([tag]) + length + content


def der_number(value):
    raw = value.to_bytes(value.bit_length() // 8 + 1, "big")
    return der(2, raw)


def sgx_field(arcs, value):
    return der(0x30, der(6, SGX_OID + bytes(arcs)), value)


def sign(key, message):
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def new_key():
    return ec.generate_private_key(ec.SECP256R1())


def point(key):
    numbers = key.public_key().public_numbers()
    return numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


class Authority:
    """Who signs below it: a name, a key, dates."""

    def __init__(self, name, issuer=None, ca=True, extension=None, days=(-100, 3000)):
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.key, self.issuer, self.ca, self.extension, self.days = new_key(), issuer or self, ca, extension, days
        self.serial = x509.random_serial_number()

    def certificate(self):
        builder = (x509.CertificateBuilder().subject_name(self.name).issuer_name(self.issuer.name)
                   .public_key(self.key.public_key()).serial_number(self.serial)
                   .not_valid_before(NOW + self.days[0] * DAY).not_valid_after(NOW + self.days[1] * DAY)
                   .add_extension(x509.BasicConstraints(self.ca, None), critical=True))
        if self.extension:
            value = self.extension()
            builder = builder.add_extension(
                x509.UnrecognizedExtension(x509.ObjectIdentifier(SGX_EXTENSION), value), critical=False)
        return builder.sign(self.issuer.key, hashes.SHA256())

    def revocation_list(self, revoked=(), days=(-1, 30)):
        builder = (x509.CertificateRevocationListBuilder().issuer_name(self.name)
                   .last_update(NOW + days[0] * DAY).next_update(NOW + days[1] * DAY))
        for other in revoked:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(other.serial).revocation_date(NOW - DAY).build())
        return builder.sign(self.key, hashes.SHA256())


def crl_der(crl):
    return crl.public_bytes(serialization.Encoding.DER)


def text(when):
    return (NOW + when * DAY).strftime("%Y-%m-%dT%H:%M:%SZ")


def components(values):
    return [{"svn": v, "category": "BIOS", "type": "made up"} for v in values]


class Intel:
    def __init__(self):
        self.root = Authority("Intel SGX Root CA")
        self.processor_ca = Authority("Intel SGX PCK Processor CA", self.root)
        self.pck = Authority("Intel SGX PCK Certificate", self.processor_ca, ca=False, extension=self.sgx_extension)
        self.signer = Authority("Intel SGX TCB Signing", self.root, ca=False)
        self.attestation_key = new_key()
        # the platform
        self.fmspc, self.pce_id, self.ppid = FMSPC, 0, bytes(range(16))
        self.svn, self.pce_svn = [5] * 16, 11
        # the quoting enclave
        self.qe = {"mrsigner": b"\x8c" * 32, "isvprodid": 1, "isvsvn": 8, "flags": 0x15, "xfrm": 7, "misc": 0}
        self.authentication_data = bytes(range(32))
        # documents, as they are signed
        self.tcb_info = self.made_tcb_info("SGX")
        self.qe_identity = self.made_qe_identity("QE")
        self.dump = lambda body: json.dumps(body, separators=(",", ":"))
        # what is in the TEE
        self.report_data = b"made up".ljust(64, b"\0")
        self.tee_tcb_svn, self.tee_tcb_svn_2 = [3, 1] + [5] * 14, [3, 1] + [5] * 14
        self.service_td = bytes(48)

    def sgx_extension(self):
        tcb = [sgx_field([2, i + 1], der_number(v)) for i, v in enumerate(self.svn)]
        tcb += [sgx_field([2, 17], der_number(self.pce_svn)), sgx_field([2, 18], der(4, bytes(self.svn)))]
        return der(0x30, sgx_field([1], der(4, self.ppid)), sgx_field([2], der(0x30, *tcb)),
                   sgx_field([3], der(4, struct.pack(">H", self.pce_id))), sgx_field([4], der(4, self.fmspc)),
                   sgx_field([5], der(10, b"\0")))

    # ---- documents ----

    def level(self, svn, status, advisories=None, tdx=None, pce_svn=11):
        made = {"tcb": {"sgxtcbcomponents": components([svn] * 16), "pcesvn": pce_svn},
                "tcbDate": "2026-01-01T00:00:00Z", "tcbStatus": status}
        if tdx is not None:
            made["tcb"]["tdxtcbcomponents"] = components(tdx)
        if advisories is not None:
            made["advisoryIDs"] = advisories
        return made

    def made_tcb_info(self, tee):
        made = {"id": tee, "version": 3, "issueDate": text(-1), "nextUpdate": text(29), "fmspc": FMSPC.hex().upper(),
                "pceId": "0000", "tcbType": 0, "tcbEvaluationDataNumber": 17}
        if tee == "TDX":
            made["tdxModule"] = {"mrsigner": MODULE_SIGNER.hex(), "attributes": "0" * 16, "attributesMask": "F" * 16}
            made["tdxModuleIdentities"] = [
                {"id": "TDX_01", "mrsigner": MODULE_SIGNER.hex(), "attributes": "0" * 16, "attributesMask": "F" * 16,
                 "tcbLevels": [{"tcb": {"isvsvn": 3}, "tcbDate": "2026-02-01T00:00:00Z", "tcbStatus": "UpToDate"},
                               {"tcb": {"isvsvn": 2}, "tcbDate": "2025-02-01T00:00:00Z", "tcbStatus": "OutOfDate",
                                "advisoryIDs": ["INTEL-SA-00002"]}]}]
        tdx = {"TDX": [[0, 0] + [5] * 14, [0, 0] + [3] * 14]}.get(tee, [None, None])
        made["tcbLevels"] = [self.level(5, "UpToDate", tdx=tdx[0]),
                             self.level(3, "OutOfDate", ["INTEL-SA-00001"], tdx=tdx[1])]
        return made

    def made_qe_identity(self, which):
        return {"id": which, "version": 2, "issueDate": text(-1), "nextUpdate": text(29),
                "tcbEvaluationDataNumber": 17, "miscselect": "00000000", "miscselectMask": "FFFFFFFF",
                "attributes": "11000000000000000000000000000000",
                "attributesMask": "FBFFFFFFFFFFFFFF0000000000000000", "mrsigner": "8C" * 32, "isvprodid": 1,
                "tcbLevels": [{"tcb": {"isvsvn": 8}, "tcbDate": "2026-01-01T00:00:00Z", "tcbStatus": "UpToDate"},
                              {"tcb": {"isvsvn": 6}, "tcbDate": "2025-01-01T00:00:00Z", "tcbStatus": "OutOfDate",
                               "advisoryIDs": ["INTEL-SA-00003"]}]}

    def for_tdx(self):
        self.tcb_info, self.qe_identity = self.made_tcb_info("TDX"), self.made_qe_identity("TD_QE")
        return self

    def signed(self, name, body, key=None):
        body = self.dump(body)
        signature = sign(key or self.signer.key, body.encode()).hex()
        return f'{{"{name}":{body},"signature":"{signature}"}}'.encode()

    def pck_chain(self):
        return b"".join(pem(a.certificate()) for a in (self.pck, self.processor_ca, self.root))

    def signer_chain(self):
        return pem(self.signer.certificate()) + pem(self.root.certificate())

    def files(self):
        return {"tcb_info.json": self.signed("tcbInfo", self.tcb_info),
                "tcb_info_issuer_chain.pem": self.signer_chain(),
                "qe_identity.json": self.signed("enclaveIdentity", self.qe_identity),
                "qe_identity_issuer_chain.pem": self.signer_chain(),
                "pck_crl.der": crl_der(self.processor_ca.revocation_list()),
                "root_ca_crl.der": crl_der(self.root.revocation_list()),
                "root.pem": pem(self.root.certificate())}

    # ---- quotes ----

    def enclave_report(self, report_data, mrsigner, isvprodid, isvsvn, flags, xfrm, misc, mrenclave=b"\x11" * 32):
        return (bytes(16) + struct.pack("<I", misc) + bytes(28) + struct.pack("<QQ", flags, xfrm) + mrenclave +
                bytes(32) + mrsigner + bytes(32) + bytes(64) + struct.pack("<HHH", isvprodid, isvsvn, 0) + bytes(42) +
                bytes(16) + report_data)

    def sgx_body(self):
        return self.enclave_report(self.report_data, b"\x22" * 32, 7, 3, 5, 7, 0)

    def td_body(self, td15):
        body = bytes(self.tee_tcb_svn) + bytes(48) + MODULE_SIGNER + bytes(8) + struct.pack("<QQ", 1 << 28, 0xe7)
        body += b"\x33" * 48 + bytes(48 * 3) + b"\x44" * 192 + self.report_data
        return body + bytes(self.tee_tcb_svn_2) + self.service_td if td15 else body

    def vouching(self, certification_type, data):
        bound = hashlib.sha256(point(self.attestation_key) + self.authentication_data).digest()
        report = self.enclave_report(bound.ljust(64, b"\0"), **self.qe)
        return (report + sign(self.pck.key, report) + struct.pack("<H", len(self.authentication_data)) +
                self.authentication_data + struct.pack("<HI", certification_type, len(data)) + data)

    def quote(self, version=3, tee="SGX", td15=False, certification_type=5, data=None):
        body = self.td_body(td15) if tee == "TDX" else self.sgx_body()
        header = struct.pack("<HHIHH", version, 2, 0x81 if tee == "TDX" else 0, 8, 11) + VENDOR + bytes(20)
        if version == 5:
            header += struct.pack("<HI", 3 if td15 else 2, len(body))
        vouching = self.vouching(certification_type, self.pck_chain() if data is None else data)
        if version > 3:
            vouching = struct.pack("<HI", 6, len(vouching)) + vouching
        section = sign(self.attestation_key, header + body) + point(self.attestation_key) + vouching
        return header + body + struct.pack("<I", len(section)) + section
