"""Pure maths on tensors: no state, no configuration, no logging."""
