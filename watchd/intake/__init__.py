"""From a file-system event to a submitted job."""
