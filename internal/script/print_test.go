package script

import (
	"fmt"
	"reflect"
	"strings"

	"starferry/internal/diag"
)

// dump prints a tree with the text under each span, so that a golden file shows
// wrong spans at a glance.
func dump(s *Script) string {
	var b strings.Builder
	dumpStatements(&b, s, s.Statements, "")
	return b.String()
}

func dumpStatements(b *strings.Builder, s *Script, statements []Statement, indent string) {
	for _, st := range statements {
		v := reflect.ValueOf(st).Elem()
		fmt.Fprintf(b, "%s%s", indent, v.Type().Name())
		if st.IsBroken() {
			b.WriteString(" (broken)")
		}
		at := st.Span()
		line, col := s.File.Position(at.Start)
		endLine, endCol := s.File.Position(at.End)
		fmt.Fprintf(b, " %d:%d-%d:%d\n", line, col, endLine, endCol)
		for i := range v.NumField() {
			if name := v.Type().Field(i).Name; name != "Node" && name != "Statements" {
				dumpField(b, s.File, indent+"  "+name, v.Field(i))
			}
		}
		if e, ok := st.(*Explain); ok {
			dumpStatements(b, s, e.Statements, "  ")
		}
	}
}

func dumpField(b *strings.Builder, f *diag.File, name string, v reflect.Value) {
	if v.IsZero() {
		return
	}
	under := func(at diag.Span) string {
		text := strings.Join(strings.Fields(f.Text[at.Start:at.End]), " ")
		if len(text) > 40 {
			text = text[:18] + " … " + text[len(text)-18:]
		}
		return text
	}
	switch x := v.Interface().(type) {
	case Ident:
		fmt.Fprintf(b, "%s: %s <%s>\n", name, x.Name, under(x.At))
	case Path:
		fmt.Fprintf(b, "%s: %s <%s>\n", name, x, under(x.At))
	case Text:
		fmt.Fprintf(b, "%s: %q <%s>\n", name, x.Value, under(x.At))
	case *Options:
		fmt.Fprintf(b, "%s: <%s>\n", name, under(x.At))
		for _, o := range x.List {
			fmt.Fprintf(b, "    %q = %q <%s>\n", o.Key.Value, o.Value.Value, under(o.At))
		}
	case bool:
		fmt.Fprintf(b, "%s\n", name)
	case string:
		fmt.Fprintf(b, "%s: %s\n", name, x)
	case diag.Span:
		fmt.Fprintf(b, "%s: <%s>\n", name, under(x))
	default:
		dumpComposite(b, f, name, v)
	}
}

func dumpComposite(b *strings.Builder, f *diag.File, name string, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		dumpField(b, f, name, v.Elem())
	case reflect.Slice:
		for i := range v.Len() {
			dumpField(b, f, fmt.Sprintf("%s[%d]", name, i), v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			dumpField(b, f, name+"."+v.Type().Field(i).Name, v.Field(i))
		}
	default:
		fmt.Fprintf(b, "%s: %v\n", name, v)
	}
}
