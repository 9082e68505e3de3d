package githubtest

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"
)

const organizationID = 1

// installation is a GitHub App in the organisation.
type installation struct {
	id, app     int64
	slug        string
	permissions map[string]string
	made        time.Time
}

// AddInstallation installs an app, and returns the installation's number.
func (d *Double) AddInstallation(slug string, permissions map[string]string) int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lastID += 2
	d.installations = append(d.installations, &installation{
		id: d.lastID, app: d.lastID - 1, slug: slug, permissions: maps.Clone(permissions), made: d.cfg.Now(),
	})
	return d.lastID
}

// Uninstall removes an app, as an owner does at the vendor's own pages.
func (d *Double) Uninstall(id int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.installations = slices.DeleteFunc(d.installations, func(i *installation) bool { return i.id == id })
}

func (d *Double) listInstallations(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	rows, ok := paged(d, w, r, d.installations)
	if !ok {
		return
	}
	out := []map[string]any{}
	for _, i := range rows {
		out = append(out, i.wire(r.Host, d.cfg.Org))
	}
	reply(w, http.StatusOK, map[string]any{"total_count": len(d.installations), "installations": out})
}

func (i *installation) wire(host, org string) map[string]any {
	api := "http://" + host
	return map[string]any{
		"id": i.id, "app_id": i.app, "app_slug": i.slug, "target_id": organizationID, "target_type": "Organization",
		"account": account(host, org, organizationID, "Organization"), "repository_selection": "all",
		"access_tokens_url": fmt.Sprintf("%s/app/installations/%d/access_tokens", api, i.id),
		"repositories_url":  api + "/installation/repositories",
		"html_url":          fmt.Sprintf("https://github.com/organizations/%s/settings/installations/%d", org, i.id),
		"permissions":       i.permissions, "events": []string{}, "single_file_name": nil,
		"created_at": at(i.made), "updated_at": at(i.made), "suspended_by": nil, "suspended_at": nil,
	}
}
