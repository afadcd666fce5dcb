"""The way from picture to mask that watchd goes, on one core."""

from watchd.imaging.cpus import ThreadPlan
from watchd.imaging.models import find
from watchd.imaging.segment import U2netSegmenter
from watchd.imaging.session import load_segmenter


def segmenter(model: str) -> U2netSegmenter:
    """Of a name or an .onnx file. ModelError: there is no such network."""
    return load_segmenter(find(model, {}), lambda: ThreadPlan(1, 1, 1, (None,)))
