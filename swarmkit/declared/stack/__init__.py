"""Stack files: the Compose format to typed services, networks, secrets, configs and volumes."""
