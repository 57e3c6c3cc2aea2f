"""Request in, Raster out: open, read, reduce, cache; what is too big is refused before it is read."""

from skydeck.fetch.answer import answer
from skydeck.fetch.opened import Opened, opened, release
from skydeck.fetch.picture import Look, Picture, picture
from skydeck.fetch.profile import Profile, RegionSummary, profile, summary, value
from skydeck.fetch.scale import cube_limits

__all__ = [
    "Look",
    "Opened",
    "Picture",
    "Profile",
    "RegionSummary",
    "answer",
    "cube_limits",
    "opened",
    "picture",
    "profile",
    "release",
    "summary",
    "value",
]
