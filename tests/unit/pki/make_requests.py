#!/usr/bin/python3
"""Makes the certificate requests of tests/fuzz/corpus/csr: what request.c (unit) and csr.c (fuzz)
read. Files are named after what is good or bad about them. The DER is put together here, because
libraries refuse to write most of it."""
import os
import sys

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa


def der(tag, *parts):
    content = b"".join(parts)
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def integer(value):
    return der(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def oid(*numbers):
    content = bytes([40 * numbers[0] + numbers[1]])
    for number in numbers[2:]:
        groups = [number & 127]
        while number >> 7:
            number >>= 7
            groups.insert(0, number & 127 | 128)
        content += bytes(groups)
    return der(6, content)


def sequence(*parts):
    return der(0x30, *parts)


def bits(content):
    return der(3, b"\0", content)


NULL = der(5)
RSA = oid(1, 2, 840, 113549, 1, 1, 1)
EC = oid(1, 2, 840, 10045, 2, 1)
ECDSA_SHA256 = sequence(oid(1, 2, 840, 10045, 4, 3, 2))
RSA_SHA256 = sequence(oid(1, 2, 840, 113549, 1, 1, 11), NULL)
RSA_SHA1 = sequence(oid(1, 2, 840, 113549, 1, 1, 5), NULL)
RSA_MD5 = sequence(oid(1, 2, 840, 113549, 1, 1, 4), NULL)
DSA_SHA256 = sequence(oid(2, 16, 840, 1, 101, 3, 4, 3, 2))
ED25519 = sequence(oid(1, 3, 101, 112))
ED448 = sequence(oid(1, 3, 101, 113))
SHA256 = sequence(oid(2, 16, 840, 1, 101, 3, 4, 2, 1), NULL)
PSS_SHA256 = sequence(oid(1, 2, 840, 113549, 1, 1, 10), sequence(
    der(0xA0, SHA256), der(0xA1, sequence(oid(1, 2, 840, 113549, 1, 1, 8), SHA256)),
    der(0xA2, integer(32))))
SAN = oid(2, 5, 29, 17)
EXTENSION_REQUEST = oid(1, 2, 840, 113549, 1, 9, 14)
SUBJECT = sequence(der(0x31, sequence(oid(2, 5, 4, 3), der(12, b"not taken over"))))


def dns(name):
    return der(0x82, name)


def ip(address):
    return der(0x87, address)


def san(*names):
    return sequence(SAN, der(4, sequence(*names)))


def extension_request(*extensions):
    return sequence(EXTENSION_REQUEST, der(0x31, sequence(*extensions)))


def spki(key):
    return key.public_key().public_bytes(serialization.Encoding.DER,
                                         serialization.PublicFormat.SubjectPublicKeyInfo)


def information(public, *attributes):
    return sequence(integer(0), SUBJECT, public, der(0xA0, *attributes))


p256 = ec.generate_private_key(ec.SECP256R1())
rsa2048 = rsa.generate_private_key(65537, 2048)


def sign_p256(data):
    return p256.sign(data, ec.ECDSA(hashes.SHA256()))


def request(*attributes, public=None, algorithm=ECDSA_SHA256, sign=sign_p256):
    body = information(public or spki(p256), *attributes)
    return sequence(body, algorithm, bits(sign(body)))


def named(*names):
    return request(extension_request(san(*names)))


def ecdsa(curve, number, digest):
    key = ec.generate_private_key(curve)
    return request(extension_request(san(dns(b"localhost"))), public=spki(key),
                   algorithm=sequence(oid(1, 2, 840, 10045, 4, 3, number)),
                   sign=lambda data: key.sign(data, ec.ECDSA(digest)))


def pure(key, algorithm):
    return request(extension_request(san(dns(b"localhost"))), public=spki(key),
                   algorithm=algorithm, sign=key.sign)


def rsa_request(algorithm, pad, digest):
    return request(extension_request(san(dns(b"localhost"))), public=spki(rsa2048),
                   algorithm=algorithm, sign=lambda data: rsa2048.sign(data, pad, digest))


def fake_rsa(modulus_bits, exponent):
    """Nobody has this key's private part: to be refused before or by its verification."""
    modulus = int.from_bytes(os.urandom(modulus_bits // 8), "big") | 1 << modulus_bits - 1 | 1
    public = sequence(sequence(RSA, NULL), bits(sequence(integer(modulus), integer(exponent))))
    return request(public=public, algorithm=RSA_SHA256,
                   sign=lambda data: b"\0" + os.urandom(modulus_bits // 8 - 1))


def explicit_curve():
    """P-256 by its numbers instead of its name."""
    p = 2**256 - 2**224 + 2**192 + 2**96 - 1
    b = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    base = ec.derive_private_key(1, ec.SECP256R1()).public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    point = p256.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    parameters = sequence(
        integer(1), sequence(oid(1, 2, 840, 10045, 1, 1), integer(p)),
        sequence(der(4, (p - 3).to_bytes(32, "big")), der(4, b.to_bytes(32, "big"))),
        der(4, base), integer(order), integer(1))
    return request(public=sequence(sequence(EC, parameters), bits(point)))


def secp256k1():
    return ecdsa(ec.SECP256K1(), 2, hashes.SHA256())


def signature_of_another_key():
    body = information(spki(ec.generate_private_key(ec.SECP256R1())))
    return sequence(body, ECDSA_SHA256, bits(sign_p256(body)))


def changed_after_signing():
    whole = bytearray(named(dns(b"honest.example")))
    at = whole.index(b"honest")
    whole[at:at + 6] = b"wicked"
    return bytes(whole)


good = named(dns(b"localhost"))
dsa2048 = dsa.generate_private_key(2048)
v1_5 = padding.PKCS1v15()
FILES = {
    "good-p256": good,
    "good-p384": ecdsa(ec.SECP384R1(), 3, hashes.SHA384()),
    "good-p521": ecdsa(ec.SECP521R1(), 4, hashes.SHA512()),
    "good-p224": ecdsa(ec.SECP224R1(), 2, hashes.SHA256()),
    "good-rsa": rsa_request(RSA_SHA256, v1_5, hashes.SHA256()),
    "good-rsa-pss": rsa_request(
        PSS_SHA256, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256()),
    "good-ed25519": pure(ed25519.Ed25519PrivateKey.generate(), ED25519),
    "good-ed448": pure(ed448.Ed448PrivateKey.generate(), ED448),
    "good-no-attributes": request(),
    "good-no-names": request(extension_request(
        sequence(oid(2, 5, 29, 15), der(4, der(3, b"\x07\x80"))))),
    "good-all-kinds": named(
        dns(b"*.mesh.example"), ip(bytes([10, 0, 0, 7])), ip(bytes(15) + b"\1"),
        ip(bytes(10) + b"\xff\xff" + bytes([10, 0, 0, 8])),
        der(0x81, b"someone@mesh.example"), der(0x86, b"spiffe://mesh.example/x"),
        der(0xA4, SUBJECT), der(0x88, b"\x2a\x03")),
    "good-repeated": named(*[dns(b"localhost")] * 300),
    "good-blanks": named(dns(b"a"), dns(b" b"), dns(b"")),
    "good-address-as-dns": named(dns(b"10.0.0.7")),
    "bad-empty": b"",
    "bad-truncated": good[:-1],
    "bad-trailing-byte": good + b"\0",
    "bad-certificate": sequence(sequence(integer(2)), ECDSA_SHA256, bits(b"")),
    "bad-signature": changed_after_signing(),
    "bad-signature-of-another-key": signature_of_another_key(),
    "bad-no-signature": request(sign=lambda data: b""),
    "bad-sha1": rsa_request(RSA_SHA1, v1_5, hashes.SHA1()),
    "bad-md5": rsa_request(RSA_MD5, v1_5, hashes.MD5()),
    "bad-unknown-algorithm": request(algorithm=sequence(oid(1, 3, 9903, 99))),
    "bad-algorithm-of-another-key-type": request(algorithm=RSA_SHA256),
    "bad-dsa": request(public=spki(dsa2048), algorithm=DSA_SHA256,
                       sign=lambda data: dsa2048.sign(data, hashes.SHA256())),
    "bad-unknown-key-type": request(public=sequence(sequence(oid(1, 3, 9903, 98)), bits(b"key"))),
    "bad-point-not-on-curve": request(public=spki(p256)[:-1] + b"\0"),
    "bad-key-empty": request(public=sequence(
        sequence(EC, oid(1, 2, 840, 10045, 3, 1, 7)), bits(b""))),
    "bad-rsa-key-content": request(public=sequence(sequence(RSA, NULL), bits(b"no key"))),
    "bad-curve-unknown": secp256k1(),
    "bad-explicit-curve": explicit_curve(),
    "bad-rsa-16448-bits": fake_rsa(16448, 65537),
    "bad-rsa-16384-bits-huge-exponent": fake_rsa(16384, (1 << 16383) + 1),
    "bad-rsa-2048-bits-huge-exponent": fake_rsa(2048, (1 << 2047) - 1),
    "bad-two-extension-requests": request(extension_request(san(dns(b"a"))),
                                          extension_request(san(dns(b"b")))),
    "bad-two-values": request(sequence(EXTENSION_REQUEST, der(
        0x31, sequence(san(dns(b"a"))), sequence(san(dns(b"b")))))),
    "bad-extension-request-no-value": request(sequence(EXTENSION_REQUEST, der(0x31))),
    "bad-extension-request-integer": request(sequence(EXTENSION_REQUEST, der(0x31, integer(1)))),
    "bad-extension-request-content": request(extension_request(integer(1))),
    "bad-two-name-extensions": request(extension_request(san(dns(b"a")), san(dns(b"b")))),
    "bad-name-extension-content": request(extension_request(sequence(SAN, der(4, b"\x30\x05")))),
    "bad-address-5-bytes": named(ip(bytes(5))),
    "bad-address-empty": named(ip(b"")),
    "bad-name-nul": named(dns(b"localhost\0.mesh.example")),
    "bad-name-line-feed": named(dns(b"localhost\nmesh.example")),
    "bad-name-blank-inside": named(dns(b"local host")),
    "bad-name-utf8": named(dns("bücher.example".encode())),
    "bad-name-254-characters": named(dns(b"a" * 254)),
    "bad-101-names": named(*[dns(b"n%d" % i) for i in range(101)]),
}

# What csr.c signs itself: extensions only.
FILES["extensions-all-kinds"] = sequence(
    san(dns(b"*.mesh.example"), ip(bytes([10, 0, 0, 7])), ip(bytes(15) + b"\1"), dns(b" b"), dns(b""),
        der(0x81, b"someone@mesh.example"), der(0x86, b"spiffe://mesh.example/x"),
        der(0xA4, SUBJECT), der(0x88, b"\x2a\x03")),
    sequence(oid(2, 5, 29, 15), b"\1\1\xff", der(4, der(3, b"\x07\x80"))))
FILES["extensions-two-names"] = sequence(san(dns(b"a")), san(dns(b"b")))

for name, content in FILES.items():
    with open(os.path.join(sys.argv[1], name + ".der"), "wb") as file:
        file.write(content)
