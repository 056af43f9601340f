"""The pure planner and the operations it plans."""
