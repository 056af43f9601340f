"""Stand-ins for hosts: engines that share one swarm in memory, and shells that answer the fact script."""
