"""The cube explorer by itself: ``panel serve apps/cubes.py``."""

from skydeck.server.session import explorer

explorer().servable(title="Skydeck: cubes")
