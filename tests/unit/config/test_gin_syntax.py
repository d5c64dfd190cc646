"""What gin texts bind, import and include, before gin reads them."""

import pytest

from agents_pipeline import errors
from agents_pipeline.config import gin_syntax


@pytest.fixture
def parse(tmp_path, monkeypatch):
  """Parses a text in a folder with these files."""
  monkeypatch.chdir(tmp_path)

  def parse(text, **files):
    for name, content in files.items():
      (tmp_path / f"{name}.gin").write_text(content)
    statements = gin_syntax.Statements()
    statements.parse("the flag", text)
    return statements

  return parse


def test_bindings_are_in_the_order_in_which_gin_makes_them(parse):
  """Those of a file are where it is included, and end before the text does."""
  found = parse(
    "A.one = 1\ninclude 'more.gin'\ns/A.one = @t/B()\nmine = 5",
    more="import os\nA.two = [%mine, @C]",
  )
  assert [
    (b.where, b.name, repr(b.value), b.until) for b in found.bindings
  ] == [
    ("the flag", "A.one", "1", 4),
    ("more.gin", "A.two", "[%mine, @C]", 2),
    ("the flag", "s/A.one", "@t/B()", 4),
    ("the flag", "mine", "5", 4),
  ]
  assert found.macros == {"mine"}
  assert found.imports == [("more.gin", "os")]


def test_files_that_include_themselves_are_rejected(parse):
  with pytest.raises(errors.UserError) as caught:
    parse("include 'a.gin'", a="include 'b.gin'", b="include 'a.gin'")
  assert str(caught.value) == (
    "b.gin includes 'a.gin', which includes it in turn; expected files that do "
    "not include themselves"
  )


def test_a_missing_file_is_reported_with_the_nearest_name(parse):
  with pytest.raises(errors.UserError) as caught:
    parse("include 'mor.gin'", more="")
  assert str(caught.value) == (
    "the flag includes 'mor.gin', which does not exist in the folder that this "
    "runs in; did you mean 'more.gin'?"
  )
