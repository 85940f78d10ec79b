-- The shop's first tables.
CREATE TABLE customers (
    id bigserial PRIMARY KEY,
    name text NOT NULL,
    email text NOT NULL,
    created timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE orders (
    id bigserial PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES customers (id),
    state text NOT NULL,
    cents bigint NOT NULL
);
CREATE INDEX orders_customer ON orders (customer_id);
ALTER TABLE orders ADD COLUMN channel text NOT NULL;
INSERT INTO customers (name, email) VALUES ('Ann', 'ann@example.org'), ('Zoë', 'zoë@example.org');
