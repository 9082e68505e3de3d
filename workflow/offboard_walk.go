package workflow

import (
	"context"

	"github.com/riverqueue/river"

	"latchkey/storage"
)

// leaversAtOnce is how many cases one transaction of a walk looks at.
const leaversAtOnce = 20

// checkLeavers looks, after a whole walk of a system, whether it shows anything
// of the people who left: what it does is ended, and two walks in a row that
// show nothing make the system clean. A case that was closed is opened again.
func (w *walk) checkLeavers(ctx context.Context) error {
	if err := w.openAgain(ctx); err != nil {
		return err
	}
	again := false
	var after storage.OffboardingID
	for {
		var cases []storage.Offboarding
		var half bool
		err := w.inTurn(ctx, func(ctx context.Context, tx storage.Tx) (err error) {
			if err := tx.HoldSync(ctx, w.row, w.SyncHold); err != nil {
				return err
			}
			if cases, err = tx.CasesAt(ctx, w.row.Name, w.began, after, leaversAtOnce); err != nil || len(cases) == 0 {
				return err
			}
			half, err = w.passCases(ctx, tx, cases)
			return err
		})
		if err != nil {
			return err
		}
		w.Fault("leavers:passed")
		if again = again || half; len(cases) < leaversAtOnce {
			break
		}
		after = cases[len(cases)-1].ID
	}
	if !again {
		return nil
	}
	return w.walkSoon(ctx, w.row.Name)
}

// passCases judges cases by a walk. Half tells that one of them needs another
// walk that shows as little; where something is still to end there, its end
// asks for one.
func (w *walk) passCases(ctx context.Context, tx storage.Tx, cases []storage.Offboarding) (half bool, err error) {
	ids := make([]storage.OffboardingID, len(cases))
	for i, o := range cases {
		ids[i] = o.ID
	}
	left, err := tx.LeftAt(ctx, w.row.Name, ids, w.strays)
	if err != nil {
		return false, err
	}
	var clean, soiled []storage.OffboardingID
	for _, o := range cases {
		l := left[o.ID]
		for _, id := range l.Alive {
			if err := w.endHolding(ctx, tx, o, storage.Own{ID: id}); err != nil {
				return false, err
			}
		}
		if len(l.Alive) > 0 || l.Ending {
			soiled = append(soiled, o.ID)
			continue
		}
		clean = append(clean, o.ID)
	}
	if _, err := tx.PassSystem(ctx, soiled, w.row.Name, false); err != nil {
		return false, err
	}
	done, err := tx.PassSystem(ctx, clean, w.row.Name, true)
	if err != nil {
		return false, err
	}
	for _, id := range done {
		if err := tx.Enqueue(ctx, OffboardArgs{id}, nil); err != nil {
			return false, err
		}
	}
	for _, id := range ids {
		err := tx.Enqueue(ctx, NotifyArgs{storage.SubjectOffboarding, int64(id)}, &river.InsertOpts{Queue: notifyQueue, UniqueOpts: underWay})
		if err != nil {
			return false, err
		}
	}
	return len(done) < len(clean), nil
}

// openAgain opens the closed cases of people of whom the system shows
// something new.
func (w *walk) openAgain(ctx context.Context) error {
	for {
		var ids []storage.OffboardingID
		err := w.inTurn(ctx, func(ctx context.Context, tx storage.Tx) (err error) {
			if err := tx.HoldSync(ctx, w.row, w.SyncHold); err != nil {
				return err
			}
			if ids, err = tx.Resurfaced(ctx, w.row.Name, w.began, leaversAtOnce); err != nil {
				return err
			}
			for _, id := range ids {
				if err := w.openOne(ctx, tx, id); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil || len(ids) < leaversAtOnce {
			return err
		}
	}
}

func (w *walk) openOne(ctx context.Context, tx storage.Tx, id storage.OffboardingID) error {
	o, err := tx.LockOffboarding(ctx, id)
	if err != nil || o.State != storage.OffboardingClosed {
		return err
	}
	now, err := tx.Now(ctx)
	if err != nil {
		return err
	}
	grace := o.GraceUntil
	w.setTimes(&o, now)
	o.GraceUntil = grace
	if err := tx.MoveOffboarding(ctx, &o, storage.OffboardingOpen, storage.System("sync"), w.row.Name+" shows something of them again"); err != nil {
		return err
	}
	if err := tx.SoilSystem(ctx, id, w.row.Name); err != nil {
		return err
	}
	return notifyOffboarding(ctx, tx, id)
}
