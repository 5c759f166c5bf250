"""What every result of theory and of simulation can do: print short, explain itself, and become plain numbers."""

from __future__ import annotations

import html
from importlib import import_module
from typing import Any, ClassVar


class Result:
    """Base of all results.

    A subclass names in `_headline` what its one-line repr shows after the loss, and says in `to_dict` what it holds.
    """

    _headline: ClassVar[tuple[str, ...]] = ()

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain numbers and strings."""
        raise NotImplementedError

    def __repr__(self) -> str:
        loss = getattr(self, "loss", None)
        shown = [] if loss is None else [loss.name]
        shown += [f"{name}={_short(getattr(self, name))}" for name in self._headline]
        return f"{type(self).__name__}({', '.join(shown)})"

    def summary(self) -> str:
        """What it holds, a line each."""
        rows = {name: _short(value) for name, value in self.to_dict().items() if value is not None}
        width = max(map(len, rows))
        return "\n".join([type(self).__name__, *(f"  {name:{width}}  {text}" for name, text in rows.items())])

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr><th style='text-align:left'>{html.escape(name)}</th><td>{html.escape(_short(value))}</td>"
                       "</tr>" for name, value in self.to_dict().items() if value is not None)
        return f"<table><caption>{type(self).__name__}</caption>{rows}</table>"


class TheoryResult(Result):
    """Base of the results that samples can be compared with."""

    def simulate(self, dim: int, *, seeds: int = 20, rng: Any = None, workers: int | None = 1) -> Any:
        """Means over independent samples of dimension `dim`; see `gmm_flatness.studies.measurement.simulate`."""
        return import_module("gmm_flatness.studies.measurement").simulate(self, dim, seeds=seeds, rng=rng,
                                                                          workers=workers)

    def check(self, dim: int = 100, *, seeds: int = 20, rng: Any = None, workers: int | None = 1) -> float:
        """The p-value of this theory against samples; see `gmm_flatness.studies.measurement.p_value`."""
        return import_module("gmm_flatness.studies.measurement").p_value(self, dim, seeds=seeds, rng=rng,
                                                                         workers=workers)


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
