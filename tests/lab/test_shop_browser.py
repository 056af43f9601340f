"""The shop in a real browser: its products appear, and an order placed by a click is confirmed and listed."""

from __future__ import annotations

import re
from typing import Any

import pytest
from lab.browser import browser_page, keep_picture

pytestmark = pytest.mark.lab


def open_shop(page: Any, url: str) -> None:
    """Opens the shop and waits until its products are there."""
    page.goto(url)
    page.get_by_test_id("product").first.wait_for()


def stock_of(page: Any, product_id: int) -> int:
    stock = page.locator(f'[data-product-id="{product_id}"]').get_by_test_id("stock")
    return int(stock.get_attribute("data-stock"))


def place_order(page: Any, *, product_id: int, quantity: int, customer: str) -> int:
    """Orders by clicks and keys, as a customer does; returns the number of the confirmed order."""
    page.locator(f'[data-product-id="{product_id}"]').get_by_test_id("order-button").click()
    page.get_by_test_id("order-quantity").fill(str(quantity))
    page.get_by_test_id("order-customer").fill(customer)
    page.get_by_test_id("order-submit").click()
    confirmation = page.get_by_test_id("confirmation")
    confirmation.wait_for()
    return int(confirmation.get_attribute("data-order-id"))


def test_products_appear_and_an_order_by_click_is_confirmed(shop_url: str) -> None:
    complaints: list[str] = []
    with browser_page() as page:
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        open_shop(page, shop_url)
        assert page.get_by_test_id("product").count() == 12
        prices = page.get_by_test_id("price").all_text_contents()
        assert all(re.fullmatch(r"€\d+\.\d\d", price) for price in prices), prices
        before = stock_of(page, 3)

        number = place_order(page, product_id=3, quantity=2, customer="Grace Hopper")

        confirmation = page.get_by_test_id("confirmation").text_content()
        assert "Grace Hopper" in confirmation
        assert "2 × Logbook" in confirmation
        row = page.locator(f'[data-testid="order"][data-order-id="{number}"]')
        row.wait_for()
        assert "Grace Hopper" in row.text_content()
        assert stock_of(page, 3) == before - 2
        keep_picture(page, "shop")
    assert complaints == []


def test_an_order_for_more_than_the_stock_is_refused_and_explained(shop_url: str) -> None:
    with browser_page() as page:
        open_shop(page, shop_url)
        page.locator('[data-product-id="10"]').get_by_test_id("order-button").click()
        # The field's own limit is taken away: the refusal has to come from the backend.
        page.get_by_test_id("order-quantity").evaluate("field => field.removeAttribute('max')")
        page.get_by_test_id("order-quantity").fill("99")
        page.get_by_test_id("order-customer").fill("Grace Hopper")
        page.get_by_test_id("order-submit").click()
        refusal = page.get_by_test_id("order-error")
        refusal.wait_for()
        assert re.search(r"only \d+ of Signal kite left", refusal.text_content())


@pytest.mark.parametrize(
    ("name", "context"),
    [
        ("shop-dark", {"color_scheme": "dark"}),
        ("shop-phone", {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2}),
    ],
)
def test_the_page_fits_its_screen(shop_url: str, name: str, context: dict[str, Any]) -> None:
    with browser_page(**context) as page:
        open_shop(page, shop_url)
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert overflow == 0
        keep_picture(page, name)
