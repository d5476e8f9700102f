package endtoend

import (
	"fmt"
	"net"
	"testing"

	"starferry/internal/testbed"
)

// wires are what lies between the ferry and the two sides: the source, and of the
// target the query port, the frontend's and the backend's.
type wires struct {
	source, query, load, backend *testbed.Proxy
	second                       *testbed.Proxy // the other server of a pair; nil without
	redirect                     string         // the option that leads loads through backend
}

// wire leads the scripts of a world, from now on, through proxies.
func (w *world) wire(t testing.TB) *wires {
	t.Helper()
	needsDouble(t, "every connection to it goes through a proxy")
	backend := w.double.BEHTTPAddr()
	w.wires = &wires{
		source: testbed.ProxyTo(t, w.source.Address()), query: testbed.ProxyTo(t, w.queryAddress),
		load: testbed.ProxyTo(t, w.loadAddress), backend: testbed.ProxyTo(t, backend),
	}
	_, port, err := net.SplitHostPort(backend)
	if err != nil {
		t.Fatal(err)
	}
	// The double names its backend by another name than the one that was dialled.
	w.wires.redirect = fmt.Sprintf("'sink.redirect-hosts' = 'localhost:%s=%s'", port, w.wires.backend.Addr())
	w.queryAddress, w.loadAddress = w.wires.query.Addr(), w.wires.load.Addr()
	return w.wires
}

func (x *wires) target() []*testbed.Proxy { return []*testbed.Proxy{x.query, x.load, x.backend} }

func (x *wires) all() []*testbed.Proxy {
	all := append(x.target(), x.source)
	if x.second != nil {
		all = append(all, x.second)
	}
	return all
}

// heal takes away whatever was done to the wires.
func (x *wires) heal() {
	for _, p := range x.all() {
		p.Refuse(false)
		p.Flow()
	}
}
