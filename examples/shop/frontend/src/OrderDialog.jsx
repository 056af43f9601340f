import { useEffect, useRef, useState } from 'react';
import { newKey, postOrder } from './api.js';
import { Picture } from './art.jsx';
import { money } from './format.js';

const MOST = 99;

export function OrderDialog({ product, onClose, onPlaced }) {
  const dialog = useRef(null);
  const [quantity, setQuantity] = useState('1');
  const [customer, setCustomer] = useState('');
  const [sending, setSending] = useState(false);
  const [error, setError] = useState(null);
  const [key, setKey] = useState(newKey);

  useEffect(() => dialog.current.showModal(), []);

  // A changed order is another order, and gets another key; the same one sent again is not bought twice.
  function change(set) {
    return (event) => {
      set(event.target.value);
      setKey(newKey());
    };
  }

  async function submit(event) {
    event.preventDefault();
    setSending(true);
    setError(null);
    try {
      onPlaced(await postOrder({ product_id: product.id, quantity: Number(quantity), customer }, key));
    } catch (failure) {
      setError(failure.message);
      setSending(false);
    }
  }

  const total = Number.isInteger(Number(quantity)) ? Number(quantity) * product.price_cents : 0;
  return (
    <dialog ref={dialog} onClose={onClose} aria-labelledby="dialog-title" data-testid="order-dialog">
      <form onSubmit={submit}>
        <div className="chosen">
          <div className={`tile tint-${product.id % 4}`}>
            <Picture art={product.art} />
          </div>
          <div>
            <h2 id="dialog-title">{product.name}</h2>
            <p>{money(product.price_cents)} each, {product.stock} in stock</p>
          </div>
        </div>
        <div className="fields">
          <label>
            Quantity
            <input
              type="number" inputMode="numeric" min="1" max={Math.min(product.stock, MOST)} step="1" required
              value={quantity} onChange={change(setQuantity)} data-testid="order-quantity"
            />
          </label>
          <label>
            Your name
            <input
              type="text" autoComplete="name" maxLength="80" required pattern=".*\S.*" title="a name"
              value={customer} onChange={change(setCustomer)} data-testid="order-customer"
            />
          </label>
        </div>
        {error && <p className="message bad" role="alert" data-testid="order-error">{error}</p>}
        <div className="actions">
          <button type="button" className="quiet" onClick={() => dialog.current.close()} data-testid="order-cancel">Cancel</button>
          <button type="submit" disabled={sending} data-testid="order-submit">
            {sending ? 'Ordering…' : `Order for ${money(total)}`}
          </button>
        </div>
      </form>
    </dialog>
  );
}
