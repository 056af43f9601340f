import { useEffect, useState } from 'react';
import { getProducts } from './api.js';

export function Shop() {
  const [products, setProducts] = useState([]);
  useEffect(() => { getProducts().then(setProducts); }, []);
  return <ul>{products.map((p) => <li key={p.id} data-testid="product">{p.name}</li>)}</ul>;
}
