"""watchd: photos dropped into an inbox come out as cutouts."""

__version__ = "0.1.0"
