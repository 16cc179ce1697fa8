"""Answers to challenges, against the examples of RFC 7616 and RFC 2617."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.auth import _PARAMETER, answer, parse_challenge

NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
HEAD = f'Digest realm="http-auth@example.org", qop="auth, auth-int", nonce="{NONCE}", opaque="FQhe/qaU925kfnzj"'
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_rfc_7616(algorithm: str, response: str) -> None:
    said = answer(
        [f"{HEAD}, algorithm={algorithm}"], "GET", "/dir/index.html", "Mufasa", "Circle of Life", cnonce=CNONCE
    )
    assert said is not None
    assert f'response="{response}"' in said
    assert f"algorithm={algorithm}" in said
    assert "qop=auth, nc=00000001" in said


def test_the_best_offer_is_taken_and_a_password_goes_in_the_clear_only_where_nothing_better_is() -> None:
    both = [f"{HEAD}, algorithm=MD5", f"{HEAD}, algorithm=SHA-256", 'Basic realm="x"']
    best = answer(both, "GET", "/", "a", "b")
    assert best is not None
    assert "algorithm=SHA-256" in best
    assert answer(['Basic realm="x"'], "GET", "/", "a", "b") == "Basic YTpi"


@pytest.mark.parametrize(
    "challenge", ["", "Negotiate", "Digest qop=auth-int", "Digest algorithm=TIGER", 'Bearer realm="x"']
)
def test_what_cannot_be_answered_is_not(challenge: str) -> None:
    assert answer([challenge], "GET", "/", "a", "b") is None


def test_a_name_cannot_break_out_of_its_quotes() -> None:
    said = answer(['Digest realm="r", nonce="n"'], "GET", "/", 'a", uri="/evil', "b")
    assert said is not None
    assert 'username="a\\", uri=\\"/evil"' in said


@pytest.mark.parametrize("header", ["a" * 60_000, "a=" * 30_000, 'a="' * 20_000, 'a="\\' * 15_000, "a" + " " * 60_000])
def test_no_header_holds_up_the_agent(header: str) -> None:
    began_s = time.process_time()
    assert parse_challenge(f"Digest {header}")[0] == "digest"
    assert time.process_time() - began_s < 0.5


@given(st.text(st.sampled_from(list('aB0-_ ,=\t"\\')), max_size=40))
def test_parameters_are_read_the_same_however_they_are_tried(text: str) -> None:
    plain = re.compile(r'(?<![a-zA-Z0-9_-])([a-zA-Z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')
    assert _PARAMETER.findall(text) == plain.findall(text)
