"""What a signature is good for: this file, this architecture, this key."""

import hashlib
from pathlib import Path

import msgspec
import pytest

from edge.upgrade import store
from shouwang.bundles import Manifest, Signed, WrongBundle, new_key, public_of, sign, verified

DATA = b"a bundle"
SHA256 = hashlib.sha256(DATA).hexdigest()
MANIFEST = Manifest(1, "1.1.0", "aarch64", SHA256, len(DATA))
PRIVATE, PUBLIC = new_key()


def test_what_is_signed_is_known_by_its_public_key_alone() -> None:
    signed = sign(MANIFEST, PRIVATE)
    assert verified(signed, PUBLIC) == MANIFEST
    assert public_of(PRIVATE) == PUBLIC
    with pytest.raises(WrongBundle, match="not of the key that this box trusts"):
        verified(signed, new_key()[1])


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda s: Signed(s.manifest.replace("aarch64", "x86_64"), s.signature), "not of the key"),
        (lambda s: Signed(s.manifest.replace(SHA256, "0" * 64), s.signature), "not of the key"),
        (lambda s: Signed(s.manifest + " ", s.signature), "not of the key"),
        (lambda s: Signed(s.manifest, "A" + s.signature[1:] if s.signature[0] != "A" else "B"), "not of the key|bytes"),
        (lambda s: Signed(s.manifest, ""), "0 bytes, not 64"),
        (lambda s: Signed(s.manifest, "?"), "not base64"),
    ],
)
def test_any_change_is_seen(change: "object", why: str) -> None:
    assert callable(change)
    with pytest.raises(WrongBundle, match=why):
        verified(change(sign(MANIFEST, PRIVATE)), PUBLIC)


def test_a_key_that_is_none_is_said() -> None:
    with pytest.raises(WrongBundle, match="3 bytes, not 32"):
        sign(MANIFEST, "AAAA")
    with pytest.raises(WrongBundle, match="0 bytes, not 32"):
        verified(sign(MANIFEST, PRIVATE), "")


def put(folder: Path, data: bytes = DATA, signed: Signed | None = None) -> None:
    store.bundle(folder, SHA256).write_bytes(data)
    store.keep_manifest(folder, SHA256, signed or sign(MANIFEST, PRIVATE))


def test_a_bundle_on_the_box_is_checked_whole(tmp_path: Path) -> None:
    put(tmp_path)
    assert store.checked(tmp_path, SHA256, PUBLIC) == MANIFEST
    put(tmp_path, DATA[:-1])
    with pytest.raises(WrongBundle, match="not the one that was signed"):
        store.checked(tmp_path, SHA256, PUBLIC)
    other = msgspec.structs.replace(MANIFEST, sha256="c" * 64)
    put(tmp_path, signed=sign(other, PRIVATE))
    with pytest.raises(WrongBundle, match="not the one that was signed"):
        store.checked(tmp_path, SHA256, PUBLIC)
    store.bundle(tmp_path, SHA256).unlink()
    with pytest.raises(WrongBundle, match="not there whole"):
        store.checked(tmp_path, SHA256, PUBLIC)


def test_what_nobody_runs_any_more_goes_and_nothing_else(tmp_path: Path) -> None:
    put(tmp_path)
    for name in ("c" * 64 + ".pyz", "c" * 64 + ".json", "d" * 64 + ".part", "record.json", "notes.json"):
        (tmp_path / name).write_text("x")
    store.forget_others(tmp_path, {SHA256})
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == sorted([f"{SHA256}.pyz", f"{SHA256}.json", "record.json", "notes.json"])
