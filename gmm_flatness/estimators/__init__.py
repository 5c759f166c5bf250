"""The scikit-learn fronts: four classifiers that look for flat minima, with the same habits.

Features are centered and scaled to variance one first (unless `standardize=False`), and all that follows is said of
scaled features `x`, `d` of them, of `n` samples (the sum of the weights where `sample_weight` is given), and of the
parameters `v` that act on them: weights and intercept of a linear classifier, all weights and biases of a network.

`learning_rate`
    The step `η` along the gradient of the mean loss: `v ← v - η ∇[(1/n) Σ ℓ + …]`, at the start where it falls later.
    None lets the curvature of the loss decide, and `learning_rate_` is what was used.
`coupling`
    The strength `γ` of the elastic term `(γ/2) d |v - c|²` that stands beside the sum `Σ ℓ` over samples and ties
    replicas to their barycenter `c`, or the inner loop of Entropy-SGD to its anchor. In the normalization of the
    theory, weights `w = √d v`, it is `(γ/2)|w - c|²`, as for `replicated_descent` and `entropy_sgd`. A step then goes
    the share `coupling_step = η γ d/n` of the way to `c`.
`ridge`
    Of linear classifiers, in the same normalization: `(ridge/2)|w|² = (ridge/2) d |v|²` beside `Σ ℓ`, the intercept
    left out. `weight_decay` of networks stands beside the mean, `(decay/2)|v|²`, and equals `ridge d/n`.
`local_energy_`
    Mean rise of the training error when every weight becomes `v + s ζ/2` with independent standard normal `ζ` and the
    root mean square `s` of its array (`coef_` on scaled features, each weight matrix of a network), intercepts and
    biases left alone: the theory's local energy at `σ = 1/2`. Exact for linear classifiers of two classes, otherwise
    the mean of 100 draws. `gmm_flatness.flatness.local_energy` measures it at any size, with `noise="norm_scaled"`.
`predict_proba`
    Exists for the losses that are a negative log-likelihood, logistic and cross-entropy, and returns the probabilities
    of that likelihood at the trained parameters; no calibration is made for ridge, norm or averaging. Linear
    classifiers of more than two classes normalize those of one class against the rest.
`sample_weight`
    Factors of the samples' losses, everywhere (also in scaling and in `local_energy_`); zero leaves a sample out.
    Integers equal repeated samples, exactly while all samples fit in one batch, on average beyond.
`warm_start`
    `fit` begins at the solution of the fit before it, which must have had the same features and classes.
`partial_fit`
    Networks have it. Linear classifiers do not: their ridge and coupling stand beside the sum over all samples and
    their rate falls to zero at the end, neither of which a stream of unknown length has; `warm_start` goes on.
`early_stopping`
    Networks have it, as `MLPClassifier` does. Linear classifiers do not: rate and coupling follow a schedule to its
    end, and the objective with a ridge is convex.
`verbose`
    Print the mean training loss after every epoch or outer step.

Labels may be numbers or texts, inputs arrays or data frames, whose column names are kept in `feature_names_in_` and
checked later. Sparse inputs are refused: centering would fill them.
"""
