"""A dask cluster in trouble: a worker that dies amid an animation, and one that can't see the file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from skydeck.compute import Compute, connect
from skydeck.core.errors import SourceMissing
from skydeck.core.raster import Plane, Request
from skydeck.core.style import Style
from skydeck.core.viewport import Viewport
from skydeck.fetch import Look, Picture, opened, picture
from skydeck.render.codes import Codes, decode

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

CHANNELS = 12
AHEAD = 5
LOOK = Look(Style(), limits="min-max")
# Opening anything of the folder named in HIDDEN fails in this process as it does where a disk isn't mounted.
BLINDFOLD = """
import os, sys

def look(event, arguments):
    if event in ("open", "os.listdir", "os.scandir") and str(arguments[0]).startswith(os.environ["HIDDEN"]):
        raise FileNotFoundError(2, "No such file or directory", str(arguments[0]))

sys.addaudithook(look)
"""


class Farm:
    """A scheduler and workers, each a process without anybody to restart it; all ended when the stack is."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder, self._stack = folder, stack
        self._contact = folder / "scheduler.json"
        self.log = folder / "dask_worker.log"
        self._dask("dask_scheduler", "--port", "0")
        self.address = str(json.loads(_until(self._contact.read_text, folder / "dask_scheduler.log"))["address"])

    def worker(self, hidden: Path | None = None) -> subprocess.Popen[bytes]:
        """Start a worker, one that can't see a folder where that is given."""
        if hidden is None:
            return self._dask("dask_worker", "--nthreads", "1", "--no-nanny")
        (self._folder / "blindfold.py").write_text(BLINDFOLD)
        blindfold = ("--preload", str(self._folder / "blindfold.py"))
        return self._dask("dask_worker", "--nthreads", "1", "--no-nanny", *blindfold, hidden=hidden)

    def _dask(self, name: str, *options: str, hidden: Path | None = None) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.{name}", "--host", "127.0.0.1", "--no-dashboard"]
        command += ["--scheduler-file", str(self._contact), *options]
        log = self._stack.enter_context((self._folder / f"{name}.log").open("a"))
        process = subprocess.Popen(command, env={**os.environ, "HIDDEN": str(hidden)}, stdout=log, stderr=log)
        self._stack.callback(process.wait, 30)
        self._stack.callback(process.kill)
        return process


def _until(look: Callable[[], str], log: Path, seconds: float = 60) -> str:
    """What is seen once there is something to see."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if found := look():
                return found
        except OSError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"nothing happened; {log.name}: {log.read_text()[-2000:]}")


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    with ExitStack() as stack:
        yield Farm(tmp_path, stack)


@pytest.fixture
def cube(tmp_path: Path) -> Path:
    """CHANNELS planes, each of another value everywhere."""
    folder = tmp_path / "data"
    folder.mkdir()
    planes = np.broadcast_to(np.arange(CHANNELS, dtype=">f4")[:, None, None], (CHANNELS, 40, 50))
    fits.PrimaryHDU(np.ascontiguousarray(planes)).writeto(folder / "cube.fits")
    return folder / "cube.fits"


@pytest.fixture
def cluster(farm: Farm) -> Iterator[Compute]:
    made = connect(farm.address)
    yield made
    made.close()


def _frames(cube: Path) -> Callable[[int], Request]:
    """The question for each frame."""
    dataset = opened(str(cube)).dataset
    name = str(next(iter(dataset.data_vars)))
    z, y, x = (str(dim) for dim in dataset[name].dims)
    view = Viewport(-0.5, 49.5, -0.5, 39.5, 50, 40)
    return lambda number: Request(Plane(str(cube), name, x, y, ((z, number % CHANNELS),)), view)


def _value(made: Picture) -> float:
    """The one value of a plane, from its codes."""
    values = decode(Codes(made.payload, *made.decode))  # type: ignore[arg-type]
    assert values.shape == (40, 50)
    assert np.ptp(values) == 0
    return float(values[0, 0])


def _play(
    cluster: Compute, frames: Callable[[int], Request], count: int, at: dict[int, Callable[[], None]]
) -> list[float]:
    """Ask for frames as the player does, AHEAD of them in the making; what each showed, in order."""
    queue: deque[Future[Picture]] = deque()
    shown = []
    for number in range(count + AHEAD):
        if number < count:
            queue.append(cluster.submit(picture, frames(number), LOOK))
        if number >= AHEAD:
            shown.append(_value(queue.popleft().result(60)))
            at.get(len(shown), lambda: None)()
    return shown


def _workers(farm: Farm, cluster: Compute, count: int) -> None:
    _until(lambda: "yes" if cluster.health().workers == count else "", farm.log)


def test_the_animation_goes_on_when_a_worker_is_killed(farm: Farm, cluster: Compute, cube: Path) -> None:
    doomed, _ = farm.worker(), farm.worker()
    _workers(farm, cluster, 2)
    shown = _play(cluster, _frames(cube), 4 * CHANNELS, {CHANNELS: lambda: doomed.send_signal(signal.SIGKILL)})
    assert shown == [float(number % CHANNELS) for number in range(4 * CHANNELS)]
    assert doomed.wait(30) == -signal.SIGKILL
    _workers(farm, cluster, 1)
    assert cluster.health().degraded == ""


def test_a_worker_that_can_t_see_the_file_is_named_while_another_answers(
    farm: Farm, cluster: Compute, cube: Path
) -> None:
    for hidden in (cube.parent, None):
        farm.worker(hidden)
    _workers(farm, cluster, 2)
    shown = _play(cluster, _frames(cube), 2 * CHANNELS, {})
    assert shown == [float(number % CHANNELS) for number in range(2 * CHANNELS)]
    assert cluster.health().degraded == "1 of 2 workers can't see the data; the others answer"


def test_where_no_worker_can_see_the_file_that_is_the_answer(farm: Farm, cluster: Compute, cube: Path) -> None:
    farm.worker(cube.parent)
    farm.worker(cube.parent)
    _workers(farm, cluster, 2)
    with pytest.raises(SourceMissing, match=r"cube\.fits"):
        cluster.submit(picture, _frames(cube)(0), LOOK).result(60)


def test_a_cluster_without_workers_says_so_and_answers_once_there_is_one(
    farm: Farm, cluster: Compute, cube: Path
) -> None:
    waiting = cluster.submit(picture, _frames(cube)(3), LOOK)
    assert "No dask worker is connected" in cluster.health().degraded
    farm.worker()
    assert _value(waiting.result(60)) == 3
    _workers(farm, cluster, 1)
