package timepiecetest

import "net/http"

type calendar struct {
	ID       int    `json:"id"`
	Name     string `json:"name"`
	TimeZone string `json:"timezone"`
}

// listCalendars is a flat list without parameters; the names of its fields are
// assumed.
func listCalendars(w http.ResponseWriter, r *http.Request) {
	for name := range r.URL.Query() {
		if name != queryToken {
			fail(w, http.StatusBadRequest, "Bad request", "parameter '"+name+"' is unknown.")
			return
		}
	}
	reply(w, http.StatusOK, []calendar{{1, "Business hours", "Europe/Istanbul"}})
}

func getCalendar(w http.ResponseWriter, r *http.Request) {
	if r.PathValue("id") != "1" {
		fail(w, http.StatusNotFound, "Not found", "")
		return
	}
	reply(w, http.StatusOK, calendar{1, "Business hours", "Europe/Istanbul"})
}
