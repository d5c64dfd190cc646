"""`make bench`: our iterations beside those of others, doing identical work.

DQN: CartPole-v1, one environment; 1 env step and 1 train step of a batch of 64
per iteration; a Q-network of one hidden layer of 100 units; Adam; a buffer of
100,000 rows. Beside the loop of TF-Agents' tutorial.

A2C: CartPole-v1, 16 environments; rollouts of 5 steps; two separate networks of
two 64-unit tanh layers; RMSprop; gradients clipped to norm 0.5. Beside
Stable-Baselines3.

python -m benchmarks.throughput [--rounds=5] [--output=FILE.json]
"""

import pathlib

from absl import flags

from agents_pipeline.apps import command_line

_ROUNDS = flags.DEFINE_integer(
  "rounds", 5, "Turns of each side.", lower_bound=1
)
_OUTPUT = flags.DEFINE_string("output", None, "A JSON file to write as well.")


def main() -> int:
  """Measures, prints the tables, and returns the exit code."""
  with command_line.quiet_imports():
    from agents_pipeline.records import run_record
    from benchmarks import interleaved, our_loop, stable_baselines, textbook
  side = interleaved.Side
  found = {}

  command_line.say("DQN")
  found["dqn"] = interleaved.measure(
    {
      "textbook TF-Agents loop": side(textbook.TextbookLoop().run, 200),
      "this pipeline, tensor CartPole": side(
        our_loop.DqnLoop("tensor").run, 40_000
      ),
      "this pipeline, gymnasium's CartPole": side(
        our_loop.DqnLoop("gymnasium").run, 2_000
      ),
    },
    "textbook TF-Agents loop",
    _ROUNDS.value,
  )
  interleaved.show(found["dqn"], "iterations/s", "the textbook")

  command_line.say("A2C")
  vectorized = "EnvironmentConfig.vectorization = 'vector_entry_point'"
  found["a2c"] = interleaved.measure(
    {
      "Stable-Baselines3": side(
        stable_baselines.StableBaselinesA2c().run, 40_000
      ),
      "this pipeline, tensor CartPole": side(
        our_loop.A2cLoop("tensor").run, 1_600_000
      ),
      "this pipeline, gymnasium's CartPole": side(
        our_loop.A2cLoop("gymnasium").run, 80_000
      ),
      "  the same, its vector version": side(
        our_loop.A2cLoop("gymnasium", vectorized).run, 80_000
      ),
    },
    "Stable-Baselines3",
    _ROUNDS.value,
  )
  interleaved.show(found["a2c"], "env steps/s", "SB3")
  if _OUTPUT.value:
    run_record.write_json(pathlib.Path(_OUTPUT.value), found)
  return command_line.DONE


if __name__ == "__main__":
  command_line.run(main)
