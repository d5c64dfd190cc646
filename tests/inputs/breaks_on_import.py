"""A module whose import fails, with no ImportError."""

raise RuntimeError("no\nlicence")
