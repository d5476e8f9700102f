package checkpoint

import (
	"encoding/json"
	"fmt"
	"slices"

	"starferry/internal/change"
)

// A schema as it is written. Types are named, not numbered: the numbers of
// change.Base may move between versions of starferry.
type schemaDocument struct {
	Name      nameDocument     `json:"name"`
	Version   int              `json:"version"`
	Columns   []columnDocument `json:"columns"`
	Key       []int            `json:"key"`
	Charset   text             `json:"charset,omitempty"`
	Collation text             `json:"collation,omitempty"`
	Comment   text             `json:"comment,omitempty"`
}

type columnDocument struct {
	Name              text         `json:"name"`
	Type              typeDocument `json:"type"`
	Nullable          bool         `json:"nullable,omitempty"`
	Default           *text        `json:"default,omitempty"`
	DefaultExpression text         `json:"defaultExpression,omitempty"`
	AutoIncrement     bool         `json:"autoIncrement,omitempty"`
	Generated         bool         `json:"generated,omitempty"`
	Invisible         bool         `json:"invisible,omitempty"`
	Comment           text         `json:"comment,omitempty"`
	Was               text         `json:"was,omitempty"`
}

type typeDocument struct {
	Base      string `json:"base"`
	Unsigned  bool   `json:"unsigned,omitempty"`
	Zerofill  bool   `json:"zerofill,omitempty"`
	Length    int    `json:"length,omitempty"`
	Precision int    `json:"precision,omitempty"`
	Scale     int    `json:"scale,omitempty"`
	Fraction  int    `json:"fraction,omitempty"`
	Charset   text   `json:"charset,omitempty"`
	Collation text   `json:"collation,omitempty"`
	Members   []text `json:"members,omitempty"`
	Zone      string `json:"zone,omitempty"`
	ZeroDates string `json:"zeroDates,omitempty"`
}

func encodeSchema(t *change.Table) ([]byte, error) {
	doc := schemaDocument{
		Name: nameOut(t.Name), Version: t.Version, Key: t.Key,
		Charset: text(t.Charset), Collation: text(t.Collation), Comment: text(t.Comment),
	}
	for i := range t.Columns {
		doc.Columns = append(doc.Columns, columnOut(&t.Columns[i]))
	}
	return json.MarshalIndent(doc, "", " ")
}

func columnOut(c *change.Column) columnDocument {
	return columnDocument{
		Name: text(c.Name), Type: typeOut(c.Type), Nullable: c.Nullable,
		Default: (*text)(c.Default), DefaultExpression: text(c.DefaultExpression),
		AutoIncrement: c.AutoIncrement, Generated: c.Generated, Invisible: c.Invisible,
		Comment: text(c.Comment), Was: text(c.Was),
	}
}

func (c *columnDocument) in() (change.Column, error) {
	kind, err := c.Type.in()
	return change.Column{
		Name: string(c.Name), Type: kind, Nullable: c.Nullable,
		Default: (*string)(c.Default), DefaultExpression: string(c.DefaultExpression),
		AutoIncrement: c.AutoIncrement, Generated: c.Generated, Invisible: c.Invisible,
		Comment: string(c.Comment), Was: string(c.Was),
	}, err
}

func decodeSchema(document []byte) (*change.Table, error) {
	var doc schemaDocument
	if err := json.Unmarshal(document, &doc); err != nil {
		return nil, damage(err.Error())
	}
	t := &change.Table{
		Name: doc.Name.in(), Version: doc.Version, Key: doc.Key,
		Charset: string(doc.Charset), Collation: string(doc.Collation), Comment: string(doc.Comment),
	}
	for i := range doc.Columns {
		column, err := doc.Columns[i].in()
		if err != nil {
			return nil, err
		}
		t.Columns = append(t.Columns, column)
	}
	for _, k := range t.Key {
		if k < 0 || k >= len(t.Columns) {
			return nil, damage(fmt.Sprintf("its key names column %d of %d", k, len(t.Columns)))
		}
	}
	return t, nil
}

func typeOut(t change.Type) typeDocument {
	doc := typeDocument{
		Base: t.Base.String(), Unsigned: t.Unsigned, Zerofill: t.Zerofill, Length: t.Length,
		Precision: t.Precision, Scale: t.Scale, Fraction: t.Fraction,
		Charset: text(t.Charset), Collation: text(t.Collation), Zone: t.Zone, ZeroDates: string(t.ZeroDates),
	}
	for _, m := range t.Members {
		doc.Members = append(doc.Members, text(m))
	}
	return doc
}

func (doc typeDocument) in() (change.Type, error) {
	base := slices.Index(bases, doc.Base)
	if base < 0 {
		return change.Type{}, damage(fmt.Sprintf("it has a column of unknown type %q", doc.Base))
	}
	t := change.Type{
		Base: change.Base(base), Unsigned: doc.Unsigned, Zerofill: doc.Zerofill, Length: doc.Length,
		Precision: doc.Precision, Scale: doc.Scale, Fraction: doc.Fraction,
		Charset: string(doc.Charset), Collation: string(doc.Collation), Zone: doc.Zone, ZeroDates: change.ZeroDates(doc.ZeroDates),
	}
	for _, m := range doc.Members {
		t.Members = append(t.Members, string(m))
	}
	return t, nil
}

// bases are the names of all types, each at its number.
var bases = func() (names []string) {
	for b := change.Base(0); b.String() != fmt.Sprintf("base(%d)", uint8(b)); b++ {
		names = append(names, b.String())
	}
	return names
}()
