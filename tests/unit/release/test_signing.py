"""A signed release: verified by openssl and sha256sum alone; whatever is changed, added, removed or swapped fails."""

import re
import shutil
import subprocess

import pytest
from site_keys import site

from avatarflow.config.loading import load
from avatarflow.core.errors import AvatarflowError
from avatarflow.release.checksums import write_checksums
from avatarflow.release.signing import read_signer

KINDS = ("ed25519", "rsa", "p256", "p384")
FILES = {"README.md": b"card\n", "data/00000.parquet": b"PAR1\0", "data/00001.parquet": b"PAR1\1"}


def openssl_3():
    tools = all(map(shutil.which, ("openssl", "sha256sum", "sh", "bash")))
    done = tools and subprocess.run(["openssl", "pkeyutl", "-help"], capture_output=True, text=True)
    return bool(done) and "-rawin" in done.stdout + done.stderr


needs_openssl = pytest.mark.skipif(not openssl_3(), reason="no OpenSSL 3 with sha256sum and bash")


def signed(folder, signing):
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    write_checksums(folder, "SHA256SUMS", read_signer(signing))
    return folder


@pytest.fixture
def verify(root):
    def run(folder, certificate):
        script = root / "resources/verify/verify_release.sh"
        return subprocess.run(
            ["sh", str(script), str(folder), str(certificate)], capture_output=True, text=True
        )

    return run


@needs_openssl
@pytest.mark.parametrize("kind", KINDS)
def test_openssl_verifies_a_release_of_every_kind_of_key(kind, tmp_path, verify):
    signing = site(tmp_path / "site", kind)
    folder = signed(tmp_path / "release", signing)
    done = verify(folder, signing["certificate"])
    assert (done.returncode, done.stderr) == (0, "")
    fingerprint = read_signer(signing).fingerprint
    assert done.stdout == (
        f"verified: 3 files, none undeclared, signed with the key of the certificate {fingerprint}\n"
    )


def change(path):
    path.write_bytes(path.read_bytes()[:-1] + b"!")


def swap_lines(path):
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[1], lines[0], *lines[2:]]) + "\n")


def outside(folder):
    (folder / "README.md").rename(folder.parent / "README.md")
    (folder / "README.md").symlink_to(folder.parent / "README.md")


def listed_too(folder):
    (folder / "more.txt").write_text("x")
    signature = (folder / "SHA256SUMS.sig").read_bytes()
    write_checksums(folder, "SHA256SUMS")
    (folder / "SHA256SUMS.sig").write_bytes(signature)


TAMPERED = {
    "a changed byte": (lambda f: change(f / "data/00001.parquet"), "data/00001.parquet: FAILED"),
    "an added file": (lambda f: (f / "more.txt").write_text("x"), "more.txt: not on the list"),
    "an added hidden file": (lambda f: (f / "data/.x").write_text("x"), "data/.x: not on the list"),
    "a name with a line break": (lambda f: (f / "x\nREADME.md").write_text("x"), "not on the list"),
    "a removed file": (lambda f: (f / "README.md").unlink(), "README.md: on the list, but missing"),
    "a link in place of a file": (outside, "a link or a device"),
    "swapped lines": (
        lambda f: swap_lines(f / "SHA256SUMS"),
        "SHA256SUMS: not signed with the key",
    ),
    "an added file on the list": (listed_too, "SHA256SUMS: not signed with the key"),
    "a changed signature": (lambda f: change(f / "SHA256SUMS.sig"), "SHA256SUMS: not signed with"),
    "no signature": (lambda f: (f / "SHA256SUMS.sig").unlink(), "SHA256SUMS.sig: missing"),
    "no list": (lambda f: (f / "SHA256SUMS").unlink(), "SHA256SUMS: missing"),
}


@needs_openssl
@pytest.mark.parametrize("what", TAMPERED)
def test_whatever_is_changed_fails(what, tmp_path, verify):
    tamper, message = TAMPERED[what]
    signing = site(tmp_path / "site")
    folder = signed(tmp_path / "release", signing)
    tamper(folder)
    done = verify(folder, signing["certificate"])
    assert done.returncode == 1
    assert done.stdout == ""
    assert message in done.stderr


@needs_openssl
@pytest.mark.parametrize("kind", KINDS)
def test_another_key_a_list_of_another_release_and_an_odd_list_fail(kind, tmp_path, verify):
    signing, other = site(tmp_path / "site", kind), site(tmp_path / "other", kind)
    folder = signed(tmp_path / "release", signing)
    assert verify(folder, other["certificate"]).returncode == 1
    swapped = signed(tmp_path / "swapped", other)
    for name in ("SHA256SUMS", "SHA256SUMS.sig"):
        shutil.copy(swapped / name, folder / name)
    assert verify(folder, signing["certificate"]).returncode == 1
    (folder / "a b").write_text("a name that no release has")
    write_checksums(folder, "SHA256SUMS", read_signer(signing))
    assert "lines of another form" in verify(folder, signing["certificate"]).stderr


@needs_openssl
def test_what_cannot_be_tried_is_not_called_a_failure(tmp_path, verify):
    folder = signed(tmp_path / "release", site(tmp_path / "site"))
    (tmp_path / "none.pem").write_text("no certificate")
    assert verify(tmp_path / "nowhere", tmp_path / "none.pem").returncode == 2
    assert verify(folder, tmp_path / "absent.pem").returncode == 2
    assert verify(folder, tmp_path / "none.pem").returncode == 2


@needs_openssl
def test_the_commands_on_the_card_verify_and_refuse(tmp_path, root):
    signing = site(tmp_path / "site")
    folder = signed(tmp_path / "release", signing)
    text = (root / "workflow/report/templates/parts/signed.md.j2").read_text()
    commands = re.search("```\n(.*?)```", text, re.S)[1]
    commands = commands.replace("certificate.pem", signing["certificate"])

    def run():
        return subprocess.run(["bash", "-c", commands], cwd=folder, capture_output=True, text=True)

    assert run().stdout.splitlines()[-1] == "verified"
    (folder / "more.txt").write_text("x")
    assert "verified" not in run().stdout.splitlines()
    (folder / "more.txt").unlink()
    (folder / "data/00000.parquet").unlink()
    assert "verified" not in run().stdout.splitlines()
    signed(folder, signing)
    assert run().returncode == 0
    signed(folder, site(tmp_path / "other"))
    assert run().returncode != 0


@pytest.mark.parametrize("kind", KINDS)
def test_equal_lists_have_equal_signatures_and_others_do_not(kind, tmp_path):
    signer = read_signer(site(tmp_path, kind))
    assert signer.sign(b"list") == signer.sign(b"list")
    assert signer.sign(b"list") != signer.sign(b"lisu")


def test_no_key_signs_nothing_and_an_old_signature_goes(tmp_path):
    assert read_signer({"key": None, "certificate": None}) is None
    (tmp_path / "SHA256SUMS.sig").write_bytes(b"old")
    write_checksums(tmp_path, "SHA256SUMS")
    assert [path.name for path in tmp_path.iterdir()] == ["SHA256SUMS"]


def test_nothing_of_the_key_is_shown(tmp_path):
    signing = site(tmp_path)
    lines = (tmp_path / "key.pem").read_text().splitlines()
    text = repr(read_signer(signing))
    assert "PrivateKey" not in text
    assert lines[1] not in text


# --- refused before anything runs


def readable(folder):
    (folder / "key.pem").chmod(0o640)


def pair(folder):
    site(folder / "other")
    shutil.copy(folder / "other/chain.pem", folder / "chain.pem")


REFUSED = {
    "missing": (lambda f: (f / "key.pem").unlink(), "key: no such file; check the path"),
    "shared": (readable, "key: others than its owner may use it (mode 0640); take their rights"),
    "encrypted": (lambda f: site(f, password=b"x"), "key: an encrypted key; name a key without"),
    "public": (lambda f: shutil.copy(f / "chain.pem", f / "key.pem"), "key: no private key in PEM"),
    "other pair": (pair, "certificate: its first certificate belongs to another key"),
    "expired": (
        lambda f: site(f, years=(2020, 2021)),
        "certificate: valid from 2020-01-01 to 2021",
    ),
    "no certificate": (lambda f: (f / "chain.pem").unlink(), "certificate: it cannot be read"),
    "a key twice": (lambda f: shutil.copy(f / "key.pem", f / "chain.pem"), "certificate: no cert"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_key_that_cannot_sign_is_refused_and_not_shown(what, tmp_path):
    signing = site(tmp_path)
    spoil, message = REFUSED[what]
    spoil(tmp_path)
    (tmp_path / "key.pem").exists() and what != "shared" and (tmp_path / "key.pem").chmod(0o600)
    with pytest.raises(AvatarflowError) as error:
        read_signer(signing)
    assert str(error.value).startswith(f"config signing.{message}")
    assert error.value.__cause__ is None
    assert "BEGIN" not in str(error.value)
    assert str(tmp_path) not in str(error.value)


def test_key_and_certificate_are_refused_together(tmp_path):
    with pytest.raises(AvatarflowError) as error:
        read_signer({"key": str(tmp_path / "k"), "certificate": str(tmp_path / "c")})
    assert [line.split(":")[0] for line in str(error.value).splitlines()] == [
        "config signing.key",
        "config signing.certificate",
    ]


def test_a_key_in_the_working_directory_or_behind_a_link_to_it_is_refused(tmp_path, monkeypatch):
    signing = site(tmp_path / "work")
    link = tmp_path / "link.pem"
    link.symlink_to(signing["key"])
    read_signer({**signing, "key": str(link)})
    monkeypatch.chdir(tmp_path / "work")
    for path in (signing["key"], str(link)):
        with pytest.raises(AvatarflowError, match="in the working directory or the project"):
            read_signer({**signing, "key": path})


def test_half_a_pair_and_a_relative_key_are_refused_by_the_configuration():
    with pytest.raises(AvatarflowError, match=r"config signing\.certificate: missing beside key"):
        load({"signing": {"key": "/k"}})
    with pytest.raises(AvatarflowError, match=r"config signing\.key: missing beside certificate"):
        load({"signing": {"certificate": "c"}})
    with pytest.raises(AvatarflowError, match=r"config signing\.key: found 'k'"):
        load({"signing": {"key": "k", "certificate": "c"}})
    assert load({})["signing"] == {"key": None, "certificate": None}
