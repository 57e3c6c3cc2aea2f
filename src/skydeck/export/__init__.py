"""A view as a file: pictures with axes, cut-outs, tables, movies."""
