package starrocks

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"starferry/internal/diag"
)

// suffix is what stands after the column list of CREATE TABLE.
type suffix struct {
	// verbatim is the user's text of normal mode.
	verbatim string
	// key is the primary key clause of verbatim.
	key []string
	// insertAt is where verbatim takes another property: behind the bracket that
	// opens its PROPERTIES, or -1 when it has none.
	insertAt int
	// buckets and properties are simple mode's; 0 leaves the number to StarRocks.
	simple     bool
	buckets    int
	properties []property
	// replication is the number the user asks for, "" when he leaves it open.
	replication string
	notes       []string
	// partition are the columns of PARTITIONED BY; keyEnd is where verbatim's primary key
	// clause ends.
	partition []string
	keyEnd    int
	commented bool   // verbatim has a comment
	comment   string // of the statement's clause
}

type property struct{ key, value string }

func parseSuffix(spec TableSpec) (suffix, error) {
	tokens, ok := tokenize(spec.Properties)
	if !ok {
		return suffix{}, propertiesProblem(spec, "a quote or comment in it is not closed", "close it.")
	}
	for n := len(tokens); n > 0 && tokens[n-1].is(";"); n-- {
		spec.Properties = spec.Properties[:tokens[n-1].start]
		tokens = tokens[:n-1]
	}
	if spec.Simple {
		return parseSimple(spec, tokens)
	}
	return parseNormal(spec, tokens)
}

func propertiesProblem(spec TableSpec, why, fix string) error {
	return &diag.Problem{
		Code:    CodeProperties,
		Message: fmt.Sprintf("table %s: 'starrocks.create.table.properties' = '%s' cannot be used: %s", spec.Target, spec.Properties, why),
		Fix:     fix,
	}
}

// parseSimple reads "buckets 8" or "buckets=8", and behind it more properties, in
// whatever of the usual forms.
func parseSimple(spec TableSpec, tokens []token) (suffix, error) {
	s := suffix{simple: true, insertAt: -1}
	const example = "write 'buckets 8', or 'buckets 8, replication_num=1'."
	for i := 0; i < len(tokens); {
		t := tokens[i]
		switch {
		case t.is(",") || t.is("(") || t.is(")") || t.is("properties"):
			i++
			continue
		case t.kind == punctuation:
			return s, propertiesProblem(spec, fmt.Sprintf("%q is not expected there", t.text), example)
		}
		value := i + 1
		if value < len(tokens) && tokens[value].is("=") {
			value++
		} else if !t.is("buckets") {
			return s, propertiesProblem(spec, fmt.Sprintf("simple mode takes only the number of buckets and properties, not %q", t.text),
				example+" For other clauses use 'starrocks.create.table.mode' = 'normal'.")
		}
		if value >= len(tokens) || tokens[value].kind == punctuation {
			return s, propertiesProblem(spec, fmt.Sprintf("%s has no value", t.text), example)
		}
		if strings.EqualFold(t.text, "buckets") {
			n, err := strconv.Atoi(tokens[value].text)
			if err != nil || n < 1 || n > 1024 {
				return s, propertiesProblem(spec, fmt.Sprintf("%q is no number of buckets from 1 to 1024", tokens[value].text), example)
			}
			s.buckets = n
		} else {
			s.properties = append(s.properties, property{t.text, tokens[value].text})
			if strings.EqualFold(t.text, "replication_num") {
				s.replication = tokens[value].text
			}
		}
		i = value + 1
	}
	if s.buckets == 0 {
		s.notes = append(s.notes, "no number of buckets is given: StarRocks chooses it")
	}
	return s, nil
}

// parseNormal reads only what we must know of the user's text: its primary key and
// its properties. Everything else is between him and StarRocks.
func parseNormal(spec TableSpec, tokens []token) (suffix, error) {
	s := suffix{verbatim: strings.TrimSpace(spec.Properties), insertAt: -1}
	lead := strings.Index(spec.Properties, s.verbatim)
	for i := 0; i+1 < len(tokens); i++ {
		t := tokens[i]
		if tokens[i+1].is("key") && (t.is("duplicate") || t.is("unique") || t.is("aggregate")) {
			return s, propertiesProblem(spec, fmt.Sprintf("a %s KEY table cannot take changes and deletes", strings.ToUpper(t.text)),
				fmt.Sprintf("write primary key(%s).", strings.Join(spec.Source.KeyNames(), ", ")))
		}
		if t.is("properties") && tokens[i+1].is("(") {
			s.insertAt = tokens[i+1].end - lead
		}
		if t.kind != punctuation && strings.EqualFold(t.text, "replication_num") && tokens[i+1].is("=") && i+2 < len(tokens) {
			s.replication = tokens[i+2].text
		}
	}
	s.key = primaryKey(tokens)
	s.keyEnd, s.commented = keyClauseEnd(tokens)-lead, slices.ContainsFunc(tokens, func(t token) bool { return t.is("comment") })
	if s.key == nil && len(spec.Source.Key) > 0 {
		return s, propertiesProblem(spec, "it has no PRIMARY KEY clause",
			fmt.Sprintf("write it with primary key(%s), or use 'starrocks.create.table.mode' = 'simple'.", strings.Join(spec.Source.KeyNames(), ", ")))
	}
	return s, nil
}

// text writes the suffix; replication 0 leaves the number as the user has it.
func (s suffix) text(key []string, comment string, replication int) string {
	if !s.simple {
		return s.normalText(replication)
	}
	lines := []string{"ENGINE=OLAP", "PRIMARY KEY(" + quoteNames(key) + ")"}
	if comment != "" {
		lines = append(lines, "COMMENT "+quoteText(comment))
	}
	if len(s.partition) > 0 {
		lines = append(lines, s.partitionText())
	}
	distribution := "DISTRIBUTED BY HASH(" + quoteNames(key) + ")"
	if s.buckets > 0 {
		distribution += " BUCKETS " + strconv.Itoa(s.buckets)
	}
	lines = append(lines, distribution)
	var properties []string
	for _, p := range s.properties {
		properties = append(properties, quoteText(p.key)+" = "+quoteText(p.value))
	}
	if replication > 0 && s.replication == "" {
		properties = append(properties, fmt.Sprintf(`"replication_num" = "%d"`, replication))
	}
	if len(properties) > 0 {
		lines = append(lines, "PROPERTIES ("+strings.Join(properties, ", ")+")")
	}
	return strings.Join(lines, "\n")
}

func (s suffix) partitionText() string { return "PARTITION BY (" + quoteNames(s.partition) + ")" }

// normalText is the user's text, with what clauses of the statement add behind its key.
func (s suffix) normalText(replication int) string {
	added := ""
	if s.comment != "" && !s.commented {
		added = " COMMENT " + quoteText(s.comment)
	}
	if len(s.partition) > 0 {
		added += " " + s.partitionText()
	}
	if added != "" {
		s.verbatim = s.verbatim[:s.keyEnd] + added + s.verbatim[s.keyEnd:]
		if s.insertAt > s.keyEnd {
			s.insertAt += len(added)
		}
	}
	if replication == 0 || s.replication != "" {
		return s.verbatim
	}
	number := fmt.Sprintf(`"replication_num" = "%d"`, replication)
	if s.insertAt < 0 {
		return s.verbatim + "\nPROPERTIES (" + number + ")"
	}
	rest := s.verbatim[s.insertAt:]
	if !strings.HasPrefix(strings.TrimSpace(rest), ")") {
		number += ", "
	}
	return s.verbatim[:s.insertAt] + number + rest
}
