"""Results and flags of a binary, refused or lost in one line."""

import pytest

from agents_pipeline import errors
from agents_pipeline.apps import command_line


def test_a_lost_result_is_an_error(shell):
  result = "command_line.print_result('42')"
  code, _, err = shell(result, "$APP >/dev/full")
  assert code == 1
  assert err.splitlines()[-1] == (
    "error: standard output cannot be written: No space left on device"
  )
  assert shell(result, "$APP >&- 2>&-")[0] == 7
  line = "$APP 2>&- | true; exit ${PIPESTATUS[0]}"
  assert shell(result, line)[0] == 7


def test_arguments_that_are_not_text_are_rejected_in_one_line(shell, tmp_path):
  (tmp_path / "flags").write_bytes(b"--v=\xff")
  for line in (r"$APP --v=$'\xff'", r"$APP $'r\xe9sultat'"):
    code, _, err = shell("pass", line)
    assert code == 2 and len(err.splitlines()) == 1, err
    assert err.endswith("': expected utf-8 text\n")
  code, _, err = shell("pass", "$APP --flagfile=flags")
  assert code == 2 and len(err.splitlines()) == 1, err


def test_errors_are_a_line_of_printable_letters_and_an_exit_code(shell):
  for raised, code, line in (
    ("errors.UserError('a\\tb\\nmore')", 2, "error: a\\tb"),
    ("errors.RunError('it failed')", 1, "error: it failed"),
    ("OSError(28, 'full')", 1, "error: [Errno 28] full"),
  ):
    found, _, err = shell(f"raise {raised}", "$APP >&-")
    assert (found, err.splitlines()[-1]) == (code, line)


@pytest.mark.parametrize(
  ("name", "expected"),
  [
    ("there", "='{folder}/there' exists; expected a new name"),
    ("file/x", "='{folder}/file/x' cannot be written"),
    ("x" * 250, "File name too long"),  # with what comes before it, at first
  ],
)
def test_an_output_that_cannot_be_written_is_rejected_first(
  name, expected, tmp_path
):
  (tmp_path / "there").mkdir()
  (tmp_path / "file").touch()
  with pytest.raises(errors.UserError) as caught:
    command_line.check_writable("--output", tmp_path / name)
  assert expected.format(folder=tmp_path) in str(caught.value)
  command_line.check_writable("--output", tmp_path / "new" / "one")
  command_line.check_writable("--output", None)
