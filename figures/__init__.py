"""One script a figure, `fNN_name.py`, each defining a `FIGURE`; `figures.engine` shows how one is written."""
