package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"starferry/internal/diag"
	"starferry/internal/script"
)

// kind is what a catalog stands for.
type kind string

const (
	kindMySQL     kind = "mysql"
	kindStarRocks kind = "starrocks"
	kindUnknown   kind = "" // its statement has a finding already
)

type catalog struct {
	name     string
	kind     kind
	database string
	options  *layer
	absent   bool // used before it was created, or never created
}

func (c *compiler) createCatalog(st *script.CreateCatalog) {
	name := st.Name.Name
	if name == "" || st.Name.Unset {
		c.lost = true
		return
	}
	before := c.catalogs[name]
	if before != nil && !before.absent {
		if st.IfNotExists {
			c.warn(CodeCatalogTwice, st.Name.At, fmt.Sprintf("catalog '%s' exists already: these options are not used", name), "remove one of the two statements.")
			return
		}
		c.error(CodeCatalogTwice, st.Name.At, fmt.Sprintf("catalog '%s' exists already", name), "give it another name, or remove one of the two statements.")
		return
	}
	cat := &catalog{name: name, kind: c.catalogKind(st)}
	c.catalogs[name] = cat
	if before != nil && c.current == before {
		c.current = cat
	}
	origin := "catalog " + name
	switch cat.kind {
	case kindMySQL:
		cat.options = c.bind(st.With, InMySQLCatalog, origin)
		cat.database = layers{cat.options}.text("default-database", InMySQLCatalog)
	case kindStarRocks:
		cat.options = c.bind(st.With, InStarRocksCatalog, origin)
		cat.database = layers{cat.options}.text("dbname", InStarRocksCatalog)
	default:
		cat.options = &layer{origin: origin}
	}
}

// catalogKind finds 'type' before the other options are looked up: which there are
// depends on it.
func (c *compiler) catalogKind(st *script.CreateCatalog) kind {
	if st.With == nil {
		return kindUnknown
	}
	for _, o := range st.With.List {
		if strings.TrimSpace(o.Key.Value) != "type" {
			continue
		}
		value, _, err := checkValue(find("type", InMySQLCatalog), o.Value.Value)
		if err == nil {
			return kind(value)
		}
		c.invalidValue(o, find("type", InMySQLCatalog), err.Error())
		return kindUnknown
	}
	if !st.IsBroken() {
		c.error(CodeMissingOption, st.Name.At, fmt.Sprintf("catalog '%s' has no 'type'", st.Name.Name), "add 'type' = 'mysql' or 'type' = 'starrocks'.")
	}
	return kindUnknown
}

func (c *compiler) dropCatalog(st *script.DropCatalog) {
	cat := c.catalogs[st.Name.Name]
	if cat != nil && cat.absent {
		return // said already
	}
	switch {
	case st.Name.Name == "", cat == nil && (st.IfExists || c.lost):
	case cat == nil:
		c.error(CodeNoCatalog, st.Name.At, fmt.Sprintf("there is no catalog '%s'", st.Name.Name), "remove the statement, or write DROP CATALOG IF EXISTS.")
	case cat == c.current:
		c.error(CodeCannotDrop, st.Name.At, fmt.Sprintf("catalog '%s' is the current one", cat.name), "write USE CATALOG with another one before it.")
	default:
		delete(c.catalogs, cat.name)
	}
}

func (c *compiler) useCatalog(st *script.UseCatalog) {
	if st.Name.Name == "" || st.Name.Unset {
		c.lost = true
		return
	}
	c.current, c.database = c.lookup(st.Name), ""
}

func (c *compiler) use(st *script.Use) {
	parts := st.Path.Parts
	if len(parts) == 0 || len(parts) > 2 || !isSet(st.Path) {
		c.lost = true
		return
	}
	if len(parts) == 2 {
		c.current = c.lookup(parts[0])
	} else if c.current == nil && !c.lost {
		c.error(CodeNoDatabase, st.Path.At, "there is no current catalog to look for the database in", fmt.Sprintf("write USE catalog.%s.", st.Path))
		c.lost = true
	}
	c.database = st.Path.Last().Name
}

// lookup finds a catalog by name. One that does not exist is reported once, and
// stands in from then on as a catalog of which nothing is known.
func (c *compiler) lookup(name script.Ident) *catalog {
	if cat := c.catalogs[name.Name]; cat != nil {
		return cat
	}
	if !c.lost && !name.Unset {
		c.noCatalog(name)
	}
	cat := &catalog{name: name.Name, absent: true, options: &layer{origin: "catalog " + name.Name}}
	c.catalogs[name.Name] = cat
	return cat
}

func (c *compiler) noCatalog(name script.Ident) {
	f := diag.Finding{
		Code: CodeNoCatalog, Severity: diag.Error, File: c.file, Span: name.At,
		Message: fmt.Sprintf("there is no catalog '%s'", name.Name),
		Fix:     fmt.Sprintf("create it before: CREATE CATALOG %s WITH ('type' = …);", name.Name),
	}
	var known []string
	for _, other := range slices.Sorted(maps.Keys(c.catalogs)) {
		if c.catalogs[other].kind != kindUnknown {
			known = append(known, other)
		}
	}
	if near := diag.Nearest(name.Name, known); near != "" {
		f.Label = fmt.Sprintf("did you mean '%s'?", near)
		f.Fix = fmt.Sprintf("write %s.", near)
	}
	c.findings = append(c.findings, f)
}
