"""One file per place on disk."""
