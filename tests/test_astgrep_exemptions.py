"""What the rest of an SQL file says for its statements: findings that no rule of one statement can take back."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("ast_grep_py", reason="comes with the extra 'sql'")

from flake8_aiguard.astgrep import engine, folders, rulefiles

RULES = {rule.code: rule for rule in rulefiles.packaged() if rule.language == "sql"}


def found(code: str, text: str, path: str = "report.sql") -> bool:
    return bool(engine.evaluate(text, path, "sql", [RULES[code]]))


MEANT = [
    ("AIG207", "SELECT a.id FROM a WHERE a.rank::text = ANY (ARRAY['KD'::character varying::text]);"),
    (
        "AIG211",
        "\\copy ways FROM 'w.txt'\nUPDATE ways AS w SET x = n.y FROM n JOIN m ON n.id = m.id WHERE w.id = m.w\nCREATE INDEX i ON ways (x);",
    ),
    ("AIG207", "CREATE VIEW v AS SELECT a.id FROM a WHERE a.rank::text = 'KD'::text;"),
    ("AIG209", "SELECT b.id, (SELECT at FROM a WHERE a.b = b.id ORDER BY at DESC LIMIT 1 OFFSET 1) FROM b;"),
    ("AIG214", "SELECT DISTINCT * FROM a JOIN b ON a.b = b.id;"),
    (
        "AIG217",
        (
            "CREATE FUNCTION f(x int) RETURNS void AS $$ BEGIN PERFORM 1 FROM shop.logs WHERE no = x;\nIF FOUND THEN RETURN; END IF;\n"
            "INSERT INTO shop.logs (no) VALUES (x); END $$ LANGUAGE plpgsql;"
        ),
    ),
    ("AIG202", "SELECT id FROM a WHERE source NOT IN (SELECT pk FROM sources WHERE kind = 'x');"),
    ("AIG201", "mysql> SELECT * FROM orders;\n+----+\n| id |\n+----+\n"),
    ("AIG201", "SELECT * FROM performance_schema.threads;"),
    ("AIG201", "CREATE TABLE Orders (id int);\nSELECT * FROM orders;"),
    (
        "AIG201",
        "CREATE FUNCTION paid() RETURNS SETOF orders AS $$ SELECT * FROM orders WHERE paid; $$ LANGUAGE sql;",
    ),
    (
        "AIG201",
        "COMMENT ON TABLE a IS $$it's$$;\nCREATE FUNCTION f() RETURNS orders AS $$ SELECT * FROM orders; $$;",
    ),
    ("AIG201", "INSERT INTO orders SELECT * FROM old.orders;"),
    ("AIG201", "INSERT INTO orders SELECT * FROM :schema.orders;"),
    ("AIG201", "SELECT count(*) FROM (SELECT * FROM orders LIMIT 2) AS few;"),
    ("AIG201", "with a as (select * from {{ ref('orders') }}) select id from a"),
    ("AIG202", "DELETE FROM lines WHERE order_id NOT IN (SELECT id FROM orders);"),
    ("AIG202", "DELETE FROM lines WHERE x NOT IN (SELECT order_id FROM orders);"),
    (
        "AIG202",
        "CREATE TABLE kinds (name text, PRIMARY KEY (name));\nDELETE FROM a WHERE k NOT IN (SELECT name FROM KINDS);",
    ),
    (
        "AIG204",
        "SELECT f.id, (SELECT g.name FROM frames(7) AS g WHERE g.id = f.id ORDER BY g.level LIMIT 1) FROM steps(7) AS f;",
    ),
    ("AIG205", "DELETE FROM lines;\n-- children first\nDELETE FROM orders;\nINSERT INTO kinds VALUES (1);"),
    ("AIG206", "UPDATE places SET kind = 1 WHERE name LIKE '%street';"),
    ("AIG201", "INSERT INTO orders_new SELECT * FROM orders;\nDROP TABLE orders;"),
    ("AIG215", "SELECT state, sum(cents) AS Sum_Of FROM orders GROUP BY state HAVING sum_of > 7;"),
    ("AIG215", "SELECT state, max(cents - 1) AS `top` FROM orders GROUP BY state HAVING TOP > 7;"),
    ("AIG217", "\\unset ON_ERROR_STOP\nINSERT INTO roles (name) VALUES ('clerk');"),
    ("AIG217", "\\set ON_ERROR_STOP off\nINSERT INTO roles (name) VALUES ('clerk');"),
    ("AIG217", "INSERT INTO archive SELECT id, cents FROM orders;"),
    (
        "AIG204",
        "SELECT max((SELECT count(*) FROM orders AS o WHERE o.customer_id = c.id)) FROM customers AS c;",
    ),
    (
        "AIG204",
        "SELECT (SELECT count(*) FROM orders AS o WHERE o.customer_id = c.id) FROM customers AS c WHERE c.id = $1;",
    ),
    (
        "AIG204",
        "SELECT c.id, EXISTS (SELECT 1 FROM orders AS o WHERE o.customer_id = c.id) FROM customers AS c;",
    ),
    (
        "AIG204",
        "INSERT INTO n (a) SELECT (SELECT c.name FROM customers AS c WHERE c.id = o.customer_id) FROM orders AS o;",
    ),
    ("AIG205", "UPDATE orders SET name = upper(name);"),
    ("AIG205", "UPDATE orders SET kind = CASE WHEN kind = 1 THEN 2 ELSE kind END;"),
    ("AIG205", "UPDATE orders SET total = net;"),
    ("AIG205", "UPDATE orders SET slug = lower(name), changed = now();"),
    ("AIG205", "UPDATE orders o SET total = (SELECT sum(l.cents) FROM lines AS l WHERE l.order_id = o.id);"),
    ("AIG205", "UPDATE shop.orders SET total = (SELECT sum(cents) FROM lines WHERE order_id = orders.id);"),
    ("AIG205", "CREATE TABLE orders (id int);\nDELETE FROM orders;"),
    (
        "AIG205",
        (
            "CREATE FUNCTION renew() RETURNS void LANGUAGE sql BEGIN ATOMIC\n"
            "UPDATE orders AS o SET total = (SELECT sum(l.cents) FROM lines AS l WHERE l.order_id = o.id);\nEND;\n"
            "CREATE FUNCTION note(p_order_id bigint) RETURNS void LANGUAGE sql BEGIN ATOMIC\nSELECT tell(p_order_id);\nEND;"
        ),
    ),
    ("AIG201", "CREATE TABLE a (id int);\nSELECT id FROM b UNION SELECT id FROM c;\nSELECT * FROM a;"),
    ("AIG201", "WITH a AS (SELECT id FROM c) SELECT id FROM b UNION SELECT * FROM a;"),
    ("AIG205", "DELETE FROM kinds;\nINSERT INTO kinds (id) VALUES (1);"),
    ("AIG217", "INSERT INTO dbversion (version) VALUES ($1);"),
    ("AIG217", "INSERT INTO app.schema_migrations (version) VALUES ($1);"),
    (
        "AIG205",
        "CREATE PROCEDURE p()\nBEGIN\nIF x THEN\nUPDATE t SET on_air = 1 WHERE id = 2;\nELSE\nUPDATE t SET on_air = 1;\nEND IF;\nEND;",
    ),
    ("AIG205", "UPDATE performance_schema.setup_consumers SET enabled = 'YES';"),
    (
        "AIG206",
        "CREATE FUNCTION f(street text) RETURNS int AS $$ SELECT id FROM places WHERE street LIKE '%' || name; $$;",
    ),
    ("AIG206", "SELECT id FROM places WHERE $1 LIKE '%' || name;"),
    ("AIG206", "SELECT id FROM places WHERE ($1 IS NULL OR name LIKE '%' || $1 || '%');"),
    (
        "AIG207",
        "CREATE FUNCTION f(day text) RETURNS int AS $$ SELECT id FROM a WHERE coalesce(day, 'x') = 'x'; $$;",
    ),
    ("AIG207", "SELECT id FROM settings WHERE name_key = 'days' AND value::numeric = 0;"),
    ("AIG207", "SELECT id FROM settings WHERE value::numeric = 0;"),
    ("AIG207", "SELECT id FROM orders WHERE id = $1 AND date(created) = $2;"),
    ("AIG211", 'CREATE TABLE Orders (id int);\nCREATE INDEX i ON "orders" (id);'),
    ("AIG211", "ALTER TABLE a ADD x bigint unsigned;\nCREATE INDEX i ON a (x);"),
    ("AIG211", "DROP INDEX a_x ON a;\nCREATE INDEX i ON a (x);"),
    ("AIG211", "ALTER TABLE a ADD PRIMARY KEY (id);\nCREATE INDEX i ON a (x);"),
    ("AIG211", "CREATE TABLE 'a' (x int);\nCREATE INDEX i ON a (x);"),
    ("AIG211", "CREATE INDEX i ON a (x);\nINSERT INTO 'notes' (x) VALUES ('a');"),
    ("AIG212", "ALTER TABLE a ADD who text NOT NULL DEFAULT SESSION_USER;"),
    ("AIG212", "ALTER TABLE a ADD x bigint unsigned NOT NULL;"),
    ("AIG212", "ALTER TABLE `a` ADD COLUMN `x` int NOT NULL AFTER `y`;"),
    ("AIG212", "ALTER TABLE a ADD COLUMN maker text NOT NULL DEFAULT 'random()';"),
    (
        "AIG217",
        "CREATE TABLE IF NOT EXISTS a (id int, KEY (id), INDEX by_id (id));\nINSERT OR IGNORE INTO b VALUES (1);\nINSERT INTO a (id) VALUES (1);",
    ),
    ("AIG212", "ALTER TABLE a ADD x bigint NOT NULL, DROP COLUMN y;"),
    ("AIG212", "ALTER TABLE a ADD COLUMN b int CHECK (b IS NOT NULL OR c < 3);"),
    ("AIG213", "CREATE TABLE A (b int);\nALTER TABLE a ADD FOREIGN KEY (b) REFERENCES c (id);"),
    ("AIG214", "SELECT id FROM a WHERE id IN (SELECT DISTINCT b.id FROM b JOIN c ON c.b = b.id);"),
    ("AIG214", "SELECT DISTINCT b.id, c.name FROM b JOIN c ON c.id = b.c;"),
    (
        "AIG214",
        "CREATE FUNCTION f() RETURNS void AS $$ DECLARE k text; BEGIN FOR k IN SELECT DISTINCT b.kind FROM b JOIN c ON c.b = b.id LOOP NULL; END LOOP; END $$ LANGUAGE plpgsql;",
    ),
    (
        "AIG214",
        "SELECT DISTINCT a.id, t.n, u.m FROM a JOIN (SELECT id, n FROM b) AS t ON t.id = a.id JOIN (SELECT id, m FROM c) u ON u.id = a.id;",
    ),
    (
        "AIG214",
        "CREATE TABLE k (id int PRIMARY KEY, kind int);\nCREATE TABLE a (k int, x int, PRIMARY KEY (k, x));\nSELECT DISTINCT a.k FROM a JOIN k ON k.id = a.k WHERE k.kind = 3;",
    ),
    ("AIG217", "INSERT INTO kinds VALUES (1), (2), (3), (4), (5);"),
    ("AIG217", "INSERT INTO a VALUES (seq.nextval, 'x');"),
    ("AIG217", "DROP TABLE IF EXISTS a;\nINSERT INTO a VALUES (1);"),
    ("AIG201", "SELECT * FROM a EXCEPT SELECT * FROM b;"),
    (
        "AIG201",
        "CREATE FUNCTION f() RETURNS int AS $$ DECLARE r a%ROWTYPE; BEGIN FOR r IN SELECT * FROM a LOOP END LOOP; END $$;",
    ),
    ("AIG201", "SELECT * FROM bdr.node_slots;"),
    (
        "AIG201",
        "WITH b AS (SELECT * EXCEPT (x) FROM a), c AS (SELECT *, 1 AS n FROM b) SELECT * EXCEPT (n) FROM c JOIN d USING (n);",
    ),
    ("AIG205", "DELETE FROM cached;\nALTER TABLE cached ADD COLUMN until text NOT NULL;"),
    ("AIG205", "DELETE FROM cached;\nDROP TABLE cached;"),
    (
        "AIG206",
        "SELECT a.id FROM a JOIN b ON b.a = a.id WHERE (a.name LIKE '%' || $1 || '%' OR b.note LIKE '%' || $2 || '%');",
    ),
    (
        "AIG207",
        "CREATE TABLE pays (id int PRIMARY KEY, made date);\nSELECT id FROM pays WHERE year(made) = 2026;",
    ),
    ("AIG211", "DROP INDEX a_x;\nCREATE UNIQUE INDEX a_x ON a (x);"),
    ("AIG211", "ALTER TABLE a ADD CHECK (x > 0);\nCREATE INDEX i ON a (x);"),
    ("AIG211", "ALTER TABLE a ALTER COLUMN x SET NOT NULL;\nCREATE INDEX i ON a (x);"),
    (
        "AIG204",
        "SELECT n.id, (SELECT s.name FROM bdr.node_summary AS s WHERE s.id = n.leader) FROM bdr.node AS n;",
    ),
    (
        "AIG204",
        "SELECT r.id, (SELECT s.name FROM bdr.node_summary AS s WHERE s.id = r.leader) FROM raft AS r;",
    ),
    ("AIG201", "BEGIN\n  PERFORM x.id FROM (SELECT * FROM orders WHERE paid) AS x;\n  RETURN FOUND;\nEND;"),
    ("AIG206", "SELECT id FROM orders WHERE customer_id = $1 AND name LIKE '%x%';"),
    ("AIG206", "SELECT id FROM orders WHERE note LIKE '%<%';"),
    (
        "AIG216",
        "SELECT CASE WHEN (SELECT count(*) FROM bad) > 0 THEN 'bad: ' || (SELECT count(*) FROM bad) END;",
    ),
    ("AIG211", "ALTER TABLE b ADD x int;--> statement-breakpoint\nCREATE INDEX i ON a (x);"),
    ("AIG210", "SELECT extract(epoch FROM r.lag) FROM bdr.node_rates AS r, bdr.local_node AS n;"),
    ("AIG201", "WITH a AS (SELECT * FROM `{{ t }}`), b AS (SELECT * FROM a WHERE x) SELECT x FROM b;"),
    (
        "AIG209",
        "DELETE FROM logs WHERE id IN (SELECT id FROM logs ORDER BY at DESC LIMIT 1000 OFFSET 500);",
    ),
    ("AIG211", "ALTER TABLE a ADD CONSTRAINT a_no UNIQUE (no);\nCREATE INDEX i ON a (x);"),
    ("AIG211", "UPDATE a SET x = lower(y);\nCREATE INDEX i ON a (x);"),
    ("AIG211", "-- SQLite runs this file, too\nCREATE INDEX i ON a (x);"),
    (
        "AIG213",
        "ALTER TABLE a ALTER b SET NOT NULL;\nALTER TABLE a ADD FOREIGN KEY (b) REFERENCES c (id);",
    ),
    ("AIG213", "ALTER TABLE a ADD COLUMN b int;\nALTER TABLE a ADD FOREIGN KEY (b) REFERENCES c (id);"),
    (
        "AIG213",
        "ALTER TABLE a ADD b int DEFAULT NULL;\nUPDATE a SET b = NULL;\nALTER TABLE a ADD FOREIGN KEY (b) REFERENCES c (id);",
    ),
    ("AIG214", "SELECT DISTINCT j.key FROM e, LATERAL jsonb_each(e.content) AS j (key, value);"),
    (
        "AIG214",
        "SELECT DISTINCT r.role, e.team FROM g JOIN e ON e.name = g.name JOIN r ON r.name = g.name;",
    ),
    ("AIG214", "SELECT DISTINCT a.id FROM a, b WHERE b.x = a.x\n\nSELECT b.id FROM b"),
    ("AIG205", "DELETE FROM [dbo].[sessions] WHERE expires < 3;"),
    (
        "AIG207",
        "SELECT o.id FROM orders AS o JOIN customers AS c ON c.id = o.buyer WHERE o.id = 3 AND year(o.made) = 2026;",
    ),
    ("AIG211", "CREATE INDEX CONCURRENTLY i ON a (x) INCLUDE (y);"),
    ("AIG211", "CREATE INDEX{% if late %} CONCURRENTLY{% endif %} i ON a (x) INCLUDE (y);"),
    ("AIG211", "CREATE TABLE :shop.a (x int, y int);\nCREATE INDEX i ON :shop.a (x) INCLUDE (y);"),
    ("AIG216", "IF (SELECT count(*) FROM a WHERE x = 1) > 5 THEN\n  DELETE FROM a WHERE x = 1;\nEND IF;"),
    (
        "AIG204",
        "SELECT c.id, (SELECT count(*) FROM orders AS o WHERE o.customer_id = c.id) FROM customers AS c LIMIT 1;",
    ),
    (
        "AIG204",
        "WITH p AS (SELECT $1::int AS id) SELECT (SELECT count(*) FROM orders AS o WHERE o.buyer = p.id) FROM p;",
    ),
    ("AIG206", "SELECT id FROM orders WHERE customer_id IN ($1, $2) AND note LIKE '%x%';"),
    (
        "AIG206",
        "CREATE TABLE a (id int, shop int);\nCREATE INDEX i ON a (shop);\nSELECT id FROM a WHERE shop = 3 AND note LIKE '%x';",
    ),
    ("AIG201", "CREATE STREAMING TABLE raw AS SELECT * FROM STREAM read_files('/in', format => 'json');"),
    ("AIG201", "WITH x AS (SELECT *, cents / 100 AS euros FROM orders) SELECT id, euros FROM x;"),
    (
        "AIG201",
        "WITH x AS (SELECT *, row_number() OVER (PARTITION BY no ORDER BY made) AS n FROM orders) SELECT * EXCEPT (n) FROM x;",
    ),
    ("AIG201", "WITH x AS (SELECT * FROM orders) SELECT id, date_parse(made, '%Y') FROM x;"),
    ("AIG204", "SELECT c.id, (SELECT t.x FROM cdb_ts AS t WHERE t.id = c.id) FROM gv$containers AS c;"),
    (
        "AIG204",
        "WITH c AS (SELECT id FROM cdb_files), t AS (SELECT id, x FROM cdb_space) SELECT c.id, (SELECT t.x FROM t WHERE t.id = c.id) FROM c;",
    ),
    (
        "AIG201",
        "WITH held AS (SELECT * FROM runs WHERE id = $1 FOR UPDATE), s AS (SELECT id FROM steps) SELECT s.* FROM s;",
    ),
    (
        "AIG201",
        "WITH held AS (SELECT * FROM runs WHERE id = $1 FOR UPDATE) UPDATE s SET x = h.x FROM held AS h RETURNING s.*;",
    ),
    ("AIG201", "WITH a AS (SELECT id, days FROM t) SELECT * FROM a CROSS JOIN unnest(a.days) AS d;"),
    (
        "AIG204",
        "SELECT c.id, CASE WHEN c.vip THEN (SELECT sum(o.cents) FROM orders AS o WHERE o.buyer = c.id) END FROM customers AS c;",
    ),
    ("AIG206", "SELECT \"sum\"(cents) FROM usage_lines WHERE operation LIKE '%Storage%';"),
    ("AIG206", "CREATE VIEW blank AS SELECT id FROM nodes WHERE id LIKE '%:blank';"),
    ("AIG206", "SELECT id FROM `shop.sales.orders` WHERE note LIKE '%gift%';"),
    (
        "AIG206",
        "CREATE TABLE o (note STRING) USING delta;\nSELECT note FROM orders WHERE note LIKE '%gift%';",
    ),
    ("AIG207", "SELECT approx_distinct(buyer) FROM orders WHERE year(made) = 2026;"),
    ("AIG208", "SELECT query_id FROM snowflake.account_usage.query_history ORDER BY random() LIMIT 9;"),
    ("AIG210", "SELECT a.id FROM `eu`.INFORMATION_SCHEMA.JOBS AS a, `eu`.INFORMATION_SCHEMA.TABLES AS b;"),
    (
        "AIG217",
        "CREATE TABLE IF NOT EXISTS lines (id serial PRIMARY KEY, box int);\nINSERT INTO lines (box) VALUES ($1);",
    ),
    (
        "AIG217",
        "CREATE TABLE IF NOT EXISTS lines (box int, no int, UNIQUE (box, no));\nINSERT INTO lines (box) VALUES ($1);",
    ),
    (
        "AIG217",
        "CREATE TABLE IF NOT EXISTS notes (name text, value text);\nINSERT INTO notes VALUES ('version', '2');",
    ),
    ("AIG211", "\\copy a FROM 'a.txt'\nCREATE INDEX i ON a (x);"),
    (
        "AIG213",
        "COPY shop.a (x) FROM stdin;\n1\n\\.\nALTER TABLE shop.a ADD FOREIGN KEY (x) REFERENCES b (id);",
    ),
    (
        "AIG217",
        "DELETE FROM facts WHERE name = 'version';\nINSERT INTO facts (name, value) VALUES ('version', '4');",
    ),
    (
        "AIG217",
        "CREATE TABLE 'modes' (id text, name text);\nINSERT INTO 'modes' (id, name) VALUES ('c', 'car');",
    ),
    (
        "AIG217",
        (
            "CREATE TABLE IF NOT EXISTS shops (id serial PRIMARY KEY, owner int, name text, UNIQUE (owner, name));\n"
            "INSERT INTO shops (owner, name) VALUES ($1, $2) RETURNING id;"
        ),
    ),
    (
        "AIG201",
        (
            "CREATE OR REFRESH MATERIALIZED VIEW good (CONSTRAINT named EXPECT (name IS NOT NULL) ON VIOLATION DROP ROW)\n"
            "AS SELECT * FROM raw;"
        ),
    ),
    (
        "AIG217",
        "CREATE FUNCTION f(x int) RETURNS void AS $$ BEGIN INSERT INTO logs (x) VALUES ($1); END $$ LANGUAGE plpgsql;",
    ),
    (
        "AIG205",
        "ALTER TABLE clerks ADD COLUMN grade int, MODIFY COLUMN wage int NOT NULL;\nUPDATE clerks SET grade = 1, wage = 0;",
    ),
    (
        "AIG205",
        "UPDATE clerks SET name = '?';\nALTER TABLE clerks ALTER COLUMN name TYPE text;\nSELECT 1;\nALTER TABLE clerks ALTER name SET NOT NULL;",
    ),
    (
        "AIG207",
        "WITH t AS (SELECT buyer, sum(cents) AS spent FROM orders GROUP BY buyer)\nSELECT b.id FROM buyers b LEFT JOIN t ON t.buyer = b.id WHERE coalesce(t.spent, 0) > 0;",
    ),
    (
        "AIG207",
        "SELECT b.id FROM buyers b LEFT JOIN (SELECT buyer, count(*) n FROM orders GROUP BY buyer) AS t ON t.buyer = b.id WHERE coalesce(t.n, 0) = 0;",
    ),
    (
        "AIG207",
        "SELECT o.id FROM orders o JOIN buyers b ON b.no = o.buyer WHERE (substr(b.zip, 1, 2) = '10' OR o.cents > 500);",
    ),
    (
        "AIG207",
        "SELECT ono FROM orders, buyers WHERE obuyer = bno AND (date(bborn) = '2000-02-29' OR ocents > 500);",
    ),
    ("AIG207", "SELECT no FROM buyers WHERE substr(zip, 1, 2) IN ('10', '12', '20', '21', '30', '44');"),
    (
        "AIG201",
        "SELECT o.id, n.text FROM orders o LEFT JOIN (SELECT * FROM notes WHERE kind = 1) n ON n.order_id = o.id;",
    ),
    (
        "AIG201",
        "SELECT o.id, n.text FROM (SELECT * FROM notes WHERE kind = 1) AS n FULL OUTER JOIN orders o ON n.order_id = o.id;",
    ),
    (
        "AIG201",
        "UPDATE rates SET cents = 0 WHERE 1 = (SELECT flag FROM (SELECT * FROM rates) AS own WHERE name = 'free');",
    ),
    ("AIG201", "-- loaded from a file\nselect\n    *\nfrom {{ ref('countries_seed') }}\n"),
    ("AIG201", "select * from {{ source('shop', 'orders') }}"),
    (
        "AIG216",
        "SET @s = (SELECT IF((SELECT COUNT(*) FROM kinds WHERE name = 'a') > 0, 'SELECT 1', 'INSERT INTO kinds VALUES (1)'));\nPREPARE step FROM @s;",
    ),
]
REPORTED = [
    ("AIG207", "SELECT a.id FROM a WHERE a.number::text = $1 AND a.rank::text = 'KD'::text;"),
    ("AIG207", "SELECT a.id FROM a WHERE a.number::text = '7';"),
    ("AIG209", "SELECT id FROM a ORDER BY id LIMIT 1 OFFSET 1;"),
    ("AIG209", "SELECT x.id FROM (SELECT id FROM a ORDER BY id LIMIT 10 OFFSET 1000) AS x;"),
    ("AIG214", "SELECT DISTINCT a.* FROM a JOIN b ON a.b = b.id;"),
    ("AIG201", "SELECT * FROM orders;\nCREATE TABLE lines (id int);"),
    ("AIG201", "INSERT INTO archive SELECT * FROM orders;"),
    ("AIG201", "INSERT INTO orders_of_2025 SELECT * FROM orders WHERE year = 2025;"),
    ("AIG201", "SELECT * FROM (SELECT * FROM parcels UNION SELECT id, made FROM orders) AS sent;"),
    ("AIG201", "SELECT id FROM (SELECT * FROM orders WHERE paid ORDER BY made) WHERE ROWNUM <= 1;"),
    (
        "AIG201",
        "SELECT id, n FROM (SELECT *, rank() OVER (ORDER BY made) AS n FROM orders) AS o WHERE n = 1;",
    ),
    ("AIG202", "SELECT id FROM a WHERE b NOT IN (SELECT buyer_id FROM barred_buyers);"),
    ("AIG202", "DELETE FROM a WHERE b NOT IN (SELECT max(parent) FROM a GROUP BY shelf);"),
    ("AIG203", "UPDATE a SET x = 1 WHERE b IN (SELECT DISTINCT b FROM c);"),
    (
        "AIG204",
        "SELECT c.id, (SELECT o.cents FROM orders AS o WHERE o.customer_id = c.id ORDER BY o.made LIMIT 1) FROM customers AS c;",
    ),
    (
        "AIG204",
        "SELECT d.day, (SELECT count(*) FROM orders AS o WHERE o.day = d.day) FROM days(2026) AS d;",
    ),
    ("AIG205", "UPDATE sums SET total = (SELECT sum(o.cents) FROM orders AS o WHERE o.paid);"),
    ("AIG205", "UPDATE clerks AS c SET wage = c.wage + 100;"),
    ("AIG205", "DELETE FROM lines;\nDELETE FROM orders WHERE id = 3;\nINSERT INTO kinds VALUES (1);"),
    ("AIG205", "INSERT INTO kinds VALUES (1);\nDELETE FROM lines;\nDELETE FROM orders;"),
    ("AIG206", "SELECT id FROM goods WHERE name LIKE N'%oil%';"),
    ("AIG207", "SELECT id FROM orders WHERE customer_id = $1 AND date(created) = $2;"),
    ("AIG207", "UPDATE stays SET old = true WHERE year(ended) < 2020;"),
    ("AIG217", "WITH one AS (INSERT INTO clerks (mail) VALUES ('a') RETURNING id) SELECT id FROM one;"),
    ("AIG217", "INSERT INTO buyers (id, name) SELECT id, name FROM loaded;"),
    ("AIG215", "SELECT sum(cents) FROM orders GROUP BY state, city HAVING state = 'open';"),
    ("AIG215", "SELECT state, sum(cents) AS s FROM orders GROUP BY state HAVING state > 'a' ORDER BY s;"),
    ("AIG215", "SELECT upper(state) AS Kind, sum(cents) FROM orders GROUP BY 1 HAVING kind = 'OPEN';"),
    ("AIG217", "\\set ON_ERROR_STOP on\nINSERT INTO roles (name) VALUES ('clerk');"),
    ("AIG201", "CREATE FUNCTION f() RETURNS SETOF totals AS $$ SELECT * FROM orders; $$ LANGUAGE sql;"),
    ("AIG201", "SELECT max(id) FROM (SELECT * FROM orders) AS few;"),
    ("AIG201", "select * from {{ ref('orders') }}"),
    ("AIG202", "DELETE FROM a WHERE b NOT IN (SELECT customer_id FROM orders);"),
    ("AIG202", "CREATE TABLE kinds (name text);\nDELETE FROM a WHERE k NOT IN (SELECT name FROM kinds);"),
    ("AIG202", "SELECT a FROM b WHERE c NOT IN (SELECT k.id FROM b LEFT JOIN kinds AS k ON k.b = b.id);"),
    (
        "AIG204",
        "SELECT c.id, coalesce((SELECT sum(o.cents) FROM orders AS o WHERE o.customer_id = c.id), 0) FROM customers AS c;",
    ),
    (
        "AIG204",
        "SELECT o.id, (SELECT c.name FROM customers AS c WHERE c.id = o.customer_id) FROM orders AS o;",
    ),
    ("AIG205", "UPDATE orders SET state = 'new', seen = now();"),
    (
        "AIG213",
        "ALTER TABLE a DROP CONSTRAINT f;\nALTER TABLE a ADD CONSTRAINT f FOREIGN KEY (b) REFERENCES c (id);",
    ),
    ("AIG205", "UPDATE orders SET token = NULL;"),
    (
        "AIG215",
        "INSERT INTO sums (a, b) SELECT a, sum(c) AS b FROM t GROUP BY a HAVING a = 3 ON CONFLICT (a) DO UPDATE SET b = excluded.b;",
    ),
    ("AIG211", "CREATE INDEX i ON a (b) WITH (fillfactor = 90);"),
    (
        "AIG217",
        "INSERT INTO a (b) VALUES (1) ON CONFLICT DO NOTHING;\nINSERT INTO c (d) VALUES (1), (2), (3), (4), (5), (6);",
    ),
    ("AIG205", "UPDATE [dbo].[periods] SET [is_locked] = 1, [locked] = SYSUTCDATETIME();"),
    ("AIG205", "UPDATE lines SET rate = 19, tax = net * 19 / 100;"),
    ("AIG205", "DELETE FROM sessions USING blocked;"),
    ("AIG205", "UPDATE orders SET cents = cents * 2;"),
    ("AIG205", "UPDATE orders SET state = $1;"),
    ("AIG205", "DELETE FROM kinds;\nINSERT INTO others (id) VALUES (1);"),
    ("AIG202", "DELETE FROM a WHERE d < NOW() - INTERVAL 30 DAY AND x NOT IN (SELECT y FROM b);"),
    ("AIG206", "SELECT id FROM places WHERE name LIKE '%' || $1 || '%';"),
    (
        "AIG206",
        "CREATE FUNCTION f(street text) RETURNS int AS $$ SELECT id FROM a WHERE name LIKE '%' || street; $$;",
    ),
    ("AIG207", "SELECT id FROM orders WHERE state = 'open' AND date(created) = '2026-01-31';"),
    ("AIG207", "SELECT id FROM orders WHERE number::text = $1;"),
    ("AIG211", "ALTER TABLE a ADD x int;\nCREATE INDEX i ON a (x);"),
    ("AIG212", "ALTER TABLE a ADD made timestamp NOT NULL DEFAULT clock_timestamp();"),
    ("AIG212", "ALTER TABLE `a` ADD COLUMN `made` DATE NOT NULL AFTER `y`;"),
    (
        "AIG216",
        (
            "CREATE FUNCTION f() RETURNS trigger AS $$ BEGIN IF NEW.x IS NULL THEN RETURN NEW; END IF;\n"
            "IF (SELECT count(*) FROM a WHERE a.x = NEW.x) > 0 THEN RAISE EXCEPTION 'x'; END IF; RETURN NEW; END; $$ LANGUAGE plpgsql;"
        ),
    ),
    (
        "AIG217",
        (
            "CREATE TABLE IF NOT EXISTS a (key TEXT PRIMARY KEY, value TEXT);\nINSERT OR IGNORE INTO a (key, value) VALUES ('x', '1');\n"
            "INSERT INTO a (key, value) VALUES ('y', '2');"
        ),
    ),
    (
        "AIG211",
        "COMMENT ON TABLE a IS 'create table';\nINSERT INTO b VALUES ('into');\nCREATE INDEX i ON a (x);",
    ),
    ("AIG211", "ALTER TABLE b DROP CONSTRAINT f;\nCREATE INDEX i ON a (x);"),
    ("AIG213", "ALTER TABLE a ADD CONSTRAINT f FOREIGN KEY (b) REFERENCES c (id);"),
    ("AIG214", "SELECT DISTINCT b.id, b.name FROM b JOIN c ON c.b = b.id;"),
    ("AIG217", "INSERT INTO payments (id) VALUES (7);\nINSERT INTO payments (id) VALUES (8);"),
    ("AIG217", "INSERT INTO payments (id, cents) VALUES ($1, $2);"),
    ("AIG201", "SELECT * FROM a UNION SELECT * FROM b;"),
    ("AIG201", "SELECT * FROM a EXCEPT SELECT id FROM b;"),
    ("AIG201", "SELECT * FROM shop.orders;"),
    (
        "AIG201",
        "SELECT id FROM (SELECT * FROM a) AS x;\nCREATE FUNCTION f() RETURNS SETOF a AS $$ SELECT a FROM a $$;",
    ),
    ("AIG205", "DELETE FROM cached;\nALTER TABLE others ADD COLUMN until text;"),
    ("AIG206", "SELECT id FROM a WHERE name LIKE '%' || $1 || '%' OR note LIKE '%' || $2 || '%';"),
    (
        "AIG207",
        "CREATE TABLE pays (id int, made date, KEY by_day (made));\nSELECT id FROM pays WHERE year(made) = 2026;",
    ),
    (
        "AIG207",
        "CREATE TABLE pays (id int, made date);\nCREATE INDEX i ON pays USING btree (made);\nSELECT id FROM pays WHERE year(made) = 2026;",
    ),
    (
        "AIG213",
        "ALTER TABLE c ALTER b SET NOT NULL;\nALTER TABLE a ADD FOREIGN KEY (b) REFERENCES c (id);",
    ),
    ("AIG201", "BEGIN\n  PERFORM f();\n  SELECT x.* FROM (SELECT * FROM orders WHERE paid) AS x;\nEND;"),
    ("AIG206", "SELECT o.id FROM orders o, customers c WHERE o.customer_id = c.id AND c.name LIKE '%x%';"),
    ("AIG206", "SELECT id FROM orders WHERE customer_id = $1 OR name LIKE '%x%';"),
    ("AIG216", "SELECT CASE WHEN (SELECT count(*) FROM bad) > 0 THEN (SELECT count(*) FROM good) END;"),
    ("AIG210", "SELECT o.id FROM bdr.node_rates AS r, orders AS o;"),
    ("AIG201", "WITH a AS (SELECT * FROM t), b AS (SELECT * FROM a WHERE x) SELECT x FROM b;"),
    ("AIG209", "DELETE FROM logs WHERE old;\nSELECT id FROM logs ORDER BY id LIMIT 20 OFFSET 500;"),
    ("AIG211", "DROP INDEX other;\nCREATE INDEX i ON a (x);"),
    ("AIG211", "ALTER TABLE b ADD CHECK (x > 0);\nCREATE INDEX i ON a (x);"),
    ("AIG211", "ALTER TABLE a ADD CHECK (x > 0) NOT VALID;\nCREATE INDEX i ON a (x);"),
    ("AIG211", "UPDATE a SET x = lower(y) WHERE x IS NULL;\nCREATE INDEX i ON a (x);"),
    (
        "AIG213",
        "ALTER TABLE a ADD COLUMN b int DEFAULT 1;\nALTER TABLE a ADD FOREIGN KEY (b) REFERENCES c (id);",
    ),
    (
        "AIG213",
        "ALTER TABLE a ADD b int;\nUPDATE a SET b = 7;\nALTER TABLE a ADD FOREIGN KEY (b) REFERENCES c (id);",
    ),
    ("AIG214", "SELECT DISTINCT b.id FROM b JOIN c ON c.b = b.id\n\nUNION\n\nSELECT id FROM d;"),
    ("AIG214", "SELECT DISTINCT b.id, c.x FROM b JOIN c ON c.b = b.id JOIN d ON d.c = c.id;"),
    (
        "AIG214",
        "CREATE FUNCTION f() RETURNS void AS $$ DECLARE k text; BEGIN FOR k IN SELECT DISTINCT b.kind, b.name FROM b JOIN c ON c.b = b.id LOOP NULL; END LOOP; END $$ LANGUAGE plpgsql;",
    ),
    (
        "AIG201",
        "SELECT a.id, v.* FROM a LEFT JOIN (SELECT * FROM vouchers WHERE class = 1) AS v ON v.a = a.id;",
    ),
    ("AIG201", "SELECT id FROM (SELECT * FROM orders JOIN lines USING (id) WHERE paid) AS o;"),
    ("AIG201", "SELECT `id` FROM (SELECT * FROM `orders` WHERE `paid` = 1 LIMIT 5) AS o;"),
    ("AIG201", "WITH r AS (SELECT * FROM orders WHERE paid) SELECT id FROM r;"),
    (
        "AIG204",
        "SELECT c.id, (SELECT count(*) FROM orders AS o WHERE o.customer_id = c.id) FROM customers AS c LIMIT 10;",
    ),
    (
        "AIG204",
        "WITH p AS (SELECT unnest($1) AS id) SELECT (SELECT count(*) FROM orders AS o WHERE o.buyer = p.id) FROM p;",
    ),
    ("AIG206", "SELECT id FROM orders WHERE state IN ('new', 'paid') AND note LIKE '%x%';"),
    ("AIG206", "SELECT id FROM orders WHERE note LIKE '%<';"),
    ("AIG206", "SELECT id FROM orders WHERE note LIKE '%<b>%';"),
    (
        "AIG206",
        "CREATE TABLE a (id int, shop int);\nSELECT id FROM a WHERE shop = 3 AND note LIKE '%x';",
    ),
    ("AIG201", "SELECT id FROM (SELECT * FROM orders WHERE paid UNION SELECT * FROM old WHERE paid) AS o;"),
    ("AIG201", "SELECT TOP 10 * FROM orders;"),
    ("AIG203", "DELETE FROM a WHERE id = 3 AND b IN (SELECT DISTINCT b FROM c);"),
    ("AIG205", "DELETE FROM [dbo].[sessions];"),
    ("AIG207", "DELETE FROM logs WHERE date(made) < '2026-01-31';"),
    (
        "AIG207",
        "SELECT o.id FROM orders AS o JOIN customers AS c ON c.id = o.buyer WHERE year(o.made) = 2026;",
    ),
    ("AIG211", "CREATE INDEX i ON a (x) INCLUDE (y);"),
    ("AIG211", "CREATE UNIQUE INDEX i ON a (x) WITH (fillfactor = 70);"),
    ("AIG216", "IF (SELECT count(*) FROM a WHERE x = 1) > 0 THEN\n  DELETE FROM a WHERE x = 1;\nEND IF;"),
    ("AIG216", "SELECT id FROM c WHERE (SELECT count(DISTINCT o.x) FROM o WHERE o.c = c.id) > 0;"),
    ("AIG201", "WITH x AS (SELECT *, cents / 100 AS euros FROM orders) SELECT * FROM x;"),
    (
        "AIG201",
        "WITH x AS (SELECT *, cents / 100 AS euros FROM orders) SELECT a.id, x.* FROM a JOIN x USING (id);",
    ),
    ("AIG201", "WITH x AS (SELECT *, cents / 100 AS euros FROM orders) SELECT id FROM a;"),
    ("AIG204", "SELECT c.id, (SELECT t.x FROM ts AS t WHERE t.id = c.id) FROM gv$containers AS c;"),
    ("AIG206", "CREATE VIEW a AS SELECT id FROM b;\nSELECT id FROM nodes WHERE id LIKE '%:blank';"),
    ("AIG206", "SELECT sum(cents) FROM usage_lines WHERE operation LIKE '%Storage%';"),
    ("AIG206", "SELECT id FROM `shop`.`orders` WHERE note LIKE '%gift%';"),
    ("AIG208", "SELECT query_id FROM shop.query_history ORDER BY random() LIMIT 9;"),
    (
        "AIG217",
        "CREATE TABLE IF NOT EXISTS notes (name text PRIMARY KEY, value text);\nINSERT INTO notes VALUES ('version', '2');",
    ),
    ("AIG211", "\\copy b FROM 'b.txt'\nCREATE INDEX i ON a (x);"),
    (
        "AIG217",
        "DELETE FROM facts WHERE name = 'old';\nINSERT INTO facts (name, value) VALUES ('version', '4');",
    ),
    (
        "AIG217",
        "DELETE FROM others WHERE name = 'version';\nINSERT INTO facts (name, value) VALUES ('version', '4');",
    ),
    ("AIG217", "INSERT INTO 'modes' (id, name) VALUES ('c', 'car');"),
    (
        "AIG217",
        "CREATE TABLE IF NOT EXISTS 'modes' (id text PRIMARY KEY, name text);\nINSERT INTO modes (id, name) VALUES ('c', 'car');",
    ),
    (
        "AIG217",
        (
            "CREATE TABLE IF NOT EXISTS shops (id serial PRIMARY KEY, owner int, name text, UNIQUE (owner, name));\n"
            "INSERT INTO shops (owner, name) VALUES ($1, $2);"
        ),
    ),
    (
        "AIG217",
        "CREATE TABLE IF NOT EXISTS shops (id serial PRIMARY KEY, name text);\nINSERT INTO shops (id, name) VALUES ($1, $2) RETURNING id;",
    ),
    (
        "AIG217",
        (
            "CREATE TABLE IF NOT EXISTS shops (id INTEGER PRIMARY KEY AUTOINCREMENT, name text UNIQUE, motto text);\n"
            "INSERT INTO shops (name, motto) VALUES (?, ?);"
        ),
    ),
    ("AIG201", "CREATE OR REFRESH MATERIALIZED VIEW good AS SELECT * FROM raw;"),
    ("AIG201", "CREATE TABLE a (id int);\nSELECT * FROM a UNION SELECT * FROM b;"),
    (
        "AIG201",
        "CREATE TABLE a (id int, made int);\nSELECT id, made FROM b UNION ALL SELECT * FROM a WHERE id > 3;",
    ),
    (
        "AIG205",
        (
            "CREATE FUNCTION renew(p_order_id bigint) RETURNS void LANGUAGE sql BEGIN ATOMIC\n"
            "UPDATE orders AS o SET total = (SELECT sum(l.cents) FROM lines AS l WHERE l.order_id = o.id), changed = now();\n"
            "SELECT note(p_order_id);\nEND;"
        ),
    ),
    ("AIG217", "CREATE TYPE mood AS ENUM ('sad');\nINSERT INTO payments (id) VALUES ($1);"),
    ("AIG217", "INSERT INTO versions (id) VALUES ($1);"),
    (
        "AIG217",
        "CREATE TABLE IF NOT EXISTS lines (box int, no int, UNIQUE (box, no));\nINSERT INTO lines (no, box) VALUES ($1, $2);",
    ),
    ("AIG201", "WITH held AS (SELECT * FROM runs WHERE id = $1 FOR UPDATE) SELECT h.* FROM held AS h;"),
    ("AIG201", "WITH held AS (SELECT * FROM runs WHERE id = $1) SELECT 1;"),
    (
        "AIG204",
        "SELECT CASE WHEN (SELECT count(*) FROM orders AS o WHERE o.buyer = c.id) > 3 THEN 1 END FROM customers AS c;",
    ),
    (
        "AIG214",
        "SELECT DISTINCT a.id, t.n FROM a JOIN (SELECT id, n FROM b) AS t ON t.id = a.id JOIN (SELECT id FROM c) u ON u.id = a.id;",
    ),
    (
        "AIG214",
        "CREATE TABLE k (id int PRIMARY KEY, kind int);\nCREATE TABLE a (k int PRIMARY KEY, x int);\nSELECT DISTINCT a.k FROM a JOIN k ON k.id = a.k WHERE k.kind = 3;",
    ),
    (
        "AIG214",
        "CREATE TABLE k (id int PRIMARY KEY, a int);\nCREATE TABLE a (id int PRIMARY KEY, x int);\nSELECT DISTINCT a.x FROM a JOIN k ON k.a = a.id;",
    ),
    ("AIG205", "ALTER TABLE clerks ADD COLUMN grade int;\nUPDATE clerks SET grade = 1, wage = 0;"),
    ("AIG205", "ALTER TABLE buyers ADD COLUMN grade int;\nUPDATE clerks SET grade = 1;"),
    ("AIG205", "ALTER TABLE clerks ADD CONSTRAINT grade CHECK (grade > 0);\nUPDATE clerks SET grade = 1;"),
    (
        "AIG207",
        "WITH t AS (SELECT buyer, min(cents) AS least FROM orders GROUP BY buyer)\nSELECT b.no FROM buyers b JOIN t ON t.buyer = b.no WHERE date(b.made) = '2026-02-01';",
    ),
    (
        "AIG207",
        "SELECT b.no FROM buyers b JOIN (SELECT buyer, made FROM orders) AS t ON t.buyer = b.no WHERE date(t.made) = '2026-02-01';",
    ),
    (
        "AIG207",
        "SELECT o.no FROM orders o JOIN buyers b ON b.no = o.buyer WHERE (date(b.born) = '2000-02-29' OR b.born > '2010-01-01');",
    ),
    (
        "AIG207",
        "SELECT o.no FROM orders o JOIN buyers b ON b.no = o.buyer WHERE date(o.made) = $1 AND (o.cents > 5 OR b.paid = 1);",
    ),
    ("AIG207", "SELECT no FROM orders WHERE date(made) = '2026-02-01' OR cents > 500;"),
    ("AIG207", "SELECT no FROM buyers WHERE substr(zip, 1, 2) IN ('10', '12');"),
    ("AIG201", "SELECT n.id, n.text FROM (SELECT * FROM notes WHERE kind = 1) AS n WHERE n.old;"),
    (
        "AIG201",
        "SELECT o.id, n.* FROM orders o LEFT JOIN (SELECT * FROM notes WHERE kind = 1) n ON n.order_id = o.id;",
    ),
    (
        "AIG201",
        "SELECT o.id, n.text FROM orders o JOIN (SELECT * FROM notes WHERE kind = 1) n ON n.order_id = o.id;",
    ),
    (
        "AIG201",
        "SELECT o.id, n.text FROM orders o LEFT JOIN (SELECT * FROM notes WHERE kind = 1 ORDER BY made LIMIT 5) n ON n.order_id = o.id;",
    ),
    ("AIG201", "SELECT o.id, n.text FROM orders o LEFT JOIN (SELECT * FROM notes) n ON n.order_id = o.id;"),
    (
        "AIG201",
        "UPDATE rates SET cents = 0 WHERE 1 = (SELECT flag FROM (SELECT * FROM settings) AS other WHERE name = 'free');",
    ),
    (
        "AIG201",
        "UPDATE rates SET cents = own.cents FROM (SELECT * FROM rates WHERE old) AS own WHERE own.id = rates.up;",
    ),
    ("AIG201", "select * from {{ source('shop', 'orders') }} where paid"),
    ("AIG216", "SET @s = (SELECT IF((SELECT COUNT(*) FROM kinds WHERE name = 'a') > 0, 1, 2));\nSELECT @s;"),
]
BEFORE = [
    "BEGIN;",
    "BEGIN EXCLUSIVE TRANSACTION;",
    "COMMIT;",
    "PRAGMA user_version = 3;",
    "\\set ON_ERROR_STOP 1",
    "\\echo 'it is",
    "GRANT ALL PRIVILEGES ON ALL TABLES IN SCHEMA public TO shop;",
    "CALL refresh();",
    "COPY kinds (name) FROM stdin;\nit's\n\\.",
    "COPY kinds FROM '/kinds.csv' WITH (FORMAT csv, HEADER);",
    "ALTER TABLE kinds SET (autovacuum_vacuum_threshold = 1000);",
    "INSERT INTO kinds DEFAULT VALUES;",
    "SELECT a.x FROM unnest(xs) WITH ORDINALITY AS a(x, n) WHERE n > 1;",
    "USE shop\nGO",
    "DELIMITER //",
]


@pytest.mark.parametrize(("code", "text"), MEANT)
def test_what_the_file_speaks_against_is_not_reported(code: str, text: str) -> None:
    assert not found(code, text)


@pytest.mark.parametrize(("code", "text"), REPORTED)
def test_what_the_file_does_not_speak_against_is_reported(code: str, text: str) -> None:
    assert found(code, text)


@pytest.mark.parametrize("statement", BEFORE)
@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("AIG202", "SELECT id FROM boxes WHERE owner NOT IN (SELECT owner FROM parcels);"),
        ("AIG205", "DELETE FROM parcels;"),
        ("AIG217", "INSERT INTO parcels (id) VALUES ($1);"),
    ],
)
def test_what_the_grammar_does_not_know_hides_nothing_behind_it(statement: str, code: str, text: str) -> None:
    findings = engine.evaluate(f"{statement}\n{text}\n", "report.sql", "sql", [RULES[code]])
    assert [finding.line for finding in findings] == [statement.count("\n") + 2]


@pytest.mark.parametrize(
    "text",
    [
        "DELETE FROM a USING b WHERE b.id = a.b AND b.x IS DISTINCT FROM ALL (1);",
        "CREATE FUNCTION f() RETURNS int AS $$ DELETE FROM a; $$ LANGUAGE x y z;",
        "IF done THEN; DELETE FROM a WHERE LIMIT;",
        "UPDATE a SET x = 1 FROM OPENJSON(y) WITH (z int) WHERE a.z = z;",
    ],
)
def test_what_does_not_parse_is_not_taken_apart(text: str) -> None:
    assert not found("AIG205", text)


def test_a_table_of_one_row_has_no_where(tmp_path: Path) -> None:
    write, reset = "UPDATE positions SET stream = NULL;", str(tmp_path / "reset.sql")
    assert found("AIG205", write, reset)
    (tmp_path / "tables.sql").write_text(
        "CREATE TABLE positions (lock char(1) NOT NULL DEFAULT 'X' UNIQUE CHECK (lock = 'X'), stream bigint);",
        encoding="utf-8",
    )
    folders._creating.cache_clear()
    folders._table.cache_clear()
    assert not found("AIG205", write, reset)
    assert found("AIG205", "UPDATE others SET stream = NULL;", reset)


@pytest.mark.parametrize(
    "name",
    [
        "migrations/0007_totals.sql",
        "version/3/flags.sql",
        "2026-01-02-rates.sql",
        "changes/rates.sql",
        "V2__rates.sql",
        "007_rates.sql",
        "db/shop_update-1.23.3.sql",
    ],
)
def test_a_step_that_runs_once_converts_all_rows(tmp_path: Path, name: str) -> None:
    assert not found("AIG205", "UPDATE orders SET cents = cents * 100;", str(tmp_path / name))
    assert found("AIG205", "DELETE FROM orders;", str(tmp_path / name))
    for other in ("rates.sql", "7.sql", "2026.sql", "3_rates.sql", "shop_update-2.sql"):
        assert found("AIG205", "UPDATE orders SET cents = cents * 100;", str(tmp_path / other)), other


def test_a_mart_chooses_what_it_shows(tmp_path: Path) -> None:
    text = "select * from {{ source('shop', 'orders') }}"
    assert not found("AIG201", text, str(tmp_path / "models" / "orders.sql"))
    for name in ("models/marts/orders.sql", "models/fct_orders.sql"):
        assert found("AIG201", text, str(tmp_path / name)), name


BACKFILL = """DO $$
DECLARE
  bought RECORD;
BEGIN
  FOR bought IN SELECT * FROM orders WHERE NOT EXISTS (SELECT 1 FROM bills) LOOP
    INSERT INTO bills (id) VALUES (bought.id);
  END LOOP;
END $$;"""
BUYERS = """WITH added AS (
  INSERT INTO totals (buyer, n)
  SELECT c.id, (SELECT count(*) FROM orders AS o WHERE o.buyer = c.id) FROM customers AS c RETURNING id)
UPDATE customers SET done = true FROM added WHERE added.id = customers.id;"""


@pytest.mark.parametrize(("code", "text"), [("AIG201", BACKFILL), ("AIG204", BUYERS)])
def test_a_step_that_runs_once_may_be_slow(tmp_path: Path, code: str, text: str) -> None:
    step = str(tmp_path / "migrations" / "0007_bills.sql")
    assert not found(code, text, step)
    assert found(code, text, str(tmp_path / "bills.sql"))
    assert found(
        code, f"CREATE FUNCTION f() RETURNS void AS $$ {text.replace('$$', '')} $$ LANGUAGE plpgsql;", step
    )


INDEX = "CREATE INDEX by_buyer ON orders (buyer);"
KEY = "ALTER TABLE orders ADD CONSTRAINT bought FOREIGN KEY (buyer) REFERENCES buyers (id);"


@pytest.mark.parametrize("change", [("AIG211", INDEX), ("AIG213", KEY)])
@pytest.mark.parametrize(
    "name",
    [
        "changes/1.6/orders.sql",  # a release's, put in place by its own upgrade
        "upgrade_020_orders.sql",
        "setup_090_orders.sql",
        "install.sql",
        "shop--1.2--1.3.sql",
        "v3-v4/orders.sql",
        "shop.0.7.0-0.7.1.sql",
        "SQLite/orders.sql",
        "MariaDB/orders.sql",
    ],
)
def test_nobody_waits_for_a_lock_of_an_installation_or_upgrade(
    tmp_path: Path, change: tuple[str, str], name: str
) -> None:
    code, text = change
    assert RULES[code].looks_at(str(tmp_path / "changes" / "orders.sql"))
    assert not RULES[code].looks_at(str(tmp_path / name)) or not found(code, text, str(tmp_path / name))
    for other in (
        "changes/orders.sql",
        "changes/2026-06/orders.sql",
        "0007_set_up_orders.sql",
        "20260102-3.sql",
    ):
        assert found(code, text, str(tmp_path / other)), other


def test_all_migrations_of_drizzle_run_in_one_transaction(tmp_path: Path) -> None:
    assert found("AIG211", INDEX, str(tmp_path / "a" / "0002_buyers.sql"))
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "0001_start.sql").write_text(
        "CREATE TABLE a (id int);\n--> statement-breakpoint\nCREATE TABLE b (id int);", encoding="utf-8"
    )
    assert not found("AIG211", INDEX, str(tmp_path / "b" / "0002_buyers.sql"))


def test_an_installation_in_folders_begins_with_its_tables(tmp_path: Path) -> None:
    table = tmp_path / "deploy" / "tables" / "orders"
    (table / "indexes").mkdir(parents=True)
    (table / "table.sql").write_text("CREATE TABLE shop.orders (id int, buyer int);", encoding="utf-8")
    assert not found("AIG211", INDEX, str(table / "indexes" / "by_buyer.sql"))
    assert found("AIG211", INDEX, str(table / "indexes" / "0002_by_buyer.sql"))
    assert found("AIG211", INDEX.replace("orders", "lines"), str(table / "indexes" / "by_buyer.sql"))


def test_a_folder_of_indexes_lies_beside_the_tables(tmp_path: Path) -> None:
    for folder in ("tables", "indexes", "fixes"):
        (tmp_path / folder).mkdir()
    (tmp_path / "tables" / "shop.sql").write_text(
        "CREATE TABLE orders (id int, buyer int);", encoding="utf-8"
    )
    assert not found("AIG211", INDEX, str(tmp_path / "indexes" / "shop.sql"))
    assert found("AIG211", INDEX, str(tmp_path / "fixes" / "shop.sql"))


def test_what_is_read_in_spite_of_an_error_is_found_once() -> None:
    text = "DECLARE @since datetime2 = DATEADD(day, -7, SYSUTCDATETIME());\n\nSELECT TOP (50) *\nFROM [dbo].[orders] AS o;\n"
    assert len(engine.evaluate(text, "report.sql", "sql", [RULES["AIG201"]])) == 1


def test_the_parts_of_a_schema_are_numbered_in_their_order(tmp_path: Path) -> None:
    (tmp_path / "30-schema.sql").write_text("CREATE TABLE orders (id int, buyer int);", encoding="utf-8")
    assert not found("AIG211", INDEX, str(tmp_path / "60-indexes.sql"))
    assert found("AIG211", INDEX, str(tmp_path / "60-faster.sql"))
    assert found("AIG211", INDEX.replace("orders", "lines"), str(tmp_path / "60-indexes.sql"))


def test_files_beside_tell_the_kind_of_database(tmp_path: Path) -> None:
    search = "SELECT id FROM orders WHERE note LIKE '%gift%';"
    assert found("AIG206", search, str(tmp_path / "a" / "gifts.sql"))
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "views.sql").write_text(
        "SELECT approx_percentile(cents, 0.5) FROM orders;", encoding="utf-8"
    )
    assert not found("AIG206", search, str(tmp_path / "b" / "gifts.sql"))


def test_a_key_may_be_found_in_a_file_of_its_own(tmp_path: Path) -> None:
    search = "SELECT id FROM senders WHERE nick = $1 AND coalesce(name, '') = $2;"
    (tmp_path / "tables.sql").write_text(
        "CREATE TABLE senders (id int, nick text, name text);", encoding="utf-8"
    )
    assert found("AIG207", search, str(tmp_path / "one.sql"))
    (tmp_path / "indexes.sql").write_text("CREATE UNIQUE INDEX s ON senders (nick, name);", encoding="utf-8")
    folders._creating.cache_clear()
    folders._table.cache_clear()
    assert not found("AIG207", search, str(tmp_path / "one.sql"))


def test_rows_are_moved_once(tmp_path: Path) -> None:
    insert = "INSERT INTO orders (id, buyer) VALUES (?, ?);"
    assert not found("AIG217", insert, str(tmp_path / "migrate_orders.sql"))
    assert found("AIG217", insert, str(tmp_path / "insert_orders.sql"))


def test_a_step_from_one_version_to_the_next_runs_once(tmp_path: Path) -> None:
    text = "UPDATE facts SET version = '2.3';"
    for name in ("v3-v4/orders.sql", "1.2-1.3/orders.sql", "shop-upgrade-2.2-2.3.sql"):
        assert not found("AIG205", text, str(tmp_path / name)), name
    for name in ("orders.sql", "orders-upgrade.sql", "2026-06/orders.sql", "v3/orders.sql"):
        assert found("AIG205", text, str(tmp_path / name)), name


def test_a_file_of_data_is_run_once(tmp_path: Path) -> None:
    text = "INSERT INTO kinds (name) VALUES ('book');\nINSERT INTO kinds (name) VALUES ('map');"
    assert not found("AIG217", text, str(tmp_path / "shopData.sql"))
    assert not found("AIG217", text, str(tmp_path / "seed_kinds.sql"))
    assert found("AIG217", text, str(tmp_path / "database.sql"))
    assert found("AIG217", "INSERT INTO kinds (name) VALUES ($1);", str(tmp_path / "shopData.sql"))


def test_a_step_that_loads_anew_deletes_all_rows(tmp_path: Path) -> None:
    text = "DELETE FROM kind_names;\nDELETE FROM logs WHERE old;\nDELETE FROM kinds;\nINSERT INTO kinds (id) SELECT id FROM staged;"
    assert not found("AIG205", text, str(tmp_path / "migrations" / "004_kinds.sql"))
    assert found("AIG205", text, str(tmp_path / "kinds.sql"))
    assert found("AIG205", text.split("INSERT")[0], str(tmp_path / "migrations" / "005_kinds.sql"))


def test_a_schema_may_have_parts(tmp_path: Path) -> None:
    (tmp_path / "shop_0.6.sql").write_text("CREATE TABLE orders (id int, buyer int);", encoding="utf-8")
    assert not found("AIG211", INDEX, str(tmp_path / "shop_0.6_buyers.sql"))
    assert found("AIG211", INDEX, str(tmp_path / "more_0.6_buyers.sql"))


def test_a_union_of_stars_is_reported_once() -> None:
    text = "CREATE VIEW every AS (\n  SELECT * FROM a\n  UNION SELECT * FROM b WHERE x\n  UNION ALL SELECT * FROM c\n);"
    assert [one.line for one in engine.evaluate(text, "report.sql", "sql", [RULES["AIG201"]])] == [2]
    text = (
        "SELECT *, 0 AS version FROM a\nUNION ALL SELECT * FROM b\nUNION ALL SELECT *, 0 AS version FROM c;"
    )
    assert [one.line for one in engine.evaluate(text, "report.sql", "sql", [RULES["AIG201"]])] == [1]
    text = "SELECT * FROM a\nUNION SELECT id FROM b\nUNION SELECT * FROM c;"
    assert [one.line for one in engine.evaluate(text, "report.sql", "sql", [RULES["AIG201"]])] == [1, 3]


def test_a_row_that_is_all_key_leaves_nothing_to_update(tmp_path: Path) -> None:
    (tmp_path / "schema.sql").write_text(
        "CREATE TABLE pairs (a int, b int, PRIMARY KEY (a, b));", encoding="utf-8"
    )
    insert = "INSERT INTO pairs (a, b) VALUES (:a, :b)"
    assert not found("AIG217", f"{insert} RETURNING *;", str(tmp_path / "add.sql"))
    assert found("AIG217", f"{insert};", str(tmp_path / "add.sql"))


def test_the_first_branch_of_a_union_names_the_columns() -> None:
    text = "SELECT * FROM (SELECT id, made FROM orders UNION SELECT * FROM parcels) AS sent;"
    found = engine.evaluate(text, "report.sql", "sql", [RULES["AIG201"]])
    assert [item.column for item in found] == [text.rindex("*") + 1]


def test_an_index_may_be_built_before_a_step_that_needs_its_transaction() -> None:
    text = "CREATE INDEX IF NOT EXISTS i ON a (x);\nINSERT INTO facts (name, value) VALUES ('version', '3');"
    assert not found("AIG211", text, "migrations/004_a.sql")
    assert found("AIG211", text.replace(" IF NOT EXISTS", ""), "migrations/004_a.sql")
    assert found("AIG211", text.replace("INSERT INTO", "-- INSERT INTO"), "migrations/004_a.sql")
    assert found("AIG211", text, "a.sql")


def test_an_or_of_patterns_is_reported_once() -> None:
    text = "SELECT id FROM a WHERE name LIKE '%x' OR note LIKE '%y' AND kind LIKE '%z';"
    findings = engine.evaluate(text, "report.sql", "sql", [RULES["AIG206"]])
    assert [text[finding.column - 1 :][:4] for finding in findings] == ["name", "kind"]


def test_the_files_around_are_read(tmp_path: Path) -> None:
    changes = tmp_path / "changes"
    changes.mkdir()
    orphans = "DELETE FROM a WHERE k NOT IN (SELECT name FROM kinds);"
    assert found("AIG202", orphans, str(changes / "7.sql"))
    other = tmp_path / "other"
    (other / "changes").mkdir(parents=True)
    (other / "schema.sql").write_text("CREATE TABLE kinds (name text NOT NULL);", encoding="utf-8")
    assert not found("AIG202", orphans, str(other / "changes" / "7.sql"))


def test_another_database_shows_in_a_file_beside(tmp_path: Path) -> None:
    index = "CREATE INDEX i ON a (x);"
    assert found("AIG211", index, str(tmp_path / "2.sql"))
    lite = tmp_path / "lite"
    lite.mkdir()
    (lite / "1.sql").write_text("CREATE TABLE b (id INTEGER PRIMARY KEY AUTOINCREMENT);", encoding="utf-8")
    assert not found("AIG211", index, str(lite / "2.sql"))
    assert not found("AIG211", index, str(tmp_path / "sql" / "order.postgresql.sql"))
    for number in ("8", "9"):
        (tmp_path / "delta" / number).mkdir(parents=True)
    (tmp_path / "delta" / "8" / "1.sql.sqlite").touch()
    assert not found("AIG211", index, str(tmp_path / "delta" / "9" / "1.sql"))


def test_files_around_are_read_only_for_a_finding_that_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    monkeypatch.setattr(folders, "_read", lambda paths: read.extend(paths) or iter(()))
    (tmp_path / "tables.sql").write_text("CREATE TABLE kinds (name text PRIMARY KEY);")
    path = str(tmp_path / "report.sql")
    assert found("AIG205", "DELETE FROM kinds;", path)
    assert not found("AIG202", "DELETE FROM lines WHERE id NOT IN (SELECT id FROM kinds);", path)
    assert not read
    assert found("AIG202", "DELETE FROM lines WHERE kind NOT IN (SELECT name FROM kinds);", path)
    assert [item.name for item in read] == ["tables.sql"]


@pytest.mark.parametrize(("others", "is_reported"), [(0, True), (60, True), (400, False)])
def test_a_line_that_no_person_writes_is_left_alone(others: int, is_reported: bool) -> None:
    rules = [rule for rule in rulefiles.packaged() if rule.code == "AIG303"]
    text = "{" + ", ".join([*(f'"k{n:03}": 1' for n in range(others)), '"timeout_seconds": 0']) + "}"
    assert bool(engine.evaluate(text, "job.json", "json", rules)) is is_reported


def test_rows_copied_by_position_count_in_migrations() -> None:
    text = "INSERT INTO closed_tickets SELECT * FROM tickets WHERE state = 'closed';"
    assert found("AIG201", text, "migrations/004_a.sql")
    assert not found("AIG201", text.replace("*", "id, state"), "migrations/004_a.sql")
