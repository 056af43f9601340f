"""Bootstraps, proves and recovers Docker Swarms with encrypted overlay networks, over SSH."""

__version__ = "0.1.0"
