"""Confinement: every way out of the roots is refused with one sentence."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skydeck.core.errors import NotAllowed
from skydeck.sources.roots import confine


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "root/sub").mkdir(parents=True)
    (tmp_path / "root/sub/a.fits").write_bytes(b"x")
    (tmp_path / "other").mkdir()
    (tmp_path / "other/secret").write_bytes(b"x")
    (tmp_path / "root/out").symlink_to(tmp_path / "other")
    (tmp_path / "root/in").symlink_to(tmp_path / "root/sub")
    (tmp_path / "root/loop").symlink_to(tmp_path / "root/loop")
    (tmp_path / "rootlet").mkdir()
    return tmp_path


@pytest.mark.parametrize("name", ["sub/a.fits", "in/a.fits", "sub", ".", "sub/not-yet", "x" * 5000])
def test_what_lies_inside_is_given_with_links_followed(tree, name):
    assert confine(name, [tree / "root"]) == (tree / "root" / name).resolve()
    assert confine(tree / "root" / name, [tree / "root"]) == (tree / "root" / name).resolve()


@pytest.mark.parametrize(
    "name",
    ["../other/secret", "sub/../../other", "out/secret", "out", "~/x", "~root", "a\0b", "", "loop/x", "/etc/passwd"],
)
def test_every_way_out_is_refused(tree, name):
    with pytest.raises(NotAllowed):
        confine(name, [tree / "root"])


def test_a_sibling_with_the_same_beginning_is_outside(tree):
    with pytest.raises(NotAllowed):
        confine(tree / "rootlet", [tree / "root"])


def test_the_sentence_is_the_same_whether_it_exists_or_not(tree):
    texts = []
    for name in ("secret", "nothing"):
        with pytest.raises(NotAllowed) as caught:
            confine(tree / "other" / name, [tree / "root"])
        texts.append(str(caught.value).replace(name, "NAME"))
    assert texts[0] == texts[1]


def test_several_roots_and_a_root_that_is_a_file(tree):
    roots = [tree / "other", tree / "root/sub/a.fits"]
    assert confine(tree / "root/sub/a.fits", roots) == tree / "root/sub/a.fits"
    assert confine("secret", roots) == tree / "other/secret"
    with pytest.raises(NotAllowed):
        confine(tree / "root/sub", roots)
    with pytest.raises(NotAllowed):
        confine("secret", [])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from(["..", ".", "out", "in", "sub", "secret", "", "~", "loop", "a.fits"]), max_size=6),
    st.booleans(),
)
def test_no_combination_of_parts_leads_out(tree, parts, absolute):
    path = "/".join(parts)
    try:
        found = confine(str(tree / "root") + "/" + path if absolute else path, [tree / "root"])
    except NotAllowed:
        return
    assert found.is_relative_to((tree / "root").resolve())
