"""Theme: the colours of a light and of a dark page, for what is drawn on a canvas and can't read the style sheet."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Theme:
    """CSS colours: text, thin lines, the page's surface, the well behind a picture, an accent."""

    text: str
    line: str
    surface: str
    well: str
    accent: str

    @property
    def well_rgb(self) -> tuple[int, int, int]:
        """The well as three bytes: what missing data look like in a JPEG."""
        return int(self.well[1:3], 16), int(self.well[3:5], 16), int(self.well[5:7], 16)


LIGHT = Theme(text="#24303c", line="#9aa7b4", surface="#ffffff", well="#e9edf1", accent="#1766c2")
DARK = Theme(text="#d6dee8", line="#5a6877", surface="#141a21", well="#0b0f14", accent="#5aa9ff")
