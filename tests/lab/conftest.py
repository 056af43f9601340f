"""Fixtures of the lab's tests; see shop_lab.py and spare_lab.py."""

from lab.shop_lab import deployed_shop, images, lab, shop_url
from lab.spare_lab import spare_lab

__all__ = ["deployed_shop", "images", "lab", "shop_url", "spare_lab"]
