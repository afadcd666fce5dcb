"""Many jobs, one at a time per thread."""
