"""Trains the network that comes with watchd; README.md beside this tells how."""
