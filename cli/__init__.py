"""The commands: names resolved, settings built, the rooms below called."""
