"""The evidence behind every formula: one runnable sympy script each, which also writes its page.

`python -m derivations` runs all of them; `python -m derivations.d01_generalization_error` runs one.
"""
