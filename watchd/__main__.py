"""`python -m watchd`: the same as the `watchd` command."""

from watchd.cli import main

main()
