"""Fixed points of the algorithms that maximize flatness."""
