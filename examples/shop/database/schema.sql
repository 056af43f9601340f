CREATE TABLE products (
    id          integer PRIMARY KEY,
    art         text    NOT NULL,
    name        text    NOT NULL UNIQUE,
    description text    NOT NULL,
    price_cents integer NOT NULL CHECK (price_cents > 0),
    stock       integer NOT NULL CHECK (stock >= 0)
);

CREATE TABLE orders (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id      integer     NOT NULL REFERENCES products,
    quantity        integer     NOT NULL CHECK (quantity > 0),
    customer        text        NOT NULL CHECK (length(customer) BETWEEN 1 AND 80),
    total_cents     bigint      NOT NULL,
    idempotency_key text        UNIQUE,
    created_at      timestamptz NOT NULL DEFAULT now()
);

-- The backend reads everything, adds orders, and takes from the stock: nothing else.
GRANT SELECT ON products, orders TO shop;
GRANT INSERT ON orders TO shop;
GRANT UPDATE (stock) ON products TO shop;
