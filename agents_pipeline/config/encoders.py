"""How the keys of a Dict observation reach the network."""

from agents_pipeline.config import fields

# Names of what is observed: an array, or the leaves of a Dict
# (`observation/image`), and the int8 [B, A] of which actions are allowed.
OBSERVATION, ACTION_MASK = "observation", "action_mask"

CONVOLUTIONS, FLAT, DROPPED = "convolutions", "flat", "dropped"


@fields.config
class ObservationEncoder:
  """How each key of a Dict or Tuple observation is encoded.

  By default images go through the agent's convolutions; numbers are scaled or
  one-hot encoded, and joined to what comes out of the convolutions.

  Attributes:
    keys: the encoding of some keys instead: {'camera': 'flat', 'mission':
      'dropped'}. A key within a key is 'goal/position'; the keys of a Tuple are
      '0', '1' and so on. A dropped key is neither stored nor served.
  """

  keys: dict = fields.choice_by_key(CONVOLUTIONS, FLAT, DROPPED)
