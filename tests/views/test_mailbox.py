"""Pictures on their way are counted until the browser has painted them."""

from __future__ import annotations

import numpy as np
import pytest
from bokeh.models import ColumnDataSource, Label
from bokeh.plotting import figure

from skydeck.core.raster import Raster
from skydeck.core.style import Style
from skydeck.core.viewport import Viewport
from skydeck.fetch import Look, Picture
from skydeck.fetch.picture import encoded
from skydeck.render.colour import table
from skydeck.views import mailbox as module
from skydeck.views.mailbox import Mailbox

VALUES = np.arange(12, dtype=np.float32).reshape(3, 4)


def made(kind: str = "codes") -> Picture:
    return encoded(Raster(VALUES, Viewport(1, 5, 10, 13, 4, 3)), Look(Style(low=0, high=11), kind))  # type: ignore[arg-type]


@pytest.fixture
def box() -> Mailbox:
    return Mailbox(figure(), ColumnDataSource(), Label(x=0, y=0))


def paint(box: Mailbox, seq: int, milliseconds: float = 5.0) -> None:
    """What the page answers once it has painted."""
    box._ack.data = {"seq": [seq], "ms": [milliseconds]}


def test_what_was_sent_counts_until_it_is_painted(box: Mailbox) -> None:
    heard: list[tuple[int, float]] = []
    box.on_painted = lambda seq, ms: heard.append((seq, ms))
    first, second, third = (box.send(made(), "") for _ in range(3))
    assert first < second < third
    assert box.unpainted == 3
    paint(box, first)
    assert box.unpainted == 2
    paint(box, third)
    assert box.unpainted == 0
    assert heard == [(first, 5.0), (third, 5.0)]


def test_a_hidden_tab_is_forgiven(box: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    box.send(made(), "")
    monkeypatch.setattr(module, "FORGIVEN_SECONDS", -1.0)
    assert box.unpainted == 0


def test_a_picture_travels_with_its_place_and_its_words(box: Mailbox) -> None:
    picture = made()
    number = box.send(picture, "frequency 1.4 GHz")
    mail = box._mail.data
    assert mail["seq"] == [number]
    assert mail["place"] == [[1, 10, 4, 3]]
    assert mail["shape"] == [[3, 4]]
    assert mail["caption"] == ["frequency 1.4 GHz"]
    np.testing.assert_array_equal(mail["payload"][0], picture.payload.ravel())
    box.send(made("jpeg"), "")
    assert box._mail.data["kind"] == ["jpeg"]
    assert bytes(box._mail.data["payload"][0][:2]) == b"\xff\xd8"


def test_a_look_is_a_palette_of_bytes(box: Mailbox) -> None:
    box.look(Style("gray", reverse=True), np.arange(255.0))
    palette = np.asarray(box._look.data["palette"][0]).reshape(256, 4)
    np.testing.assert_array_equal(palette[:, :3], table("gray")[::-1])
    assert (palette[:, 3] == 255).all()
