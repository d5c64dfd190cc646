from benchmarks import environment_rows, environments

ROW = environment_rows.Row("a-row", "Env-v0")


def test_lines_fit_80_columns_and_lose_nothing():
  problem = "something is wrong " * 12
  for row in environment_rows.ROWS.values():
    result = environments.Result(row, 12.3, problem.strip())
    lines = environments.line(result).splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert lines[0].startswith(f"{row.name:22}   12 s")
    if row.skip is None:
      assert " ".join(" ".join(lines).split()).endswith(problem.strip())


def test_a_row_in_words():
  assert environments.Result(ROW, 1.0, "").verdict == "as it should be"
  assert environments.Result(ROW, 1.0, "no").verdict == "no"


def test_a_row_that_is_left_out_says_why(tmp_path):
  row = environment_rows.Row("a-row", "Env-v0", skip="no such package")
  result = environments.run(row, tmp_path)
  assert result.verdict == "left out: no such package"
  assert not result.problem and not [*tmp_path.iterdir()]


def test_a_row_begins_in_an_empty_folder(tmp_path, monkeypatch):
  (tmp_path / "a-row").mkdir()
  (tmp_path / "a-row" / "old").touch()
  monkeypatch.setattr(
    environments.environment_checks,
    "problem_of",
    lambda row, folder: f"{folder}/run: {[*folder.iterdir()]}",
  )
  assert environments.run(ROW, tmp_path).problem == "run: []"
