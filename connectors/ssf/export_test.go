package ssf

import "time"

// SetNow sets the clock.
func (c *Connector) SetNow(now func() time.Time) { c.now = now }
