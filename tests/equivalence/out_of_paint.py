"""FlappyBall, of which the second video fails. Without TensorFlow."""

import pathlib

from agents_pipeline.environments.tasks import flappy_ball


class OutOfPaint(flappy_ball.FlappyBall):
  """Counts its videos in a file: each is drawn in a process of its own."""

  def __init__(self, render_mode=None, counter=""):
    super().__init__(render_mode)
    self._counter = pathlib.Path(counter)
    if render_mode == "rgb_array":
      with self._counter.open("a") as file:
        file.write("x")

  def render(self):
    if self.num_steps == 3 and self._counter.read_text() == "xx":
      raise RuntimeError("out of paint\nand of brushes")
    return super().render()
