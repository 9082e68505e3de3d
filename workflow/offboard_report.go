package workflow

import (
	"context"
	"crypto/subtle"
	"strconv"
	"strings"

	"latchkey/secret"
	"latchkey/storage"
)

// reportToken opens the report of a case to whoever has it. It is made anew
// from the case each time and stored nowhere.
func (s *Service) reportToken(id storage.OffboardingID) secret.Value {
	return s.Keys.Box.Derive("offboarding", strconv.FormatInt(int64(id), 10))
}

// ReportURL is where the report of a case is read and printed.
func (s *Service) ReportURL(id storage.OffboardingID) string {
	return s.PublicURL + "/offboarding/" + strconv.FormatInt(int64(id), 10) + "-" + s.reportToken(id).Expose()
}

// errNoReport is the one answer to every link that is not one to a report.
var errNoReport = refuse(RuleUnknown, "This link is not valid. Use the button under the case in Slack.")

// Report is LookAtOffboarding for whoever has the end of a ReportURL. A link
// with a wrong token and one to a case that never was are told apart by
// nothing.
func (s *Service) Report(ctx context.Context, link string) (OffboardingView, error) {
	number, token, _ := strings.Cut(link, "-")
	id, err := strconv.ParseInt(number, 10, 64)
	canonical := err == nil && id > 0 && number == strconv.FormatInt(id, 10)
	right := subtle.ConstantTimeCompare([]byte(token), []byte(s.reportToken(storage.OffboardingID(id)).Expose())) == 1
	if !canonical || !right {
		return OffboardingView{}, errNoReport
	}
	v, err := s.LookAtOffboarding(ctx, storage.OffboardingID(id))
	if refusal, refused := AsRefusal(err); refused && refusal.Rule == RuleUnknown {
		return OffboardingView{}, errNoReport
	}
	return v, err
}

// ShowOffboarding is LookAtOffboarding for admins, and keys with people:read.
func (s *Service) ShowOffboarding(ctx context.Context, a Actor, id storage.OffboardingID) (OffboardingView, error) {
	if err := s.mayAs(ctx, a, ScopePeople, "look at who left"); err != nil {
		return OffboardingView{}, err
	}
	return s.LookAtOffboarding(ctx, id)
}
