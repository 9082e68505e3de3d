package server

import (
	"context"
	"net/http"

	"latchkey/workflow"
)

// scimEndpoint is what can be done with one sort of resource.
type scimEndpoint struct {
	list    func(context.Context, workflow.SCIMQuery) (workflow.SCIMPage, error)
	read    func(ctx context.Context, id string, q scimQuery) (workflow.SCIMResource, error)
	create  func(context.Context, workflow.Actor, map[string]any, scimQuery) (workflow.SCIMResource, error)
	replace func(context.Context, workflow.Actor, string, workflow.SCIMVersions, map[string]any, scimQuery) (workflow.SCIMResource, error)
	change  func(context.Context, workflow.Actor, string, workflow.SCIMVersions, map[string]any, scimQuery) (workflow.SCIMResource, error)
	remove  func(context.Context, workflow.Actor, string, workflow.SCIMVersions) error
}

func (d *scim) users() scimEndpoint {
	s := d.workflow
	return scimEndpoint{
		list: s.SCIMUsers,
		read: func(ctx context.Context, id string, _ scimQuery) (workflow.SCIMResource, error) {
			return s.SCIMUser(ctx, id)
		},
		create: func(ctx context.Context, a workflow.Actor, body map[string]any, _ scimQuery) (workflow.SCIMResource, error) {
			return s.CreateSCIMUser(ctx, a, body)
		},
		replace: func(ctx context.Context, a workflow.Actor, id string, known workflow.SCIMVersions, body map[string]any, _ scimQuery) (workflow.SCIMResource, error) {
			return s.ReplaceSCIMUser(ctx, a, id, known, body)
		},
		change: func(ctx context.Context, a workflow.Actor, id string, known workflow.SCIMVersions, body map[string]any, _ scimQuery) (workflow.SCIMResource, error) {
			return s.PatchSCIMUser(ctx, a, id, known, body)
		},
		remove: s.DeleteSCIMUser,
	}
}

func (d *scim) groups() scimEndpoint {
	s := d.workflow
	read := func(ctx context.Context, id string, q scimQuery) (workflow.SCIMResource, error) {
		return s.SCIMGroup(ctx, id, !q.LeaveMembers)
	}
	return scimEndpoint{
		list: s.SCIMGroups,
		read: read,
		create: func(ctx context.Context, a workflow.Actor, body map[string]any, q scimQuery) (workflow.SCIMResource, error) {
			id, err := s.CreateSCIMGroup(ctx, a, body)
			if err != nil {
				return workflow.SCIMResource{}, err
			}
			return read(ctx, id, q)
		},
		replace: func(ctx context.Context, a workflow.Actor, id string, known workflow.SCIMVersions, body map[string]any, q scimQuery) (workflow.SCIMResource, error) {
			if _, err := s.ReplaceSCIMGroup(ctx, a, id, known, body); err != nil {
				return workflow.SCIMResource{}, err
			}
			return read(ctx, id, q)
		},
		// The answer to a change of a group is its version alone, unless more is
		// asked for: the members may be thousands.
		change: func(ctx context.Context, a workflow.Actor, id string, known workflow.SCIMVersions, body map[string]any, q scimQuery) (workflow.SCIMResource, error) {
			version, err := s.PatchSCIMGroup(ctx, a, id, known, body)
			if err != nil || !q.chosen {
				return workflow.SCIMResource{Version: version}, err
			}
			return read(ctx, id, q)
		},
		remove: s.DeleteSCIMGroup,
	}
}

// listResponse is a part of a listing (RFC 7644, 3.4.2).
type listResponse struct {
	Schemas      [1]string        `json:"schemas"`
	TotalResults int              `json:"totalResults"`
	StartIndex   int              `json:"startIndex"`
	ItemsPerPage int              `json:"itemsPerPage"`
	Resources    []map[string]any `json:"Resources"`
}

func listOf(all []map[string]any) listResponse {
	return listResponse{[1]string{"urn:ietf:params:scim:api:messages:2.0:ListResponse"}, len(all), 1, len(all), all}
}

func (e scimEndpoint) find(w http.ResponseWriter, r *http.Request, _ workflow.Actor) error {
	q, err := readQuery(r)
	if err != nil {
		return err
	}
	return e.answerList(w, r, q)
}

func (e scimEndpoint) search(w http.ResponseWriter, r *http.Request, _ workflow.Actor) error {
	body, err := readSCIM(w, r)
	if err != nil {
		return err
	}
	q, err := readSearch(body)
	if err != nil {
		return err
	}
	return e.answerList(w, r, q)
}

func (e scimEndpoint) answerList(w http.ResponseWriter, r *http.Request, q scimQuery) error {
	page, err := e.list(r.Context(), q.SCIMQuery)
	if err != nil {
		return err
	}
	for i, body := range page.Resources {
		page.Resources[i] = q.projection.Apply(body)
	}
	out := listOf(page.Resources)
	out.TotalResults, out.StartIndex = page.Total, page.Start
	writeSCIM(w, http.StatusOK, out)
	return nil
}

func (e scimEndpoint) show(w http.ResponseWriter, r *http.Request, _ workflow.Actor) error {
	q, err := readQuery(r)
	if err != nil {
		return err
	}
	resource, err := e.read(r.Context(), r.PathValue("id"), q)
	if err != nil {
		return err
	}
	if knows(r, resource.Version) {
		w.Header().Set("ETag", workflow.SCIMTag(resource.Version))
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	answerOne(w, http.StatusOK, resource, q)
	return nil
}

func (e scimEndpoint) add(w http.ResponseWriter, r *http.Request, a workflow.Actor) error {
	q, err := readQuery(r)
	if err != nil {
		return err
	}
	body, err := readSCIM(w, r)
	if err != nil {
		return err
	}
	resource, err := e.create(r.Context(), a, body, q)
	if err != nil {
		return err
	}
	w.Header().Set("Location", resource.Location)
	answerOne(w, http.StatusCreated, resource, q)
	return nil
}

func (e scimEndpoint) put(w http.ResponseWriter, r *http.Request, a workflow.Actor) error {
	return e.modify(w, r, a, e.replace)
}

func (e scimEndpoint) patch(w http.ResponseWriter, r *http.Request, a workflow.Actor) error {
	return e.modify(w, r, a, e.change)
}

func (e scimEndpoint) modify(w http.ResponseWriter, r *http.Request, a workflow.Actor,
	do func(context.Context, workflow.Actor, string, workflow.SCIMVersions, map[string]any, scimQuery) (workflow.SCIMResource, error)) error {
	q, err := readQuery(r)
	if err != nil {
		return err
	}
	body, err := readSCIM(w, r)
	if err != nil {
		return err
	}
	resource, err := do(r.Context(), a, r.PathValue("id"), versions(r), body, q)
	if err != nil {
		return err
	}
	if resource.Body == nil {
		w.Header().Set("ETag", workflow.SCIMTag(resource.Version))
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	answerOne(w, http.StatusOK, resource, q)
	return nil
}

func (e scimEndpoint) drop(w http.ResponseWriter, r *http.Request, a workflow.Actor) error {
	if err := e.remove(r.Context(), a, r.PathValue("id"), versions(r)); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func answerOne(w http.ResponseWriter, status int, resource workflow.SCIMResource, q scimQuery) {
	w.Header().Set("ETag", workflow.SCIMTag(resource.Version))
	writeSCIM(w, status, q.projection.Apply(resource.Body))
}
