"""Doctor: what on this machine would keep Skydeck from working well, and what to do about each."""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import psutil

from skydeck.core.errors import SkydeckError
from skydeck.server.address import check_exposure, free_port, why_not_bound
from skydeck.server.run import WEBSOCKET_BYTES
from skydeck.settings import Settings, default_config_dir, is_url, unknown_variables

Status = Literal["ok", "warn", "fail"]

MB = 1_000_000
DISK_TEST_BYTES = 64 * MB
SLOW_DISK = 50  # MB/s: a 100 MB chunk then takes 2 s
FEW_FILES, TOO_FEW_FILES = 4096, 256
LARGEST_MESSAGE = 3840 * 2160 * 2  # a 4K screenful of uint16
YEARS = range(2024, 2100)
CLOCK_WATCH = 0.25  # s
CLOCK_STEP = 0.02  # s
TIME_ERROR = 5  # adjtimex(2)

_NUMBA = """
import numba
@numba.njit(parallel=True)
def total(count):
    found = 0
    for i in numba.prange(count):
        found += i
    return found
assert total(1000) == 499500
print(numba.threading_layer())
"""


@dataclass(frozen=True, slots=True)
class Check:
    """One finding: what was looked at, how it is, and what to do where it isn't ``ok``."""

    name: str
    status: Status
    found: str
    remedy: str = ""


def examine(settings: Settings, environment: Mapping[str, str] | None = None) -> Iterator[Check]:
    """Every check, one after the other as they are done; none raises."""
    for name, check in CHECKS.items():
        try:
            yield check(settings)
        except Exception as error:  # one check that breaks must not hide the others
            yield Check(name, "fail", f"The check broke: {type(error).__name__}: {error}", "Report this")
    yield check_variables(os.environ if environment is None else environment)


def check_port(settings: Settings) -> Check:
    """Whether the port can be listened on."""
    problem = why_not_bound(settings.host, settings.port)
    if not problem:
        return Check("port", "ok", f"{settings.host}:{settings.port} is free")
    other = free_port(settings.host, settings.port)
    remedy = (
        f"Stop what uses it, or use --port {other}" if other else "Use an address of this machine, such as 127.0.0.1"
    )
    return Check("port", "fail", f"{settings.host}:{settings.port} can't be used: {problem}", remedy)


def check_access(settings: Settings) -> Check:
    """Whether strangers can reach the pages."""
    try:
        check_exposure(settings)
    except SkydeckError as error:
        return Check("access", "fail", error.what, error.remedy)
    if settings.insecure:
        return Check(
            "access",
            "warn",
            "insecure is set: nobody is asked who they are",
            "Let a proxy or a firewall decide who comes in",
        )
    return Check("access", "ok", f"{settings.host} is reached from this machine only")


def check_data(settings: Settings) -> Check:
    """Whether what the settings show is there and readable."""
    local = [Path(source.location) for source in settings.sources.values() if not is_url(source.location)]
    lost = [str(path) for path in dict.fromkeys([*settings.roots, *local]) if not os.access(path, os.R_OK)]
    if lost:
        return Check(
            "data", "warn", f"Not there, or not readable: {', '.join(lost)}", "Mount it, or correct the settings"
        )
    count = len(settings.roots) + len(settings.sources)
    return Check(
        "data", "ok", f"{count} roots and sources are readable" if count else "No roots and no sources are set"
    )


def check_threading(settings: Settings) -> Check:
    """Which threading layer numba picks; tried in a process of its own, since a bad one aborts."""
    try:
        run = subprocess.run([sys.executable, "-c", _NUMBA], capture_output=True, text=True, timeout=100, check=False)
    except subprocess.TimeoutExpired:
        return Check("numba", "fail", "A first parallel loop took more than 100 s", "Look at the machine's load")
    layer = run.stdout.strip()
    if run.returncode != 0:
        last = (run.stderr.strip().splitlines() or [f"exit status {run.returncode}"])[-1]
        return Check(
            "numba", "fail", f"numba doesn't work: {last}", "Install numba again, with a threading layer such as tbb"
        )
    if layer == "workqueue":
        return Check(
            "numba",
            "warn",
            "The threading layer is workqueue, which can't be used by two threads at once",
            "Install tbb",
        )
    return Check("numba", "ok", f"The threading layer is {layer}")


def check_files(settings: Settings) -> Check:
    """How many files and connections this process may hold open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = soft == resource.RLIM_INFINITY
    found = "No limit on open files" if unlimited else f"{soft} open files allowed (ulimit -n)"
    if unlimited or soft >= FEW_FILES:
        return Check("open files", "ok", found)
    reachable = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
    status: Status = "fail" if soft < TOO_FEW_FILES else "warn"
    return Check("open files", status, found, f"Run 'ulimit -n {reachable}' before starting; each browser takes a few")


def check_memory(settings: Settings) -> Check:
    """Whether the cache and the workers fit what is free."""
    free = psutil.virtual_memory().available
    wanted = settings.cache_bytes + (settings.workers or 0) * (settings.memory_limit or 0)
    found = f"{free / 1e9:.1f} GB free, {wanted / 1e9:.1f} GB set aside by the settings"
    if wanted > free:
        return Check("memory", "warn", found, "Lower cache_bytes, workers or memory_limit")
    return Check("memory", "ok", found)


def check_disk(settings: Settings) -> Check:
    """How fast the cache directory's disk writes and reads 64 MB."""
    try:
        settings.cache_dir.mkdir(parents=True, exist_ok=True)
        written, read = disk_speed(settings.cache_dir)
    except OSError as error:
        remedy = "Set cache_dir to a directory with free space that you may write to"
        return Check("disk", "fail", f"{settings.cache_dir} can't be used: {error.strerror or error}", remedy)
    found = f"{settings.cache_dir}: writes {written:.0f} MB/s, reads {read:.0f} MB/s"
    if min(written, read) < SLOW_DISK:
        return Check("disk", "warn", found, "Set cache_dir to a faster disk")
    return Check("disk", "ok", found)


def disk_speed(directory: Path, count: int = DISK_TEST_BYTES) -> tuple[float, float]:
    """MB/s of writing a file to the disk itself, and of reading it back past the system's cache where it lets us."""
    piece = os.urandom(1 << 20)
    with tempfile.NamedTemporaryFile(dir=directory, prefix=".skydeck-doctor-") as file:
        start = time.perf_counter()
        for _ in range(0, count, len(piece)):
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
        written = time.perf_counter() - start
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        file.seek(0)
        start = time.perf_counter()
        while file.read(len(piece)):
            pass
        read = time.perf_counter() - start
    return count / MB / max(written, 1e-9), count / MB / max(read, 1e-9)


def check_config_dir(settings: Settings) -> Check:
    """Whether a user's own presets can be kept."""
    directory = default_config_dir()
    there = next(path for path in (directory, *directory.parents) if path.exists())
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return Check("presets", "ok", f"{directory} can be written")
    return Check("presets", "warn", f"{directory} can't be written, so presets are lost", "Set XDG_CONFIG_HOME")


def check_messages(settings: Settings) -> Check:
    """Whether a full screen fits one websocket message."""
    found = (
        f"A page may send {WEBSOCKET_BYTES / MB:.0f} MB in one message; a 4K screenful is {LARGEST_MESSAGE / MB:.0f} MB"
    )
    if WEBSOCKET_BYTES < LARGEST_MESSAGE:
        return Check("websocket", "warn", found, "Raise the limit where the server is started")
    return Check("websocket", "ok", f"{found}. A proxy in front may allow less: that can't be seen from here")


def check_clock(settings: Settings) -> Check:
    """Whether the clock is plausible, runs evenly and is kept by NTP."""
    year = time.gmtime().tm_year
    if year not in YEARS:
        return Check("clock", "fail", f"The clock says it is {year}", "Set the clock: live data are dated by it")
    step = clock_step(CLOCK_WATCH)
    if abs(step) > CLOCK_STEP:
        found = f"The clock moved {step * 1000:+.0f} ms against the timer in {CLOCK_WATCH:.2f} s"
        return Check("clock", "warn", found, "Something sets the clock in steps; let NTP slew it")
    kept = kept_by_ntp()
    if kept is None:
        return Check("clock", "ok", "The clock runs evenly; whether NTP keeps it is not known here")
    if not kept:
        return Check(
            "clock", "warn", "The clock runs evenly, but the system says that NTP doesn't keep it", "Run chrony or ntpd"
        )
    return Check("clock", "ok", "The clock runs evenly and is kept by NTP")


def clock_step(seconds: float) -> float:
    """By how many seconds the wall clock gained on the monotonic one while ``seconds`` passed."""
    wall, timer = time.time(), time.monotonic()
    time.sleep(seconds)
    return (time.time() - wall) - (time.monotonic() - timer)


def kept_by_ntp() -> bool | None:
    """What the kernel says (adjtimex with no modes only reads); None where it can't be asked."""
    if not sys.platform.startswith("linux"):
        return None
    state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(512))
    return None if state < 0 else bool(state != TIME_ERROR)


def check_scheduler(settings: Settings) -> Check:
    """Whether the dask scheduler answers, has workers, and they run our versions."""
    if settings.scheduler is None:
        where = f"{settings.workers} worker processes" if settings.workers else "threads of this process"
        return Check("scheduler", "ok", f"None is set: {where} do the work")
    from skydeck.compute import Cluster, connect

    try:
        cluster = connect(settings.scheduler)
    except SkydeckError as error:
        return Check("scheduler", "fail", error.what, error.remedy)
    try:
        assert isinstance(cluster, Cluster)
        return scheduler_check(settings.scheduler, cluster._client.get_versions(check=False))
    finally:
        cluster.close()


def scheduler_check(address: str, versions: Mapping[str, Any]) -> Check:
    """The finding from what ``distributed.Client.get_versions`` tells of client, scheduler and workers."""
    workers = versions.get("workers", {})
    if not workers:
        return Check("scheduler", "warn", f"{address} answers, but has no workers", f"Run 'dask worker {address}'")
    ours = packages_of(versions["client"])
    others = {"scheduler": versions["scheduler"], **workers}
    wrong = sorted({name for theirs in others.values() for name in differing(ours, packages_of(theirs))})
    if wrong:
        return Check(
            "scheduler",
            "fail",
            f"Versions differ from here: {', '.join(wrong)}",
            "Install the same versions on every machine",
        )
    return Check("scheduler", "ok", f"{address} answers; {len(workers)} workers with the versions of this machine")


def packages_of(versions: Any) -> dict[str, str | None]:
    """Names and versions of one member of a cluster."""
    found: dict[str, str | None] = dict((versions or {}).get("packages", {}))
    return found


def differing(ours: Mapping[str, str | None], theirs: Mapping[str, str | None]) -> list[str]:
    """Names of packages whose versions aren't the same; of Python the patch level doesn't matter."""
    return [
        name
        for name, version in ours.items()
        if name in theirs and _relevant(name, theirs[name]) != _relevant(name, version)
    ]


def _relevant(name: str, version: str | None) -> str | None:
    return version if version is None or name != "python" else ".".join(version.split(".")[:2])


def check_variables(environment: Mapping[str, str]) -> Check:
    """Whether a SKYDECK_ variable is one that nothing reads."""
    unknown = unknown_variables(environment)
    if unknown:
        return Check("environment", "warn", f"Not a setting: {', '.join(unknown)}", "Correct the name, or unset it")
    return Check("environment", "ok", "Every SKYDECK_ variable is a setting")


CHECKS: dict[str, Callable[[Settings], Check]] = {
    "port": check_port,
    "access": check_access,
    "data": check_data,
    "numba": check_threading,
    "open files": check_files,
    "memory": check_memory,
    "disk": check_disk,
    "presets": check_config_dir,
    "websocket": check_messages,
    "clock": check_clock,
    "scheduler": check_scheduler,
}
