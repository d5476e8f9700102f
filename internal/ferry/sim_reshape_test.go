package ferry

import (
	"context"
	"errors"

	"starferry/internal/change"
)

// Reshape is not asked for: the simulated tables have the fixed policy.
func (t *simTarget) Reshape(context.Context, change.Name, *change.Table, []Reshape) ([]string, error) {
	return nil, errors.New("the simulated target is not reshaped")
}
