package starrocks

import (
	"time"

	"starferry/internal/diag"
)

// Config says how to reach a cluster.
type Config struct {
	Query    []string // host:port of frontends' query ports, tried in this order
	Load     []string // host:port of frontends' HTTP ports, tried in this order
	User     string
	Password diag.Secret
	// RedirectHosts maps the host, or host:port, that a load is redirected to, to the
	// host, or host:port, that is reachable from here.
	RedirectHosts  map[string]string
	ConnectTimeout time.Duration // of one address; 30 s when 0
}

const (
	defaultConnectTimeout = 30 * time.Second
	defaultLoadTimeout    = 600 * time.Second
)

func (c Config) withDefaults() Config {
	if c.ConnectTimeout <= 0 {
		c.ConnectTimeout = defaultConnectTimeout
	}
	return c
}
