"""The benchmarks behind the promises of the design, each runnable alone: `uv run python -m bench.NAME`."""
