"""Fixtures of the lab's tests; see shop_lab.py and doctored.py; spare_lab is in tests/conftest.py."""

from lab.doctored import found_steady, steady_inventory
from lab.shop_lab import deployed_shop, images, lab, shop_url

__all__ = ["deployed_shop", "found_steady", "images", "lab", "shop_url", "steady_inventory"]
