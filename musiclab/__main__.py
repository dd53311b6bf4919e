"""Run the ``musiclab`` command as ``python -m musiclab``."""

from musiclab.cli import main

main()
