"""Locations: what is understood, what is refused, and that no secret is ever shown."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from skydeck.core.errors import NotAllowed, SourceError
from skydeck.sources.location import parse, redact


def test_a_path_becomes_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert parse("a/../b.fits").path == str(tmp_path / "b.fits")
    assert parse("b.fits").is_local


@pytest.mark.parametrize(
    "text", ["file:///data/a%20b.zarr", "FILE:///data/a%20b.zarr", "file://localhost/data/a%20b.zarr"]
)
def test_file_urls_are_paths(text):
    assert parse(text).path == "/data/a b.zarr"


@pytest.mark.parametrize(
    "text", ["", "  ", "a\0b", "file://elsewhere/a", "file:///a%00b", "gopherish://x/y", "https:///nohost"]
)
def test_what_is_no_place_is_refused_with_a_sentence(text):
    with pytest.raises(SourceError) as caught:
        parse(text)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(
    "text",
    ["zip://a.txt::file:///etc/secret.zip", "simplecache::https://h/a", "reference://?fo=/etc/passwd", "dir:///etc"],
)
def test_urls_that_wrap_local_files_are_not_allowed(text):
    with pytest.raises(NotAllowed):
        parse(text)


def test_a_url_keeps_its_secret_for_opening_and_hides_it_elsewhere():
    place = parse("https://me:hunter2@host/a.zarr?token=abc&x=1")
    assert place.path == "https://me:hunter2@host/a.zarr?token=abc&x=1"
    assert place.shown == "https://host/a.zarr?token=***&x=1"
    assert "hunter2" not in repr(place)
    assert place.name == "a.zarr"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see http://u:p@h:8080/a?X-Amz-Signature=1f&y=2 now", "see http://h:8080/a?X-Amz-Signature=***&y=2 now"),
        ("s3://KEY:SE/CRET@bucket/x", "s3://bucket/x"),
        ("http://u:p@q@h/", "http://h/"),
        ("http://h:8080/data@2020/x", "http://h:8080/data@2020/x"),
        ("tcp://u@h and ftp://a:b@c", "tcp://h and ftp://c"),
        ("https://h/a#access_token=abc", "https://h/a#access_token=***"),
        ("https://h/a?sv=1&sig=abc%3D", "https://h/a?sv=1&sig=***"),
        ("me@example.org is a mail address", "me@example.org is a mail address"),
        ("design=5 & sigma=3", "design=5 & sigma=3"),
        ("https://h/a?sigma=3", "https://h/a?sigma=3"),
    ],
)
def test_redaction(text, expected):
    assert redact(text) == expected


_safe = st.text("abcdefghijklmnopqrstuvwxyz0123456789-._~", min_size=1, max_size=12)
_secret = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ!$*+;:%", min_size=4, max_size=12)


@given(
    before=st.text('abc before=st.text(max_size=20), user?#\n"', max_size=20),
    user=_safe,
    secret=_secret,
    host=_safe,
    name=st.sampled_from(["token", "X-Amz-Credential", "api_key"]),
)
@example(before="", user="u", secret="A:1/B", host="h", name="key")
def test_no_secret_survives_wherever_the_url_stands(before, user, secret, host, name):
    for url in (f"https://{user}:{secret}@{host}/p", f"http://{host}/p?a=1&{name}={secret.replace(';', '')}"):
        shown = redact(f"{before} {url} after")
        assert secret.replace(";", "") not in shown
        assert shown.endswith(" after")


@given(st.text(max_size=200))
@example("://a@b@c?token=x")
def test_redaction_is_idempotent_and_leaves_other_text(text):
    once = redact(text)
    assert redact(once) == once
    if "://" not in text:
        assert once == text


def test_redaction_is_linear_in_the_text():
    assert len(redact("http://" + "a@" * 20_000 + "h")) == len("http://h")
    assert redact("://" + "a:" * 20_000).startswith("://a:")
