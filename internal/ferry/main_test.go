package ferry

import (
	"os"
	"runtime/debug"
	"testing"
)

func TestMain(m *testing.M) {
	debug.SetGCPercent(800) // a history lives for milliseconds
	os.Exit(m.Run())
}
