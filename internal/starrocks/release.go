package starrocks

import (
	"slices"
	"strconv"
	"strings"
)

// release is a version of StarRocks as numbers.
type release [3]int

// releaseOf reads what current_version() says, "3.5.4-6d81f75" for example; false when it
// is no number, as that of a build from the main line.
func releaseOf(version string) (r release, ok bool) {
	number, _, _ := strings.Cut(version, "-")
	for i, part := range strings.SplitN(number, ".", 3) {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil {
			return r, i > 0
		}
		r[i] = n
	}
	return r, true
}

func (r release) since(major, minor, patch int) bool {
	return slices.Compare(r[:], []int{major, minor, patch}) >= 0
}

// hasPreparedTimeout tells whether a version knows how long a prepared transaction is to
// be kept; others take their own time.
func hasPreparedTimeout(version string) bool {
	r, ok := releaseOf(version)
	return ok && r.since(3, 5, 4)
}

// hasColumnChanges tells whether a version renames columns and changes their comments.
func hasColumnChanges(version string) bool {
	r, ok := releaseOf(version)
	return !ok || r.since(3, 3, 2)
}
