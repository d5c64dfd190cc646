"""What environments to train on are made of: a module for each backend.

Each has `supports(config)`, whether 'auto' may choose it, `ON_DEVICE`, whether
its environments run inside a compiled program, and `make`. They are tried in
the order of `schema.BACKENDS`, where a new one gets its name, before
'gymnasium', which supports every environment.
"""
