package plan

import (
	"slices"

	"starferry/internal/diag"
)

var table = slices.Concat(
	sourceOptions, sourceWithoutEffect,
	targetOptions, loadOptions, targetWithoutEffect,
	settingOptions, settingsWithoutEffect,
	catalogOptions,
)

// Options returns the whole option table.
func Options() []Option { return slices.Clone(table) }

// find returns the option called key in that place, or nil. A name of its own goes
// before a family, and a longer family before a shorter one.
func find(key string, where Scope) *Option {
	var best *Option
	for i := range table {
		o := &table[i]
		if o.Where&where == 0 || !o.matches(key) {
			continue
		}
		if best == nil || best.isFamily() && (!o.isFamily() || len(o.Key) > len(best.Key)) {
			best = o
		}
	}
	return best
}

// nearestKey suggests an option of that place.
func nearestKey(key string, where Scope) string {
	var keys []string
	for i := range table {
		if o := &table[i]; o.Where&where != 0 && !o.isFamily() {
			keys = append(append(keys, o.Key), o.Aliases...)
		}
	}
	return diag.Nearest(key, keys)
}

// elsewhere returns where an option of that name may stand.
func elsewhere(key string) Scope {
	var where Scope
	for i := range table {
		if o := &table[i]; o.matches(key) && !o.isFamily() {
			where |= o.Where
		}
	}
	return where
}

// withoutEffect makes entries of options that mean nothing here for the same reason.
func withoutEffect(where Scope, why string, keys ...string) []Option {
	options := make([]Option, len(keys))
	for i, key := range keys {
		options[i] = Option{Key: key, Where: where, Effect: NoEffect, Why: why}
	}
	return options
}
