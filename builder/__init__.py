"""From a model to a container image: plan, layers, engine or no engine, registry."""
