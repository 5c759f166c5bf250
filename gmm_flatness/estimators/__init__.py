"""The scikit-learn fronts."""
