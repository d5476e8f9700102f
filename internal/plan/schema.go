package plan

import (
	"fmt"
	"slices"
	"strings"

	"starferry/internal/change"
	"starferry/internal/diag"
)

// Schema is what a route does about schema changes.
type Schema struct {
	Behavior string // one of schemaBehaviors
	// Ignored are the kinds of change that are ignored whatever the behavior.
	Ignored []string
	// Broadened: the target is created with the widest type of each family.
	Broadened bool
}

var schemaBehaviors = []string{"ctas", "immediate", "evolve", "ignore", "exception", "lenient", "try_evolve"}

// sameBehavior are Flink's names of what has another here.
var sameBehavior = map[string]string{"lenient": "ctas", "try_evolve": "evolve"}

// SchemaKinds are the kinds of change that can be included and excluded.
var SchemaKinds = []string{"add.column", "drop.column", "rename.column", "alter.column.type", "alter.column.nullability",
	"alter.column.default", "alter.column.comment", "truncate.table"}

// neverCarried are kinds of Flink's lists that mean nothing here: no table comes or goes
// at the target because one does at the source.
var neverCarried = []string{"create.table", "drop.table"}

const (
	schemaBehavior = "schema.change.behavior"
	schemaInclude  = "include.schema.changes"
	schemaExclude  = "exclude.schema.changes"
	typeBroadening = "type.broadening"
)

// parseSchemaKinds reads a list; a part of a name stands for all kinds that begin so.
func parseSchemaKinds(text string) (kinds []string, err error) {
	for _, part := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ';' || r == '[' || r == ']' }) {
		name := strings.ToLower(strings.TrimSpace(part))
		if name == "" {
			continue
		}
		found := false
		for _, kind := range slices.Concat(SchemaKinds, neverCarried) {
			if kind == name || strings.HasPrefix(kind, name+".") {
				kinds, found = append(kinds, kind), true
			}
		}
		if !found {
			why := fmt.Sprintf("'%s' is no kind of schema change; they are %s", name, strings.Join(SchemaKinds, ", "))
			if near := diag.Nearest(name, SchemaKinds); near != "" {
				why = fmt.Sprintf("did you mean '%s'? The kinds are %s", near, strings.Join(SchemaKinds, ", "))
			}
			return nil, fmt.Errorf("%s", why)
		}
	}
	return kinds, nil
}

func checkSchemaKinds(text string) error {
	_, err := parseSchemaKinds(text)
	return err
}

// schemaOf is what a statement's OPTIONS say of schema changes, else SET.
func schemaOf(options, set layers) Schema {
	say := func(key string) string {
		if b, _ := options.get(key); b != nil {
			return b.value
		}
		return set.text(key, InSet)
	}
	s := Schema{Behavior: say(schemaBehavior), Broadened: say(typeBroadening) == "true"}
	if same, ok := sameBehavior[s.Behavior]; ok {
		s.Behavior = same
	}
	// bind has checked the texts.
	included, _ := parseSchemaKinds(say(schemaInclude))
	excluded, _ := parseSchemaKinds(say(schemaExclude))
	for _, kind := range SchemaKinds {
		if slices.Contains(excluded, kind) || len(included) > 0 && !slices.Contains(included, kind) {
			s.Ignored = append(s.Ignored, kind)
		}
	}
	return s
}

// ofOneTable are the OPTIONS that are not of the source as a whole.
var ofOneTable = []string{schemaBehavior, schemaInclude, schemaExclude, typeBroadening}

// withoutSchema leaves the options of one table out.
func withoutSchema(options layers) (rest layers) {
	for _, l := range options {
		kept := &layer{origin: l.origin}
		for _, b := range l.list {
			if !slices.Contains(ofOneTable, b.key) {
				kept.list = append(kept.list, b)
			}
		}
		rest = append(rest, kept)
	}
	return rest
}

// schemaInForce notes the options of one table, for EXPLAIN.
func (c *compiler) schemaInForce(hint *layer, target change.Name) {
	for _, key := range ofOneTable {
		if b := hint.get(key); b != nil {
			c.plan.Options = append(c.plan.Options, OptionInForce{Key: key, Value: shown(b), Origin: hint.origin, Route: target.String()})
		}
	}
}
