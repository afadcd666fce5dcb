"""Telling people and machines: one event, many listeners."""
