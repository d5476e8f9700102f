package checkpoint

// Recovery is what the processes before this one left.
type Recovery struct {
	Settled, Unsettled *Checkpoint
	Void               []*Checkpoint
	FloorUnknown       bool
}
