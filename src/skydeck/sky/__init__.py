"""Pixel ↔ direction, tick ↔ time: pure functions on headers, angles, regions and clocks."""
