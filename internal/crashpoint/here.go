//go:build !crashpoints

package crashpoint

// Here is a point. It is nothing in this build.
func Here(string) {}
