"""The compiled loops come without a directory to keep them in, on a full disk, and may be missing altogether."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

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
