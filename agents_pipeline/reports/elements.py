"""Elements of HTML, and numbers as readers want them."""

import html
from collections.abc import Sequence

NOTHING = "\u2013"  # a dash, where there is no value


class Markup(str):
  """HTML that is inserted as it is; any other text is escaped."""


def text(content: object) -> str:
  """Content as HTML: markup as it is, other text escaped."""
  if isinstance(content, Markup):
    return content
  return html.escape(str(content))


def element(tag: str, *contents: object, **attributes: str) -> Markup:
  """An element with its contents; `class_` is the attribute class."""
  written = "".join(
    f' {name.rstrip("_").replace("_", "-")}="{html.escape(value)}"'
    for name, value in attributes.items()
  )
  inner = "".join(text(content) for content in contents)
  return Markup(f"<{tag}{written}>{inner}</{tag}>")


def table(
  header: Sequence[str], rows: Sequence[Sequence[object]], label: str
) -> Markup:
  """A table that scrolls sideways where the page is too narrow for it.

  Args:
    header: the header of each column.
    rows: the cells; the first of each row is its header.
    label: the name of the table, for screen readers.
  """
  head = element("tr", *(element("th", name, scope="col") for name in header))
  body = [
    element(
      "tr",
      element("th", first, scope="row"),
      *(element("td", cell) for cell in cells),
    )
    for first, *cells in rows
  ]
  written = element("table", element("thead", head), element("tbody", *body))
  return element(
    "div",
    written,
    class_="table",
    role="region",
    aria_label=label,
    tabindex="0",
  )


def details(summary: str, content: object) -> Markup:
  """Content that is shown when its summary is clicked, or printed."""
  return element("details", element("summary", summary), content)


def number(value: float | None) -> str:
  """A number with 1 digit after the point, or 2 if it is below 10."""
  if value is None:
    return NOTHING
  return f"{value:,.{2 if abs(value) < 10 else 1}f}"


def interval(bounds: Sequence[float] | None) -> str:
  """A 95 % interval in words."""
  if bounds is None:
    return NOTHING
  low, high = bounds
  return f"{number(low)} to {number(high)}"


def whole(value: float | None) -> str:
  """A number without digits after the point."""
  return NOTHING if value is None else f"{value:,.0f}"


def size(num_bytes: int) -> str:
  """Bytes as kB or MB."""
  if num_bytes < 1_000_000:
    return f"{max(num_bytes, 1_000) / 1_000:.0f} kB"
  return f"{num_bytes / 1_000_000:.1f} MB"


def duration(seconds: float) -> str:
  """Seconds as s, min or h."""
  if seconds < 120:
    return f"{seconds:.0f} s"
  if seconds < 7200:
    return f"{seconds / 60:.0f} min"
  return f"{seconds / 3600:.1f} h"
