package workflow

import (
	"context"
	"strconv"

	"latchkey/storage"
)

// linkSCIMUser stores a new user with the person that it is: who has the
// directory's ID for them, else who has the work address, else somebody new.
func (s *Service) linkSCIMUser(ctx context.Context, tx storage.Tx, by storage.Actor, u *storage.SCIMUser, f storage.SCIMFacts) error {
	byID, byEmail, err := tx.SCIMPersons(ctx, f)
	if err != nil {
		return err
	}
	action := "person.adopted"
	switch {
	case byID != 0:
		u.PersonID = byID
	case byEmail != 0:
		u.PersonID = byEmail
	default:
		action = "person.provisioned"
		if u.PersonID, err = tx.InsertPerson(ctx, f, u.Active, SourceSCIM); err != nil {
			return err
		}
	}
	if err := tx.InsertSCIMUser(ctx, u); err != nil {
		return err
	}
	err = tx.Record(ctx, by, storage.Event{Action: action, Subject: storage.SubjectPerson, SubjectID: int64(u.PersonID), After: u.UserName,
		Reason: "the directory has this user"})
	if err != nil {
		return err
	}
	moved, err := s.moveToAddress(ctx, tx, by, u, f)
	if err != nil {
		return err
	}
	if err := holdForLeave(ctx, tx, *u); err != nil {
		return err
	}
	if err := s.updateSCIMPerson(ctx, tx, by, *u, f, storage.SCIMFacts{}, ""); err != nil {
		return err
	}
	if action == "person.provisioned" && !moved {
		return nil // as active as the user is, from the start
	}
	return s.followActive(ctx, tx, by, *u)
}

// settleSCIMUser stores a changed user, and what the change means for the
// person.
func (s *Service) settleSCIMUser(ctx context.Context, tx storage.Tx, by storage.Actor, was storage.SCIMUser, u *storage.SCIMUser,
	before, f storage.SCIMFacts, changed string) error {
	if err := tx.UpdateSCIMUser(ctx, u); err != nil {
		return err
	}
	moved, err := s.moveToAddress(ctx, tx, by, u, f)
	if err != nil {
		return err
	}
	if u.Active != was.Active || moved {
		if err := holdForLeave(ctx, tx, *u); err != nil {
			return err
		}
	}
	if !u.Active && !moved {
		f.Name, f.Email = "", "" // directories rename whom they are about to purge
	}
	if err := s.updateSCIMPerson(ctx, tx, by, *u, f, before, changed); err != nil {
		return err
	}
	if u.Active == was.Active && !moved {
		return nil
	}
	return s.followActive(ctx, tx, by, *u)
}

// moveToAddress finds the person whom the directory means by an address, if the
// user is a name without anything so far: because the address came later, or
// the directory's ID is of somebody who never was here. A person who is more
// than that is not left for another one.
func (s *Service) moveToAddress(ctx context.Context, tx storage.Tx, by storage.Actor, u *storage.SCIMUser, f storage.SCIMFacts) (bool, error) {
	_, owner, err := tx.SCIMPersons(ctx, f)
	if err != nil || owner == 0 || owner == u.PersonID {
		return false, err
	}
	from := u.PersonID
	moved, err := tx.MoveSCIMUser(ctx, u, owner)
	if err != nil || !moved {
		return false, err
	}
	return true, tx.Record(ctx, by, storage.Event{Action: "person.relinked", Subject: storage.SubjectPerson, SubjectID: int64(owner),
		Before: strconv.FormatInt(int64(from), 10), After: strconv.FormatInt(int64(owner), 10), Reason: "the directory says that this is the user's address"})
}

// updateSCIMPerson brings a person up to what the user says. It says so when
// the directory's word is new and can't be followed, because two persons are
// one user, or two users one person.
func (s *Service) updateSCIMPerson(ctx context.Context, tx storage.Tx, by storage.Actor, u storage.SCIMUser, f, before storage.SCIMFacts, changed string) error {
	c, err := tx.UpdatePerson(ctx, u, f)
	if err != nil {
		return err
	}
	if changed != "" || c.Changed() {
		e := storage.Event{Action: "person.updated", Subject: storage.SubjectPerson, SubjectID: int64(u.PersonID), Reason: "the directory changed " + changed}
		if changed == "" {
			e.Reason = "as the directory has it"
		}
		if c.EmailBefore != c.Email {
			e.Before, e.After = c.EmailBefore, c.Email
		}
		if err := tx.Record(ctx, by, e); err != nil {
			return err
		}
	}
	for _, told := range []struct{ was, want, have, why string }{
		{before.Email, f.Email, c.Email, "the directory gives this person the address of another one, who keeps it"},
		{before.ExternalID, f.ExternalID, c.ExternalID, "the directory gives this person another ID than the one they go by, which they keep"},
	} {
		if told.want == "" || told.want == told.have || told.want == told.was {
			continue
		}
		err := tx.Record(ctx, by, storage.Event{Action: "person.conflict", Subject: storage.SubjectPerson, SubjectID: int64(u.PersonID),
			Before: told.have, After: told.want, Reason: told.why})
		if err != nil {
			return err
		}
	}
	return nil
}

// followActive fences the person of an inactive user, and lets the person of an
// active one come back.
func (s *Service) followActive(ctx context.Context, tx storage.Tx, by storage.Actor, u storage.SCIMUser) error {
	if !u.Active {
		return s.leaveBySCIM(ctx, tx, by, u, "deactivated in the directory")
	}
	_, err := s.comeBack(ctx, tx, Leave{Person: u.PersonID, Source: SourceSCIM, SourceKey: scimSourceKey(u), By: by, Reason: "active in the directory"})
	refusal, refused := AsRefusal(err)
	if !refused {
		return err
	}
	return tx.Record(ctx, by, storage.Event{Action: "person.still_fenced", Subject: storage.SubjectPerson, SubjectID: int64(u.PersonID), Reason: refusal.Reason})
}

// leaveBySCIM fences a person who is no active user any more. Whoever has two
// has not left while one of them is active.
func (s *Service) leaveBySCIM(ctx context.Context, tx storage.Tx, by storage.Actor, u storage.SCIMUser, why string) error {
	if err := tx.HoldRequestsOf(ctx, u.PersonID); err != nil {
		return err
	}
	if _, _, err := tx.LockPerson(ctx, u.PersonID); err != nil {
		return err
	}
	other, err := tx.OtherSCIMUserActive(ctx, u)
	if err != nil || other {
		return err
	}
	_, err = s.leave(ctx, tx, Leave{Person: u.PersonID, Source: SourceSCIM, SourceKey: scimSourceKey(u), By: by, Reason: why})
	return err
}

// holdForLeave locks what the leave of an inactive user's person will stop,
// before the person, as everybody else does.
func holdForLeave(ctx context.Context, tx storage.Tx, u storage.SCIMUser) error {
	if u.Active {
		return nil
	}
	return tx.HoldRequestsOf(ctx, u.PersonID)
}

func scimSourceKey(u storage.SCIMUser) string {
	return u.Resource + ":" + strconv.FormatInt(u.Version, 10)
}
