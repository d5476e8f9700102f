package checkpoint

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"starferry/internal/diag"
)

// Identity is what a deployment is known by at its source and target. It is drawn
// once, when the state directory is created, and durable before anything uses it:
// a new directory is a new deployment, whose labels no other has ever used.
type Identity struct {
	// Deployment is 8 random hexadecimal digits.
	Deployment string `json:"deployment"`
	// Name is the deployment's name when the directory was created.
	Name string `json:"name"`
	// ServerID is derived from Deployment, at least 1<<24: far from the small
	// numbers that people give to their servers.
	ServerID  uint32    `json:"serverId"`
	CreatedAt time.Time `json:"createdAt"`
}

func newIdentity(name string) Identity { return identityOf(randomHex(4), name) }

func identityOf(id, name string) Identity {
	sum := sha256.Sum256([]byte("server-id " + id))
	server := binary.BigEndian.Uint32(sum[:])
	if server < 1<<24 {
		server += 1 << 24
	}
	return Identity{Deployment: id, Name: name, ServerID: server, CreatedAt: time.Now().UTC().Truncate(time.Second)}
}

func randomHex(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails: the runtime ends the process instead
	return hex.EncodeToString(b)
}

// loadIdentity reads the directory's identity, or draws one for a new directory.
func (d *Dir) loadIdentity(name string) error {
	path := filepath.Join(d.path, "identity")
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && d.sequence == 0 {
		return d.writeIdentity(newIdentity(name))
	}
	if err != nil {
		return readProblem(path, err)
	}
	document, err := unseal(path, "identity", content)
	if err == nil {
		if bad := json.Unmarshal(document, &d.identity); bad != nil {
			err = damage(bad.Error())
		}
	}
	if isDamage(err) {
		return damagedProblem(path, err)
	}
	if err != nil {
		return err
	}
	if d.identity.Name != name {
		return &diag.Problem{
			Code: CodeForeign, Class: diag.Unusable,
			Message: fmt.Sprintf("the state directory %s belongs to deployment '%s', not to '%s'", d.path, d.identity.Name, name),
			Fix: fmt.Sprintf("choose another folder with --data-dir, or, if it is the same deployment under a new name, begin the script with\nSET 'pipeline.name' = '%s';",
				d.identity.Name),
		}
	}
	return nil
}

func (d *Dir) writeIdentity(identity Identity) error {
	path := filepath.Join(d.path, "identity")
	document, err := json.MarshalIndent(identity, "", " ")
	if err != nil {
		return fmt.Errorf("encoding the identity: %w", err)
	}
	if err := replace(d.disk, path, seal("identity", document)); err != nil {
		return writeProblem(diag.Unusable, path, err)
	}
	d.identity = identity
	return nil
}

// Adopt makes this the directory of a deployment that has lost its own. Its labels stay
// unique, since each process has an incarnation of its own; and a process of it that is still
// alive somewhere meets this one at the source, which lets only one reader use a server id.
func (d *Dir) Adopt(deployment string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case deployment == d.identity.Deployment:
		return nil
	case len(d.kept) > 0:
		return fmt.Errorf("%s has checkpoints of deployment %s and cannot become that of %s", d.path, d.identity.Deployment, deployment)
	}
	return d.writeIdentity(identityOf(deployment, d.identity.Name))
}
