package main

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// healthcheckCommand lets a container without a shell ask whether it is well.
type healthcheckCommand struct {
	URL string `help:"Address to ask; /readyz instead of /healthz also asks for the database and Slack." default:"http://127.0.0.1:8080/healthz"`
}

// Help implements kong.HelpProvider.
func (healthcheckCommand) Help() string {
	return `Prints nothing and exits with status 0 if the server answers, with 1 if not. It asks the role server.`
}

// Run implements the command.
func (h *healthcheckCommand) Run(c *console) error {
	ctx, cancel := context.WithTimeout(c.ctx, 3*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, h.URL, nil)
	if err != nil {
		return fmt.Errorf("%s is not an address: %w", h.URL, err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("not well: %w", err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("not well: %s", answer.Status)
	}
	return nil
}
