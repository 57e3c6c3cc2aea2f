"""Choice: what to show first of a source: variable, displayed axes, profile dimension. Pure."""

from __future__ import annotations

import xarray as xr

from skydeck.core.errors import SourceError

_PREFERRED = ("sky", "image", "data", "i", "dirty", "residual", "gains")


def drawable(dataset: xr.Dataset) -> list[str]:
    """Names of the variables that can be drawn (numbers, times or flags over at least two dimensions), best first.

    Raises SourceError where there is none.
    """
    names = [
        str(name)
        for name, variable in dataset.data_vars.items()
        if variable.ndim >= 2 and variable.dtype.kind in "biufcmM"
    ]
    if not names:
        raise SourceError(
            "There is nothing to draw in this source",
            expected="A variable of numbers with at least two dimensions",
            remedy="'skydeck info PATH' lists what is in it",
        )
    return sorted(names, key=lambda name: _rank(dataset, name))


def _rank(dataset: xr.Dataset, name: str) -> tuple[int, int]:
    known = name.lower() in _PREFERRED
    place = _PREFERRED.index(name.lower()) if known else len(_PREFERRED)
    return -min(dataset[name].ndim, 2) if not known else -3, place


def axes_of(dataset: xr.Dataset, variable: str) -> tuple[str, str]:
    """The dimensions to put on the horizontal and the vertical axis: the sky where there is one, else the last two."""
    dims = [str(dim) for dim in dataset[variable].dims]
    sky = [dim for dim in str(dataset.attrs.get("wcs_dims", "")).split() if dim in dims]
    if len(sky) == 2:
        return sky[0], sky[1]
    if "time" in dims and "frequency" in dims:
        return "time", "frequency"
    return dims[-1], dims[-2]


def profile_dim(dataset: xr.Dataset, variable: str, shown: tuple[str, str]) -> str:
    """The dimension whose profile is shown first: a spectral one, else time, else the longest; "" for none."""
    others = [str(dim) for dim in dataset[variable].dims if dim not in shown]
    for wanted in ("frequency", "velocity", "wavelength", "time"):
        if wanted in others:
            return wanted
    return max(others, key=lambda dim: dataset.sizes[dim], default="")


def meshes(dataset: xr.Dataset, variable: str, shown: tuple[str, str]) -> tuple[str, str] | None:
    """The pair of 2-D coordinates (longitude-like, latitude-like) over the displayed dimensions, or None."""
    grids = [str(name) for name, coordinate in dataset[variable].coords.items() if set(coordinate.dims) == set(shown)]
    if len(grids) != 2:
        return None
    first = [name for name in grids if name.lower().startswith(("lon", "ra", "x", "glon"))]
    return (first[0], next(name for name in grids if name != first[0])) if len(first) == 1 else (grids[0], grids[1])
