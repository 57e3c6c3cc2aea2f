"""Table: profiles as CSV with what the numbers are written above them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from skydeck.core.axis import Axis
from skydeck.core.errors import RequestError

Array = npt.NDArray[Any]

_FORMULA = ("=", "+", "-", "@")
_INNER_FORMULA = re.compile(r"([,;\t]\s*)(?=[=+\-@])")


def profile_csv(axis: Axis, columns: Mapping[str, Array], meta: Mapping[str, Any]) -> str:
    """CSV text: ``# key: value`` lines of ``meta``, a line of names, a line a cell of the axis.

    The first column is the axis's own coordinate in its source unit (its index where it has none; instants as ISO 8601
    UTC). ``columns``: (axis.size,) arrays by name; complex ones become two. Numbers have all their digits, NaN is
    ``nan``. Text that a spreadsheet would run as a formula gets an apostrophe in front. Raises RequestError for a
    column of another length.
    """
    for name, values in columns.items():
        if np.shape(values) != (axis.size,):
            raise RequestError(f"Column '{name}' has the shape {np.shape(values)}", expected=f"({axis.size},)")
    fields = {_axis_name(axis): _axis_texts(axis)}
    for name, values in columns.items():
        fields.update(_parts(name, np.asarray(values)))
    buffer = io.StringIO()
    for key, value in meta.items():
        buffer.write(f"# {_comment(key)}: {_comment(value)}\n")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([harmless(name) for name in fields])
    writer.writerows(zip(*fields.values(), strict=True))
    return buffer.getvalue()


def harmless(text: str) -> str:
    """Text that no spreadsheet takes for a formula (OWASP, CSV injection), on one line."""
    line = " ".join(text.splitlines())
    return f"'{line}" if line.lstrip().startswith(_FORMULA) else line


def _comment(value: Any) -> str:
    """A comment's text: a spreadsheet splits it at commas too, so what follows one mustn't start a formula either."""
    return _INNER_FORMULA.sub(r"\1'", harmless(str(value)))


def _axis_name(axis: Axis) -> str:
    unit = "UTC" if axis.values is not None and axis.values.dtype.kind == "M" else axis.source_unit
    return f"{axis.name} ({unit})" if unit else axis.name


def _axis_texts(axis: Axis) -> Iterable[str]:
    return _texts(np.arange(axis.size) if axis.values is None else axis.values)


def _parts(name: str, values: Array) -> dict[str, Iterable[str]]:
    if values.dtype.kind == "c":
        return {f"{name} real": _texts(values.real), f"{name} imaginary": _texts(values.imag)}
    return {name: _texts(values)}


def _texts(values: Array) -> Iterable[str]:
    """Numbers with the digits that bring them back exactly; instants in ISO 8601; text made harmless."""
    if values.dtype.kind == "f":
        return [str(value) for value in values]
    if values.dtype.kind in "iub":
        return [str(value) for value in values.tolist()]
    if values.dtype.kind == "M":
        return [f"{text}Z" if text != "NaT" else "" for text in np.datetime_as_string(values)]
    return [harmless(str(value)) for value in values]
