package atlassian

import "time"

// SetNow gives the connector the double's clock.
func (c *Connector) SetNow(now func() time.Time) { c.now = now }
