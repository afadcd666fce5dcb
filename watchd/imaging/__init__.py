"""Pixels in, pixels out; knows no jobs, folders, config or threads."""
