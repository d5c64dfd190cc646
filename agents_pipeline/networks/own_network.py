"""A network of a user's own: made, and checked.

`DqnConfig.network = @my_module.make_network` names a function

  make_network(observation_spec, action_spec, **network_arguments)

  observation_spec: `tf.TensorSpec` of what the layer is called with, without
    the batch: float32; of a Dict or Tuple observation one for each of its keys.
  action_spec: TF-Agents' `BoundedTensorSpec` of one action; whole numbers are
    from 0 to `action_spec.maximum`.
  returns: a Keras layer or model, a new one at every call. It is called with
    [B, ...] of the spec, or a dict of these.

What cannot be resumed, saved or served is refused before a run begins.
"""

import re
import traceback
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from agents_pipeline import errors
from agents_pipeline.config import schema
from agents_pipeline.networks import own_function

# Operations, by their names in a graph.
_RANDOM = re.compile(
  r"Random\w+|Rng\w+|Multinomial|(Parameterized)?TruncatedNormal"
  r"|Stateful(Uniform|StandardNormal|TruncatedNormal|Random)\w*"
)
_PYTHON = re.compile(r"(Eager)?PyFunc\w*")
_ASSIGNS = re.compile(r"Assign\w*Op|Resource(Scatter|Apply)\w+")


class RequiredOutput(NamedTuple):
  """The output that a user's network must have.

  Attributes:
    shape: the shape without the batch; None is any number.
    meaning: what the output means, in words.
    may_train_statistics: whether the network may change variables of its own
      while it trains, as batch normalization does.
  """

  shape: tuple[int | None, ...]
  meaning: str
  may_train_statistics: bool


class OwnNetwork(tf.keras.layers.Layer):
  """Calls the layer that a user's function made, and checks what it gives."""

  def __init__(
    self,
    config: schema.AgentConfig,
    observation_spec: Any,
    action_spec: Any,
    required: RequiredOutput,
    name: str = "own_network",
  ):
    """Calls the function; `check` tells whether its layer can be used.

    Args:
      config: the configuration that names the function.
      observation_spec: the spec of an encoded observation,
        `encoding.Encoder.output_spec`.
      action_spec: the spec of one action.
      required: the output that its layer must have.
      name: the name of the layer.

    Raises:
      UserError: there is no such function, or it returns no layer.
    """
    super().__init__(name=name)
    self._config = config
    self._spec = observation_spec
    self._required = required
    function = own_function.load(config)
    try:
      made = function(observation_spec, action_spec, **config.network_arguments)
    except own_function.USER_CODE_ERRORS as error:
      raise self._error(
        f"it raised {own_function.described(error)}", error
      ) from None
    if not isinstance(made, tf.keras.layers.Layer):
      hint = ""
      if type(made).__module__.startswith("keras."):
        hint = ", which is Keras 3"
      raise self._error(
        f"it returned {type(made).__module__}.{type(made).__name__}{hint}; "
        "expected a layer or model of tf_keras, such as tf.keras.Sequential"
      )
    self._made = made

  def call(
    self, leaves: Sequence[tf.Tensor], training: bool = False
  ) -> tf.Tensor:
    """Computes the network.

    Args:
      leaves: [B, ...] each, as `encoding.Encoder` gives them.
      training: whether the network trains; passed on to layers that ask for it.

    Returns:
      [B, ...] float32, as `RequiredOutput` says.
    """
    return self._made(self._inputs(leaves), training=training)

  def check(self) -> None:
    """Makes the weights, and refuses what a run could not resume or serve.

    Raises:
      UserError: a run cannot use what the layer does, or gives; the message
        names it.
    """
    self._check_output(self._in_one_line(self._made_of_zeros))
    for layer in self._made.submodules:
      if getattr(layer, "stateful", False):
        raise self._error(
          f"its layer {layer.name!r} keeps a state from one call to the next; "
          "expected stateful=False"
        )
    for variable in self.variables:
      if variable.dtype == tf.int32:
        raise self._error(
          f"its variable {variable.name!r} is of int32, which a compiled "
          "program on a GPU cannot reach; expected float32 or int64"
        )
    if self._made.losses:
      raise self._error(
        "it has a regularizer, whose loss no agent adds; expected weight_decay "
        "of the optimizer"
      )
    acting, training = self._operations(False), self._operations(True)
    for pattern, does, why, instead in (
      (
        _RANDOM,
        "draws random numbers",
        "which a run that resumes would not repeat",
        "layers without them",
      ),
      (_PYTHON, "calls Python", "which cannot be served", "TensorFlow ops"),
    ):
      if found := _first(pattern, acting | training):
        raise self._error(f"it {does} in {found!r}, {why}; expected {instead}")
    if found := _first(_ASSIGNS, acting):
      raise self._error(
        f"it changes a variable in {found!r} when it acts; expected none, such "
        "as stateful=False of a recurrent layer"
      )
    found = _first(_ASSIGNS, training)
    if found and not self._required.may_train_statistics:
      raise self._error(
        f"it changes a variable in {found!r} when it trains, and this agent "
        "trains what it acts with; expected LayerNormalization, for example, "
        "in place of BatchNormalization"
      )

  def _operations(self, training: bool) -> dict[str, str]:
    """The operations of the layer in a graph: name -> type.

    Raises:
      UserError: the layer uses variables or tables that it does not track.
    """
    spec = [
      tf.TensorSpec([None, *one.shape], one.dtype)
      for one in tf.nest.flatten(self._spec)
    ]
    function = tf.function(
      lambda *leaves: self._made(self._inputs(leaves), training=training),
      autograph=False,
    )
    traced = self._in_one_line(lambda: function.get_concrete_function(*spec))
    known = {id(variable.handle) for variable in self.variables}
    for captured in traced.captured_inputs:
      if captured.dtype == tf.resource and id(captured) not in known:
        raise self._error(
          "it uses a variable or a table that is no attribute of a layer, and "
          "so neither saved nor served; expected self.add_weight, for example"
        )
    graph = traced.graph.as_graph_def()
    nodes = list(graph.node)
    for called in graph.library.function:
      nodes += called.node_def
    return {node.name: node.op for node in nodes}

  def _made_of_zeros(self) -> Any:
    """What the layer gives for one observation of zeros."""
    zeros = tf.nest.map_structure(
      lambda one: tf.zeros([1, *one.shape], one.dtype), self._spec
    )
    return self._made(zeros, training=False)

  def _in_one_line(self, call: Callable[[], Any]) -> Any:
    """The result of a call of the layer.

    Raises:
      UserError: the layer raised.
    """
    try:
      return call()
    except own_function.USER_CODE_ERRORS as error:
      given = tf.nest.map_structure(_in_words, self._spec)
      raise self._error(
        f"its layer raised {own_function.described(error)} when called with "
        f"{given}",
        error,
      ) from None

  def _inputs(self, leaves: Sequence[tf.Tensor]) -> Any:
    """A tensor, or a dict of tensors, in the order of the spec."""
    return tf.nest.pack_sequence_as(self._spec, list(leaves))

  def _check_output(self, outputs: Any) -> None:
    """Compares the type and shape of what the layer gave."""
    shape = (1, *self._required.shape)
    expected = (
      f"expected {_sides(self._required.shape)} float32: "
      f"{self._required.meaning}"
    )
    if not isinstance(outputs, tf.Tensor):
      raise self._error(f"its layer gives {type(outputs).__name__}; {expected}")
    fits = outputs.dtype == tf.float32 and outputs.shape.rank == len(shape)
    pairs = zip(shape[1:], outputs.shape[1:], strict=False)
    if not (fits and all(side in (None, found) for side, found in pairs)):
      raise self._error(f"its layer gives {_given(outputs)}; {expected}")
    if None in outputs.shape[1:]:
      raise self._error(
        f"its layer gives {_in_words(outputs[0])}, of an unknown size; "
        f"{expected}"
      )

  def _error(
    self, text: str, raised: BaseException | None = None
  ) -> errors.UserError:
    trace = "".join(traceback.format_exception(raised)) if raised else ""
    return own_function.error_of(self._config, text, trace)


def check_apart(
  config: schema.AgentConfig,
  one: Iterable[tf.Variable],
  other: Iterable[tf.Variable],
) -> None:
  """Refuses two networks that share weights.

  Args:
    config: the configuration that names the function that made both.
    one: the variables of one network.
    other: the variables of the other network.

  Raises:
    UserError: the function gave the same layer twice.
  """
  shared = {v.ref() for v in one} & {v.ref() for v in other}
  if shared:
    raise own_function.error_of(
      config,
      f"two calls of it share the variable {shared.pop().deref().name!r}; "
      "expected new layers at every call",
    )


def _first(pattern: re.Pattern, operations: dict[str, str]) -> str:
  """The name of the first operation of some types; "" if there is none."""
  names = (n for n, kind in operations.items() if pattern.fullmatch(kind))
  return next(names, "")


def _given(outputs: tf.Tensor) -> str:
  """Shape and type of what a layer gave for a batch of 1."""
  sides = list(outputs.shape)
  if sides[:1] != [1]:
    return f"{sides} {outputs.dtype.name} for a batch of 1"
  return f"{_sides(sides[1:])} {outputs.dtype.name}"


def _in_words(x: Any) -> str:
  """The shape [B, ...] and type of a spec or tensor [...]."""
  return f"{_sides(x.shape)} {x.dtype.name}"


def _sides(shape: Iterable[int | None]) -> str:
  sides = ("F" if side is None else str(side) for side in shape)
  return f"[{', '.join(('B', *sides))}]"
