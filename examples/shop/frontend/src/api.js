async function answer(response) {
  const body = await response.json().catch(() => null);
  if (!response.ok) throw new Error(body?.error ?? `The shop answered with status ${response.status}.`);
  return body;
}

async function ask(path, options) {
  try {
    return await answer(await fetch(path, { signal: AbortSignal.timeout(15_000), ...options }));
  } catch (error) {
    if (error instanceof TypeError || error.name === 'TimeoutError') throw new Error('The shop cannot be reached. Is the network up?');
    throw error;
  }
}

export const getProducts = () => ask('/api/products');
export const getOrders = () => ask('/api/orders');

/** The key makes a repeated order the same order: a retry after a lost answer buys nothing twice. */
export const postOrder = (order, key) =>
  ask('/api/orders', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'Idempotency-Key': key },
    body: JSON.stringify(order),
  });

/** crypto.randomUUID exists only on https and localhost; the shop is also served on plain addresses. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
