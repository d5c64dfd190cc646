"""The life of a run: train, log, evaluate, save, resume, finalize, export."""
