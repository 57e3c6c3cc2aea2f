"""Settings: which layer wins, what is refused and in which words, and what a repr may show."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from skydeck import settings as module
from skydeck.core.errors import SettingsError
from skydeck.settings import Settings, byte_count, load, redacted, settings, unknown_variables, use
from skydeck.sources import redact

EXAMPLE = Path(__file__).parents[1] / "observatory.example.toml"


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No SKYDECK_ variable of the machine that the tests run on, and no settings left over."""
    import os

    for name in [name for name in os.environ if name.startswith("SKYDECK_")]:
        monkeypatch.delenv(name)
    use(None)
    yield
    use(None)


def config(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "observatory.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_defaults_are_private_and_read_only() -> None:
    found = load()
    assert (found.host, found.port, found.prefix) == ("127.0.0.1", 5006, "")
    assert found.roots == () and found.sources == {} and found.streams == {}
    assert not found.allow_control and not found.insecure
    assert found.cache_bytes == 128_000_000
    with pytest.raises(ValidationError, match="frozen"):
        found.port = 1  # type: ignore[misc]


def test_options_win_over_environment_over_file_over_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = config(tmp_path, 'port = 1001\nprefix = "/file"\nlog_level = "debug"\n')
    monkeypatch.setenv("SKYDECK_PORT", "1002")
    monkeypatch.setenv("SKYDECK_PREFIX", "/environment")
    found = load(path, port=1003, theme=None)
    assert (found.port, found.prefix, found.log_level, found.theme) == (1003, "/environment", "debug", "auto")


def test_the_config_variable_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKYDECK_CONFIG", str(config(tmp_path, "port = 1001")))
    assert load().port == 1001
    assert settings().port == 1001
    other = tmp_path / "other.toml"
    other.write_text("port = 1002")
    assert load(other).port == 1002


def test_settings_are_loaded_once_and_can_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    first = settings()
    monkeypatch.setenv("SKYDECK_PORT", "1001")
    assert settings() is first
    use(None)
    assert settings().port == 1001
    given = load(port=1002)
    use(given)
    assert settings() is given


def test_paths_of_a_file_start_where_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    path = config(
        tmp_path,
        """
        roots = ["data", "/archive", "~/mine"]
        cache_dir = "cache"
        [sources]
        short = "cubes/a.fits"
        far = "https://host/b.zarr"
        [sources.long]
        location = "../c.zarr"
        title = "C"
        options = { hdu = 2 }
        """,
    )
    monkeypatch.chdir("/")
    found = load(path)
    assert found.roots == (tmp_path / "data", Path("/archive"), Path("/home/me/mine"))
    assert found.cache_dir == tmp_path / "cache"
    assert found.sources["short"].location == str(tmp_path / "cubes/a.fits")
    assert found.sources["far"].location == "https://host/b.zarr"
    assert found.sources["long"].location == str(tmp_path.parent / "c.zarr")
    assert found.sources["long"].options == {"hdu": "2"}


def test_paths_of_options_start_here_and_become_roots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = load(open_paths=("a,b.fits", "https://host/c.zarr", f"file://{tmp_path}/d%20e.fits"), roots=("/archive",))
    assert found.open_paths == (f"{tmp_path}/a,b.fits", "https://host/c.zarr", f"{tmp_path}/d e.fits")
    assert found.roots == (Path("/archive"), tmp_path / "a,b.fits", tmp_path / "d e.fits")


@pytest.mark.parametrize(
    ("value", "expected"),
    [("/a,/b", (Path("/a"), Path("/b"))), ('["/a,b"]', (Path("/a,b"),)), (" /a ,", (Path("/a"),)), ("", ())],
)
def test_lists_of_the_environment(value: str, expected: tuple[Path, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKYDECK_ROOTS", value)
    assert load().roots == expected


def test_tables_of_the_environment_are_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKYDECK_STREAMS", '{"lwa": "zmq+spectra://lwa:30002"}')
    assert load().streams == {"lwa": "zmq+spectra://lwa:30002"}
    monkeypatch.setenv("SKYDECK_STREAMS", "lwa=zmq")
    with pytest.raises(SettingsError, match="SKYDECK_STREAMS: this is no JSON"):
        load()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("4GB", 4 * 10**9),
        ("500MB", 500 * 10**6),
        ("512MiB", 512 * 2**20),
        ("1.5 k", 1500),
        ("2tib", 2 * 2**40),
    ],
)
def test_sizes(text: str, expected: int) -> None:
    assert byte_count(text) == expected


@pytest.mark.parametrize("text", ["", "-1", "4 XB", "GB", "1e9", "1,5GB", "nan"])
def test_no_sizes(text: str) -> None:
    with pytest.raises(ValueError, match="is no size"):
        byte_count(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("prot = 5006", ["'prot' is no setting", "did you mean 'port'"]),
        ('port = "abc"', ["'port'", "valid integer", "(it is 'abc')"]),
        ("port = true", ["'port'", "a number was expected, not true or false"]),
        ("port = 70000", ["'port'", "65535"]),
        ('memory_limit = "much"', ["'memory_limit'", "'much' is no size", "4GB"]),
        ("workers = 0", ["'workers'", "greater than or equal to 1"]),
        ('prefix = "a b"', ["'prefix'", "/skydeck"]),
        ('prefix = "/../etc"', ["'prefix'"]),
        ('allow_websocket_origin = ["https://a.org"]', ["without 'https://'"]),
        ('theme = "pink"', ["'theme'", "'auto', 'light' or 'dark'"]),
        ('scheduler = "a b"', ["'scheduler'", "tcp://host:8786"]),
        ('scheduler = "tcp://a:1"\nworkers = 2', ["scheduler and workers can't both be set"]),
        ("[sources.a]\ntitle = 'x'", ["'sources.a.location'", "field required"]),
        ("[sources.a]\nlocation = 'x'\nhduu = 1", ["'sources.a.hduu' is no setting"]),
        ('[sources]\n"a/b" = "x"', ["'a/b' is no name"]),
        ("[sources]\na = ''", ["empty text"]),
        ("[sources.a]\nlocation = 'x'\noptions = {hdu = [1]}", ["sources.a.options.hdu"]),
        ('[streams]\ns = "host:30002"', ["'s' must be a URL"]),
        ("roots = 3", ["'roots'", "valid tuple"]),
        ("sources = 3", ["'sources'", "valid dictionary"]),
        ("port = ", ["is no TOML file", "observatory.example.toml"]),
        ("a" + ".a" * 5000 + " = 1", ["toml"]),
    ],
)
def test_a_wrong_file_is_named_with_key_and_expectation(tmp_path: Path, text: str, words: list[str]) -> None:
    path = config(tmp_path, text)
    with pytest.raises(SettingsError) as caught:
        load(path)
    for word in words:
        assert word in str(caught.value)
    assert str(path) in str(caught.value) or "both be set" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load(config(tmp_path, 'prot = 1\ntheme = "pink"'))
    assert "'prot'" in str(caught.value) and "'theme'" in str(caught.value)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"#" * 1_000_001, b"[" * 100_000, b"\0"])
def test_hostile_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "observatory.toml"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=r"observatory\.toml"):
        load(path)


def test_a_missing_file_and_a_directory_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"No such file.*--config"):
        load(tmp_path / "none.toml")
    with pytest.raises(SettingsError, match="Is a directory"):
        load(tmp_path)


def test_a_wrong_variable_and_a_wrong_option_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="the option --cache-bytes"):
        load(cache_bytes=-1)
    monkeypatch.setenv("SKYDECK_PORT", "abc")
    with pytest.raises(SettingsError, match="the environment variable SKYDECK_PORT"):
        load()


def test_the_port_that_kubernetes_sets_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKYDECK_PORT", "tcp://10.0.0.1:5006")
    with pytest.raises(SettingsError, match="enableServiceLinks"):
        load()


def test_a_scheduler_on_top_takes_the_place_of_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = config(tmp_path, "workers = 3")
    found = load(path, scheduler="tcp://a:8786")
    assert (found.scheduler, found.workers) == ("tcp://a:8786", None)
    monkeypatch.setenv("SKYDECK_SCHEDULER", "tcp://b:8786")
    assert (load(path).scheduler, load(path).workers) == ("tcp://b:8786", None)
    assert (load(path, workers=2).scheduler, load(path, workers=2).workers) == (None, 2)
    with pytest.raises(SettingsError, match="both be set"):
        load(scheduler="tcp://a:8786", workers=2)


@pytest.mark.parametrize(
    ("given_prefix", "expected"),
    [("", ""), ("/", ""), ("sky", "/sky"), ("/sky/", "/sky"), ("/user/me@x/y", "/user/me@x/y")],
)
def test_prefixes_take_one_form(given_prefix: str, expected: str) -> None:
    assert load(prefix=given_prefix).prefix == expected


SECRETS: dict[str, Any] = {
    "scheduler": "tls://me:hunter2@host:8786",
    "sources": {
        "a": {"location": "https://me:hunter2@host/a.zarr?token=hunter2", "options": {"api_key": "hunter2"}},
        "b": "s3://bucket/b.zarr?X-Amz-Signature=hunter2&part=1",
    },
    "streams": {"s": "zmq+spectra://me:hunter2@host:1?password=hunter2"},
    "open_paths": ("https://hunter2@host/c.zarr",),
}


def test_secrets_never_reach_a_repr_but_stay_usable() -> None:
    from rich.pretty import pretty_repr

    found = load(**SECRETS)
    for text in (repr(found), str(found), pretty_repr(found), repr(found.sources), f"{found.sources['a']}"):
        assert "hunter2" not in text
    assert "host/a.zarr" in repr(found) and "part=1" in repr(found)
    assert found.sources["a"].location == SECRETS["sources"]["a"]["location"]
    assert found.sources["a"].options == {"api_key": "hunter2"}


def test_secrets_never_reach_an_error(tmp_path: Path) -> None:
    path = config(tmp_path, 'streams = "https://me:hunter2@host"\n[sources.a]\nlocation = "x"\ntoken = "hunter2"\n')
    with pytest.raises(SettingsError) as caught:
        load(path)
    assert "hunter2" not in str(caught.value) and "hunter2" not in repr(caught.value)
    with pytest.raises(SettingsError) as caught:
        load(allow_websocket_origin=("https://me:hunter2@host",))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "https://me:pw@host/a?token=x&b=1",
        "see https://me@host/a and s3://k:s@b/c?X-Amz-Credential=q#access_token=r",
        "zmq://me:p/w?x@host:1",
        "tcp://host:8786",
        "me@host is no URL",
        "https://host/a@b?sig=1",
    ],
)
def test_texts_are_redacted_as_the_sources_do(text: str) -> None:
    assert redacted(text) == redact(text)


def test_slips_in_variable_names_are_found() -> None:
    environment = {"SKYDECK_PROT": "1", "SKYDECK_PORT": "1", "SKYDECK_CONFIG": "x", "HOME": "/", "skydeck_host": "a"}
    assert unknown_variables(environment) == ["SKYDECK_PROT"]


def test_the_example_parses_and_says_every_setting() -> None:
    found = load(EXAMPLE)
    assert found.sources and found.streams
    text = EXAMPLE.read_text(encoding="utf-8")
    missing = [name for name in Settings.model_fields if name not in text]
    assert not missing


def test_caches_and_presets_follow_xdg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative is to be ignored")
    monkeypatch.setenv("HOME", "/home/me")
    assert load().cache_dir == tmp_path / "skydeck"
    assert module.default_config_dir() == Path("/home/me/.config/skydeck")


@given(
    st.dictionaries(
        st.text(max_size=8),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
            max_leaves=8,
        ),
    )
)
def test_any_options_are_taken_or_refused_in_words(options: dict[str, Any]) -> None:
    options.pop("config", None)
    try:
        load(**options)
    except SettingsError as error:
        assert str(error)


@given(
    st.sampled_from(sorted(Settings.model_fields)),
    st.recursive(
        st.booleans() | st.integers() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=8,
    ),
)
def test_any_value_of_a_known_setting_is_taken_or_refused_in_words(name: str, value: Any) -> None:
    try:
        load(**{name: value})
    except SettingsError as error:
        assert str(error)
