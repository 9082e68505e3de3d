package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// The files beside the database in which --data keeps the simulated world; the
// vendors have one each. They hold the simulated vendors' tokens and keys in
// clear.
const (
	savedSlack       = "slack.json"
	savedCredentials = "credentials.json"
)

// kept reads a file of the kept world; nil when there is none yet.
func (d *demo) kept(name string) ([]byte, error) {
	b, err := os.ReadFile(filepath.Join(d.data, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the kept world: %w", err)
	}
	return b, nil
}

func (d *demo) restore(name string, into func([]byte) error) error {
	b, err := d.kept(name)
	if err != nil || b == nil {
		return err
	}
	if err := into(b); err != nil {
		return fmt.Errorf("restore %s: %w", name, err)
	}
	return nil
}

// keep writes a file of the world, whole or not at all.
func (d *demo) keep(name string, save func() ([]byte, error)) error {
	b, err := save()
	if err != nil {
		return fmt.Errorf("keep %s: %w", name, err)
	}
	path := filepath.Join(d.data, name)
	if err := os.WriteFile(path+".new", b, 0o600); err != nil {
		return fmt.Errorf("keep %s: %w", name, err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("keep %s: %w", name, err)
	}
	return nil
}

// keepWorld writes everything but the database, which is kept as it is. The
// credentials come last: they say that the rest is there.
func (d *demo) keepWorld() error {
	errs := []error{d.keep(savedSlack, d.sim.Save)}
	for name, save := range d.savers() {
		errs = append(errs, d.keep(name, save))
	}
	return errors.Join(append(errs, d.keep(savedCredentials, d.saveCredentials))...)
}
