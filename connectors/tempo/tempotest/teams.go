package tempotest

import (
	"fmt"
	"net/http"
	"strconv"
)

type team struct {
	Self           string `json:"self"`
	ID             int64  `json:"id"`
	Name           string `json:"name"`
	Summary        string `json:"summary"`
	Administrative bool   `json:"administrative"`
	Lead           user   `json:"lead"`
	Members        link   `json:"members"`
	Permissions    link   `json:"permissions"`
	Links          link   `json:"links"`

	people []string // account ids of the members
}

type teamInput struct {
	Name           string `json:"name"`
	Summary        string `json:"summary"`
	LeadAccountID  string `json:"leadAccountId"`
	Administrative bool   `json:"administrative"`
	Public         bool   `json:"public"`
	ProgramID      *int64 `json:"programId"`
}

func (d *Double) insertTeam(in teamInput, people ...string) team {
	return d.teams.add(func(id int64) team {
		return team{
			ID: id, Name: in.Name, Summary: in.Summary, Administrative: in.Administrative,
			Lead: user{AccountID: in.LeadAccountID}, people: people,
		}
	})
}

func (t team) links(r *http.Request) team {
	t.Self = self(r, "/4/teams/"+strconv.FormatInt(t.ID, 10))
	t.Members.Self, t.Permissions.Self, t.Links.Self = t.Self+"/members", t.Self+"/permissions", t.Self+"/links"
	return t
}

func (d *Double) listTeams(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var rows []team
	for _, t := range d.teams.all() {
		rows = append(rows, t.links(r))
	}
	replyPage(w, r, rows)
}

func (d *Double) createTeam(w http.ResponseWriter, r *http.Request) {
	var in teamInput
	if !read(w, r, &in) {
		return
	}
	if in.Name == "" {
		fail(w, http.StatusBadRequest, "'name' must not be blank")
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	reply(w, http.StatusOK, d.insertTeam(in).links(r))
}

func (d *Double) getTeam(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if t, ok := d.teamAt(w, r); ok {
		reply(w, http.StatusOK, t.links(r))
	}
}

func (d *Double) deleteTeam(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if t, ok := d.teamAt(w, r); ok {
		delete(d.teams.rows, t.ID)
		w.WriteHeader(http.StatusNoContent)
	}
}

func (d *Double) teamAt(w http.ResponseWriter, r *http.Request) (team, bool) {
	id, ok := pathID(w, r, "id")
	if !ok {
		return team{}, false
	}
	t, ok := d.teams.rows[id]
	if !ok {
		fail(w, http.StatusNotFound, fmt.Sprintf("Team with id '%d' not found", id))
	}
	return t, ok
}
