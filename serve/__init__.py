"""The REST runtime: codecs, batching, workers, metrics and health."""
