"""Simulated data: instruments that never were, with the physics their pictures need. Every array is told by a seed."""

from skydeck.jobs.synthetic.demo import demo_cubes as demo_cubes
