"""Build and cache what a lab host boots: its kernel and its disk."""
