CREATE CATALOG mysql WITH ('type' = 'mysql', 'hostname' = '127.0.0.1', 'username' = 'test', 'password' = 'hunter2-source');
CREATE CATALOG sr WITH ('type' = 'starrocks', 'endpoint' = '127.0.0.1:9030', 'username' = 'test', 'password' = 'hunter2-target', 'dbname' = 'shop');

USE CATALOG sr;

CREATE TABLE IF NOT EXISTS orders WITH (
  'starrocks.create.table.mode' = 'simple',
  'starrocks.create.table.properties' = 'buckets 8',
  'database-name' = 'shop',
  'jdbc-url' = 'jdbc:mysql://127.0.0.1:9030',
  'laod-url' = '127.0.0.1:8030',
  'username' = 'test',
  'password' = 'hunter2-starrocks'
)
AS TABLE mysql.shop.orders
/*+ OPTIONS (
  'connector' = 'mysql-cdc',
  'hostname' = '127.0.0.1',
  'username' = 'test',
  'password' = 'hunter2-mysql
  'database-name' = 'shop',
  'table-name' = 'orders'
) */;
