"""Settings: what an observatory decides. Defaults < TOML file < environment < options."""

from __future__ import annotations

import difflib
import json
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Annotated, Any, Literal, Self
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from skydeck.core.errors import SettingsError

CONFIG_VARIABLE = "SKYDECK_CONFIG"
PREFIX = "SKYDECK_"
MAX_CONFIG_BYTES = 1_000_000

Values = dict[str, Any]

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_USER_INFO = re.compile(r"(://)(?:[^\s/?#@\"'<>]*@)+|(://)[^\s/?#@:\"'<>]+:(?!\d+(?:[/?#\s]|$))[^\s@\"'<>]*@")
_SECRET_WORDS = r"token|key|passw|pwd|secret|signature|credential|auth|session|x-amz-|x-goog-"
_SECRET_QUERY = re.compile(
    rf"([?&;#](?:[\w.%\[\]-]*(?:{_SECRET_WORDS})[\w.%\[\]-]*|sig|sas)=)[^&;#\s\"'<>]*", re.IGNORECASE
)
_SECRET_NAME = re.compile(_SECRET_WORDS, re.IGNORECASE)
_NAME = re.compile(r"(?i)token|key|secret|password|signature")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_SEGMENTS = re.compile(r"(/[A-Za-z0-9_~.@-]+)*")
_ORIGIN = re.compile(r"\*|(?:[A-Za-z0-9*_.-]+|\[[0-9A-Fa-f:]+\])(?::(?:\d{1,5}|\*))?")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_EXCLUSIVE = {"scheduler": "workers", "workers": "scheduler"}


def redacted(text: str) -> str:
    """A text without the user-info and the token-like query values of the URLs in it."""
    if "://" not in text:
        return text
    return _SECRET_QUERY.sub(r"\1***", _USER_INFO.sub("://", text))


def is_url(location: str) -> bool:
    """Whether a location names a scheme, as in ``https://...``; everything else is a path."""
    return bool(_URL.match(location))


def byte_count(text: str) -> int:
    """Bytes of a size as people write it: "4GB" is 4 000 000 000, "512MiB" is 536 870 912; raises ValueError."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no size; write a number of bytes or such as '4GB', '500MB' or '512MiB'")
    number, power, binary = match.groups()
    return int(float(number) * (1024 if binary else 1000) ** _POWERS[power.lower()])


def _number(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("a number was expected, not true or false")
    return value


def _bytes(value: Any) -> Any:
    return byte_count(value) if isinstance(value, str) else _number(value)


def _json(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError as error:
        raise ValueError(f"this is no JSON ({error})") from None


def _several(value: Any) -> Any:
    """A list from one text: JSON in brackets, or parts between commas."""
    if not isinstance(value, str | os.PathLike):
        return value
    text = os.fspath(value).strip()
    return _json(text) if text.startswith("[") else [part.strip() for part in text.split(",") if part.strip()]


def _table(value: Any) -> Any:
    return _json(value) if isinstance(value, str) else value


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _absolute(path: Path) -> Path:
    try:
        return Path(os.path.abspath(path.expanduser()))
    except RuntimeError:
        raise ValueError(f"there is no home directory for {str(path)!r}") from None


def _location(text: str) -> str:
    """A URL as it is; a path, or the path of a file:// URL, absolute."""
    if not text.strip() or "\0" in text:
        raise ValueError("a path or URL was expected, not an empty text or one with NUL bytes")
    parts = urlsplit(text) if text.startswith("file://") else None
    if parts is not None and parts.netloc in ("", "localhost"):
        text = unquote(parts.path)
    return text if is_url(text) else str(_absolute(Path(text)))


def _named(table: dict[str, Any]) -> dict[str, Any]:
    for name in table:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name; use up to 64 letters, digits, '-', '_' and '.'")
    return table


Count = Annotated[int, BeforeValidator(_number)]
Bytes = Annotated[int, BeforeValidator(_bytes)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_several)]
Paths = Annotated[tuple[Path, ...], BeforeValidator(_several)]


class SourceSetting(BaseModel):
    """One cube of the index page: where it lies, what it is called, the reader's options (``hdu``, ``group`` ...)."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    location: str
    title: str = ""
    options: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return {"location": value} if isinstance(value, str | os.PathLike) else value

    @field_validator("location", mode="before")
    @classmethod
    def _check_location(cls, value: Any) -> Any:
        return _location(os.fspath(value)) if isinstance(value, str | os.PathLike) else value

    @field_validator("options", mode="before")
    @classmethod
    def _check_options(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {key: str(item) if type(item) in (int, float) else item for key, item in value.items()}

    def __repr_args__(self) -> Any:
        return [(name, _safe(value)) for name, value in super().__repr_args__()]


class Settings(BaseSettings):
    """Everything an observatory decides, checked once; what is not given comes from SKYDECK_PORT and so on.

    ``memory_limit`` (bytes, one worker's) and ``cache_bytes`` (bytes, this process's decoded arrays) also take "4GB".
    ``roots`` are the only directories and files that the file browser shows; ``open_paths`` are added to them.
    ``prefix`` is "" or begins with a slash and ends without one. Raises pydantic's ValidationError; :func:`load` raises
    SettingsError.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        enable_decoding=False,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    host: str = Field("127.0.0.1", min_length=1, description="Address to listen on.")
    port: Count = Field(5006, ge=0, le=65535, description="Port to listen on; 0 picks a free one.")
    prefix: str = Field("", description="Path below which everything is served, as behind a proxy: `/skydeck`.")
    allow_websocket_origin: Texts = Field((), description="Further `host[:port]` whose pages may connect.")
    insecure: bool = Field(False, description="Listen on a network without authentication.")
    allow_control: bool = Field(False, description="Let pages act on instruments, not only look.")
    scheduler: str | None = Field(
        None, description="Address of a dask scheduler that does the work; not with `workers`."
    )
    workers: Count | None = Field(None, ge=1, le=1024, description="Worker processes to start here; unset: threads.")
    memory_limit: Bytes | None = Field(None, ge=64_000_000, description="Memory of each worker, as in `4GB`.")
    cache_bytes: Bytes = Field(
        128_000_000, ge=0, description="Memory for decoded arrays in this process, as in `512MB`."
    )
    cache_dir: Path = Field(default_factory=lambda: default_cache_dir(), description="Where unpacked files are kept.")
    log_level: Annotated[Literal["debug", "info", "warning", "error", "critical"], BeforeValidator(_lower)] = Field(
        "info", description="How much is logged."
    )
    open_browser: bool = Field(False, description="Open a browser once pages are served.")
    reload: bool = Field(False, description="Start again when the code changes (for developers).")
    theme: Annotated[Literal["auto", "light", "dark"], BeforeValidator(_lower)] = Field(
        "auto", description="Colours of the pages; `auto` follows the browser."
    )
    sources: Annotated[dict[str, SourceSetting], BeforeValidator(_table)] = Field(
        default_factory=dict, description="Cubes of the index page by name: a location, or a table."
    )
    streams: Annotated[dict[str, str], BeforeValidator(_table)] = Field(
        default_factory=dict, description="Live streams by name: a URL."
    )
    open_paths: Texts = Field((), description="Files, directories and URLs to open first.")
    roots: Paths = Field((), validate_default=True, description="Directories and files that the file browser may show.")

    @field_validator("prefix")
    @classmethod
    def _check_prefix(cls, value: str) -> str:
        path = "/" + value.strip("/") if value.strip("/") else ""
        if not _SEGMENTS.fullmatch(path) or "/." in path:
            raise ValueError(
                "a path such as '/skydeck' was expected: letters, digits, '-', '_', '.', '~', '@' between slashes"
            )
        return path

    @field_validator("allow_websocket_origin")
    @classmethod
    def _check_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            if not _ORIGIN.fullmatch(origin):
                raise ValueError("'host' or 'host:port' was expected, without 'https://' and without a path")
        return value

    @field_validator("sources", "streams")
    @classmethod
    def _check_names(cls, value: dict[str, Any]) -> dict[str, Any]:
        return _named(value)

    @field_validator("scheduler")
    @classmethod
    def _check_scheduler(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"([a-z]+://)?[^\s/]+(:\d+)?/?", value):
            raise ValueError("an address such as 'tcp://host:8786' was expected")
        return value

    @field_validator("streams")
    @classmethod
    def _check_streams(cls, value: dict[str, str]) -> dict[str, str]:
        for name, url in value.items():
            if not is_url(url):
                raise ValueError(
                    f"stream {name!r} must be a URL such as 'zmq+spectra://host:30002' or 'synthetic://spectra'"
                )
        return value

    @field_validator("open_paths")
    @classmethod
    def _check_open_paths(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_location(text) for text in value)

    @field_validator("roots")
    @classmethod
    def _check_roots(cls, value: tuple[Path, ...], info: Any) -> tuple[Path, ...]:
        opened = [Path(location) for location in info.data.get("open_paths", ()) if not is_url(location)]
        return tuple(dict.fromkeys([*map(_absolute, value), *opened]))

    @field_validator("cache_dir")
    @classmethod
    def _check_cache_dir(cls, value: Path) -> Path:
        return _absolute(value)

    @model_validator(mode="after")
    def _check_exclusive(self) -> Self:
        if self.scheduler is not None and self.workers is not None:
            raise ValueError(
                "scheduler and workers can't both be set: either a cluster does the work, or processes here"
            )
        return self

    def __repr_args__(self) -> Any:
        return [(name, _safe(value)) for name, value in super().__repr_args__()]


def default_cache_dir() -> Path:
    """``$XDG_CACHE_HOME/skydeck``, or ``~/.cache/skydeck``."""
    return _xdg("XDG_CACHE_HOME", ".cache")


def default_config_dir() -> Path:
    """``$XDG_CONFIG_HOME/skydeck``, or ``~/.config/skydeck``: where a user's own presets are kept."""
    return _xdg("XDG_CONFIG_HOME", ".config")


def _xdg(variable: str, fallback: str) -> Path:
    base = os.environ.get(variable, "")
    return (Path(base) if os.path.isabs(base) else Path(os.path.expanduser("~")) / fallback) / "skydeck"


def load(config: str | os.PathLike[str] | None = None, **options: Any) -> Settings:
    """The Settings of a file (``config``, or the one SKYDECK_CONFIG names), the environment and ``options``.

    Options that are None count as not given. A table or list given higher up replaces the one below. Raises
    SettingsError, which names the file, variable or option, the key, and what was expected.
    """
    named = config if config is not None else os.environ.get(CONFIG_VARIABLE) or None
    path = None if named is None else Path(named).expanduser()
    layers = {
        "file": {} if path is None else read_config(path),
        "environment": EnvSettingsSource(Settings)(),
        "options": {key: value for key, value in options.items() if value is not None},
    }
    try:
        return Settings(**_merged(layers))
    except ValidationError as error:
        raise _explained(error, layers, path) from None


def _merged(layers: Mapping[str, Values]) -> Values:
    """The layers, later ones on top; a scheduler on top takes the place of workers below, and the other way round."""
    merged: Values = {}
    for layer in layers.values():
        for key, other in _EXCLUSIVE.items():
            if key in layer and other not in layer:
                merged[other] = None
        merged.update(layer)
    return merged


def read_config(path: Path) -> Values:
    """The keys of a TOML file, its relative paths made absolute from where the file is; raises SettingsError."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_CONFIG_BYTES + 1)
    except OSError as error:
        what = f"The configuration file {path} can't be read: {error.strerror}"
        raise SettingsError(what, remedy=f"Check --config and {CONFIG_VARIABLE}") from None
    if len(content) > MAX_CONFIG_BYTES:
        raise SettingsError(f"{path} is larger than {MAX_CONFIG_BYTES} bytes, so it is no configuration file")
    try:
        return _anchored(tomllib.loads(content.decode()), path)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        problem = "too deeply nested" if isinstance(error, RecursionError) else redacted(str(error))
        raise SettingsError(f"{path} is no TOML file: {problem}", remedy="See observatory.example.toml") from None


def _anchored(values: Values, path: Path) -> Values:
    """The same keys; relative paths start at the file's directory."""
    folder = _absolute(path).parent
    for key in ("roots", "open_paths"):
        if isinstance(values.get(key), list):
            values[key] = [_anchor(item, folder) for item in values[key]]
    if "cache_dir" in values:
        values["cache_dir"] = _anchor(values["cache_dir"], folder)
    if isinstance(values.get("sources"), dict):
        values["sources"] = {name: _anchored_source(source, folder) for name, source in values["sources"].items()}
    return values


def _anchored_source(source: Any, folder: Path) -> Any:
    if isinstance(source, dict) and "location" in source:
        return {**source, "location": _anchor(source["location"], folder)}
    return _anchor(source, folder)


def _anchor(location: Any, folder: Path) -> Any:
    if not isinstance(location, str) or not location or is_url(location) or location.startswith("~"):
        return location
    return str(folder / location)


def _explained(error: ValidationError, layers: Mapping[str, Values], path: Path | None) -> SettingsError:
    problems = [_problem(detail, layers, path) for detail in error.errors(include_url=False, include_context=False)]
    return SettingsError("; ".join(dict.fromkeys(problems)), remedy=_remedy(layers))


def _problem(detail: ErrorDetails, layers: Mapping[str, Values], path: Path | None) -> str:
    """One sentence: the layer and key, what was expected, what was there."""
    keys = [str(part) for part in detail["loc"]]
    if not keys:
        return detail["msg"].removeprefix("Value error, ")
    where = _where(keys, layers, path)
    if detail["type"] == "extra_forbidden":
        fields = Settings.model_fields if len(keys) == 1 else SourceSetting.model_fields
        near = difflib.get_close_matches(keys[-1], list(fields), n=1)
        return f"{where} is no setting" + (f"; did you mean {near[0]!r}?" if near else "")
    message = detail["msg"].removeprefix("Value error, ")
    return f"{where}: {message[:1].lower()}{message[1:]}{_given(keys, detail)}"


def _given(keys: list[str], detail: ErrorDetails) -> str:
    """What was there, unless it may be a secret."""
    value = detail["input"]
    if _SECRET_NAME.search(keys[-1]) or detail["type"] == "missing" or not isinstance(value, str | int | float | bool):
        return ""
    return f" (it is {redacted(repr(value))[:200]})"


def _where(keys: list[str], layers: Mapping[str, Values], path: Path | None) -> str:
    dotted = ".".join(keys)
    if keys[0] in layers["options"]:
        return f"the option --{keys[0].replace('_', '-')}" if len(keys) == 1 else f"the option {dotted}"
    if keys[0] in layers["environment"]:
        return f"the environment variable {PREFIX}{keys[0].upper()}" + (f" ({dotted})" if len(keys) > 1 else "")
    return f"{path}: {dotted!r}" if keys[0] in layers["file"] else repr(dotted)


def _remedy(layers: Mapping[str, Values]) -> str:
    port = layers["environment"].get("port")
    if isinstance(port, str) and "://" in port:  # Kubernetes sets it in every pod beside a service called skydeck
        return "Kubernetes sets SKYDECK_PORT for a service of that name: rename it, or set enableServiceLinks to false"
    return "Every setting is described in docs/reference/settings.md"


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """Names of SKYDECK_ variables that no setting reads, sorted: most often a slip of the pen."""
    known = {PREFIX + name.upper() for name in Settings.model_fields} | {CONFIG_VARIABLE, "SKYDECK_REQUIRE_BROWSER"}
    return sorted(name for name in environment if name.upper().startswith(PREFIX) and name.upper() not in known)


def _safe(value: Any) -> Any:
    """A value as a repr may show it: no user-info, no tokens."""
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, Mapping):
        return {key: "***" if _SECRET_NAME.search(str(key)) else _safe(item) for key, item in value.items()}
    return type(value)(_safe(item) for item in value) if isinstance(value, tuple | list) else value


_lock = Lock()
_current: Settings | None = None


def settings() -> Settings:
    """The Settings of this process: those given to :func:`use`, else loaded once from SKYDECK_CONFIG and SKYDECK_*."""
    global _current
    with _lock:
        if _current is None:
            _current = load()
        return _current


def use(chosen: Settings | None) -> None:
    """Make ``chosen`` the Settings of this process; None forgets them, so that the next caller loads them anew."""
    global _current
    with _lock:
        _current = chosen
