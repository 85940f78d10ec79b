/* what the back office asks for; "ä" before a finding moves no column */
SELECT 'ä' AS a, * FROM orders WHERE created::date = '2026-01-31';

SELECT c.name,
       (SELECT count(*) FROM orders AS o WHERE o.customer_id = c.id) AS orders,
       coalesce((SELECT max(o.cents) FROM orders AS o
                 WHERE o.customer_id = c.id), 0) AS highest
FROM customers AS c
WHERE lower(c.email) LIKE '%@example.org'
ORDER BY c.name
LIMIT 20 OFFSET 40;

WITH paid AS (SELECT id, cents FROM orders WHERE state = 'paid')
SELECT * FROM paid;

SELECT DISTINCT c.id FROM customers AS c JOIN orders AS o ON o.customer_id = c.id;
SELECT id FROM customers WHERE id NOT IN (SELECT customer_id FROM orders);
SELECT id FROM customers WHERE id IN (SELECT DISTINCT customer_id FROM orders);
SELECT state, count(*) FROM orders GROUP BY state HAVING state <> 'void';
SELECT id FROM customers AS c WHERE (SELECT count(*) FROM orders AS o WHERE o.customer_id = c.id) > 0;
SELECT a.id, b.id FROM customers AS a, customers AS b;
SELECT id FROM articles ORDER BY random() LIMIT 3;
SELECT id FROM articles ORDER BY id LIMIT $1 OFFSET $1;
SELECT id FROM articles WHERE year(created) = $1 AND state = $2;
