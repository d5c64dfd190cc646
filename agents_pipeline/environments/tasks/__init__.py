"""The project's own tasks, as gymnasium environments."""
