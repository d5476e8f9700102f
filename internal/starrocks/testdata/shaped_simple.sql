CREATE TABLE IF NOT EXISTS `test_cdc`.`runoob_tbl_sr` (
  `day` VARCHAR(8) NOT NULL COMMENT "of it",
  `runoob_id` BIGINT NOT NULL,
  `runoob_title` VARCHAR(300) NOT NULL,
  `loaded` DATETIME NULL,
  `submission_date` DATE NULL,
  `twice` BIGINT NULL,
  `add_col` INT NULL,
  `last` VARCHAR(300) NULL
)
ENGINE=OLAP
PRIMARY KEY(`day`, `runoob_id`, `runoob_title`)
COMMENT "it's shaped"
PARTITION BY (`day`)
DISTRIBUTED BY HASH(`day`, `runoob_id`, `runoob_title`) BUCKETS 8
PROPERTIES ("replication_num" = "1");
-- the primary key (day, runoob_id, runoob_title) can need 316 bytes; StarRocks refuses rows whose key is longer than 128: raise primary_key_limit_size in be.conf, or choose a shorter key
-- day computed: AS COALESCE(CAST(DATE_FORMAT(submission_date, 'yyyyMMdd') AS STRING), 'none')
-- runoob_id int unsigned: unsigned needs the next wider type
-- runoob_title varchar(100): 3 bytes per character
-- loaded computed: AS NOW()
-- twice computed: AS add_col * 2
-- last computed: AS UPPER(runoob_title)
