"""What was measured, for people: tables of 80 columns, or Markdown.

Markdown goes between comments of a page, so that what is written around them by
hand stays. Each file that is given fills a section of its own.

python -m benchmarks.report --json=runs/bench/bench.json \\
  [--sweeps=runs/bench/sweeps.json] [--shares=runs/bench/shares.json] \\
  [--markdown=docs/performance.md]
"""

import json
import pathlib

from absl import flags

from agents_pipeline import errors
from agents_pipeline.apps import command_line
from benchmarks import chart, machine, shares, sweeps


def tables(found: dict) -> str:
  """Tables of what `benchmarks.suite` found, 80 columns wide."""
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
  told = None
  for comparison in work["comparisons"]:
    if comparison["ours"] != told:
      told = comparison["ours"]
      lines.append(_side_line(work["sides"][told], 0).rstrip())
    line = _side_line(work["sides"][comparison["other"]], 2)
    if "problem" not in comparison:
      line += f"{_ratio_words(comparison):22}{_wanted_words(comparison):>10}"
    lines.append(line.rstrip())
  return "\n".join(lines)


def _side_line(side: dict, indent: int) -> str:
  title = f"  {'over ' if indent else ''}{side['title']}"
  if "problem" in side:
    return f"{title:34} {side['problem']}"[:80]
  return f"{title:34}{side['rate']:>12,.0f}  "


def _ratio_words(comparison: dict) -> str:
  number = lambda value: f"{value:,.3g}" if value < 1_000 else f"{value:,.0f}"
  return (
    f"{number(comparison['median'])} ({number(comparison['low'])} to "
    f"{number(comparison['high'])})"
  )


def _wanted_words(comparison: dict) -> str:
  if comparison["wanted"] is None:
    return ""
  return f"{comparison['wanted']:g} {'yes' if comparison['reached'] else 'NO'}"


def _start_table(start: dict) -> str:
  parts = ", ".join(f"{name} {s:.1f}" for name, s in start["parts"].items())
  return (
    f"{start['title']}\n  {start['median']:.1f} s ({start['low']:.1f} to "
    f"{start['high']:.1f}), wanted at most {start['wanted']:g} "
    f"{'yes' if start['reached'] else 'NO'}\n  {parts}"
  )


def markdown(found: dict, picture: str | None = None) -> str:
  """The same as Markdown.

  Args:
    found: by `benchmarks.suite`.
    picture: of it, as the page names it.
  """
  about = found["about"]
  parts = [
    f"{machine.origin_in_words(about)}, {machine.in_words(about)}; "
    f"{machine.packages_in_words(about)}. "
    f"{found['rounds']} interleaved rounds of {found['seconds_per_turn']:g} s "
    "of each side; medians of the rounds' ratios, with their range.",
  ]
  if picture:
    parts.append(f"![ratios to every other side]({picture})")
  parts += [_markdown_table(work) for work in found["works"]]
  if found.get("start"):
    parts.append(_markdown_start(found["start"]))
  if found["left_out"]:
    parts.append("Left out: " + "; ".join(found["left_out"]) + ".")
  return "\n\n".join(parts)


def _markdown_table(work: dict) -> str:
  unit = work["unit"]
  lines = [
    f"**{work['title']}**",
    "",
    f"| ours | {unit} | over | {unit} | ratio | at least | reached |",
    "| --- | --- | --- | --- | --- | --- | --- |",
  ]
  for comparison in work["comparisons"]:
    cells = []
    for name in (comparison["ours"], comparison["other"]):
      side = work["sides"][name]
      cells += [side["title"], f"{side['rate']:,.0f}" if "rate" in side else ""]
    if "problem" in comparison:
      cells += [comparison["problem"], "", ""]
    else:
      wanted = comparison["wanted"]
      cells += [
        _ratio_words(comparison),
        "" if wanted is None else f"{wanted:g}",
        {None: "", True: "yes", False: "**no**"}[comparison["reached"]],
      ]
    lines.append(f"| {' | '.join(cells)} |")
  return "\n".join(lines)


def _markdown_start(start: dict) -> str:
  names = " | ".join(start["parts"])
  seconds = " | ".join(f"{s:.1f} s" for s in start["parts"].values())
  return "\n".join(
    [
      f"**Start: {start['title']}**",
      "",
      f"| in all | at most | reached | {names} |",
      "| --- " * (3 + len(start["parts"])) + "|",
      f"| {start['median']:.1f} s ({start['low']:.1f} to {start['high']:.1f}) "
      f"| {start['wanted']:g} s | {'yes' if start['reached'] else '**no**'} "
      f"| {seconds} |",
    ]
  )


def between_markers(page: str, section: str, text: str) -> str:
  """Puts a text between the two comments of a section.

  Args:
    page: as it is.
    section: its name.
    text: in place of what is there.

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
  """What a flag names; None if it is not given.

  Raises:
    UserError: it cannot be read.
  """
  path = flags.FLAGS[flag].value
  if path is None:
    return None
  try:
    return json.loads(pathlib.Path(path).read_text("utf-8"))
  except (OSError, ValueError) as error:
    raise errors.UserError(f"--{flag}={path!r}: {error}") from None


def _write(page: pathlib.Path, found: dict[str, dict | None]) -> None:
  """Writes the sections of what was found, and the picture."""
  try:
    text = page.read_text("utf-8")
  except OSError as error:
    raise errors.UserError(f"--markdown={str(page)!r}: {error}") from None
  picture = page.with_suffix(".png")
  sections = {
    "measured": lambda found: markdown(found, picture.name),
    "sweeps": sweeps.markdown,
    "shares": shares.markdown,
  }
  for section, write in sections.items():
    if found[section]:
      text = between_markers(text, section, write(found[section]))
  if found["measured"]:
    chart.draw(found["measured"], picture)
  page.write_text(text, "utf-8")
  command_line.say(f"written: {page}")


def main() -> int:
  """Reads what was found, tells it, and returns the exit code."""
  found = {
    "measured": _read("json"),
    "sweeps": _read("sweeps"),
    "shares": _read("shares"),
  }
  if flags.FLAGS.markdown:
    _write(pathlib.Path(flags.FLAGS.markdown), found)
    return command_line.DONE
  if found["measured"]:
    print(tables(found["measured"]))
  return command_line.DONE


if __name__ == "__main__":
  flags.DEFINE_string("json", None, "Of benchmarks.suite.")
  flags.DEFINE_string("sweeps", None, "Of benchmarks.sweeps.")
  flags.DEFINE_string("shares", None, "Of benchmarks.shares.")
  flags.DEFINE_string("markdown", None, "A page to write it into.")
  command_line.run(main)
