import { Picture } from './art.jsx';
import { money } from './format.js';

const LOW_STOCK = 5;

export function Products({ products, failed, onChoose }) {
  return (
    <section aria-labelledby="products-title" aria-busy={products === null}>
      <h2 id="products-title">Products</h2>
      {products === null && !failed && <Waiting />}
      {products?.length === 0 && <p className="empty" data-testid="no-products">The shelves are empty today.</p>}
      <ul className="grid">
        {products?.map((product) => (
          <Product key={product.id} product={product} onChoose={() => onChoose(product)} />
        ))}
      </ul>
    </section>
  );
}

function Product({ product, onChoose }) {
  const gone = product.stock === 0;
  return (
    <li className="card" data-testid="product" data-product-id={product.id}>
      <div className={`tile tint-${product.id % 4}`}>
        <Picture art={product.art} />
      </div>
      <div className="text">
        <h3>{product.name}</h3>
        <p>{product.description}</p>
      </div>
      <div className="buy">
        <span className="price" data-testid="price">{money(product.price_cents)}</span>
        <button type="button" disabled={gone} onClick={onChoose} data-testid="order-button" aria-label={`Order ${product.name}`}>
          Order
        </button>
        <Stock left={product.stock} />
      </div>
    </li>
  );
}

function Stock({ left }) {
  const [look, words] = left === 0 ? ['gone', 'Sold out'] : left <= LOW_STOCK ? ['low', `Only ${left} left`] : ['many', `${left} in stock`];
  return <span className={`stock ${look}`} data-testid="stock" data-stock={left}>{words}</span>;
}

function Waiting() {
  return (
    <>
      <p className="hidden" role="status" data-testid="loading">Loading products</p>
      <ul className="grid" aria-hidden="true">
        {Array.from({ length: 8 }, (_, index) => <li key={index} className="card waiting" />)}
      </ul>
    </>
  );
}
