"""Plugin: our routes for ``panel serve apps/ --plugins skydeck.server.plugin``."""

from skydeck.server.health import routes

ROUTES = routes()
