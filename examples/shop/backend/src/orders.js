const COLUMNS = `o.id, o.product_id, p.name AS product, o.quantity, o.customer, o.total_cents, o.created_at`;
const KEY = /^[\x21-\x7e]{1,100}$/;

/** What is wrong with a POST /api/orders, as messages for its sender; none when it is right. */
export function complaints(body, key) {
  const found = [];
  const { product_id: product, quantity, customer } = body ?? {};
  if (!Number.isInteger(product) || product < 1 || product > 2_147_483_647) found.push('product_id must be the id of a product');
  if (!Number.isInteger(quantity) || quantity < 1 || quantity > 99) found.push('quantity must be a whole number from 1 to 99');
  if (typeof customer !== 'string' || !customer.trim() || customer.trim().length > 80 || /\p{Cc}/u.test(customer)) {
    found.push('customer must be a name of 1 to 80 characters');
  }
  if (key !== undefined && !KEY.test(key)) found.push('Idempotency-Key must be 1 to 100 visible ASCII characters');
  return found;
}

export async function listOrders(pool) {
  const { rows } = await pool.query(
    `SELECT ${COLUMNS} FROM orders o JOIN products p ON p.id = o.product_id ORDER BY o.id DESC LIMIT 50`,
  );
  return rows;
}

/**
 * Takes the stock and writes the order in one transaction.
 * Returns { status, order } or { status, error }; a key that was seen before returns the order it made.
 */
export async function placeOrder(pool, { product_id: product, quantity, customer }, key) {
  const client = await pool.connect();
  let broken;
  try {
    await client.query('BEGIN');
    const answer = await writeOrder(client, product, quantity, customer.trim(), key ?? null);
    await client.query(answer.error ? 'ROLLBACK' : 'COMMIT');
    return answer;
  } catch (error) {
    broken = error;
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  } finally {
    client.release(broken);
  }
}

async function writeOrder(client, product, quantity, customer, key) {
  // Two requests with one key: the second waits here until the first has committed, and then finds its order.
  if (key) {
    await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [key]);
    const earlier = await findOrder(client, 'o.idempotency_key = $1', key);
    if (earlier) return sameRequest(earlier, product, quantity, customer);
  }
  const taken = await client.query(
    'UPDATE products SET stock = stock - $2 WHERE id = $1 AND stock >= $2 RETURNING price_cents',
    [product, quantity],
  );
  if (!taken.rowCount) return refusal(client, product);
  const { rows } = await client.query(
    `INSERT INTO orders (product_id, quantity, customer, total_cents, idempotency_key)
     VALUES ($1, $2, $3, $4, $5) RETURNING id`,
    [product, quantity, customer, quantity * taken.rows[0].price_cents, key],
  );
  return { status: 201, order: await findOrder(client, 'o.id = $1', rows[0].id) };
}

function sameRequest(order, product, quantity, customer) {
  if (order.product_id === product && order.quantity === quantity && order.customer === customer) {
    return { status: 200, order };
  }
  return { status: 422, error: 'this Idempotency-Key was used for another order' };
}

async function refusal(client, product) {
  const { rows } = await client.query('SELECT name, stock FROM products WHERE id = $1', [product]);
  if (!rows.length) return { status: 400, error: 'product_id must be the id of a product' };
  return { status: 409, error: `only ${rows[0].stock} of ${rows[0].name} left` };
}

async function findOrder(client, condition, value) {
  const { rows } = await client.query(
    `SELECT ${COLUMNS} FROM orders o JOIN products p ON p.id = o.product_id WHERE ${condition}`,
    [value],
  );
  return rows[0];
}
