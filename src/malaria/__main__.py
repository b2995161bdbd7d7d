"""`python -m malaria`: the same as the command `malaria`."""

from malaria.cli.main import run

run()
