"""The cube explorer by itself: ``panel serve apps/cubes.py``."""

from skydeck.server.session import explorer, warm

explorer().servable(title="Skydeck: cubes")
warm()
