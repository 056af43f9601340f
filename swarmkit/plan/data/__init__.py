"""The data in named volumes: taken into a backup, and put back before anybody uses it."""
