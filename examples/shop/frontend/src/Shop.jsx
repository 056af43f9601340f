import { useState } from 'react';
import { OrderDialog } from './OrderDialog.jsx';
import { Orders } from './Orders.jsx';
import { Products } from './Products.jsx';
import { money } from './format.js';
import { useShop } from './useShop.js';

export function Shop() {
  const { products, orders, error, refresh } = useShop();
  const [chosen, setChosen] = useState(null);
  const [placed, setPlaced] = useState(null);

  function confirm(order) {
    setChosen(null);
    setPlaced(order);
    refresh();
  }

  return (
    <>
      <header className="top">
        <a className="brand" href="/">
          <svg viewBox="0 0 32 32" aria-hidden="true">
            <path d="M4 20h24l-5 8H9zM15 3v14H6zM18 6v11h8z" fill="currentColor" />
          </svg>
          Harbour Goods
        </a>
        <a className="jump" href="#orders">
          Orders <span className="count">{orders?.length ?? '–'}</span>
        </a>
      </header>

      <main>
        <section className="hero">
          <h1>A dozen good things, kept in stock.</h1>
          <p>Useful, well made, and sent from the harbour within a day.</p>
        </section>

        <div className="messages" aria-live="polite">
          {error && (
            <p className="message bad" role="alert" data-testid="error">
              <span>{error}</span>
              <button type="button" onClick={refresh}>Try again</button>
            </p>
          )}
          {placed && (
            <p className="message good" data-testid="confirmation" data-order-id={placed.id}>
              <span>
                Thank you, {placed.customer}! Order #{placed.id}: {placed.quantity} × {placed.product}, {money(placed.total_cents)}.
              </span>
              <button type="button" aria-label="Close this message" onClick={() => setPlaced(null)}>Close</button>
            </p>
          )}
        </div>

        <Products products={products} failed={error !== null} onChoose={setChosen} />
        <Orders orders={orders} />
      </main>

      <footer>
        <p>An example shop: React behind nginx, Node.js and PostgreSQL, each on a host of its own, over one encrypted network.</p>
      </footer>

      {chosen && <OrderDialog key={chosen.id} product={chosen} onClose={() => setChosen(null)} onPlaced={confirm} />}
    </>
  );
}
