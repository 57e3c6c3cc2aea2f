"""Watched: whether anybody still looks at a session."""

from __future__ import annotations

from bokeh.document import Document


def watched(document: Document) -> bool:
    """Whether a browser is connected; a closed tab keeps its session for a while. True where there is no server."""
    context = document.session_context
    session = getattr(context, "session", None)
    return session is None or session.connection_count > 0
