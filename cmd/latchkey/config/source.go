package config

import (
	"fmt"
	"strconv"
	"strings"

	"latchkey/secret"
	"latchkey/workflow"
)

// source remembers where everything was in the file.
type source struct {
	file   string
	places map[string]place // by path
	vars   []variable
}

// variable is an environment variable that the file reads.
type variable struct {
	name  string
	value secret.Value
}

func newSource(file string, t *tree, vars []variable) *source {
	s := &source{file: file, places: map[string]place{}, vars: vars}
	for path, n := range t.nodes {
		s.places[path] = n.position()
	}
	return s
}

// Locate says where a path such as "policies[1].when" is, as
// "file:line:column". What the file does not have is where it would belong:
// at the nearest thing around it.
func (c *Config) Locate(path string) string {
	at := c.source.locate(path)
	return fmt.Sprintf("%s:%d:%d", c.source.file, at.line, at.column)
}

// Explain turns the problems that workflow found with the policy into a
// *Problems with positions, or nil if there are none. Values from the
// environment are written as their ${NAME}.
func (c *Config) Explain(found []workflow.Problem) error {
	r := &report{file: c.source.file}
	for _, p := range found {
		r.add(c.source.locate(p.Path), p.Path, "%s", scrub(c.source.vars, p.Message))
	}
	return r.err()
}

func (s *source) locate(path string) place {
	for {
		if at, ok := s.places[path]; ok {
			return at
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
}

// scrub takes the environment's values out of a message that somebody else
// wrote. Values of a few characters are left: they are no secrets, and
// replacing them would make nonsense of the sentence.
func scrub(vars []variable, message string) string {
	const tooShort = 4
	for _, v := range vars {
		value := v.value.Expose()
		if len(value) < tooShort {
			continue
		}
		quoted := strconv.Quote(value)
		for _, form := range []string{value, quoted[1 : len(quoted)-1]} {
			message = strings.ReplaceAll(message, form, "${"+v.name+"}")
		}
	}
	return message
}
