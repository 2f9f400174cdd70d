"""Keys and certificates of a site, made for a test."""

from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

MAKE = {
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
}
USAGES = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
    "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
)  # fmt: skip


def name_of(title, *more):
    parts = [(NameOID.COUNTRY_NAME, "DE"), (NameOID.ORGANIZATION_NAME, "Klinik Nirgendwo")]
    parts += [(NameOID.COMMON_NAME, title), *more]
    return x509.Name([x509.NameAttribute(kind, value) for kind, value in parts])


def certificate(
    subject, key, issuer, issuer_key, authority=False, years=(2020, 2099), purpose=True
):
    """Return a certificate as C2PA asks for one."""
    usages = ("key_cert_sign", "crl_sign") if authority else ("digital_signature",)
    begin, end = (datetime(year, 1, 1, tzinfo=UTC) for year in years)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    made = (
        x509.CertificateBuilder(issuer, subject, key.public_key(), 4711, begin, end)
        .add_extension(x509.BasicConstraints(authority, None), critical=True)
        .add_extension(x509.KeyUsage(**{usage: usage in usages for usage in USAGES}), critical=True)
        .add_extension(identifier, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False,
        )
    )
    if not authority and purpose:
        purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        made = made.add_extension(purposes, critical=False)
    edwards = isinstance(issuer_key, ed25519.Ed25519PrivateKey)
    return made.sign(issuer_key, None if edwards else hashes.SHA256())


def site(folder, kind="ed25519", password=None, years=(2020, 2099), more=(), **how):
    """Write `key.pem`, `chain.pem` (with the authority's certificate) and `authority.pem`; return `signing`.

    Equal seeds give equal keys, of Ed25519 alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    key, above = MAKE[kind](), ed25519.Ed25519PrivateKey.generate()
    seed = how.get("seed")
    if seed is not None:
        read = ed25519.Ed25519PrivateKey.from_private_bytes
        key, above = read(bytes([seed, 0] * 16)), read(bytes([seed, 1] * 16))
    root, office = name_of("Authority"), name_of("Data office", *more)
    form = serialization.Encoding.PEM
    top = certificate(root, above, root, above, authority=True).public_bytes(form)
    purpose = how.get("purpose", True)
    own = certificate(office, key, root, above, years=years, purpose=purpose).public_bytes(form)
    protected = (
        serialization.BestAvailableEncryption(password)
        if password
        else serialization.NoEncryption()
    )
    data = key.private_bytes(form, serialization.PrivateFormat.PKCS8, protected)
    for name, content in (("key", data), ("chain", own + top), ("authority", top)):
        (folder / f"{name}.pem").write_bytes(content)
    (folder / "key.pem").chmod(0o600)
    return {"key": str(folder / "key.pem"), "certificate": str(folder / "chain.pem")}
