"""Frozen values and words: standard library only, no I/O, no threads, no clock."""
