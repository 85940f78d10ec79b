-- What the back office asks for every morning.
SELECT id, number
FROM orders
WHERE customer_id NOT IN (SELECT blocked_id FROM complaints);

SELECT id, email FROM customers WHERE id IN (SELECT DISTINCT customer_id FROM orders);

SELECT id, cents FROM orders WHERE created::date = '2026-01-31';

SELECT id, title FROM articles ORDER BY id LIMIT 50 OFFSET 5000;
