"""Makes a report of runs: one HTML file that needs no network."""

import datetime
import importlib.resources
import pathlib
import re
from collections.abc import Callable, Sequence

from agents_pipeline import errors
from agents_pipeline.files import atomic, run_folder
from agents_pipeline.reports import (
  charts,
  grouping,
  provenance,
  run_data,
  run_folders,
  sections,
  videos,
)
from agents_pipeline.reports.elements import Markup, element, text

_MAX_NAMED = 10  # unfinished runs at the top; the table has all of them


def write(folders: Sequence[run_folder.RunFolder], output: pathlib.Path) -> int:
  """Writes a report, replacing an existing file.

  Args:
    folders: the run folders, one or more.
    output: the HTML file.

  Returns:
    The number of groups of runs, over all environments.

  Raises:
    UserError: a file of a run cannot be read.
    RunError: the report cannot be written.
  """
  names = run_folders.names(folders)
  runs = [
    run_data.read(folder, name)
    for folder, name in zip(folders, names, strict=True)
  ]
  base = str(output.absolute().parent)
  embedding = videos.Embedding(base)
  all_charts: list[charts.Chart] = []
  bodies: list[Markup] = []
  num_groups = 0
  for environment, members in grouping.by_environment(runs).items():
    groups = grouping.by_configuration(members)
    num_groups += len(groups)
    drawn = charts.of_environment(environment, groups)
    parts = [
      element("h2", environment),
      sections.results(groups),
      sections.differences(groups),
      element("h3", "Learning curves") if drawn else "",
      Markup(charts.to_html(drawn, len(all_charts))),
      sections.runs_table(groups, base),
      embedding.section(groups),
      sections.speed(groups),
      sections.configuration(members),
    ]
    bodies.append(element("section", *parts))
    all_charts += drawn
  title = names[0] if len(runs) == 1 else f"Comparison of {len(runs)} runs"
  page = _fill(
    "page.html",
    title=text(title),
    summary=_summary(runs, num_groups),
    body="\n".join([*bodies, element("section", provenance.section(runs))]),
    charts=charts.script_json(all_charts),
    style=_resource("uplot/uPlot.min.css") + _resource("page.css"),
    uplot=_resource("uplot/uPlot.iife.min.js"),
    script=_resource("page.js"),
  )
  with atomic.file(output) as temporary:
    temporary.write_text(page, "utf-8")
  return num_groups


def try_write(
  folders: Sequence[run_folder.RunFolder],
  output: pathlib.Path,
  report: Callable[[str], None],
) -> bool:
  """Writes a report, or prints why it cannot be written.

  The runs do not need a report, so no error ends the caller.

  Args:
    folders: the run folders; see `write`.
    output: the HTML file; see `write`.
    report: a function that gets a line on why there is no report, if so.

  Returns:
    Whether the report was written.
  """
  try:
    write(folders, output)
  except Exception as error:
    report(f"no {output.name}: {errors.described(error)}")
    return False
  return True


def count(number: int, what: str) -> str:
  """A number with its noun, such as "1 run" and "2 runs"."""
  return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _summary(runs: Sequence[run_data.RunData], num_groups: int) -> str:
  """What the page is of, and which runs are not finished."""
  when = datetime.datetime.now(datetime.timezone.utc)
  environments = dict.fromkeys(run.environment for run in runs)
  about = (
    f"{count(len(runs), 'run')} of {count(num_groups, 'configuration')} on "
    f"{', '.join(environments)}."
  )
  if len(runs) == 1:
    about = f"A run on {runs[0].environment}, seed {runs[0].seed}."
  about += f" Made {when:%Y-%m-%d %H:%M} UTC."
  unfinished = [run for run in runs if not run.is_finished]
  lines = [element("p", about)]
  if len(runs) == 1 and unfinished:
    what = f"Not finished: {runs[0].status()}."
    lines.append(element("p", what, class_="warning"))
  elif unfinished:
    named = [f"{run.name}: {run.status()}" for run in unfinished]
    if len(named) > _MAX_NAMED:
      named[_MAX_NAMED:] = [f"{len(named) - _MAX_NAMED} more"]
    listed = "; ".join(named)
    lines.append(
      element(
        "p",
        f"Not finished: {len(unfinished)} of {count(len(runs), 'run')}. ",
        f"{listed}.",
        class_="warning",
      )
    )
  return "".join(lines)


def _resource(name: str) -> str:
  folder = importlib.resources.files("agents_pipeline.reports")
  return folder.joinpath(name).read_text(encoding="utf-8")


def _fill(template: str, **parts: str) -> str:
  """Replaces each {{name}} of a template; a {{name}} in a part stays."""
  return re.sub(
    r"{{(\w+)}}", lambda found: parts[found.group(1)], _resource(template)
  )
