"""Speed as ratios to a named rival, measured in one run: `python -m benchmarks [name ...]`."""
