"""`swarmkit rehearse` and `swarmkit backup verify --in-lab`: recovery on a lab twin, which no real host sees."""
