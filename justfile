# What a developer does. `just --list` shows it; every line also works by hand.

# all that the gate asks but the installation of system packages
check:
    uv run ruff check
    uv run ruff format --check
    uv run mypy
    uv run lint-imports

# unit, property and simulation tests, and a few against real brokers: under three minutes
test *ARGS:
    uv run pytest {{ARGS}}

# the rest: every broker, faults, hosts in namespaces, the page in a browser
slow *ARGS:
    uv run pytest -m slow {{ARGS}}

# unit and property tests: seconds
quick:
    uv run pytest tests/unit tests/property

format:
    uv run ruff format
    uv run ruff check --fix

demo:
    uv run --no-dev malaria demo

# the benchmarks behind the promises; each also runs alone, see bench/README.md
bench NAME:
    uv run python -m bench.{{NAME}}
