"""The compiled loops do what they say, also on a full disk, and may be missing altogether."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numba
import numpy as np
import pytest

from skydeck.core.axis import Uniform
from skydeck.reduce import kernels
from skydeck.reduce.bins import Bins, bins_of


@pytest.fixture(scope="module")
def uncompiled() -> ModuleType:
    """The kernels as Python reads them: a second copy of the module, loaded while numba's compiler is off."""
    spec = importlib.util.spec_from_file_location("uncompiled_kernels", kernels.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    numba.config.DISABLE_JIT = True
    try:
        spec.loader.exec_module(module)
    finally:
        numba.config.DISABLE_JIT = False
    return module


@pytest.mark.parametrize("name", ["sums", "least", "greatest", "every"])
def test_compiling_changes_nothing(uncompiled: ModuleType, name: str) -> None:
    rng = np.random.default_rng(5)
    plane = rng.normal(size=(40, 30)).astype(np.float32)
    plane[rng.random(plane.shape) < 0.3] = np.nan
    plane[3, 4] = np.inf
    tall, same = np.array([0, 7, 7, 30, 0]), np.array([7, 7, 30, 40, 0])
    rows, cols = Bins(tall.repeat(2), same.repeat(2)), bins_of(Uniform(0, -1, 30), -25, -5, 40)
    answers = []
    for module in (kernels, uncompiled):
        dtypes = {"sums": "dl", "least": "f", "greatest": "f", "every": "dlff"}[name]
        outs = tuple(np.zeros((10, 40), np.dtype(code)) for code in dtypes)
        getattr(module, name)(plane, rows.start, rows.stop, cols.start, cols.stop, *cols.extent, outs)
        answers.append(outs)
    for compiled, read in zip(*answers, strict=True):
        np.testing.assert_allclose(compiled, read, rtol=1e-12)


SCRIPT = """
import json, resource, signal, sys
import numpy as np
from skydeck.reduce.bins import Bins
from skydeck.reduce.block import block_reduce, _kernel
assert "numba" not in sys.modules
if {limit}:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
{before}
bins = Bins(np.array([0, 2]), np.array([2, 4]))
answer = block_reduce(np.arange(16, dtype="f4").reshape(4, 4), bins, bins, "mean")
sys.stderr.write(json.dumps([answer.tolist(), type(_kernel("sums", "f4")).__name__]))
"""


def run_elsewhere(tmp_path: Path, limit: bool = False, before: str = "", **environment: str) -> list[Any]:
    """The same small reduction in a process of its own, and the kind of kernel that did it."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(limit=limit, before=before)],
        env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")} | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    )
    answer: list[Any] = json.loads(done.stderr.splitlines()[-1])
    return answer


MEANS = [[2.5, 4.5], [10.5, 12.5]]


def test_a_full_disk_costs_the_cache_not_the_speed(tmp_path: Path) -> None:
    assert run_elsewhere(tmp_path, limit=True) == [MEANS, "CPUDispatcher"]


def test_nowhere_to_keep_compiled_code_costs_time_only(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    assert run_elsewhere(tmp_path, NUMBA_CACHE_DIR=str(tmp_path / "file")) == [MEANS, "CPUDispatcher"]


def test_without_numba_the_answer_is_the_same(tmp_path: Path) -> None:
    assert run_elsewhere(tmp_path, before="sys.modules['numba'] = None") == [MEANS, "partial"]
