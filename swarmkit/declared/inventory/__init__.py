"""Inventories: Ansible's layouts to typed hosts and one cluster."""
