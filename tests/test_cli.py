"""The command line: exit codes, sentences instead of tracebacks, and a light start."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from typer.testing import CliRunner

from skydeck import __version__, cli
from skydeck.core.errors import SkydeckError
from skydeck.settings import use

HEAVY = (
    "numpy",
    "xarray",
    "panel",
    "bokeh",
    "holoviews",
    "dask",
    "distributed",
    "numba",
    "astropy",
    "pydantic_settings",
)


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No SKYDECK_ or SSH_ variable, wide terminals without colours, and no settings left over."""
    for name in [name for name in os.environ if name.startswith(("SKYDECK_", "SSH_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")
    yield
    use(None)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A FITS file of 3 × 4 numbers, one of them NaN."""
    values = np.arange(12.0, dtype=">f4").reshape(3, 4)
    values[1, 1] = np.nan
    path = tmp_path / "image.fits"
    fits.PrimaryHDU(values).writeto(path)
    return path


def run(*arguments: str | Path) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the command line in this process."""
    result = CliRunner().invoke(cli.app, [str(argument) for argument in arguments])
    return result.exit_code, result.stdout, result.stderr


def process(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own, warnings as errors."""
    command = [sys.executable, "-W", "error", "-m", "skydeck", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("arguments", [["--help"], ["version"]])
def test_a_start_is_light(arguments: list[str]) -> None:
    """Half a second of processor time; here twice that, for a machine that is busy with others."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert process(*arguments).returncode == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1.0


def test_a_start_imports_nothing_heavy() -> None:
    script = f"import sys, skydeck.cli; print([name for name in {HEAVY} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert found.stdout.strip() == "[]"


def test_every_command_has_help() -> None:
    for command in ("demo", "serve", "info", "version", "doctor"):
        code, out, _ = run(command, "--help")
        assert code == 0
        assert command in out


def test_version_tells_the_stack() -> None:
    found = process("version", "--json")
    told = json.loads(found.stdout)
    assert told["skydeck"] == __version__
    assert told["numpy"] == np.__version__
    assert told["python"] == sys.version.split()[0]
    code, out, _ = run("version")
    assert code == 0
    assert f"skydeck             {__version__}" in out


def test_a_library_that_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "STACK", ("no-such-library",))
    assert run("version")[1].splitlines()[-1] == "no-such-library     not installed"


def test_info_tells_what_a_file_holds(image: Path) -> None:
    code, out, err = run("info", image)
    assert (code, err) == (0, "")
    assert "y 3, x 4" in out
    assert "mean" not in out


def test_detailed_info_reads_every_number(image: Path) -> None:
    code, out, err = run("info", image, "--detailed", "--json")
    assert (code, err) == (0, "")
    statistics = json.loads(out)["variables"][0]["statistics"]
    assert (statistics["count"], statistics["nans"], statistics["low"], statistics["high"]) == (11, 1, 0.0, 11.0)
    assert statistics["mean"] == pytest.approx(61 / 11)
    assert "lowest" in run("info", image, "--detailed")[1]


def test_info_of_nothing_finite_is_strict_json(tmp_path: Path) -> None:
    path = tmp_path / "nan.fits"
    fits.PrimaryHDU(np.full((2, 2), np.nan, ">f4")).writeto(path)
    _, out, _ = run("info", path, "--detailed", "--json")

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    assert json.loads(out, parse_constant=refuse)["variables"][0]["statistics"]["mean"] is None


def test_options_reach_the_reader(image: Path) -> None:
    code, _, err = run("info", image, "--hdu", "7")
    assert code == 1
    assert err.startswith("skydeck: ")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments", [["info", "/no/such.fits"], ["serve", "/no/such.fits"], ["serve", "--config", "/no/such.toml"]]
)
def test_what_is_not_there_is_a_sentence_and_1(arguments: list[str]) -> None:
    found = process(*arguments)
    assert found.returncode == 1
    assert found.stdout == ""
    assert found.stderr.startswith("skydeck: ")
    assert "/no/such" in found.stderr
    assert "Traceback" not in found.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["info"],
        ["serve", "--port", "70000"],
        ["serve", "--port", "abc"],
        ["serve", "--memory-limit", "much"],
        ["serve", "--workers", "0"],
        ["serve", "--log-level", "loud"],
        ["serve", "--scheduler", "tcp://a:1", "--workers", "2"],
        ["--nonsense"],
    ],
)
def test_wrong_usage_is_2(arguments: list[str]) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert "Usage" in err


def test_a_taken_port_names_a_free_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        code, _, err = run("serve", "--port", str(server.getsockname()[1]))
    assert code == 1
    assert "--port" in err


def test_a_network_needs_insecure() -> None:
    code, _, err = run("serve", "--host", "0.0.0.0")
    assert code == 1
    assert "--insecure" in err


def test_wrong_settings_are_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "observatory.toml"
    path.write_text("prot = 5006")
    code, _, err = run("serve", "--config", path)
    assert code == 1
    assert "did you mean 'port'" in err


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (SkydeckError("It broke", remedy="Mend it"), 1, "skydeck: It broke. Mend it."),
        (KeyboardInterrupt(), 130, ""),
        (ZeroDivisionError("by 0\nsecond line"), 70, "ZeroDivisionError: by 0). Run 'skydeck --debug"),
        (RuntimeError(), 70, "(RuntimeError)"),
        (OSError(5, "Input/output error"), 70, "Input/output error"),
    ],
)
def test_errors_have_codes_and_sentences(
    error: BaseException, code: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> dict[str, str | None]:
        raise error

    monkeypatch.setattr(cli, "versions", fail)
    found, _, err = run("version")
    assert found == code
    assert words in err
    assert "Traceback" not in err
    assert len(err.splitlines()) <= 1


def test_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> dict[str, str | None]:
        raise ZeroDivisionError("ouch")

    monkeypatch.setattr(cli, "versions", fail)
    code, _, err = run("--debug", "version")
    assert code == 70
    assert "Traceback" in err
    assert 'raise ZeroDivisionError("ouch")' in err


def test_a_closed_pipe_is_quiet() -> None:
    command = f"{sys.executable} -W error -m skydeck version | true"
    found = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert found.stderr == ""


def test_ctrl_c_while_reading_is_130(tmp_path: Path) -> None:
    """A FIFO that nobody writes to keeps a command waiting until the signal comes."""
    fifo = tmp_path / "observatory.toml"
    os.mkfifo(fifo)
    command = [sys.executable, "-m", "skydeck", "serve", "--config", str(fifo)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        writer = os.open(fifo, os.O_WRONLY)  # opens once the command reads
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=60)
        os.close(writer)
    assert running.returncode == 130
    assert "Traceback" not in err


def test_doctor_tells_each_check_and_fails_where_one_does(tmp_path: Path) -> None:
    path = tmp_path / "observatory.toml"
    path.write_text(f'port = 0\ncache_dir = "{tmp_path}"')
    code, out, _ = run("doctor", "--config", path, "--json")
    checks = json.loads(out)
    assert code == (1 if any(check["status"] == "fail" for check in checks) else 0)
    assert {"port", "numba", "disk", "clock", "scheduler"} <= {check["name"] for check in checks}
    with socket.create_server(("127.0.0.1", 0)) as server:
        code, out, _ = run("doctor", "--config", path, "--port", str(server.getsockname()[1]))
    assert code == 1
    assert out.startswith("fail  port:")
