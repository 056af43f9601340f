import { money, when } from './format.js';

export function Orders({ orders }) {
  return (
    <section id="orders" aria-labelledby="orders-title">
      <h2 id="orders-title">Latest orders</h2>
      {orders?.length === 0 && <p className="empty" data-testid="no-orders">No orders yet. Yours could be the first.</p>}
      {orders?.length > 0 && (
        <ol className="orders" data-testid="orders">
          {orders.map((order) => (
            <li key={order.id} data-testid="order" data-order-id={order.id}>
              <span className="number">#{order.id}</span>
              <span className="what">
                <strong>{order.quantity} × {order.product}</strong> for {order.customer}
              </span>
              <time dateTime={order.created_at}>{when(order.created_at)}</time>
              <span className="price">{money(order.total_cents)}</span>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
