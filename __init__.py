"""Packaged models put to work: served over REST, scored in batches, built into images."""
