"""The command line: each command reads its options and calls one function."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from skydeck import __version__
from skydeck.core.errors import SkydeckError

if TYPE_CHECKING:
    from rich.progress import Progress

    from skydeck.jobs.info import Info
    from skydeck.settings import Settings

FAILED, BROKEN, INTERRUPTED = 1, 70, 130
STACK = (
    "astropy",
    "bokeh",
    "dask",
    "datashader",
    "distributed",
    "fsspec",
    "h5py",
    "holoviews",
    "numba",
    "numpy",
    "panel",
    "param",
    "pydantic-settings",
    "scipy",
    "simplejpeg",
    "xarray",
    "zarr",
)


class Commands(TyperGroup):
    """The commands, with errors as sentences and exit codes instead of tracebacks."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command: 1 for an error of ours, 70 for a defect, 130 for Ctrl+C."""
        try:
            return super().invoke(ctx)
        except SkydeckError as error:
            raise _failed(str(error), FAILED, ctx) from error
        except KeyboardInterrupt as error:
            raise typer.Exit(INTERRUPTED) from error
        except Exception as error:  # the last resort: a sentence is more use than a traceback
            if isinstance(error, BrokenPipeError) or _is_typers(error):
                raise
            raise _failed(_defect(error), BROKEN, ctx) from error


class LogLevel(StrEnum):
    """How much is logged."""

    debug = "debug"
    info = "info"
    warning = "warning"
    error = "error"
    critical = "critical"


app = typer.Typer(
    name="skydeck",
    cls=Commands,
    help="One address in a browser for every live instrument and every archived cube of an observatory.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def size(text: str) -> int:
    """Bytes from such as 4GB, 500MB or 512MiB."""
    from skydeck.settings import byte_count

    try:
        return byte_count(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


Host = Annotated[str | None, typer.Option(help="Address to listen on. [dim]\\[default: 127.0.0.1][/dim]")]
Port = Annotated[
    int | None,
    typer.Option(min=0, max=65535, help="Port to listen on; 0 picks a free one. [dim]\\[default: 5006][/dim]"),
]
Config = Annotated[Path | None, typer.Option(help="Settings in TOML: observatory.toml.", metavar="FILE")]
Scheduler = Annotated[str | None, typer.Option(help="A dask scheduler that does the work.", metavar="ADDRESS")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]


@app.callback()
def common(debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False) -> None:
    """One address in a browser for every live instrument and every archived cube of an observatory."""


@app.command()
def demo(
    host: Host = None,
    port: Port = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Don't open a browser.")] = False,
) -> None:
    """Show Skydeck with data that it makes up."""
    start(_settings(None, host=host, port=port, open_browser=not no_browser), "demo")


@app.command()
def serve(
    paths: Annotated[
        list[str] | None, typer.Argument(metavar="[PATH]...", help="Files, directories or URLs to show.")
    ] = None,
    config: Config = None,
    host: Host = None,
    port: Port = None,
    prefix: Annotated[str | None, typer.Option(help="Path below which all is served: /skydeck.")] = None,
    allow_websocket_origin: Annotated[
        list[str] | None, typer.Option(help="Another host\\[:port] whose pages may connect.", metavar="HOST")
    ] = None,
    scheduler: Scheduler = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes to start here.")] = None,
    memory_limit: Annotated[
        int | None, typer.Option(parser=size, help="Memory of each worker: 4GB.", metavar="SIZE")
    ] = None,
    insecure: Annotated[bool, typer.Option("--insecure", help="Listen on a network without authentication.")] = False,
    log_level: Annotated[LogLevel | None, typer.Option(help="How much is logged.")] = None,
    reload: Annotated[bool, typer.Option("--reload", help="Start again when the code changes.")] = False,
) -> None:
    """Serve files, directories and streams to browsers."""
    if scheduler and workers:
        raise typer.BadParameter("give --scheduler or --workers, not both", param_hint="--scheduler")
    chosen = _settings(
        config,
        open_paths=tuple(paths) if paths else None,
        host=host,
        port=port,
        prefix=prefix,
        allow_websocket_origin=tuple(allow_websocket_origin) if allow_websocket_origin else None,
        scheduler=scheduler,
        workers=workers,
        memory_limit=memory_limit,
        insecure=insecure or None,
        log_level=log_level.value if log_level else None,
        reload=reload or None,
    )
    start(chosen, "serve")


@app.command()
def info(
    path: Annotated[str, typer.Argument(help="A file, a store or a URL.")],
    detailed: Annotated[
        bool, typer.Option("--detailed", help="Also read all of it, for extremes, mean and gaps.")
    ] = False,
    as_json: AsJson = False,
    hdu: Annotated[str | None, typer.Option(help="A FITS HDU: its number, or its name.")] = None,
    group: Annotated[str | None, typer.Option(help="A group of an HDF5 file or a tree.")] = None,
) -> None:
    """Say what a file, a store or a URL holds."""
    options = {name: value for name, value in (("hdu", hdu), ("group", group)) if value is not None}
    found = _read_info(path, options, detailed)
    if as_json:
        from skydeck.jobs.info import info_json

        _print_json(info_json(found))
    else:
        from rich.console import Console

        from skydeck.jobs.report import report

        Console(highlight=False).print(*report(found), sep="\n")


@app.command()
def version(as_json: AsJson = False) -> None:
    """Say which versions of Skydeck and of what it stands on are installed."""
    found = versions()
    if as_json:
        _print_json(found)
        return
    for name, number in found.items():
        typer.echo(f"{name:20}{number or 'not installed'}")


@app.command()
def doctor(
    config: Config = None, host: Host = None, port: Port = None, scheduler: Scheduler = None, as_json: AsJson = False
) -> None:
    """Look for what would keep Skydeck from working well, and say what to do."""
    from skydeck.server.doctor import examine

    found = []
    for check in examine(_settings(config, host=host, port=port, scheduler=scheduler)):
        found.append(check)
        if not as_json:
            typer.secho(f"{check.status:5}", fg=_COLOURS[check.status], bold=True, nl=False)
            typer.echo(f" {check.name + ':':13}{check.found}{'. ' + check.remedy if check.remedy else ''}.")
    if as_json:
        from dataclasses import asdict

        _print_json([asdict(check) for check in found])
    if any(check.status == "fail" for check in found):
        raise typer.Exit(FAILED)


_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


def main() -> None:
    """Run the command line; ends the process."""
    app(prog_name="skydeck")


def start(settings: Settings, what: str) -> None:
    """Check what can be checked before anything heavy is imported, say where to look, and serve until interrupted."""
    import os

    from skydeck.server.address import check_exposure, check_port, tunnel_of, url_of
    from skydeck.settings import use

    _check_paths(settings)
    check_exposure(settings)
    settings = check_port(settings)
    use(settings)
    typer.echo(f"Skydeck starts at {url_of(settings)} (Ctrl+C ends it)", err=True)
    if tunnel := tunnel_of(settings, os.environ):
        typer.echo(f"To look from the machine you came from: {tunnel}", err=True)
    from skydeck.server import run

    getattr(run, what)(settings)


def versions() -> dict[str, str | None]:
    """Versions of Skydeck, Python and the libraries below, without importing them; None where one is missing."""
    from importlib import metadata

    def of(name: str) -> str | None:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            return None

    return {"skydeck": __version__, "python": sys.version.split()[0], **{name: of(name) for name in STACK}}


def _settings(config: Path | None, **options: Any) -> Settings:
    from skydeck.settings import load

    return load(config, **options)


def _check_paths(settings: Settings) -> None:
    import os

    from skydeck.core.errors import SourceMissing
    from skydeck.settings import is_url

    for location in settings.open_paths:
        if not is_url(location) and not os.path.exists(location):
            raise SourceMissing(f"There is no {location}", remedy="Check the path, and whether its disk is mounted")
        if not is_url(location) and not os.access(location, os.R_OK):
            raise SourceMissing(f"{location} may not be read", remedy="Ask its owner for the right to read it")
    for root in settings.roots:
        if not root.exists():
            typer.echo(f"skydeck: The root {root} isn't there now; it is shown once it is.", err=True)


def _read_info(path: str, options: dict[str, str], detailed: bool) -> Info:
    from skydeck.jobs.info import source_info

    if not detailed:
        return source_info(path, options)
    with _progress() as bar:
        task = bar.add_task("Reading", total=None)
        return source_info(
            path,
            options,
            detailed=True,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )


def _progress() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def _is_typers(error: BaseException) -> bool:
    """Whether Typer raised it to be handled by Typer: exits, aborts and usage errors."""
    return isinstance(error, typer.Exit | typer.Abort) or hasattr(error, "exit_code")


def _defect(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    what = f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__
    return f"This is a defect of Skydeck ({what}). Run 'skydeck --debug ...' for the traceback."


def _failed(text: str, code: int, ctx: Any) -> typer.Exit:
    if ctx.params.get("debug"):
        import traceback

        traceback.print_exc()
    typer.echo(f"skydeck: {text}", err=True)
    return typer.Exit(code)
