package diag

import (
	"encoding/json"
	"fmt"
	"log/slog"
)

// Secret is a text that no output shows: it prints as *** however it is formatted.
type Secret struct{ value string }

// NewSecret hides value.
func NewSecret(value string) Secret { return Secret{value} }

// Reveal gives the text itself, for the one place that sends it to its server.
func (s Secret) Reveal() string { return s.value }

const masked = "***"

func (s Secret) String() string               { return masked }
func (s Secret) GoString() string             { return masked }
func (s Secret) Format(f fmt.State, _ rune)   { fmt.Fprint(f, masked) }
func (s Secret) LogValue() slog.Value         { return slog.StringValue(masked) }
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(masked) }
func (s Secret) MarshalText() ([]byte, error) { return []byte(masked), nil }
