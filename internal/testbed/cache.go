package testbed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// logger reports what a slow step does.
type logger func(format string, args ...any)

// cacheDir is where unpacked programs and initialised data directories are kept.
func cacheDir() (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no place for the database servers' programs: %w; set XDG_CACHE_HOME or HOME", err)
	}
	dir := filepath.Join(base, "starferry")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("making the cache directory: %w", err)
	}
	return dir, nil
}

// underLock runs do while no other process is inside underLock with the same name.
func underLock(ctx context.Context, cache, name string, log logger, do func() error) error {
	file, err := os.OpenFile(filepath.Join(cache, name+".lock"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("locking the cache: %w", err)
	}
	defer file.Close() // closing ends the lock
	for tries := 0; ; tries++ {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return do()
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return fmt.Errorf("locking %s: %w", file.Name(), err)
		}
		if tries == 20 {
			log("waiting for another process that is preparing %s", name)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for the lock %s: %w", file.Name(), context.Cause(ctx))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// install fills a new directory and gives it its name only when it is complete. The
// caller holds the lock of name.
func install(cache, name string, fill func(dir string) error) error {
	// What a killed process left behind is worthless.
	unfinished := filepath.Join(cache, "unfinished-"+name)
	if err := os.RemoveAll(unfinished); err != nil {
		return fmt.Errorf("clearing the cache: %w", err)
	}
	if err := os.Mkdir(unfinished, 0o755); err != nil {
		return fmt.Errorf("filling the cache: %w", err)
	}
	if err := fill(unfinished); err != nil {
		return errors.Join(err, os.RemoveAll(unfinished))
	}
	// Unpacking may have set an old time; the youngest is preferred.
	now := time.Now()
	if err := os.Chtimes(unfinished, now, now); err != nil {
		return fmt.Errorf("filling the cache: %w", err)
	}
	if err := os.Rename(unfinished, filepath.Join(cache, name)); err != nil {
		return fmt.Errorf("filling the cache: %w", err)
	}
	return nil
}
