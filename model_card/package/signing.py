"""An Ed25519 signature of `metadata.json`, which holds the SHA-256 of every other file.

The signature is 64 raw bytes over the bytes of the file, so that openssl verifies it too:

    openssl genpkey -algorithm ed25519 -out private.pem
    openssl pkey -in private.pem -pubout -out public.pem
    openssl pkeyutl -verify -pubin -inkey public.pem -rawin -in metadata.json \
        -sigfile metadata.json.sig
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model_card.hubs import IntegrityError
from nic.errors import UserError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

SIGNATURE = "metadata.json.sig"
MAKE_KEY = "openssl genpkey -algorithm ed25519 -out private.pem"
MAKE_PUBLIC_KEY = "openssl pkey -in private.pem -pubout -out public.pem"


def load_private_key(path: Path) -> Ed25519PrivateKey:
    """Reads the key to sign with.

    Raises:
        UserError: The package cryptography or the file is missing; it is encrypted, not PEM, or
            another kind of key.
    """
    serialization, ed25519 = _cryptography()
    data = _read_key(path, "--sign-key")
    try:
        key = serialization.load_pem_private_key(data, password=None)
    except TypeError as error:
        raise UserError(
            f"--sign-key {path}: is locked with a passphrase; unlock it into a file that only you "
            f"can read: openssl pkey -in {path} -out unlocked.pem"
        ) from error
    except ValueError as error:
        raise UserError(
            f"--sign-key {path}: no private key in PEM; make one: {MAKE_KEY}"
        ) from error
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise UserError(f"--sign-key {path}: not an Ed25519 key; make one: {MAKE_KEY}")
    return key


def load_public_key(path: Path) -> Ed25519PublicKey:
    """Reads the key to verify with.

    Raises:
        UserError: The package cryptography or the file is missing; it is not PEM, or another kind
            of key.
    """
    serialization, ed25519 = _cryptography()
    data = _read_key(path, "--public-key")
    try:
        key = serialization.load_pem_public_key(data)
    except ValueError as error:
        raise UserError(
            f"--public-key {path}: no public key in PEM; get it from the private one: "
            f"{MAKE_PUBLIC_KEY}"
        ) from error
    if not isinstance(key, ed25519.Ed25519PublicKey):
        raise UserError(f"--public-key {path}: not an Ed25519 key")
    return key


def fingerprint(key: Ed25519PublicKey) -> str:
    """Returns the SHA-256 of the 32 bytes of a public key, 64 hexadecimal digits."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()


def sign(metadata: Path, key: Ed25519PrivateKey) -> None:
    """Writes `metadata.json.sig` beside `metadata.json`."""
    metadata.with_name(SIGNATURE).write_bytes(key.sign(metadata.read_bytes()))


def check_signature(metadata: Path, signed_by: str | None, public_key: Path | None) -> str | None:
    """Checks that a signature exists if it should, and verifies it with a public key.

    Args:
        metadata: `metadata.json` of a packaged model.
        signed_by: The fingerprint in it; None for an unsigned model.
        public_key: PEM file of the key that must have signed.

    Returns:
        The fingerprint.

    Raises:
        IntegrityError: The signature is missing, was added, is that of another key, or does not
            match the file.
    """
    key = load_public_key(public_key) if public_key else None
    signature = metadata.with_name(SIGNATURE)
    if not signed_by and signature.is_file():
        raise IntegrityError(f"{signature} was added: {metadata.name} was not signed")
    if not signed_by and key:
        raise IntegrityError(f"{metadata}: is not signed, and --public-key asks for a signature")
    if signed_by and not signature.is_file():
        raise IntegrityError(f"{signature} is missing; the model was signed when it was packaged")
    if key and fingerprint(key) != signed_by:
        raise IntegrityError(
            f"{metadata}: signed by the key {str(signed_by)[:16]}, not by {public_key} "
            f"({fingerprint(key)[:16]}); do not trust it, or give that key"
        )
    if key:
        _check_bytes(metadata, signature, key)
    return signed_by


def _check_bytes(metadata: Path, signature: Path, key: Ed25519PublicKey) -> None:
    from cryptography.exceptions import InvalidSignature

    try:
        key.verify(signature.read_bytes(), metadata.read_bytes())
    except InvalidSignature as error:
        raise IntegrityError(
            f"{signature}: does not fit {metadata.name}; one of the two was changed after signing; "
            "do not use this copy, get it again"
        ) from error


def _cryptography() -> tuple[Any, Any]:
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError as error:
        raise UserError(
            'signatures need the package cryptography: pip install -e ".[sign]"'
        ) from error
    return serialization, ed25519


def _read_key(path: Path, flag: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{flag} {path}: cannot be read ({error.strerror})") from error
