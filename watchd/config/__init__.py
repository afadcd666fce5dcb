"""From a YAML file to a Config; only the roots read it."""
