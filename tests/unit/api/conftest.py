"""One finished run, for all that reads runs."""

import pytest
import small_runs

import agents_pipeline

BINDINGS = [
  *small_runs.bindings("dqn", "FlappyBall-v0", num_env_steps=60),
  "DqnConfig.gamma = 0.75",
]


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
  """A gin file, and the run of it with seed 3."""
  folder = tmp_path_factory.mktemp("api")
  gin_file = folder / "my.gin"
  gin_file.write_text("\n".join(BINDINGS))
  run = agents_pipeline.train(
    gin_file, str(folder / "runs" / "first"), seed=3, device="cpu"
  )
  return gin_file, run
