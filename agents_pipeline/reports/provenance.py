"""With which software, and on which machine, the runs of a report were made."""

from collections.abc import Sequence

from agents_pipeline.reports import run_data
from agents_pipeline.reports.elements import NOTHING, Markup, element, table

_LABELS = {
  "device": "device",
  "system": "system",
  "cores": "cores",
  "git_commit": "git commit",
  "python": "Python",
}
_COMMIT_DIGITS = 9


def section(runs: Sequence[run_data.RunData]) -> Markup:
  """The table of versions and machines, with how many runs had each value.

  Args:
    runs: all runs of the report.
  """
  found = [_facts(run) for run in runs]
  names = dict.fromkeys(name for facts in found for name in facts)
  rows = []
  for name in names:
    counts: dict[str, int] = {}
    for facts in found:
      value = str(facts[name]) if facts.get(name) is not None else NOTHING
      counts[value] = counts.get(value, 0) + 1
    cells = [
      value if len(counts) == 1 else f"{value} ({count} of {len(runs)} runs)"
      for value, count in counts.items()
    ]
    rows.append((name, ", ".join(cells)))
  return Markup(
    element("h2", "Versions and machine")
    + table(("what", "value"), rows, "versions and machine")
  )


def _facts(run: run_data.RunData) -> dict[str, object]:
  """What run.json tells of software and machine, by its label."""
  record = run.record
  machine = record.get("machine") or {}
  known = record | machine
  if commit := known.get("git_commit"):
    changed = "+" if commit.endswith("+") else ""
    known["git_commit"] = commit[:_COMMIT_DIGITS] + changed
  facts = {
    label: known[name] for name, label in _LABELS.items() if name in known
  }
  return facts | (record.get("packages") or {})
