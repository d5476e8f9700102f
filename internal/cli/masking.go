package cli

import (
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"starferry/internal/diag"
)

// leastMasked is how long a secret is at least to be taken out of everything that is
// printed: a shorter one would take out too much else. Passwords are never printed, short
// or long.
const leastMasked = 4

// masking writes *** for secrets, wherever they come from: the error of a server may
// repeat what it was sent. It is the last of several guards, not the first.
type masking struct {
	w        io.Writer
	replacer atomic.Pointer[strings.Replacer]
}

func (m *masking) Write(text []byte) (int, error) {
	r := m.replacer.Load()
	if r == nil {
		return m.w.Write(text)
	}
	if _, err := io.WriteString(m.w, r.Replace(string(text))); err != nil {
		return 0, err
	}
	return len(text), nil
}

// mask takes these secrets out of all that is printed from now on.
func (a *app) mask(secrets []diag.Secret) {
	for _, secret := range secrets {
		plain := secret.Reveal()
		if len(plain) < leastMasked {
			continue
		}
		inQuotes := strings.Trim(strconv.Quote(plain), `"`)
		a.masked = append(a.masked, plain, inQuotes, url.QueryEscape(plain), url.PathEscape(plain))
	}
	if len(a.masked) == 0 {
		return
	}
	slices.Sort(a.masked)
	a.masked = slices.Compact(a.masked)
	// Of two that begin alike the longer one goes first.
	slices.SortStableFunc(a.masked, func(x, y string) int { return len(y) - len(x) })
	var pairs []string
	for _, text := range a.masked {
		pairs = append(pairs, text, diag.NewSecret(text).String())
	}
	for _, w := range []io.Writer{a.Out, a.Err} {
		if m, ok := w.(*masking); ok {
			m.replacer.Store(strings.NewReplacer(pairs...))
		}
	}
}

// unmasked is what lies behind a writer of ours.
func unmasked(f any) any {
	if m, ok := f.(*masking); ok {
		return m.w
	}
	return f
}
