package tempotest

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
)

type account struct {
	Self          string `json:"self"`
	ID            int64  `json:"id"`
	Key           string `json:"key"`
	Name          string `json:"name"`
	Status        string `json:"status"`
	Global        bool   `json:"global"`
	MonthlyBudget int64  `json:"monthlyBudget"`
	Lead          user   `json:"lead"`
	Links         link   `json:"links"`
}

type link struct {
	Self string `json:"self"`
}

type accountInput struct {
	Key           string `json:"key"`
	Name          string `json:"name"`
	Status        string `json:"status"`
	LeadAccountID string `json:"leadAccountId"`
	Global        bool   `json:"global"`
	MonthlyBudget int64  `json:"monthlyBudget"`
	CategoryKey   string `json:"categoryKey"`
	CustomerKey   string `json:"customerKey"`
}

func (in accountInput) problem() string {
	switch {
	case in.Key == "" || in.Name == "" || in.LeadAccountID == "":
		return "'key', 'name' and 'leadAccountId' must not be blank"
	case !slices.Contains([]string{"OPEN", "CLOSED", "ARCHIVED"}, in.Status):
		return "'status' must be one of CLOSED, OPEN, ARCHIVED"
	}
	return ""
}

func (d *Double) insertAccount(in accountInput) account {
	return d.accounts.add(func(id int64) account {
		return account{
			ID: id, Key: in.Key, Name: in.Name, Status: cmp.Or(in.Status, "OPEN"), Global: in.Global,
			MonthlyBudget: in.MonthlyBudget, Lead: user{AccountID: in.LeadAccountID},
		}
	})
}

func (a account) links(r *http.Request) account {
	a.Self = self(r, "/4/accounts/"+strconv.FormatInt(a.ID, 10))
	a.Links.Self = self(r, "/4/accounts/"+a.Key+"/links")
	return a
}

func (d *Double) listAccounts(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var rows []account
	for _, a := range d.accounts.all() {
		rows = append(rows, a.links(r))
	}
	replyPage(w, r, rows)
}

func (d *Double) createAccount(w http.ResponseWriter, r *http.Request) {
	var in accountInput
	if !read(w, r, &in) {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	problem := in.problem()
	if slices.ContainsFunc(d.accounts.all(), func(a account) bool { return a.Key == in.Key }) {
		problem = fmt.Sprintf("Account with key '%s' already exists", in.Key)
	}
	if problem != "" {
		fail(w, http.StatusBadRequest, problem)
		return
	}
	reply(w, http.StatusOK, d.insertAccount(in).links(r))
}

// getAccount is by id and deleteAccount by key: so says the OpenAPI file.
func (d *Double) getAccount(w http.ResponseWriter, r *http.Request) {
	id, ok := pathID(w, r, "id")
	if !ok {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	a, ok := d.accounts.rows[id]
	if !ok {
		fail(w, http.StatusNotFound, fmt.Sprintf("Account '%d' not found", id))
		return
	}
	reply(w, http.StatusOK, a.links(r))
}

func (d *Double) deleteAccount(w http.ResponseWriter, r *http.Request) {
	key := r.PathValue("key")
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, a := range d.accounts.rows {
		if a.Key == key {
			delete(d.accounts.rows, id)
			w.WriteHeader(http.StatusNoContent)
			return
		}
	}
	fail(w, http.StatusNotFound, fmt.Sprintf("Account '%s' not found", key))
}
