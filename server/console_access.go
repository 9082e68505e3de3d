package server

import (
	"net/http"
	"strconv"

	"latchkey/storage"
)

// accessPage is what the gateway judged, summed up.
type accessPage struct {
	frame

	Spans     []option
	Systems   []option
	From      moment
	Days      barChart
	BySystem  []endpointRow
	Endpoints []endpointRow
}

func (s *Server) consoleAccess(w http.ResponseWriter, r *http.Request, c admin) {
	q := r.URL.Query()
	days, err := strconv.Atoi(q.Get("days"))
	if err != nil {
		days = 7
	}
	charts, err := s.workflow.AccessCharts(r.Context(), c.actor, days, shown(q.Get("system")))
	if err != nil {
		s.failInConsole(w, r, c, err)
		return
	}
	page := accessPage{frame: s.frame(r, c, "Access", "Access log"), Systems: s.systemOptions(q.Get("system")), From: when(charts.From),
		Days: dayChart("Requests by day", charts.Days), BySystem: sumRows(charts.Systems), Endpoints: sumRows(charts.Endpoints)}
	for _, v := range []option{{Value: "1", Words: "today"}, {Value: "7", Words: "7 days"}, {Value: "30", Words: "30 days"}} {
		v.Chosen = v.Value == strconv.Itoa(days)
		page.Spans = append(page.Spans, v)
	}
	s.write(w, r, http.StatusOK, "console_access.html", page)
}

func sumRows(sums []storage.AccessSum) []endpointRow {
	var most int64
	for _, v := range sums {
		most = max(most, v.Count)
	}
	out := make([]endpointRow, 0, len(sums))
	for _, v := range sums {
		out = append(out, endpointRow{System: v.Connection, Call: shown(v.Method + " " + v.Route), Count: v.Count, Failed: v.Failed, Last: when(v.LastAt),
			Part: partOf(v.Count, v.Failed, most)})
	}
	return out
}
