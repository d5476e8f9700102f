CREATE TABLE IF NOT EXISTS `test_cdc`.`runoob_tbl_sr` (
  `runoob_id` BIGINT NOT NULL,
  `runoob_title` VARCHAR(300) NOT NULL,
  `runoob_author` VARCHAR(120) NOT NULL,
  `submission_date` DATE NULL,
  `add_col` INT NULL
)
primary key (`runoob_id`) properties ("replication_num" = "2", "compression"="LZ4");
-- runoob_id int unsigned: unsigned needs the next wider type
-- runoob_title varchar(100): 3 bytes per character
-- runoob_author varchar(40): 3 bytes per character
