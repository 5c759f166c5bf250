"""Fixed-point, quadrature and Gaussian tools that know nothing of mixtures."""
