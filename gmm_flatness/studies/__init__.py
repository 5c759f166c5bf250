"""Theory beside simulation for a purpose: sweeps, learning curves, comparisons."""
