package server

import (
	"context"
	"fmt"
	"time"

	"latchkey/storage"
	"latchkey/workflow"
)

// v1Access is one request that the gateway judged. It names the rule's path,
// and never the path itself.
type v1Access struct {
	At         time.Time `json:"at" doc:"When." example:"2026-11-20T16:04:00.123456Z"`
	Credential string    `json:"credential" doc:"The key it was made with." example:"TK-7F3K"`
	System     string    `json:"system" doc:"The system it was for." example:"tempo"`
	Owner      int64     `json:"owner,omitempty" doc:"The person who holds the key by now: their ID." example:"7"`
	Method     string    `json:"method" doc:"The HTTP method." example:"GET"`
	Route      string    `json:"route" doc:"The rule's path that it matched." example:"/4/worklogs/{id}"`
	Status     int       `json:"status" doc:"What was answered." example:"200"`
	BytesIn    int64     `json:"bytes_in" doc:"Size of the request's body." example:"0"`
	BytesOut   int64     `json:"bytes_out" doc:"Size of the answer's body." example:"5120"`
	TookMicros int64     `json:"took_us" doc:"How long it took, in microseconds." example:"84210"`
	Client     string    `json:"client,omitempty" doc:"The address it came from." example:"192.0.2.17"`
}

type listAccessIn struct {
	PageQuery

	Credential string `query:"credential" maxLength:"20" doc:"Only with this key." example:"TK-7F3K"`
	Person     string `query:"person" maxLength:"320" doc:"Only with keys of this person: an ID, or an e-mail address." example:"alice@example.com"`
	System     string `query:"system" maxLength:"100" doc:"Only for this system." example:"tempo"`
	Method     string `query:"method" maxLength:"20" doc:"Only with this HTTP method." example:"GET"`
	Route      string `query:"route" maxLength:"500" doc:"Only what matched this path of a rule." example:"/4/worklogs/{id}"`
	Failed     bool   `query:"failed" doc:"Only what was answered with 400 or more." example:"true"`
	Day        string `query:"day" format:"date" doc:"Only on this day (UTC). Not together with from and to." example:"2026-11-20"`
	From       string `query:"from" format:"date-time" doc:"From this time on. Absent: the day before to. At most 31 days before it." example:"2026-11-20T00:00:00Z"`
	To         string `query:"to" format:"date-time" doc:"Until, and not including, this time. Absent: now." example:"2026-11-21T00:00:00Z"`
}

// accessCursor is where a reading of the log goes on. It carries the bounds
// that were in force, which would move with the clock.
type accessCursor struct {
	From, To time.Time
	At       storage.AccessPlace
}

func (d *v1Door) listAccess(ctx context.Context, c v1Call, in *listAccessIn) (*v1Listed[v1Access], error) {
	at, err := cursor[accessCursor](in.PageQuery)
	if err != nil {
		return nil, err
	}
	f := storage.AccessFilter{Connection: in.System, Method: in.Method, Route: in.Route, Failed: in.Failed, Before: at.At, Limit: in.Limit + 1}
	if f.From, f.To, err = spanOf(in.Day, in.From, in.To); err != nil {
		return nil, err
	}
	if in.Cursor != "" {
		if !isRow(at.At.Row) {
			return nil, invalid("This is no cursor of this list. Begin without one.").on("cursor")
		}
		f.From, f.To = at.From, at.To
	}
	if in.Credential != "" {
		if f.CredentialID, err = credentialID(in.Credential); err != nil {
			return nil, invalid("There is no such credential. Its ID looks like TK-7F3K.").on("credential")
		}
	}
	if in.Person != "" {
		if f.OwnerID, err = d.person(ctx, c, in.Person, "person"); err != nil {
			return nil, err
		}
	}
	rows, bounds, err := d.workflow.Access(ctx, c.Actor, f)
	if err != nil {
		return nil, err
	}
	return listed(c, in.PageQuery, rows, func(l storage.AccessLine) any { return accessCursor{bounds.From, bounds.To, l.Place} }, func(l storage.AccessLine) v1Access {
		out := v1Access{At: l.At.UTC(), Credential: l.CredentialID.String(), System: l.Connection, Owner: int64(l.OwnerID), Method: l.Method, Route: l.Route,
			Status: l.Status, BytesIn: l.BytesIn, BytesOut: l.BytesOut, TookMicros: l.Took.Microseconds()}
		if l.Client.IsValid() {
			out.Client = l.Client.Unmap().String()
		}
		return out
	})
}

// isRow tells whether a cursor's word for a row is one: "(block,item)".
func isRow(s string) bool {
	var block uint32
	var item uint16
	_, err := fmt.Sscanf(s, "(%d,%d)", &block, &item)
	return err == nil && fmt.Sprintf("(%d,%d)", block, item) == s
}

// spanOf reads a time from its beginning to its end. The zero time is no bound.
func spanOf(day, from, to string) (begin, end time.Time, err error) {
	if day != "" {
		if from != "" || to != "" {
			return begin, end, invalid("Send a day, or from and to, and not both.").on("day")
		}
		begin, err = time.Parse(time.DateOnly, day)
		if err != nil {
			return begin, end, invalid("Write the day like 2026-11-20.").on("day")
		}
		return begin, begin.AddDate(0, 0, 1), nil
	}
	if begin, err = bound("from", from); err != nil {
		return begin, end, err
	}
	end, err = bound("to", to)
	return begin, end, err
}

func bound(name, typed string) (time.Time, error) {
	if typed == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, typed)
	if err != nil || t.Year() < 2 {
		return t, invalid("Write the time like 2027-01-31T12:00:00Z (RFC 3339).").on(name)
	}
	return t, nil
}

type usePath struct {
	ID    string `path:"id" doc:"The credential's ID, as people type it." example:"TK-7F3K"`
	Since string `query:"since" format:"date-time" doc:"Since when. Absent: the last 30 days. At most 400 days ago." example:"2026-10-20T00:00:00Z"`
}

// v1Use is what a credential was used for.
type v1Use struct {
	Known     bool            `json:"known" doc:"The gateway sees its use. False: its vendor keeps that to itself." example:"true"`
	Endpoints []v1EndpointUse `json:"endpoints" nullable:"false" doc:"By endpoint, the most used first."`
	Days      []v1DayUse      `json:"days" nullable:"false" doc:"By day (UTC), days without use among them."`
	Unused    []string        `json:"unused_scopes" nullable:"false" doc:"Scopes that nothing needed for 30 days." example:"[\"worklogs:manage\"]"`
}

type v1EndpointUse struct {
	Method     string    `json:"method" doc:"The HTTP method." example:"GET"`
	Route      string    `json:"route" doc:"The path of the rule that it matched." example:"/4/worklogs"`
	Count      int64     `json:"count" doc:"How often." example:"420"`
	LastAt     time.Time `json:"last_at" doc:"When last." example:"2026-11-20T16:04:00Z"`
	LastStatus int       `json:"last_status" doc:"What was answered then." example:"200"`
}

type v1DayUse struct {
	Day      string `json:"day" doc:"The day, UTC." example:"2026-11-20"`
	Count    int64  `json:"count" doc:"How often it was used." example:"17"`
	Failed   int64  `json:"failed" doc:"How often the answer was 400 or more." example:"1"`
	BytesIn  int64  `json:"bytes_in" doc:"Size of the requests' bodies." example:"0"`
	BytesOut int64  `json:"bytes_out" doc:"Size of the answers' bodies." example:"87040"`
}

type shownUse struct{ Body v1Use }

func (d *v1Door) getUse(ctx context.Context, c v1Call, in *usePath) (*shownUse, error) {
	id, err := credentialID(in.ID)
	if err != nil {
		return nil, err
	}
	since, err := bound("since", in.Since)
	if err != nil {
		return nil, err
	}
	use, err := d.workflow.Use(ctx, c.Actor, id, since)
	if err != nil {
		return nil, err
	}
	return &shownUse{useOf(use)}, nil
}

func useOf(use workflow.Use) v1Use {
	out := v1Use{Known: use.Known, Endpoints: []v1EndpointUse{}, Days: []v1DayUse{}, Unused: orNone(use.Unused)}
	for _, e := range use.Endpoints {
		out.Endpoints = append(out.Endpoints, v1EndpointUse{e.Method, e.Route, e.Count, e.LastAt.UTC(), e.LastStatus})
	}
	for _, day := range use.Days {
		out.Days = append(out.Days, v1DayUse{day.Day.UTC().Format(time.DateOnly), day.Count, day.Failed, day.BytesIn, day.BytesOut})
	}
	return out
}
