#!/usr/bin/env bash
# Build wheel and sdist, install the wheel outside the checkout with the oldest declared and with the newest
# dependencies, and run there what the README shows. Needs a package index; `make install-drill`.
set -euo pipefail
export PYTHON=${PYTHON:-python3}
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
unset PYTHONPATH NUMBA_CACHE_DIR
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_QUIET=1

say() { printf '\n== %s\n' "$*"; }

# Without the capabilities that let root write anywhere, where the system has setpriv.
without_privileges() {
    if [ "$(id -u)" = 0 ]; then setpriv --bounding-set -all --inh-caps -all -- "$@"; else "$@"; fi
}

build() {
    say "wheel and sdist"
    mkdir "$work/source" "$work/dist"
    (cd "$root" && git ls-files -z | xargs -0 cp --parents -t "$work/source")
    "$PYTHON" -m venv "$work/build"
    "$work/build/bin/pip" install build
    "$work/build/bin/python" -m build --outdir "$work/dist" "$work/source" >"$work/build.log" 2>&1 ||
        { cat "$work/build.log"; false; }
    wheel=$(ls "$work"/dist/*.whl)
    tar -xzf "$work"/dist/*.tar.gz -C "$work"
    sdist=$(ls -d "$work"/gmm_flatness-*)
    # The oldest versions that setup.cfg allows.
    sed -n 's/^    \([A-Za-z0-9_-]*\)>=\([0-9a-z.]*\)$/\1==\2/p' "$root/setup.cfg" | sort -u >"$work/oldest.txt"
}

# environment NAME EXTRAS [PIP OPTIONS]: a fresh one with the wheel, entered as $bin, in an empty folder.
environment() {
    say "$1: gmm_flatness$2"
    "$PYTHON" -m venv "$work/$1"
    bin=$work/$1/bin
    "$bin/pip" install "$wheel$2" "${@:3}"
    mkdir -p "$work/empty" && cd "$work/empty"
    "$bin/python" -c 'import gmm_flatness, sys; print(gmm_flatness.__file__); assert sys.prefix in gmm_flatness.__file__'
}

readme() {
    "$bin/python" -m doctest -o NORMALIZE_WHITESPACE "$root/README.md"
    "$bin/python" "$root/tests/install_drill.py" "$root/docs/tutorials/9_scaling_out.md"
    "$bin/gmm-flatness" solve erm --alpha 2 --loss square --ridge 0.1 --json
    "$bin/gmm-flatness" check --fast --only bayes-gaussian --only hebb --only pair
    "$bin/gmm-flatness" mlp bench --fast --help >/dev/null
    if "$bin/gmm-flatness" derive; then echo "derive ran outside a checkout" && false; else [ $? = 2 ]; fi
}

main() {
build

environment bare ""
"$bin/python" -c 'from gmm_flatness import *; import inspect, pydoc, gmm_flatness
inspect.getmembers(gmm_flatness); pydoc.render_doc(gmm_flatness); print(erm(GaussianMixture(2.0), "square", ridge=0.1))'
say "read-only package and home"
chmod -R a-w "$work/bare" "$work/empty"
HOME="$work/empty" without_privileges "$bin/python" - <<'CODE'
from pathlib import Path
import gmm_flatness
from gmm_flatness import GaussianMixture, fit, run_chain, sample
for folder in (Path(gmm_flatness.__file__).parent, Path.home()):
    try:
        (folder / "written").touch()
    except OSError:
        continue
    raise SystemExit(f"{folder} can be written; the drill shows nothing")
data = sample(GaussianMixture(2.0), dim=50, rng=1)
print(fit(data, "hinge", ridge=0.1), run_chain(data, beta=1.0, sweeps=200, burn_in=20, min_effective_size=1.0, rng=1), sep="\n")
CODE
chmod -R u+w "$work/empty"

environment oldest "[mlp,pandas,dask]" --constraint "$work/oldest.txt"
"$bin/pip" freeze | grep -if <(sed 's/==.*/==/; s/^/^/' "$work/oldest.txt") || true
readme

environment newest "[mlp,pandas,dask]" --upgrade
readme

say "sdist: its tests collect, and a few run"
"$bin/pip" install pytest pytest-xdist mpmath markdown latex2mathml
cd "$sdist"
"$bin/python" -m pytest --collect-only -q | tail -1
"$bin/python" -m pytest -q tests/test_examples.py tests/test_registry.py tests/test_mixture_and_sampling.py
say "install drill passed"
}

main
