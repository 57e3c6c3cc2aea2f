"""Decode: raw variables with CF attributes become a Dataset; what can't be decoded is kept as it is, with a note."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from skydeck.sources.failure import brief, errors_of
from skydeck.sources.quiet import noted

MAX_COORDINATE = 50_000_000  # an index is held in memory: 400 MB of float64
MAX_NOTES = 50
MAX_TEXT = 1_000_000  # labels are decoded at once


def dataset_of(raw: Mapping[str, xr.Variable], attrs: Mapping[str, Any], location: str) -> xr.Dataset:
    """A Dataset of undecoded lazy variables.

    Scale, offset, fill value, times (cftime where datetime64 can't hold them) and timedeltas are decoded variable by
    variable. A 1-D variable named as its dimension, and what ``coordinates`` attributes name, become coordinates.
    Dimensions of one name and unequal sizes are told apart by a suffix. ``attrs["notes"]`` tells what was odd.
    """
    with errors_of(location), noted() as notes:
        decoded = {name: _decoded(name, variable, notes) for name, variable in raw.items()}
        decoded = _consistent(decoded, notes)
        coords = _coordinate_names(decoded, attrs)
        dataset = _built(decoded, coords, notes)
    dataset.attrs = {key: value for key, value in attrs.items() if key != "coordinates"}
    return with_notes(dataset, notes)


def with_notes(dataset: xr.Dataset, notes: Iterable[str]) -> xr.Dataset:
    """The same dataset with sentences added to ``attrs["notes"]``, one a line, each once."""
    lines = [*str(dataset.attrs.get("notes", "")).splitlines(), *notes]
    lines = list(dict.fromkeys(line for line in lines if line))
    if len(lines) > MAX_NOTES:
        lines[MAX_NOTES:] = [f"and {len(lines) - MAX_NOTES} more"]
    if lines:
        dataset.attrs["notes"] = "\n".join(lines)
    return dataset


def _decoded(name: str, variable: xr.Variable, notes: list[str]) -> xr.Variable:
    timedelta = str(variable.attrs.get("dtype", "")).startswith("timedelta64")
    for times in (True, False):
        try:
            return _settled(
                xr.conventions.decode_cf_variable(
                    name,
                    variable,
                    concat_characters=variable.dims != (name,),  # labels of one letter are no text in letters
                    decode_times=times,
                    decode_timedelta=timedelta and times,
                )
            )
        except (ValueError, TypeError, OverflowError, KeyError, AttributeError, ArithmeticError) as error:
            notes.append(f"{name} is shown as stored: {brief(error)}")
    return variable


def _settled(variable: xr.Variable) -> xr.Variable:
    """Short texts are read now and made plain; a decoding that will fail on the last cell fails here."""
    if variable.dtype.kind in "OSU" and 0 < variable.size <= MAX_TEXT:
        values = variable.values
        if values.dtype.kind == "S":
            values = np.char.decode(values, "utf-8", "replace")
        elif values.dtype.kind == "O" and all(isinstance(value, str | bytes) for value in values.flat):
            values = np.array([_text(value) for value in values.flat], dtype=str).reshape(values.shape)
        return xr.Variable(variable.dims, values, variable.attrs, variable.encoding)
    if variable.dtype.kind in "mM" and variable.size:
        variable[(-1,) * variable.ndim].values  # noqa: B018 an overflow shows up at the end
    return variable


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _consistent(variables: Mapping[str, xr.Variable], notes: list[str]) -> dict[str, xr.Variable]:
    """Rename dimensions that have the name but not the size of another, or that a variable has twice."""
    sizes: dict[str, int] = {}
    # Coordinates first: the dimension keeps its name where its coordinate is.
    order = sorted(variables, key=lambda name: variables[name].dims != (name,))
    result: dict[str, xr.Variable] = {}
    for name in order:
        variable, dims = variables[name], list[str]()
        for dim, size in zip(map(str, variable.dims), variable.shape, strict=True):
            dims.append(_free(dim, size, sizes, dims))
            sizes[dims[-1]] = size
        if tuple(dims) != variable.dims:
            notes.append(
                f"dimensions of {name} were renamed to {', '.join(dims)}: their names are used with other sizes"
            )
            encoding = {key: value for key, value in variable.encoding.items() if key != "preferred_chunks"}
            variable = xr.Variable(dims, variable._data, variable.attrs, encoding)
        result[name] = variable
    return {name: result[name] for name in variables}


def _free(dim: str, size: int, sizes: Mapping[str, int], taken: list[str]) -> str:
    name, count = dim, 0
    while name in taken or sizes.get(name, size) != size:
        count += 1
        name = f"{dim}_{count}"
    return name


def _coordinate_names(variables: Mapping[str, xr.Variable], attrs: Mapping[str, Any]) -> set[str]:
    """Names that ``coordinates`` attributes list (CF), and 1-D variables named as their dimension."""
    named: set[str] = set(str(attrs.get("coordinates", "")).split())
    for variable in variables.values():
        for place in (variable.attrs, variable.encoding):
            named.update(str(place.pop("coordinates", "")).split())
    named.update(name for name, variable in variables.items() if variable.dims == (name,))
    return named & set(variables)


def _built(variables: Mapping[str, xr.Variable], coords: set[str], notes: list[str]) -> xr.Dataset:
    data: dict[str, xr.Variable] = {}
    labels: dict[str, xr.Variable] = {}
    for name, variable in variables.items():
        if name in coords and variable.dims == (name,) and variable.size > MAX_COORDINATE:
            notes.append(f"{name} has {variable.size:,} entries; the axis counts cells instead")
        elif name in variable.dims and variable.ndim > 1:
            notes.append(f"{name} has several dimensions, one of its own name; it is called {name}_values")
            data[f"{name}_values"] = variable
        elif name in coords:
            labels[name] = variable
        else:
            data[name] = variable
    return xr.Dataset(data, coords=labels)
