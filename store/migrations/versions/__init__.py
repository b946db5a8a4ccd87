"""The changes of the schema, each a module of its own; those that were released never change."""
