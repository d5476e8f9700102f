// Package cells is the one table of types of the source: it makes the text cells
// of a row, out of the row images of the log and out of the answer to a SELECT.
//
// The parity law: both ways give the same bytes for the same value. What the text
// of a cell looks like, type by type:
//
//   - integers, YEAR: decimal digits, no padding (YEAR has four digits, also 0000);
//     BIT(n) as an unsigned number
//   - DECIMAL: as MySQL prints it, with all digits of the scale, without ZEROFILL
//   - FLOAT, DOUBLE: the fewest digits that give the same bits again (as 32 and 64
//     bits), in the notation that MySQL prints in JSON: 0.1, 16777216, 1.5e-20, 1e16, -0
//   - text, ENUM, SET, JSON: UTF-8, as SELECT prints it
//   - DATE, DATETIME, TIME: as SELECT prints them, zero and partial dates included,
//     with exactly the declared digits of the second; TIMESTAMP the same, in UTC
//   - BINARY, VARBINARY, BLOB: the bytes; BINARY(n) padded with NUL
//
// SELECT cannot print everything exactly: FLOAT is rounded to six digits,
// FLOAT(p,s) and DOUBLE(p,s) to s, ZEROFILL pads, BIT is raw bytes.
// SelectExpression asks for those in a form that Selected can make the cell from.
package cells
