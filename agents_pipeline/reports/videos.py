"""The videos of a report: small ones are in the page, others beside it."""

import base64
import pathlib
from collections.abc import Sequence

from agents_pipeline.reports import grouping, run_data, sections
from agents_pipeline.reports.elements import Markup, element, number, size

# A page of several MB is slow to open on a phone and to send by e-mail.
MAX_EMBEDDED_BYTES = 3_000_000


class Embedding:
  """Embeds videos until a page is full of them, then links to the others."""

  def __init__(self, base: str):
    """Begins a page.

    Args:
      base: the folder that the page is in, from which links begin.
    """
    self._base = base
    self._num_bytes = 0

  def section(self, groups: Sequence[grouping.Group]) -> Markup:
    """A video of each group's best run; "" if there are none."""
    figures = [
      self._figure(group, run)
      for group in groups
      if (run := _best_with_video(group)) is not None
    ]
    if not figures:
      return Markup("")
    title = "Video" if len(figures) == 1 else "Videos"
    return Markup(
      element("h3", title) + element("div", *figures, class_="videos")
    )

  def _figure(self, group: grouping.Group, run: run_data.RunData) -> Markup:
    path = run.folder.trained_video
    num_bytes = path.stat().st_size
    about = f"{group.label}: {run.name}"
    if run.final_return is not None:
      about += f", whose mean return is {number(run.final_return)}"
    if self._num_bytes + num_bytes > MAX_EMBEDDED_BYTES:
      link = element("a", path.name, href=sections.href(path, self._base))
      why = (
        f" Linked, not embedded: it has {size(num_bytes)}, and with it the "
        f"page would hold more than {size(MAX_EMBEDDED_BYTES)} of videos."
      )
      return element("figure", link, element("figcaption", about, ".", why))
    self._num_bytes += num_bytes
    why = f" In the page: it has {size(num_bytes)}."
    return element(
      "figure", _player(path), element("figcaption", about, ".", why)
    )


def _best_with_video(group: grouping.Group) -> run_data.RunData | None:
  """The run of the highest final return among those that have a video."""
  having = [run for run in group.runs if run.folder.trained_video.exists()]
  lowest = float("-inf")
  return max(
    having,
    key=lambda run: lowest if run.final_return is None else run.final_return,
    default=None,
  )


def _player(path: pathlib.Path) -> Markup:
  encoded = base64.b64encode(path.read_bytes()).decode()
  return Markup(
    '<video controls muted loop playsinline preload="metadata" '
    f'src="data:video/mp4;base64,{encoded}"></video>'
  )
