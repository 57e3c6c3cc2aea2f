"""Figures: what was reached beside what must be, as rows of a table; failing a test only where that is asked for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import quantiles


@dataclass(slots=True)
class Figures:
    """Rows of (what, must, reached, ok or not; "" where nothing must be)."""

    rows: list[tuple[str, str, str, str]] = field(default_factory=list)

    def at_most(self, what: str, reached: float, must: float, unit: str) -> None:
        """A figure that must not be larger."""
        self._add(what, f"≤ {must:.3g} {unit}", f"{reached:.3g} {unit}", reached <= must)

    def at_least(self, what: str, reached: float, must: float, unit: str) -> None:
        """A figure that must not be smaller."""
        self._add(what, f"≥ {must:.3g} {unit}", f"{reached:.3g} {unit}", reached >= must)

    def note(self, what: str, reached: float, unit: str) -> None:
        """A figure to compare with."""
        self.rows.append((what, "", f"{reached:.3g} {unit}", ""))

    def table(self) -> str:
        """The rows as Markdown."""
        rows = [("what", "must", "reached", "ok"), ("---",) * 4, *self.rows]
        return "\n".join(f"| {' | '.join(row)} |" for row in rows)

    def _add(self, what: str, must: str, reached: str, ok: bool) -> None:
        self.rows.append((what, must, reached, "yes" if ok else "**no**"))
        print(f"\n{what}: {reached} (must be {must}){'' if ok else ' MISSED'}", end="")
        if os.environ.get("SKYDECK_BENCH_STRICT") == "1":
            assert ok, f"{what}: {reached} where {must} must be"


def median(values: Sequence[float]) -> float:
    """The middle one."""
    return sorted(values)[len(values) // 2]


def p95(values: Sequence[float]) -> float:
    """What 95 of 100 stay below."""
    return quantiles(values, n=20, method="inclusive")[-1]
