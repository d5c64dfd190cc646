import imageio.v3 as iio
import numpy as np
import pytest

from agents_pipeline.config import gin_files
from benchmarks import environment_checks, environment_rows

CART_POLE = "CartPole-v1"
REFUSED = environment_rows.Row("", "CartPole-v2", refused="CartPole-v2")
LINE = "error: unknown environment 'CartPole-v2'"


@pytest.fixture
def ending(monkeypatch, tmp_path):
  """A row's problem if `train` ends so."""

  def problem(row, code, printed):
    def end(folder, module, *flags):
      return environment_checks.subprocess.CompletedProcess(
        [], code, "", printed
      )

    monkeypatch.setattr(environment_checks, "_python", end)
    return environment_checks.problem_of(row, tmp_path)

  return problem


def test_a_refused_row_wants_exit_code_2_and_one_line(ending):
  assert not ending(REFUSED, 2, f"a banner\n{LINE}\n")
  assert "got 1" in ending(REFUSED, 1, LINE)
  assert "got 0" in ending(REFUSED, 0, "")
  assert "expected 'CartPole-v2'" in ending(REFUSED, 2, "error: no")
  assert "one line" in ending(REFUSED, 2, f"{LINE}\n{LINE}")
  assert "one line" in ending(REFUSED, 2, f"Traceback (most ...\n{LINE}")


def test_a_row_that_fails_shows_the_last_line(ending):
  row = environment_rows.Row("", CART_POLE)
  assert ending(row, 1, f"...\n{LINE}") == (
    "train: exit code 1: unknown environment 'CartPole-v2'"
  )
  assert "evaluation.json" in ending(row, 0, "")


@pytest.mark.parametrize("color, is_wrong", [(None, False), (200, True)])
def test_frames_of_one_color_are_wrong(tmp_path, color, is_wrong):
  frames = np.full((4, 64, 64, 3), color or 0, np.uint8)
  if color is None:
    frames[:, :32] = 255
  iio.imwrite(tmp_path / "a.mp4", frames, plugin="FFMPEG", fps=10)
  check = environment_checks._check_video
  if is_wrong:
    with pytest.raises(Exception, match=r"a\.mp4: frame 1 is of one color"):
      check(tmp_path / "a.mp4")
  else:
    check(tmp_path / "a.mp4")


@pytest.mark.parametrize(
  "row",
  [row for row in environment_rows.ROWS.values() if row.agent],
  ids=lambda row: row.name,
)
def test_the_bindings_of_every_row_can_be_read(row):
  experiment = gin_files.load_experiment(
    [], environment_checks.bindings_of(row)
  )
  assert experiment.environment.name == row.environment
  assert experiment.training.num_env_steps == 2_000
