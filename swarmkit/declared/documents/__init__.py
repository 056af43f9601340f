"""YAML and JSON files as trees that know where each value was written; complaints, and values in their units."""
