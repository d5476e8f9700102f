CREATE TABLE IF NOT EXISTS `z`.`zoo ``x``` (
  `id` VARCHAR(80) NOT NULL,
  `amount` VARCHAR(13) NOT NULL,
  `tinyint` TINYINT NULL DEFAULT "-5",
  `smallint` SMALLINT NULL DEFAULT "-5",
  `tinyint_u` SMALLINT NOT NULL DEFAULT "5",
  `smallint_u` INT NOT NULL DEFAULT "5",
  `mediumint_u` INT NOT NULL DEFAULT "5",
  `int_u` BIGINT NOT NULL DEFAULT "5",
  `bigint_u` LARGEINT NOT NULL DEFAULT "5",
  `flag` TINYINT NULL DEFAULT "1",
  `order` INT NULL COMMENT "a ""b"" \\",
  `tick``ed` BIGINT NULL,
  `bit8` BIGINT NULL DEFAULT "5",
  `bit64` LARGEINT NULL,
  `d38` DECIMAL(38,10) NULL DEFAULT "0.5",
  `d65` VARCHAR(68) NULL,
  `f` FLOAT NULL,
  `f2` FLOAT NULL DEFAULT "0.5",
  `dbl` DOUBLE NULL DEFAULT "0.1",
  `latin` VARCHAR(30) NULL DEFAULT "x""y\\",
  `ascii` VARCHAR(10) NULL,
  `empty` VARCHAR(1) NULL,
  `wide` VARCHAR(65532) NULL,
  `tinytext` VARCHAR(1048576) NULL,
  `text` VARCHAR(1048576) NULL,
  `mediumtext` VARCHAR(1048576) NULL,
  `longtext` VARCHAR(1048576) NULL,
  `e` VARCHAR(8) NULL DEFAULT "a",
  `s` VARCHAR(6) NULL,
  `doc` JSON NULL,
  `day` DATE NULL,
  `dt` DATETIME NULL DEFAULT "2020-01-02 03:04:05.000000",
  `ts` DATETIME NULL,
  `tm` VARCHAR(17) NULL,
  `y` SMALLINT NULL,
  `bit1` BOOLEAN NULL DEFAULT "1",
  `truth` BOOLEAN NULL DEFAULT "1",
  `ts_zone` DATETIME NULL,
  `day_null` DATE NULL,
  `bin` VARBINARY NULL,
  `blob` VARBINARY NULL,
  `longblob` VARBINARY NULL,
  `geometry` VARCHAR(1048576) NULL,
  `uuid` VARCHAR(36) NULL,
  `inet4` VARCHAR(15) NULL,
  `inet6` VARCHAR(45) NULL,
  `vec` VARCHAR(1048576) NULL,
  `gen` INT NULL
)
ENGINE=OLAP
PRIMARY KEY(`id`, `amount`)
COMMENT "it's ""quoted"" \\ here"
DISTRIBUTED BY HASH(`id`, `amount`) BUCKETS 4;
-- `mediumtext`, `longtext`, `longblob` can have more than 1 MiB at the source; StarRocks refuses such a row, which then stops the table: SET 'on-bad-row' = 'dead-letter' has it left out and written to a file
-- id char(20): 4 bytes per character
-- amount decimal(10,2): StarRocks allows no DECIMAL in a primary key
-- tinyint_u tinyint unsigned: unsigned needs the next wider type
-- smallint_u smallint unsigned: unsigned needs the next wider type
-- mediumint_u mediumint unsigned: unsigned needs the next wider type
-- int_u int unsigned: unsigned needs the next wider type
-- bigint_u bigint unsigned: unsigned needs the next wider type
-- order mediumint: MEDIUMINT needs the next wider type
-- bit8 bit(8): BIT as its unsigned value
-- bit64 bit(64): BIT(64) as its unsigned value
-- d65 decimal(65,30): DECIMAL of more than 38 digits needs StarRocks 4.0
-- f float: StarRocks refuses this default of FLOAT, it is not carried
-- latin varchar(10): 3 bytes per character
-- empty varchar(0): 4 bytes per character
-- wide varchar(16383): 4 bytes per character
-- mediumtext mediumtext: a value of more than 1 MiB is refused by StarRocks and stops the table
-- longtext longtext: a value of more than 1 MiB is refused by StarRocks and stops the table
-- e enum('a','größer'): ENUM as its text
-- s set('a','bc','d'): SET as its text, members separated by commas
-- doc json: the JSON value null arrives as NULL
-- day date: StarRocks has no such date, the default is not carried
-- ts timestamp: TIMESTAMP in UTC; the default is an expression and is not carried; every row brings its value
-- tm time(3): TIME as text: StarRocks has no such column type, and MySQL's goes to 838:59:59
-- truth tinyint(1): a value other than 0 and 1 is refused and stops the table
-- ts_zone timestamp: TIMESTAMP in Asia/Shanghai
-- bin binary(16): StarRocks takes no default of VARBINARY, it is not carried
-- longblob longblob: a value of more than 1 MiB is refused by StarRocks and stops the table
-- geometry geometry: WKT in the order x y, behind SRID=…; where the SRID is not 0
-- vec vector(3): VECTOR as text, [1,2.5]: CAST(… AS ARRAY<FLOAT>) reads it
-- gen int: generated at the source, a plain column here
