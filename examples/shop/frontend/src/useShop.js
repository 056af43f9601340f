import { useCallback, useEffect, useState } from 'react';
import { getOrders, getProducts } from './api.js';

const REFRESH_MILLISECONDS = 10_000;

/** The shop's products and orders: null until they have been read, and read again from time to time and on request. */
export function useShop() {
  const [products, setProducts] = useState(null);
  const [orders, setOrders] = useState(null);
  const [error, setError] = useState(null);

  const refresh = useCallback(async () => {
    try {
      const [newProducts, newOrders] = await Promise.all([getProducts(), getOrders()]);
      setProducts(newProducts);
      setOrders(newOrders);
      setError(null);
    } catch (failure) {
      setError(failure.message);
    }
  }, []);

  useEffect(() => {
    refresh();
    const timer = setInterval(() => document.hidden || refresh(), REFRESH_MILLISECONDS);
    return () => clearInterval(timer);
  }, [refresh]);

  return { products, orders, error, refresh };
}
