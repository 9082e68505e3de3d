package server

import (
	"github.com/danielgtaylor/huma/v2"
)

// exampleOf makes an example of a schema out of those of its parts.
func exampleOf(registry huma.Registry, s *huma.Schema) any {
	if s.Ref != "" {
		s = registry.SchemaFromRef(s.Ref)
	}
	if len(s.Examples) > 0 {
		return s.Examples[0]
	}
	switch s.Type {
	case huma.TypeObject:
		out := map[string]any{}
		for name, p := range s.Properties {
			out[name] = exampleOf(registry, p)
		}
		return out
	case huma.TypeArray:
		return []any{exampleOf(registry, s.Items)}
	}
	return nil
}
