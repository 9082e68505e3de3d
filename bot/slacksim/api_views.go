package slacksim

// viewsOpen starts a new stack: what was open before goes away.
func (s *Sim) viewsOpen(c *call) (doc, error) {
	raw, err := c.object("view")
	if err != nil {
		return nil, err
	}
	body, err := s.readView(c.name, raw, "modal")
	if err != nil {
		return nil, err
	}
	t, err := s.checkTrigger(c.text("trigger_id"))
	if err != nil {
		return nil, err
	}
	if s.sameExternalID(body, nil) {
		return nil, refuse("duplicate_external_id")
	}
	t.used = true
	p := s.people[t.user]
	s.shutAll(p)
	return doc{"view": s.viewDoc(s.open(p, body))}, nil
}

func (s *Sim) viewsPush(c *call) (doc, error) {
	raw, err := c.object("view")
	if err != nil {
		return nil, err
	}
	body, err := s.readView(c.name, raw, "modal")
	if err != nil {
		return nil, err
	}
	t, err := s.checkTrigger(c.text("trigger_id"))
	if err != nil {
		return nil, err
	}
	p := s.people[t.user]
	switch {
	case !t.inView, len(p.stack) == 0:
		return nil, refuse("not_found")
	case len(p.stack) >= stackLimit:
		return nil, refuse("push_limit_reached")
	case s.sameExternalID(body, nil):
		return nil, refuse("duplicate_external_id")
	}
	t.used = true
	return doc{"view": s.viewDoc(s.open(p, body))}, nil
}

func (s *Sim) viewsUpdate(c *call) (doc, error) {
	v := s.viewArg(c)
	if v == nil {
		return nil, refuse("not_found")
	}
	raw, err := c.object("view")
	if err != nil {
		return nil, err
	}
	body, err := s.readView(c.name, raw, v.kind())
	if err != nil {
		return nil, err
	}
	if hash := c.text("hash"); hash != "" && hash != v.hash {
		return nil, refuse("hash_conflict")
	}
	if s.sameExternalID(body, v) {
		return nil, refuse("duplicate_external_id")
	}
	s.place(v, body)
	return doc{"view": s.viewDoc(v)}, nil
}

func (s *Sim) viewArg(c *call) *view {
	if id := c.text("view_id"); id != "" {
		return s.views[id]
	}
	id := c.text("external_id")
	for _, v := range s.views {
		if id != "" && text(v.body, "external_id") == id {
			return v
		}
	}
	return nil
}

func (s *Sim) viewsPublish(c *call) (doc, error) {
	if !s.manifest.Features.AppHome.HomeTab {
		return nil, refuse("not_enabled")
	}
	p := s.people[c.text("user_id")]
	if p == nil || s.outsider(p) || p.IsBot {
		return nil, refuse("user_not_found")
	}
	raw, err := c.object("view")
	if err != nil {
		return nil, err
	}
	body, err := s.readView(c.name, raw, "home")
	if err != nil {
		return nil, err
	}
	if hash := c.text("hash"); hash != "" && (p.home == nil || p.home.hash != hash) {
		return nil, refuse("hash_conflict")
	}
	if s.sameExternalID(body, p.home) {
		return nil, refuse("duplicate_external_id")
	}
	if p.home == nil {
		id := s.nextID("V")
		p.home = &view{id: id, owner: p.ID, root: id}
		s.views[id] = p.home
	}
	s.place(p.home, body)
	return doc{"view": s.viewDoc(p.home)}, nil
}
