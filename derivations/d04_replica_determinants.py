"""Determinants of replica overlap matrices, for any number n of replicas and as n goes to 0.

`D` is the diagonal and `F` the off-diagonal overlap; with groups, `F_1` is the overlap within one of the
`n/y` groups of `y` replicas and `F_0` the overlap between groups. An overlap `m` with a fixed direction lowers
every entry by `m²`. The eigenvectors are the constant vector and the differences of two replicas.
"""

from sympy import (
    Derivative,
    Determinant,
    Integral,
    KroneckerDelta,
    Limit,
    Matrix,
    Rational,
    Subs,
    Sum,
    Symbol,
    exp,
    eye,
    log,
    ones,
    oo,
    sqrt,
    symbols,
)

from derivations.engine import definition, identity
from derivations.gaussian import density
from derivations.report import fronts

FORMULAS = ()

D, F, F0, F1 = symbols("D F F_0 F_1", positive=True)
m = Symbol("m", real=True)
n, y = symbols("n y", positive=True)


def log_det(size, diagonal, off):
    """Log-determinant of the replica-symmetric matrix."""
    return (size - 1) * log(diagonal - off) + log(diagonal + (size - 1) * off)


def grouped_log_det(size, group, diagonal, within, between):
    """Log-determinant with `size/group` groups of `group` replicas."""
    block = diagonal - within + group * (within - between)
    groups = size / group
    return (size - groups) * log(diagonal - within) + (groups - 1) * log(block) + log(block + size * between)


def per_replica(log_determinant):
    """What remains per replica as `n` goes to 0."""
    return Subs(Derivative(log_determinant, n), n, 0)


def derive():
    """Spectra, determinants, their limits per replica, and the two terms of every free entropy."""
    return [*replica_symmetric(), *grouped(), *volume(), *energetic()]


def replica_symmetric():
    """One overlap."""
    i, j = symbols("i j", integer=True, positive=True)
    count = Symbol("n", integer=True, positive=True)
    entry = F + (D - F) * KroneckerDelta(i, j)
    constant, difference = D + (count - 1) * F, D - F
    limit = log(D - F) + F / (D - F)
    return [
        identity("The constant vector is an eigenvector", D + Sum(F, (j, 2, count)), constant),
        identity("so is the difference of replicas i and k", *difference_row(entry, i, j)),
        identity("The n eigenvalues add up to the trace", constant + (count - 1) * difference, count * D),
        identity(
            "and their squares to that of the square",
            constant**2 + (count - 1) * difference**2,
            count * D**2 + count * (count - 1) * F**2,
        ),
        *(determinant(size) for size in (2, 3, 5)),
        identity("Per replica, as n goes to 0", per_replica(log_det(n, D, F)), limit),
        identity(
            "with an overlap m with a fixed direction",
            per_replica(log_det(n, D - m**2, F - m**2)),
            log(D - F) + (F - m**2) / (D - F),
        ),
    ]


def difference_row(entry, i, j):
    """Row `l` of the matrix applied to `e_i - e_k`, and the eigenvalue times that vector."""
    k, row = symbols("k l", integer=True, positive=True)
    of_row = entry.subs(i, row)
    applied = of_row.subs(j, i) - of_row.subs(j, k)
    return applied, (D - F) * (KroneckerDelta(row, i) - KroneckerDelta(row, k))


def determinant(size):
    """The determinant of the matrix itself against the product of its eigenvalues."""
    matrix = (D - F) * eye(size) + F * ones(size, size)
    return identity(f"Determinant of {size} replicas", Determinant(matrix), exp(log_det(size, D, F)))


def grouped():
    """Groups of `y` replicas."""
    block = D - F1 + y * (F1 - F0)
    limit = (y - 1) / y * log(D - F1) + log(block) / y + F0 / block
    one_overlap = log(D - F0) + F0 / (D - F0)
    return [
        *(grouped_determinant(size, group) for size, group in ((4, 2), (6, 2), (6, 3))),
        identity("Per replica in groups of y, as n goes to 0", per_replica(grouped_log_det(n, y, D, F1, F0)), limit),
        identity("Groups of one", Subs(limit, y, 1), one_overlap),
        identity("Equal overlaps", Subs(limit, F1, F0), one_overlap),
    ]


def grouped_determinant(size, group):
    """The determinant of the grouped matrix itself."""
    matrix = Matrix(size, size, lambda a, c: D if a == c else F1 if a // group == c // group else F0)
    closed = exp(grouped_log_det(Rational(size), Rational(group), D, F1, F0))
    return identity(f"Determinant of {size} replicas in groups of {group}", Determinant(matrix), closed)


def volume():
    """Log volume of vectors with given overlaps, by the saddle point over the conjugates of the overlaps."""
    a, c, d, x, p, w = symbols("A_11 A_12 A_22 B_11 B_12 B_22", real=True)
    overlaps, conjugates = Matrix([[a, c], [c, d]]), Matrix([[x, p], [p, w]])
    exponent = ((conjugates * overlaps).trace() - log(conjugates.det())) / 2
    inverse = {x: d / overlaps.det(), p: -c / overlaps.det(), w: a / overlaps.det()}
    return [
        definition("Exponent per dimension for two vectors", Symbol("S"), exponent),
        *(
            identity(f"Stationary at the inverse matrix, entry {number}", exponent.diff(entry).subs(inverse), 0)
            for number, entry in enumerate(inverse, 1)
        ),
        identity(
            "So the volume per dimension is the root of the determinant, up to a constant factor",
            exp(2 * exponent.subs(inverse) - 2),
            overlaps.det(),
        ),
    ]


def energetic():
    """Fields on one sample: a common normal variable and one of each replica's own."""
    common, own, other = symbols("z x_1 x_2", real=True)
    delta, weight = symbols("Delta W", positive=True)
    first, second = (sqrt(delta * F) * common + sqrt(delta * (D - F)) * x for x in (own, other))

    def mean(expression):
        for variable in (own, other, common):
            expression = Integral(expression * density(variable), (variable, -oo, oo))
        return expression

    return [
        identity("Variance of a field", mean(first**2), delta * D),
        identity("Covariance of the fields of two replicas", mean(first * second), delta * F),
        identity("A sample contributes its average log weight", Limit((weight**n - 1) / n, n, 0), log(weight)),
    ]


def compare(seed=0):
    """No shipped function computes these lines; the scripts that build on them compare."""
    return []


page, main = fronts(__name__)

if __name__ == "__main__":
    main()
