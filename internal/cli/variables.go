package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"starferry/internal/diag"
	"starferry/internal/script"
)

const (
	variableEnv = "STARFERRY_VAR_"
	secretEnv   = "STARFERRY_SECRET_"
	// systemdSecrets is where systemd puts the credentials of a service.
	systemdSecrets = "CREDENTIALS_DIRECTORY"
	// maxSecret bounds what is read as a secret: a file that is larger is another one.
	maxSecret = 64 << 10
)

// scriptFlags are those of every verb that takes a script.
type scriptFlags struct {
	set        []string
	secretsDir string
}

// takesScript adds the flags for the variables of a script.
func (a *app) takesScript(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&a.script.set, "set", nil, "the value of a variable of the script, as name=value; may be given several times")
	cmd.Flags().StringVar(&a.script.secretsDir, "secrets-dir", "", "folder of secrets: the file NAME holds ${secret_values.NAME}")
}

// values are those of the variables of a script: of the command line, of the environment
// and of a folder of secrets.
type values struct {
	set    map[string]string
	env    map[string]string
	dir    string
	needed bool
	// warn says what is unsafe about a secret.
	warn func(string)
	said map[string]bool
}

// values reads the flags.
func (a *app) values(cmd *cobra.Command, needed bool) (*values, error) {
	v := &values{set: map[string]string{}, env: a.env, needed: needed, said: map[string]bool{}}
	v.warn = func(text string) { fmt.Fprintln(a.Err, "warning: "+text) }
	for _, entry := range a.script.set {
		name, value, ok := strings.Cut(entry, "=")
		switch {
		case !ok || !script.IsVariable(name):
			return nil, misused(cmd, "--set takes name=value, the name of letters, digits, _, . and -")
		case script.IsSecret(name):
			return nil, misused(cmd, "--set %s=…: others can read what stands on a command line; give a secret in %s, or in a file of --secrets-dir", name, environmentOf(name))
		}
		v.set[name] = value
	}
	v.dir = a.script.secretsDir
	if v.dir == "" {
		v.dir = a.env[systemdSecrets]
	}
	if v.dir == "" {
		return v, nil
	}
	if info, err := os.Stat(v.dir); err != nil || !info.IsDir() {
		var at *fs.PathError
		if errors.As(err, &at) {
			err = at.Err
		}
		return nil, &diag.Problem{Code: CodeSecrets, Class: diag.Unusable, Cause: err, Message: "no secrets can be read from " + v.dir, Fix: "name with --secrets-dir a folder that has one file for each secret"}
	}
	return v, nil
}

// environmentOf is the environment variable of a variable.
func environmentOf(name string) string {
	prefix := variableEnv
	if script.IsSecret(name) {
		prefix, name = secretEnv, script.SecretName(name)
	}
	return prefix + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(name))
}

func (v *values) Value(name string) (string, bool, error) {
	if value, ok := v.set[name]; ok {
		return value, true, nil
	}
	if script.IsSecret(name) && v.dir != "" {
		value, err := v.read(filepath.Join(v.dir, script.SecretName(name)))
		if !errors.Is(err, fs.ErrNotExist) {
			return value, true, err
		}
	}
	value, ok := v.env[environmentOf(name)]
	return value, ok, nil
}

// read reads a file of secrets, without the line's end that editors add.
func (v *values) read(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxSecret+1))
	if err != nil {
		return "", err
	}
	if len(content) > maxSecret {
		return "", fmt.Errorf("%s holds more than %d KB", path, maxSecret>>10)
	}
	if info, err := file.Stat(); err == nil && info.Mode()&0o007 != 0 && !v.said[path] {
		v.said[path] = true
		v.warn(fmt.Sprintf("every user of this machine may open the secret %s\nTo fix: chmod 600 %s", path, shellWord(path)))
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r"), nil
}

func (v *values) Names() []string {
	names := slices.Collect(maps.Keys(v.set))
	for name := range v.env {
		if rest, ok := strings.CutPrefix(name, secretEnv); ok {
			names = append(names, "secret_values."+strings.ToLower(rest))
		} else if rest, ok := strings.CutPrefix(name, variableEnv); ok {
			names = append(names, strings.ToLower(rest))
		}
	}
	entries, err := os.ReadDir(v.dir)
	if v.dir == "" || err != nil { // who needs one of the secrets is told why it cannot be read
		return names
	}
	for _, entry := range entries {
		if !entry.IsDir() && !strings.HasPrefix(entry.Name(), ".") {
			names = append(names, "secret_values."+entry.Name())
		}
	}
	return names
}

func (v *values) Needed() bool { return v.needed }

func (v *values) How(name string) string {
	if script.IsSecret(name) {
		return fmt.Sprintf("put it into the environment as %s, or into a file %s and its folder behind --secrets-dir.", environmentOf(name), script.SecretName(name))
	}
	return fmt.Sprintf("give it with --set %s=VALUE, or in the environment as %s.", name, environmentOf(name))
}
