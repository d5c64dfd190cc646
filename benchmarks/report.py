"""The results as tables: 80 columns wide for the terminal, or Markdown.

Markdown goes between comments of a page, so that what is written around them by
hand stays. Each file that is given fills a section of its own.

python -m benchmarks.report --json=runs/bench/bench.json \\
  [--sweeps=runs/bench/sweeps.json] [--shares=runs/bench/shares.json] \\
  [--markdown=docs/performance.md]
"""

import json
import pathlib
from collections.abc import Iterable, Sequence

from absl import flags

from agents_pipeline import errors
from agents_pipeline.apps import command_line
from benchmarks import machine


def tables(found: dict) -> str:
  """Tables of the results of `benchmarks.suite`, 80 columns wide."""
  parts = [_table(work) for work in found["works"]]
  if found.get("start"):
    parts.append(_start_table(found["start"]))
  if found["left_out"]:
    parts.append("left out: " + "\n          ".join(found["left_out"]))
  return "\n\n".join(parts)


def _table(work: dict) -> str:
  lines = [
    work["title"],
    f"{'':34}{work['unit']:>12}  {'ratio (min to max)':22}{'wanted':>10}",
  ]
  ours = None
  for comparison in work["comparisons"]:
    if comparison["ours"] != ours:
      ours = comparison["ours"]
      lines.append(_side_line(work["sides"][ours], "").rstrip())
    line = _side_line(work["sides"][comparison["other"]], "over ")
    if "problem" not in comparison:
      wanted = comparison["wanted"]
      reached = "yes" if comparison["reached"] else "NO"
      words = "" if wanted is None else f"{wanted:g} {reached}"
      line += f"{_ratio(comparison):22}{words:>10}"
    lines.append(line.rstrip())
  return "\n".join(lines)


def _side_line(side: dict, prefix: str) -> str:
  title = f"  {prefix}{side['title']}"
  if "problem" in side:
    return f"{title:34} {side['problem']}"[:80]
  return f"{title:34}{side['rate']:>12,.0f}  "


def _ratio(comparison: dict) -> str:
  median, low, high = (
    f"{value:,.3g}" if value < 1_000 else f"{value:,.0f}"
    for value in (comparison[key] for key in ("median", "low", "high"))
  )
  return f"{median} ({low} to {high})"


def _start_seconds(start: dict) -> str:
  return f"{start['median']:.1f} s ({start['low']:.1f} to {start['high']:.1f})"


def _start_table(start: dict) -> str:
  parts = ", ".join(f"{name} {s:.1f}" for name, s in start["parts"].items())
  return (
    f"{start['title']}\n  {_start_seconds(start)}, wanted at most "
    f"{start['wanted']:g} {'yes' if start['reached'] else 'NO'}\n  {parts}"
  )


def markdown_table(
  header: Sequence[str], rows: Iterable[Sequence[object]]
) -> str:
  """A table in Markdown, one cell per item."""
  lines = [header, ["---"] * len(header), *rows]
  return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def markdown(found: dict, picture: str | None = None) -> str:
  """The results as Markdown; the path of the chart is relative to the page."""
  about = found["about"]
  parts = [
    f"{machine.origin_in_words(about)}, {machine.in_words(about)}; "
    f"{machine.packages_in_words(about)}. "
    f"{found['rounds']} interleaved rounds of {found['seconds_per_turn']:g} s "
    "of each side; medians of the rounds' ratios, with their range.",
  ]
  if picture:
    parts.append(f"![ratios to every other side]({picture})")
  parts += [_work_markdown(work) for work in found["works"]]
  if found.get("start"):
    parts.append(_start_markdown(found["start"]))
  if found["left_out"]:
    parts.append("Left out: " + "; ".join(found["left_out"]) + ".")
  return "\n\n".join(parts)


def _work_markdown(work: dict) -> str:
  unit = work["unit"]
  header = ["ours", unit, "over", unit, "ratio", "at least", "reached"]
  rows = []
  for comparison in work["comparisons"]:
    cells = []
    for name in (comparison["ours"], comparison["other"]):
      side = work["sides"][name]
      cells += [side["title"], f"{side['rate']:,.0f}" if "rate" in side else ""]
    if "problem" in comparison:
      cells += [comparison["problem"], "", ""]
    else:
      wanted, reached = comparison["wanted"], comparison["reached"]
      words = {None: "", True: "yes", False: "**no**"}
      least = "" if wanted is None else f"{wanted:g}"
      cells += [_ratio(comparison), least, words[reached]]
    rows.append(cells)
  return f"**{work['title']}**\n\n{markdown_table(header, rows)}"


def _start_markdown(start: dict) -> str:
  row = [
    _start_seconds(start),
    f"{start['wanted']:g} s",
    "yes" if start["reached"] else "**no**",
    *(f"{seconds:.1f} s" for seconds in start["parts"].values()),
  ]
  header = ["in all", "at most", "reached", *start["parts"]]
  return f"**Start: {start['title']}**\n\n{markdown_table(header, [row])}"


def sweeps_markdown(found: dict) -> str:
  """The results of `benchmarks.sweeps` as Markdown."""
  header = ["", "us per iteration", "range", "env steps/s"]
  parts = []
  for table in found["tables"]:
    rows = [
      [
        row["label"],
        f"{row['micros']:,.1f}",
        f"{row['low']:,.1f} to {row['high']:,.1f}",
        f"{row['env_steps_per_second']:,.0f}",
      ]
      for row in table["rows"]
    ]
    parts.append(f"**{table['title']}**\n\n{markdown_table(header, rows)}")
  return "\n\n".join([*parts, f"{machine.origin_in_words(found['about'])}."])


def shares_markdown(found: dict) -> str:
  """The results of `benchmarks.shares` as Markdown, one column per run."""
  runs = found["runs"]
  rows = [
    [part]
    + [f"{r['parts'][part] / r['seconds']:.1%} ({r['parts'][part]:.1f} s)"
       for r in runs]
    for part in runs[0]["parts"]
  ]  # fmt: skip
  rows.append(["in all", *(f"{run['seconds']:.1f} s" for run in runs)])
  header = ["share of", *(f"`{run['config']}`" for run in runs)]
  origin = machine.origin_in_words(found["about"])
  return f"{markdown_table(header, rows)}\n\n{origin}."


def between_markers(page: str, section: str, text: str) -> str:
  """Replaces the text between the two comments of a section of a page.

  Raises:
    UserError: the comments are not there.
  """
  first, last = f"<!-- {section}: begin -->", f"<!-- {section}: end -->"
  before, begin, rest = page.partition(first)
  _, end, after = rest.partition(last)
  if not (begin and end):
    raise errors.UserError(
      f"the page has no lines {first!r} and {last!r} to write between"
    )
  return f"{before}{first}\n\n{text}\n\n{last}{after}"


def _read(flag: str) -> dict | None:
  """The content of the file that a flag names; None if it is not given.

  Raises:
    UserError: the file cannot be read.
  """
  path = flags.FLAGS[flag].value
  if path is None:
    return None
  try:
    return json.loads(pathlib.Path(path).read_text("utf-8"))
  except (OSError, ValueError) as error:
    raise errors.UserError(f"--{flag}={path!r}: {error}") from None


def main() -> int:
  """Prints or writes the tables, and returns the exit code."""
  suite, sweeps, shares = (_read(flag) for flag in ("json", "sweeps", "shares"))
  if not flags.FLAGS.markdown:
    if suite:
      print(tables(suite))
    return command_line.DONE
  page = pathlib.Path(flags.FLAGS.markdown)
  picture = page.with_suffix(".png")
  try:
    text = page.read_text("utf-8")
  except OSError as error:
    raise errors.UserError(f"--markdown={str(page)!r}: {error}") from None
  if suite:
    text = between_markers(text, "measured", markdown(suite, picture.name))
  if sweeps:
    text = between_markers(text, "sweeps", sweeps_markdown(sweeps))
  if shares:
    text = between_markers(text, "shares", shares_markdown(shares))
  if suite:
    from benchmarks import chart

    chart.draw(suite, picture)
  page.write_text(text, "utf-8")
  command_line.report(f"written: {page}")
  return command_line.DONE


if __name__ == "__main__":
  flags.DEFINE_string("json", None, "Of benchmarks.suite.")
  flags.DEFINE_string("sweeps", None, "Of benchmarks.sweeps.")
  flags.DEFINE_string("shares", None, "Of benchmarks.shares.")
  flags.DEFINE_string("markdown", None, "A page to write it into.")
  command_line.run(main)
