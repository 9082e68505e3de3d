package config

import (
	"fmt"
	"strings"
)

// audit finds receivers that are there twice, and addresses that would send
// the log over the internet for all to read.
func (c *checker) audit() {
	c.encrypted("audit.publish.url", c.config.Audit.Publish.URL, c.config.Audit.Publish.AllowPrivate)
	first := map[string]int{}
	for i, w := range c.config.Audit.Webhooks {
		path := fmt.Sprintf("audit.webhooks[%d]", i)
		if n, ok := first[w.Name]; ok && w.Name != "" {
			c.addAt(path+".name", "audit.webhooks[%d] has this name already: how far each receiver has the log is remembered by it", n)
		}
		first[w.Name] = i
		c.encrypted(path+".url", w.URL, w.AllowPrivate)
	}
}

func (c *checker) encrypted(path, url string, allowPrivate bool) {
	if strings.HasPrefix(url, "http://") && !allowPrivate {
		c.addAt(path, "write https://, or allow_private: true beside it for a receiver on a private network")
	}
}
