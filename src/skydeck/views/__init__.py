"""Pixels on a screen: Panel, HoloViews, Bokeh, Param."""
