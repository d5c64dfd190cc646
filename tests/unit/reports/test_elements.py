"""HTML, and numbers as they are written."""

import pytest

from agents_pipeline.reports import elements


def test_text_is_escaped_and_markup_is_not():
  inner = elements.element("b", "1 < 2")
  assert elements.element("p", "a & ", inner, class_='"x"') == (
    '<p class="&quot;x&quot;">a &amp; <b>1 &lt; 2</b></p>'
  )


def test_a_table_has_headers_of_columns_and_rows():
  found = elements.table(("what", "value"), [("<a>", 1)], "facts")
  assert '<th scope="col">what</th>' in found
  assert '<th scope="row">&lt;a&gt;</th><td>1</td>' in found
  assert 'aria-label="facts"' in found


@pytest.mark.parametrize(
  ("found", "expected"),
  [
    (elements.number(500.0), "500.0"),
    (elements.number(-9.876), "-9.88"),
    (elements.number(12345.67), "12,345.7"),
    (elements.number(None), "\u2013"),
    (elements.interval((1.0, 20.0)), "1.00 to 20.0"),
    (elements.interval(None), "\u2013"),
    (elements.whole(1234.5), "1,234"),
    (elements.size(12), "1 kB"),
    (elements.size(84_273), "84 kB"),
    (elements.size(5_120_000), "5.1 MB"),
    (elements.duration(119.4), "119 s"),
    (elements.duration(3600), "60 min"),
    (elements.duration(9000), "2.5 h"),
  ],
)
def test_numbers_as_readers_want_them(found, expected):
  assert found == expected
