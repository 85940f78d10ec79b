-- What the back office asks for every morning.
SELECT o.id, o.number
FROM orders AS o
WHERE NOT EXISTS (SELECT 1 FROM complaints AS c WHERE c.blocked_id = o.customer_id);

SELECT id, email FROM customers WHERE id IN (SELECT customer_id FROM orders);

SELECT id, cents FROM orders WHERE created >= '2026-01-31' AND created < '2026-02-01';

SELECT id, title FROM articles WHERE id > 5000 ORDER BY id LIMIT 50;
