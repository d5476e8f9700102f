package plan

import "strings"

// Scope is a set of places an option may stand in.
type Scope uint8

const (
	InOptions          Scope = 1 << iota // the hint behind AS TABLE: the source
	InWith                               // the WITH clause of CREATE TABLE: the target
	InSet                                // SET
	InMySQLCatalog                       // CREATE CATALOG with 'type' = 'mysql'
	InStarRocksCatalog                   // CREATE CATALOG with 'type' = 'starrocks'
)

const (
	inSource = InOptions | InMySQLCatalog
	inTarget = InWith | InStarRocksCatalog
)

func (s Scope) String() string {
	var names []string
	for i, name := range []string{"OPTIONS", "WITH", "SET", "mysql catalog", "starrocks catalog"} {
		if s&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// phrase names the places in a sentence.
func (s Scope) phrase() string {
	var names []string
	for i, name := range []string{"OPTIONS", "WITH", "SET", "a mysql catalog", "a starrocks catalog"} {
		if s&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, " or ")
}

// Type says how an option's text is read.
type Type uint8

const (
	String   Type = iota
	Int           // a whole number
	Bool          // true or false
	Duration      // '1 min', '10 s', 'PT1M'; a bare number is milliseconds
	Size          // '16mb', '94371840'; a bare number is bytes
	Enum          // one of Values; case and - or _ do not matter
	HostList      // host:port, several between ; or ,
	Map           // from=to, several between , or ;
)

func (t Type) String() string {
	return [...]string{"text", "number", "true or false", "duration", "size", "one of", "hosts", "map"}[t]
}

// Effect says what becomes of an option.
type Effect uint8

const (
	InForce  Effect = iota
	NoEffect        // accepted, so that scripts written for Flink run; an info finding says so
	Limited         // only Values are done; any other value is refused
	Refused         // any value is refused
)

func (e Effect) String() string {
	return [...]string{"in force", "no effect", "limited", "refused"}[e]
}

// Way is a set of the ways exactly-once is kept in. None of them is at-least-once.
type Way uint8

const (
	TwoPhase       Way = 1 << iota // a transaction per table: prepared, saved, committed
	PositionInside                 // a transaction per database, which holds the position too
)

func (w Way) phrase() string {
	return map[Way]string{TwoPhase: "exactly-once, two-phase", PositionInside: "exactly-once, position-inside", TwoPhase | PositionInside: "exactly-once"}[w]
}

// Option is one entry of the option table: everything that is known of an option
// is written there and nowhere else.
type Option struct {
	// Key is the name; one that ends in * stands for a whole family.
	Key     string
	Aliases []string
	Where   Scope
	Type    Type
	// Values are those of an Enum, and of a Limited option the ones that are done.
	Values []string
	// Known are further values of a Limited Enum, which are refused.
	Known []string
	// Min and Max bound numbers; durations in milliseconds, sizes in bytes. Both 0:
	// anything not negative.
	Min, Max int64
	// Check looks closer at a text than its Type does.
	Check    func(text string) error
	Default  string
	Required bool
	Secret   bool
	Effect   Effect
	// Only are the ways of delivery an option means something with; 0: with all.
	Only Way
	// Why says why an option has no effect or is refused; Instead what to do.
	Why     string
	Instead string
	Help    string
}

// matches tells whether key names the option.
func (o *Option) matches(key string) bool {
	for _, name := range append([]string{o.Key}, o.Aliases...) {
		if family, ok := strings.CutSuffix(name, "*"); ok && strings.HasPrefix(key, family) && len(key) > len(family) {
			return true
		}
		if name == key {
			return true
		}
	}
	return false
}

func (o *Option) isFamily() bool { return strings.HasSuffix(o.Key, "*") }

// sameWord compares enum values: EXACTLY_ONCE is exactly-once.
func sameWord(a, b string) bool {
	return strings.EqualFold(strings.ReplaceAll(a, "_", "-"), strings.ReplaceAll(b, "_", "-"))
}
