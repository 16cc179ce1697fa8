"""Bundles of the agent: what is said of one, and the signature by which an agent knows that it may run it.

Ed25519 (RFC 8032) over the manifest's very bytes. A signature says: this file, for this architecture, is an agent of
this banner's. Whoever holds the private key may put programs on every box; it need not lie where the centre runs.
"""

from __future__ import annotations

import base64
import binascii
from typing import Annotated

import msgspec
from msgspec import Meta

SIZE_MAX = 32 << 20
ARCHITECTURES = ("x86_64", "aarch64", "armv7")
_CONTEXT = b"shouwang agent bundle 1\0"


class WrongBundle(ValueError):
    """A bundle, a manifest or a key that is not to be trusted or cannot be read; the message says why."""


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of one bundle: `sha256` in hexadecimal of the file, `size` in bytes."""

    v: Annotated[int, Meta(ge=1, le=1)]
    version: Annotated[str, Meta(pattern=r"^[0-9A-Za-z.+_-]{1,64}$")]
    architecture: Annotated[str, Meta(pattern=r"^[a-z0-9_]{1,16}$")]
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
    size: Annotated[int, Meta(ge=1, le=SIZE_MAX)]


class Signed(msgspec.Struct, frozen=True):
    """A manifest as it was signed: `manifest` is its JSON, to the byte; `signature` base64."""

    manifest: Annotated[str, Meta(max_length=1024)]
    signature: Annotated[str, Meta(max_length=128)]


def new_key() -> tuple[str, str]:
    """A private and a public key, as one line of text each."""
    from Crypto.PublicKey import ECC

    key = ECC.generate(curve="Ed25519")
    return _text(key.seed), _text(key.public_key().export_key(format="raw"))


def public_of(private_key: str) -> str:
    """The public key of a private one. Raises WrongBundle."""
    from Crypto.PublicKey import ECC

    return _text(ECC.construct(curve="Ed25519", seed=_bytes(private_key, 32)).public_key().export_key(format="raw"))


def sign(manifest: Manifest, private_key: str) -> Signed:
    """Raises WrongBundle for what is no private key."""
    from Crypto.PublicKey import ECC
    from Crypto.Signature import eddsa

    said = msgspec.json.encode(manifest)
    key = ECC.construct(curve="Ed25519", seed=_bytes(private_key, 32))
    return Signed(said.decode(), _text(eddsa.new(key, "rfc8032").sign(_CONTEXT + said)))


def verified(signed: Signed, public_key: str) -> Manifest:
    """The manifest, where the signature is of that key. Raises WrongBundle."""
    from Crypto.Signature import eddsa

    try:
        key = eddsa.import_public_key(_bytes(public_key, 32))
        eddsa.new(key, "rfc8032").verify(_CONTEXT + signed.manifest.encode(), _bytes(signed.signature, 64))
    except ValueError as error:
        raise WrongBundle(f"the signature is not of the key that this box trusts ({error})") from error
    try:
        return msgspec.json.decode(signed.manifest, type=Manifest)
    except msgspec.MsgspecError as error:
        raise WrongBundle(f"its manifest cannot be read: {error}") from error


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str, length: int) -> bytes:
    try:
        data = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise WrongBundle(f"a key or signature is not base64: {error}") from error
    if len(data) != length:
        raise WrongBundle(f"a key or signature has {len(data)} bytes, not {length}")
    return data
