"""Report: what a source holds, as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from skydeck.jobs.info import Info, Variable

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

MAX_CHOICES = 20


def report(info: Info) -> Iterator[RenderableType]:
    """The parts of a report, top to bottom; texts from the data are shown as they are, never taken as markup."""
    from rich.text import Text

    yield Text(info.location, style="bold")
    yield Text(f"{_sizes(info)}; {size_text(info.bytes)} unpacked")
    if info.coordinates:
        yield _coordinates(info)
    yield _variables(info)
    if any(variable.statistics is not None for variable in info.variables):
        yield _statistics(info)
    yield from (Text(line) for line in _sky_lines(info))
    if info.attributes:
        yield _attributes(info)
    if len(info.choices) > 1:
        yield _choices(info)


def size_text(count: int) -> str:
    """Bytes as people read them: ``1.5 GB``."""
    size = float(count)
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} PB"


def _sizes(info: Info) -> str:
    return ", ".join(f"{dim} {size}" for dim, size in info.sizes.items()) or "no dimensions"


def _table(title: str, *columns: str, right: tuple[str, ...] = ()) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return table


def _add(table: Table, *cells: object) -> None:
    from rich.text import Text

    table.add_row(*(Text(str(cell)) for cell in cells))


def _coordinates(info: Info) -> Table:
    table = _table("Coordinates", "name", "along", "type", "unit", "range")
    for item in info.coordinates:
        _add(table, item.name, ", ".join(item.dims), item.dtype, item.units, item.text)
    return table


def _variables(info: Info) -> Table:
    table = _table("Variables", "name", "dimensions", "type", "unit", "chunks", "size", right=("size",))
    for item in info.variables:
        chunks = " × ".join(map(str, item.chunks)) or "none"
        _add(table, item.name, _shape(item), item.dtype, item.units, chunks, size_text(item.bytes))
    return table


def _shape(item: Variable) -> str:
    return ", ".join(f"{dim} {size}" for dim, size in zip(item.dims, item.shape, strict=True)) or "one number"


def _statistics(info: Info) -> Table:
    numbers = ("lowest", "highest", "mean", "values", "NaN", "infinite")
    table = _table("Statistics", "name", *numbers, right=numbers)
    for item in info.variables:
        if (found := item.statistics) is not None:
            extremes = (f"{value:.7g}" for value in (found.low, found.high, found.mean))
            _add(table, item.name, *extremes, found.count, found.nans, found.infinities)
    return table


def _sky_lines(info: Info) -> Iterator[str]:
    if (sky := info.sky) is not None:
        scales = " × ".join(f"{scale:.4g}″" for scale in sky.arcsec_per_pixel)
        yield f"Sky: {sky.frame} {sky.projection} on {', '.join(sky.dims)}; centre {sky.centre}; {scales} a pixel"
    elif info.sky_problem:
        yield f"Sky: no usable coordinates. {info.sky_problem}"


def _attributes(info: Info) -> Table:
    table = _table("Attributes", "name", "value")
    for name, value in info.attributes.items():
        _add(table, name, value)
    return table


def _choices(info: Info) -> Table:
    table = _table("Also here", "name", "what it is")
    for name, text in info.choices[:MAX_CHOICES]:
        _add(table, name, text)
    if len(info.choices) > MAX_CHOICES:
        _add(table, "...", f"{len(info.choices) - MAX_CHOICES} more")
    return table
