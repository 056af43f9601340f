"""Single containers on one host: what `swarmkit run` wishes, plans and starts."""
