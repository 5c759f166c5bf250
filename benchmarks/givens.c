/* The rival of the chain kernels: the same sweeps of Givens rotations, compiled by gcc -O3 -march=native. */
#include <stdint.h>

static int64_t count_shifted(const double *fields, const float *first, const float *second, double a, double b,
                             int64_t size)
{
    int64_t errors = 0;
    for (int64_t k = 0; k < size; k++)
        errors += fields[k] + a * first[k] + b * second[k] < 0.0;
    return errors;
}

static void shift(double *restrict fields, const float *first, const float *second, double a, double b, int64_t size)
{
    for (int64_t k = 0; k < size; k++)
        fields[k] += a * first[k] + b * second[k];
}

/* weights (replicas, dim), fields (replicas, size), columns (dim, size), shifts (replicas, 2), pairs (moves, 2). */
int64_t rotate_many(const float *columns, double *weights, double *fields, int64_t *errors, int64_t *trial,
                    double *shifts, const int64_t *pairs, const double *cosines, const double *sines,
                    const double *thresholds, double beta, int64_t moves, int64_t replicas, int64_t dim,
                    int64_t size)
{
    int64_t accepted = 0;
    for (int64_t t = 0; t < moves; t++) {
        int64_t i = pairs[2 * t], j = pairs[2 * t + 1], change = 0;
        const float *first = columns + i * size, *second = columns + j * size;
        for (int64_t a = 0; a < replicas; a++) {
            double u = weights[a * dim + i], v = weights[a * dim + j];
            shifts[2 * a] = cosines[t] * u - sines[t] * v - u;
            shifts[2 * a + 1] = sines[t] * u + cosines[t] * v - v;
            trial[a] = count_shifted(fields + a * size, first, second, shifts[2 * a], shifts[2 * a + 1], size);
            change += trial[a] - errors[a];
        }
        if (beta * change > thresholds[t])
            continue;
        for (int64_t a = 0; a < replicas; a++) {
            shift(fields + a * size, first, second, shifts[2 * a], shifts[2 * a + 1], size);
            weights[a * dim + i] += shifts[2 * a];
            weights[a * dim + j] += shifts[2 * a + 1];
            errors[a] = trial[a];
        }
        accepted++;
    }
    return accepted;
}
