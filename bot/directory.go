package bot

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"github.com/slack-go/slack"
	"golang.org/x/sync/singleflight"

	"latchkey/storage"
	"latchkey/workflow"
)

// freshFor is how long what we read from Slack is good enough for a decision.
// Events bring changes sooner.
const freshFor = time.Minute

// Directory keeps what is stored of people and groups in step with Slack.
// Safe for concurrent use.
type Directory struct {
	client *Client
	db     *storage.DB
	owners map[string]string // Slack user ID -> e-mail of the person, from the configuration
	log    zerolog.Logger

	// GroupRead stores the members of a group; nil stores them and does nothing
	// else. Set it before the first reading.
	GroupRead func(ctx context.Context, source string, members []storage.PersonID) error

	flight singleflight.Group

	mu       sync.Mutex
	readAt   map[string]time.Time // by group source
	failedAt map[string]time.Time
}

// NewDirectory does not dial.
func NewDirectory(c *Client, db *storage.DB, people []workflow.PersonEntry, log zerolog.Logger) *Directory {
	d := &Directory{client: c, db: db, owners: map[string]string{}, log: log, readAt: map[string]time.Time{}, failedAt: map[string]time.Time{}}
	for _, p := range people {
		for _, id := range p.Slack {
			d.owners[id] = p.Email
		}
	}
	return d
}

// errSlack marks what failed because Slack did.
var errSlack = errors.New("Slack does not answer") //nolint:staticcheck // Slack is a name

// Load reads the whole workspace once, so that lists of addresses and groups
// resolve to people.
func (d *Directory) Load(ctx context.Context) error {
	if _, _, err := d.client.Identity(ctx); err != nil {
		return err
	}
	users, err := d.client.api.GetUsersContext(ctx, slack.GetUsersOptionLimit(200))
	if err != nil {
		return fmt.Errorf("read the workspace's users: %w", err)
	}
	for _, u := range users {
		if _, err := d.save(ctx, u); err != nil {
			return err
		}
	}
	d.log.Info().Int("users", len(users)).Msg("directory loaded")
	return nil
}

// Account returns a Slack account as it is now: from the database when that
// was read within the last minute, else from Slack.
func (d *Directory) Account(ctx context.Context, team, user string) (storage.Account, error) {
	a, age, err := d.db.AccountOf(ctx, storage.SystemSlack, team, user)
	if err == nil && age <= freshFor {
		return a, nil
	}
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return a, err
	}
	known := err == nil
	u, err := d.client.api.GetUserInfoContext(ctx, user)
	if err != nil {
		if known {
			d.log.Warn().Err(err).Str("user", user).Msg("user not read from Slack, using what is known")
			return a, nil
		}
		return a, fmt.Errorf("read user %s: %w: %w", user, errSlack, err)
	}
	if u.TeamID == "" {
		u.TeamID = team
	}
	return d.save(ctx, *u)
}

// reread stores a user as Slack has them now. Events say that somebody
// changed; what exactly, only a fresh reading tells in full.
func (d *Directory) reread(ctx context.Context, user string) (storage.Account, error) {
	u, err := d.client.api.GetUserInfoContext(ctx, user)
	if err != nil {
		return storage.Account{}, fmt.Errorf("read user %s from Slack: %w", user, err)
	}
	return d.save(ctx, *u)
}

// save stores a user as Slack describes them.
func (d *Directory) save(ctx context.Context, u slack.User) (storage.Account, error) {
	home, _, err := d.client.Identity(ctx)
	if err != nil {
		return storage.Account{}, err
	}
	name := u.Profile.RealName
	if name == "" {
		name = u.RealName
	}
	if name == "" {
		name = u.Name
	}
	team := u.TeamID
	if team == "" {
		team = home
	}
	a := storage.Account{System: storage.SystemSlack, Team: team, ExternalID: u.ID, Email: strings.ToLower(u.Profile.Email), Name: name,
		IsBot: u.IsBot || u.IsAppUser || u.ID == "USLACKBOT", IsGuest: u.IsRestricted || u.IsUltraRestricted,
		IsOutsider: u.IsStranger || team != home, IsDeleted: u.Deleted}
	err = d.db.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		a, err = tx.SaveAccount(ctx, a, d.owners[u.ID])
		return err
	})
	return a, err
}

// Refresh reads the groups behind sources from Slack, unless that happened
// within the last minute. It returns when they are read, have failed, or ctx
// ends; callers that want the same group share one reading. A failure is noted
// on the group and logged, and not repeated at once; who may do what then
// depends on how old our knowledge is.
func (d *Directory) Refresh(ctx context.Context, sources []string) {
	var waiting []<-chan singleflight.Result
	for _, src := range sources {
		if id, ok := strings.CutPrefix(src, "slack:"); ok && d.due(src) {
			waiting = append(waiting, d.flight.DoChan(src, func() (any, error) { return nil, d.read(ctx, src, id) }))
		}
	}
	for _, done := range waiting {
		select {
		case <-done:
		case <-ctx.Done():
			return
		}
	}
}

// How long one reading of a group may take, and how long a failed one is not
// tried again.
const (
	readWithin  = 5 * time.Second
	failedPause = 10 * time.Second
)

func (d *Directory) due(src string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	return now.Sub(d.readAt[src]) > freshFor && now.Sub(d.failedAt[src]) > failedPause
}

// Reread reads a group now, whatever is known of it.
func (d *Directory) Reread(ctx context.Context, group string) error {
	src := "slack:" + group
	d.flight.Forget(src) // one that began earlier may have read the old members
	_, err, _ := d.flight.Do(src, func() (any, error) { return nil, d.read(ctx, src, group) })
	return err
}

// read reads one group, for as many callers as want it: none of them can cut
// it short for the others.
func (d *Directory) read(ctx context.Context, src, id string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readWithin)
	defer cancel()
	began := time.Now()
	err := d.readMembers(ctx, src, id)
	d.mu.Lock()
	if err == nil {
		d.readAt[src] = began
	} else {
		d.failedAt[src] = time.Now()
	}
	d.mu.Unlock()
	if err != nil {
		d.log.Warn().Err(err).Str("group", id).Msg("group not read from Slack")
		return errors.Join(err, d.db.SetGroupProblem(context.WithoutCancel(ctx), src, err.Error()))
	}
	return nil
}

// readMembers takes members as they are stored; events and each person's own
// interactions keep those fresh. Only strangers are asked for one by one.
func (d *Directory) readMembers(ctx context.Context, src, id string) error {
	users, err := d.client.api.GetUserGroupMembersContext(ctx, id)
	if err != nil {
		return err
	}
	home, _, err := d.client.Identity(ctx)
	if err != nil {
		return err
	}
	known, err := d.db.PersonsOf(ctx, storage.SystemSlack, home, users)
	if err != nil {
		return err
	}
	var members []storage.PersonID
	for _, user := range users {
		person, ok := known[user]
		if !ok {
			a, err := d.Account(ctx, home, user)
			if err != nil {
				return err
			}
			person = a.PersonID
		}
		if person != 0 {
			members = append(members, person)
		}
	}
	if d.GroupRead != nil {
		return d.GroupRead(ctx, src, members)
	}
	return d.db.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		_, err := tx.SetGroupMembers(ctx, src, members)
		return err
	})
}

// DM returns the channel where we talk to an account.
func (d *Directory) DM(ctx context.Context, a storage.Account) (string, error) {
	if a.DMChannel != "" {
		return a.DMChannel, nil
	}
	ch, _, _, err := d.client.api.OpenConversationContext(ctx, &slack.OpenConversationParameters{Users: []string{a.ExternalID}})
	if err != nil {
		return "", fmt.Errorf("open a conversation with %s: %w", a.ExternalID, err)
	}
	return ch.ID, d.db.SetDMChannel(ctx, a.ID, ch.ID)
}
