"""Signatures: made, verified, and each way in which they can be wrong."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from model_card.hubs import IntegrityError
from model_card.package.build import build_package
from model_card.package.integrity import verify_folder
from model_card.package.signing import (
    check_signature,
    fingerprint,
    load_private_key,
    load_public_key,
    sign,
)
from nic.errors import UserError


def write_keys(
    folder: Path, name: str, encryption: KeySerializationEncryption | None = None
) -> tuple[Path, Path]:
    """A new key pair as PEM files: private, public."""
    key = Ed25519PrivateKey.generate()
    encryption = encryption or NoEncryption()
    private, public = folder / f"{name}.pem", folder / f"{name}.public.pem"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    public.write_bytes(
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    return private, public


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    """The key pair that signs."""
    return write_keys(tmp_path, "ours")


@pytest.fixture
def signed(tmp_path: Path, keys: tuple[Path, Path]) -> tuple[Path, str]:
    """A signed `metadata.json` and the fingerprint of its key."""
    metadata = tmp_path / "metadata.json"
    metadata.write_text("{}", encoding="utf-8")
    key = load_private_key(keys[0])
    sign(metadata, key)
    return metadata, fingerprint(key.public_key())


def test_a_signed_file_is_verified(signed: tuple[Path, str], keys: tuple[Path, Path]) -> None:
    metadata, signed_by = signed
    assert check_signature(metadata, signed_by, keys[1]) == signed_by
    assert len(signed_by) == 64


def test_signing_again_gives_the_same_bytes(
    signed: tuple[Path, str], keys: tuple[Path, Path]
) -> None:
    signature = signed[0].with_name("metadata.json.sig")
    before = signature.read_bytes()
    sign(signed[0], load_private_key(keys[0]))
    assert signature.read_bytes() == before


@pytest.mark.parametrize("with_key", [True, False])
def test_a_missing_signature_is_missed_with_and_without_a_key(
    signed: tuple[Path, str], keys: tuple[Path, Path], with_key: bool
) -> None:
    metadata, signed_by = signed
    metadata.with_name("metadata.json.sig").unlink()
    with pytest.raises(IntegrityError, match=r"metadata\.json\.sig is missing; the model was sig"):
        check_signature(metadata, signed_by, keys[1] if with_key else None)


def test_an_unsigned_model_does_not_pass_for_a_signed_one(
    tmp_path: Path, keys: tuple[Path, Path]
) -> None:
    (tmp_path / "metadata.json").write_text("{}")
    with pytest.raises(IntegrityError, match="is not signed, and --public-key asks for"):
        check_signature(tmp_path / "metadata.json", None, keys[1])


def test_a_signature_that_was_added_is_refused(signed: tuple[Path, str]) -> None:
    with pytest.raises(IntegrityError, match=r"metadata\.json\.sig was added"):
        check_signature(signed[0], None, None)


def test_the_signature_of_another_key_is_refused(signed: tuple[Path, str], tmp_path: Path) -> None:
    other = write_keys(tmp_path, "other")[1]
    message = f"signed by the key {signed[1][:16]}, not by .*other.public.pem"
    with pytest.raises(IntegrityError, match=message):
        check_signature(*signed, other)


def test_another_key_does_not_pass_under_our_fingerprint(
    signed: tuple[Path, str], keys: tuple[Path, Path], tmp_path: Path
) -> None:
    sign(signed[0], load_private_key(write_keys(tmp_path, "other")[0]))
    with pytest.raises(IntegrityError, match=r"does not fit metadata\.json; one of the two"):
        check_signature(*signed, keys[1])


@pytest.mark.parametrize("name", ["metadata.json", "metadata.json.sig"])
@pytest.mark.parametrize("content", [b"", b"{ }", b"\0" * 64])
def test_a_changed_file_or_signature_does_not_fit(
    signed: tuple[Path, str], keys: tuple[Path, Path], name: str, content: bytes
) -> None:
    signed[0].with_name(name).write_bytes(content)
    with pytest.raises(IntegrityError, match=r"does not fit metadata\.json; one of the two"):
        check_signature(*signed, keys[1])


def test_a_key_that_is_none_is_refused(tmp_path: Path, keys: tuple[Path, Path]) -> None:
    junk = tmp_path / "junk.pem"
    junk.write_text("no key")
    for load, path, message in (
        (load_private_key, junk, "--sign-key .*junk.pem: no private key in PEM; make one: openssl"),
        (load_private_key, keys[1], "no private key in PEM"),
        (load_private_key, tmp_path / "none", r"--sign-key .*none: cannot be read \(No such file"),
        (load_public_key, junk, "--public-key .*junk.pem: no public key in PEM; get it from"),
        (load_public_key, keys[0], "no public key in PEM"),
        (load_public_key, tmp_path / "none", "--public-key .*none: cannot be read"),
    ):
        with pytest.raises(UserError, match=message):
            load(path)


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    key = generate_private_key(SECP256R1())
    path = tmp_path / "ec.pem"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(UserError, match=r"ec\.pem: not an Ed25519 key; make one: openssl genpkey"):
        load_private_key(path)
    public = key.public_key()
    path.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(UserError, match=r"--public-key .*ec\.pem: not an Ed25519 key"):
        load_public_key(path)


def test_a_locked_key_is_refused_with_the_way_to_unlock_it(tmp_path: Path) -> None:
    private, _ = write_keys(tmp_path, "locked", BestAvailableEncryption(b"secret"))
    with pytest.raises(UserError, match="is locked with a passphrase; unlock it .*openssl pkey"):
        load_private_key(private)


def test_without_cryptography_one_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, keys: tuple[Path, Path]
) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives", None)
    for load in (load_private_key, load_public_key):
        with pytest.raises(UserError, match=r'^signatures need .* install -e "\.\[sign\]"'):
            load(keys[0])


def test_a_model_is_signed_when_it_is_packaged(
    trained_folder: Path, tmp_path: Path, keys: tuple[Path, Path]
) -> None:
    staged = build_package(trained_folder, tmp_path / "staged", sign_key=keys[0])
    found = verify_folder(staged, keys[1])
    assert found.signature_checked
    assert found.signed_by == fingerprint(load_public_key(keys[1]))
    assert not verify_folder(staged).signature_checked


@pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl on this machine")
def test_openssl_makes_the_keys_and_verifies_the_signature(tmp_path: Path) -> None:
    def openssl(*arguments: str) -> str:
        command = ["openssl", *arguments]
        result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        return result.stdout

    openssl("genpkey", "-algorithm", "ed25519", "-out", "private.pem")
    openssl("pkey", "-in", "private.pem", "-pubout", "-out", "public.pem")
    metadata = tmp_path / "metadata.json"
    metadata.write_text('{"a": 1}\n')
    key = load_private_key(tmp_path / "private.pem")
    sign(metadata, key)
    check_signature(metadata, fingerprint(key.public_key()), tmp_path / "public.pem")
    verify = ["pkeyutl", "-verify", "-pubin", "-inkey", "public.pem", "-rawin"]
    said = openssl(*verify, "-in", "metadata.json", "-sigfile", "metadata.json.sig")
    assert "Signature Verified Successfully" in said
