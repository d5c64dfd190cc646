"""Whatever is typed: a run, or one line. Never a traceback."""

import dataclasses
import pathlib

import gin
import hypothesis
import pytest
from hypothesis import strategies as st

from agents_pipeline import errors
from agents_pipeline.config import fields, gin_files, schema

ROOT = pathlib.Path(__file__).parents[2]

ENOUGH = [
  "Experiment.agent = @DqnConfig()",
  "EnvironmentConfig.name = 'CartPole-v1'",
  "TrainingConfig.num_env_steps = 2_000",
]
CLASSES = fields.CLASSES
FIELDS = [
  f"{name}.{field.name}"
  for name, kind in CLASSES.items()
  for field in dataclasses.fields(kind)
]

several = hypothesis.settings(
  max_examples=300, deadline=None, derandomize=True, database=None,
  suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)  # fmt: skip
few = hypothesis.settings(several, max_examples=60)

literals = st.recursive(
  st.none()
  | st.booleans()
  | st.integers()
  | st.integers(-3, 3)
  | st.floats()
  | st.text(max_size=8)
  | st.binary(max_size=4),
  lambda inner: (
    st.lists(inner, max_size=4)
    | st.lists(inner, max_size=4).map(tuple)
    | st.dictionaries(st.text(max_size=4), inner, max_size=2)
  ),
  max_leaves=5,
).map(repr)
references = st.sampled_from(sorted(CLASSES)).flatmap(
  lambda name: st.sampled_from([f"@{name}()", f"@{name}", f"%{name}", name])
)
values = literals | references | st.text(max_size=12)
names = st.sampled_from(FIELDS) | st.sampled_from(FIELDS).flatmap(
  # One letter left out.
  lambda name: st.integers(0, len(name) - 1).map(
    lambda i: name[:i] + name[i + 1 :]
  )
)
bindings = (
  st.tuples(names, values).map(" = ".join)
  | st.text(max_size=30)
  | st.text("@%()[]{}=.:/'\"#\\\n ab1", max_size=20)
)


def loads(texts):
  """Loads an experiment; returns it, or the one line that refuses it."""
  gin.clear_config()
  try:
    found = gin_files.load_experiment([], texts)
  except errors.UserError as error:
    assert "\n" not in str(error) and str(error).strip()
    assert len(str(error)) < 2000
    return None
  assert isinstance(found, schema.Experiment)
  return found


@several
@hypothesis.given(st.lists(bindings, min_size=1, max_size=3))
def test_bindings_are_an_experiment_or_rejected_in_one_line(texts):
  found = loads(ENOUGH + texts)
  if found is not None:
    # What is accepted is written to config.gin, and gives the same again.
    assert loads([gin_files.to_text(found)]) == found


@several
@hypothesis.given(st.binary(max_size=60) | st.text(max_size=60))
def test_files_are_an_experiment_or_rejected_in_one_line(tmp_path, content):
  file = tmp_path / "some.gin"
  file.write_bytes(content if isinstance(content, bytes) else content.encode())
  gin.clear_config()
  with pytest.raises(errors.UserError) as caught:
    gin_files.load_experiment([file])
  assert "\n" not in str(caught.value)


FLAGS = {
  "train": ["root_dir", "gin_file", "gin_bindings", "seed", "device",
            "overwrite", "allow_gin_imports"],
  "evaluate": ["policy_dir", "environment", "num_episodes", "seed", "output"],
  "record_video": ["policy_dir", "random_policy", "environment", "num_episodes",
                   "seed", "captions", "output"],
  "export_policy": ["root_dir", "checkpoint", "policy_dir"],
}  # fmt: skip
# No process can be given a zero, and no half of a pair.
words = st.text(
  st.characters(exclude_characters="\0", exclude_categories=["Cs"]),
  max_size=12,
)
flag_values = (
  words
  | st.integers().map(str)
  | st.sampled_from(["/dev/null", "configs/dqn_cartpole.gin", "CartPole-v1"])
)


@st.composite
def typed(draw):
  """An app and its flags."""
  app = draw(st.sampled_from(sorted(FLAGS)))
  flag = st.sampled_from(FLAGS[app]) | words
  with_value = st.tuples(flag, flag_values).map(lambda f: f"--{f[0]}={f[1]}")
  alone = flag.map("--{}".format) | words
  return app, draw(st.lists(with_value | alone, max_size=5))


@pytest.mark.slow
@few
@hypothesis.given(typed())
def test_flags_are_accepted_or_rejected_in_one_line(starting, tmp_path, what):
  app, flags = what
  hypothesis.assume(not any(f.lstrip("-").startswith("help") for f in flags))
  code, _, err = starting.run_app(
    app,
    flags,
    tmp_path,
    replaced=["agents_pipeline.runs.training_run:train"],
  )
  assert "Traceback" not in err
  assert code in (0, 2), err
  if code == 2:
    assert err.startswith("error: ") and len(err.splitlines()) == 1, err
    assert list(tmp_path.iterdir()) == []
