"""The painter's loops do what they say."""

from __future__ import annotations

import importlib.util
from types import ModuleType

import numba
import numpy as np
import pytest

from skydeck.render import kernels


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


@pytest.mark.parametrize("scale", [0.0, 100.0, 5000.0])
def test_compiling_changes_nothing(uncompiled: ModuleType, scale: float) -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(7, 9)).astype(np.float32)
    values[2, 3:6] = np.nan, np.inf, -np.inf
    steps = np.append(np.sort(rng.normal(size=255)), np.nan).astype(np.float32)
    colours = rng.integers(0, 256, (257, 3)).astype(np.uint8)
    index = np.where(np.isnan(values), 256, np.searchsorted(steps[:-1], values, side="right"))
    for module in (kernels, uncompiled):
        out = np.empty((7, 9, 3), np.uint8)
        module.paint(values, steps, np.float32(scale), colours, out)
        np.testing.assert_array_equal(out, colours[index[::-1]])
