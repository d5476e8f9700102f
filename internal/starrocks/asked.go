package starrocks

import (
	"sync"
	"time"
)

// askedFresh is how long an answer holds that does not depend on the table: thousands of
// tables begin together, and a person who has mended something starts again later.
const askedFresh = time.Second

// asked are answers that are given once for many tables.
type asked struct {
	mu       sync.Mutex
	backends map[string]time.Time // when they were last reached
	grants   []string
	grantsAt time.Time
	// replicas is the number of backends, where they are fewer than replicas are asked for.
	replicas   int
	replicasAt time.Time
}

// fewReplicas is how many replicas tables must have at most, as was said a moment ago; 0 when
// nothing was.
func (a *asked) fewReplicas() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	if time.Since(a.replicasAt) < askedFresh {
		return a.replicas
	}
	return 0
}

func (a *asked) fewerReplicas(backends int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.replicas, a.replicasAt = backends, time.Now()
}

func (a *asked) reaches(backend string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return time.Since(a.backends[backend]) < askedFresh
}

func (a *asked) reached(backend string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.backends == nil {
		a.backends = map[string]time.Time{}
	}
	a.backends[backend] = time.Now()
}

// grantsWith are grants that suffice, as ask gave them a moment ago, or what it gives now.
func (a *asked) grantsWith(suffice func([]string) bool, ask func() ([]string, error)) ([]string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if time.Since(a.grantsAt) < askedFresh && suffice(a.grants) {
		return a.grants, nil
	}
	grants, err := ask()
	if err == nil {
		a.grants, a.grantsAt = grants, time.Now()
	}
	return grants, err
}
