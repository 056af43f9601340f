"""The engines of hosts: stopped and started by scripts, upgraded, waited for."""
