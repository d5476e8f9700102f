package starrocks_test

import (
	"testing"

	"starferry/internal/expression"
)

// TestFunctionsGiveWhatTheirPageSays: the example of every function, as StarRocks gets it.
func TestFunctionsGiveWhatTheirPageSays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, f := range expression.Functions() {
		if f.Example == "" {
			if !f.Volatile {
				t.Errorf("%s has no example", f.Name)
			}
			continue
		}
		x, err := expression.Parse(f.Example)
		if err != nil {
			t.Fatal(err)
		}
		typed, err := x.Resolve(func(name string) (expression.Type, string) { return expression.Type{}, "no columns here" })
		if err != nil {
			t.Fatalf("%s: %v", f.Example, err)
		}
		var got string
		if err := w.db.QueryRowContext(t.Context(), "SELECT CAST("+typed.SQL()+" AS VARCHAR)").Scan(&got); err != nil || got != f.Is {
			t.Errorf("%s is %q, not %q: %v", f.Example, got, f.Is, err)
		}
	}
}
