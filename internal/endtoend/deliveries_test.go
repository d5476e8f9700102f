package endtoend

import (
	"testing"
	"time"

	"starferry/internal/emulator"
	"starferry/internal/testbed"
)

// What the tests of the whole run on: each source, each way of delivery.

var bothSources = map[string]func(testing.TB, ...string) *testbed.Server{"MySQL": testbed.MySQL, "MariaDB": testbed.MariaDB}

// eachSource runs a test with a world of its own on each source.
func eachSource(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	for name, source := range bothSources {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newWorld(t, source(t)))
		})
	}
}

// way is one of the two ways of exactly-once.
type way struct {
	name   string
	inside bool
	// source is that of eachWay.
	source func(testing.TB, ...string) *testbed.Server
}

var ways = []way{
	{name: "two-phase", source: testbed.MySQL},
	{name: "position inside", inside: true, source: testbed.MariaDB},
}

// version is a StarRocks that can do it.
func (o way) version() string {
	if o.inside {
		return "4.0"
	}
	return "3.5"
}

// world has a double that is new enough.
func (o way) world(t testing.TB, source *testbed.Server) *world {
	t.Helper()
	return o.worldOf(t, source, emulator.Config{})
}

// worldOf has a double of this configuration, which a cluster has not.
func (o way) worldOf(t testing.TB, source *testbed.Server, config emulator.Config) *world {
	t.Helper()
	if namedCluster(t) != nil {
		return newWorld(t, source)
	}
	if config.Version == "" {
		config.Version = o.version()
	}
	return newWorldOn(t, source, startDoubleOf(t, config))
}

// epochs are the settings of exactly-once in this way.
func (o way) epochs(interval string) string { return (&bank{inside: o.inside}).exactly(interval) }

var exactlyOnce = []string{"'sink.semantic' = 'exactly-once'"}

// eachWay runs a test in either way of exactly-once, with a world of its own.
func eachWay(t *testing.T, test func(t *testing.T, o way, w *world)) {
	t.Helper()
	for _, o := range ways {
		t.Run(o.name, func(t *testing.T) {
			t.Parallel()
			test(t, o, o.world(t, o.source(t)))
		})
	}
}

// deliveries are those that a test runs in beside at-least-once, and the target it has.
type deliveries struct {
	ways   []way
	target emulator.Config
}

var (
	allDeliveries = deliveries{ways: ways}
	// twoDeliveries are for tests that take long.
	twoDeliveries = deliveries{ways: ways[:1]}
	// quickAlters have a target that is quick with its schema changes.
	quickAlters = deliveries{ways: ways, target: emulator.Config{AlterInterval: 50 * time.Millisecond}}
)

// each runs a test in each delivery, with a world of its own and the settings and options
// of the target that its scripts need.
func (d deliveries) each(t *testing.T, test func(t *testing.T, w *world, settings string, with []string)) {
	t.Helper()
	t.Run("at-least-once", func(t *testing.T) {
		t.Parallel()
		test(t, ways[0].worldOf(t, testbed.MySQL(t), d.target), "", nil)
	})
	for _, o := range d.ways {
		t.Run(o.name, func(t *testing.T) {
			t.Parallel()
			test(t, o.worldOf(t, o.source(t), d.target), o.epochs("200ms"), exactlyOnce)
		})
	}
}
