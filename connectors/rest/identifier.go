package rest

import "encoding/json"

// Identifier is a vendor's ID that it writes as a JSON number at times and as
// a string at others. A number keeps its digits as they were written.
type Identifier string

// UnmarshalJSON implements json.Unmarshaler.
func (id *Identifier) UnmarshalJSON(text []byte) error {
	var s string
	if json.Unmarshal(text, &s) == nil {
		*id = Identifier(s)
		return nil
	}
	var n json.Number
	if err := json.Unmarshal(text, &n); err != nil {
		return err
	}
	*id = Identifier(n)
	return nil
}
