CREATE CATALOG mysql WITH (
  'type' = 'mysql', 'hostname' = '127.0.0.1', 'port' = '1',
  'username' = 'test', 'password' = '123456', 'default-database' = 'shop'
);
CREATE CATALOG sr WITH (
  'type' = 'starrocks', 'endpoint' = '127.0.0.1:2',
  'username' = 'test', 'password' = '123456', 'dbname' = 'shop'
);
USE CATALOG sr;
CREATE TABLE IF NOT EXISTS orders WITH ('load-url' = '127.0.0.1:3', 'starrocks.create.table.properties' = 'buckets 8', 'starrocks.create.table.mode' = 'simple', 'sink.buffer-flush.interval-ms' = '1000') AS TABLE mysql.shop.orders;
