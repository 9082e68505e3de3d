package storage

import "fmt"

// SubjectName is what people call the subject of an event outside: "TK-7F3K",
// and "person:7" where we show no ID.
func SubjectName(subject string, id int64) string {
	switch subject {
	case SubjectCredential:
		return CredentialID(id).String()
	case SubjectRequest:
		return RequestID(id).String()
	}
	return fmt.Sprintf("%s:%d", subject, id)
}
