"""Skydeck: every live instrument and every archived cube of an observatory, at one address."""

__version__ = "0.1.0"
