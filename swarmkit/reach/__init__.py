"""The only way to hosts: SSH connections, engines over them, fan-out, retries."""
