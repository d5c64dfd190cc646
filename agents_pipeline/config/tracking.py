"""Where runs are tracked: the choices of `TrackingConfig.sinks`.

What each of them does is in runs/sinks/, in a file of its name.
"""

from agents_pipeline.config import fields


class Tracker:
  """Base of the choices: a service that keeps runs, to compare them."""


@fields.config
class Mlflow(Tracker):
  """MLflow: a server, or a database of its own.

  Attributes:
    experiment: the experiment that the run becomes part of; made where it is
      missing.
    tracking_uri: the address of a server ('http://127.0.0.1:5000') or of a
      database ('sqlite:///mlflow.db'). None: MLFLOW_TRACKING_URI, else MLflow's
      default.
    tags: the tags of the run, by name, to search for.
  """

  experiment: str = fields.name("agents_pipeline")
  tracking_uri: str | None = fields.text(None, optional=True)
  tags: dict = fields.texts_by_key()


@fields.config
class WandB(Tracker):
  """Weights & Biases.

  Attributes:
    project: the project that the run becomes part of; made where it is missing.
    entity: the user or team that has the project; None is your default.
    mode: 'offline' writes to the run folder alone; `wandb sync` uploads it.
    tags: the tags of the run, to search for.
  """

  project: str = fields.name("agents_pipeline")
  entity: str | None = fields.text(None, optional=True)
  mode: str = fields.choice("online", "offline")
  tags: tuple[str, ...] = fields.texts()


@fields.config
class TrackingConfig:
  """Which services get the results; the run folder has them in any case.

  Attributes:
    sinks: the services, such as (@Mlflow(), @WandB()). Each needs its package,
      gets the rows of metrics.csv after every checkpoint, and never ends the
      run.
  """

  sinks: tuple[Tracker, ...] = fields.components(Tracker)
