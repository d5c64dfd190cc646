"""Tables of run folders, as they are read while a run writes them."""

from agents_pipeline.files import tables


def test_whole_rows_are_read_and_others_left_out(tmp_path):
  path = tmp_path / "metrics.csv"
  assert tables.read(path) == []
  path.write_text("env_steps,loss\n0,\n10,0.5\n20,1e-3\n-3,7\n30,0.\nx,")
  assert tables.read(path) == [
    {"env_steps": 0, "loss": None},
    {"env_steps": 10, "loss": 0.5},
    {"env_steps": 20, "loss": 0.001},
    {"env_steps": -3, "loss": 7},
    {"env_steps": 30, "loss": 0.0},
  ]


def test_columns_are_those_of_the_first_line(tmp_path):
  path = tmp_path / "metrics.csv"
  path.write_text("env_steps,loss\n0,\n")
  assert tables.columns(path) == ["env_steps", "loss"]
  path.write_text("")
  assert tables.columns(path) == []
