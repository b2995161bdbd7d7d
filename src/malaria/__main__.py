"""`python -m malaria`: the same as the command `malaria`."""

from malaria.cli.start import run

run()
